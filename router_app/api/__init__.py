"""The JSON face: a prompt comes in by `POST /route`, a receipt goes out.

- `route.py`, `stats.py`, `health.py`   the endpoints, thin. Start with `route.py`
- `requests.py`, `replies.py`           pydantic models: they validate, and make the docs
- `receipts.py`                         from what the gateway returns to a reply
- `face.py`      how every request is read and every answer is written; `bodies.py` reads JSON
- `auth.py`      who is asking: a key, or a session with CSRF
- `errors.py`    the one table from the error tree to responses; `error_replies.py` their shapes
- `docs.py`      the interactive page at `/docs`

Not here: choosing, holding money, calling (`gateway/`); pages (`web/`). What callers may rely on is
written down in `docs/api.md`, and a test fails on what is missing there.
"""
