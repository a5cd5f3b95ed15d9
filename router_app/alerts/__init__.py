"""Telling people what happened to money. `models/alerts.py` has the words.

- `worker.py`      the thread that does all of it, one per process. Start here
- `spreading.py`   from an alert to a notice for each person and a delivery for each receiver
- `recipients.py`  who is told of what
- `words.py`       what they are told, with the pace of the spending
- `sending.py`     deliveries by e-mail and webhook, tried again until they arrive or are given up
- `hooks.py`       webhooks: made, ended, tried

Alerts themselves are written where money changes: `budgets/thresholds.py`, `gateway/alerting.py`.
"""
