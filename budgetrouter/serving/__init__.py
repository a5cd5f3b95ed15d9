"""From a bare checkout to a running product, and back to nothing running.

`install.py` makes `.venv` (standard library only: it runs before anything is installed),
`prepare.py` writes `.env`; then `manage.py serve` takes over: `supervisor.py` starts gunicorn
(`web_server.py`, `gunicorn_conf.py`) and, without a provider's key, the embedded model
(`stand_in.py`), and ends them. What the product does with a request is in `router_app/`.
"""
