"""The OpenAI-compatible face: `/v1/chat/completions` and `/v1/models`, for any OpenAI client.

A request goes through these, in this order:

- `application.py`   the ASGI application in front of Django. Start here
- `addresses.py`, `incoming.py`   which addresses there are; host, key and body
- `reading.py`, `requests.py`, `messages.py`, `tools.py`, `unsupported.py`   the body, strictly
- `counted.py`       what counts against the limits of a key
- `answering.py`     from what was asked to the reply; `completions.py`, `models.py` make it
- `once.py`          the same under an `Idempotency-Key`
- `routed.py`, `conversation.py`, `naming.py`   the body as the gateway's request
- `receipts.py`, `streams.py`, `chunks.py`   the answer as JSON, whole or piece by piece
- `outgoing.py`, `errors.py`   writing replies; what is answered otherwise than elsewhere
- `replies.py`, `schema.py`   the answers as the OpenAPI document describes them

Not here: choosing, holding money, calling (`gateway/`). What callers may rely on is written down
in `docs/api-v1.md`.
"""
