"""The one use case: a prompt comes in, an answer and its exact cost come out.

Start with `service.py`; nothing else reaches a provider. `admission.py` decides and reserves,
`execution.py` walks the attempts, `closing.py` settles and records, `writer.py` is the thread that
all of them write through, `engine.py` keeps running answers alive apart from the request that
asked. Pages and JSON are made elsewhere, from what these return.
"""
