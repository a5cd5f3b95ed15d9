"""Numbers for Prometheus: what happened, counted in this process and added up over its siblings.

- `recording.py`   what the gateway and the faces call while they work. Start here
- `families.py`    which metrics there are: names, labels, buckets
- `tally.py`       counters and histograms in memory
- `sharing.py`     one worker's numbers in a file that its siblings read
- `exposition.py`  the numbers in Prometheus' text formats

The client library's own counters cost 15 µs a request once several workers share them (each number
is written through to a mapped file under a lock). Here a request adds to plain lists, which takes
about 3 µs, and a worker writes its file once a second.

No label ever holds a person's name, a key, a prompt or text of a provider's; models are catalogue
ids. Not here: sums of money that must be exact. Those are the ledger's.
"""

from router_app.analytics.metrics.recording import (
    batch_committed,
    call_ended,
    fell_back,
    http_request_ended,
    request_ended,
    request_refused,
    retried,
)

__all__ = [
    "batch_committed",
    "call_ended",
    "fell_back",
    "http_request_ended",
    "request_ended",
    "request_refused",
    "retried",
]
