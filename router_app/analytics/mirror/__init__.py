"""The request log: one JSON line per closed call, mirrored from the database into a file.

- `outbox.py`   `write_pending`, `rebuild`, `lag`: which lines are due. Start here
- `facts.py`    what lines say, read from the database
- `line.py`     what one line says
- `logfile.py`  the file: its lock, its torn end, appending durably
- `tail.py`     what a crash may have left at the file's end
- `worker.py`   the thread that keeps the file up to date: `start_worker`, `poke`, `stop_worker`

A `ClosedCall` row is made in the transaction that closes a call; its `line` is empty until the line
is safely in the file, under that number. Lines are written before they are numbered, so a crash in
between leaves lines that the next writer finds in the file and numbers instead of writing again.
Several machines on one database each have a file of their own, with the same lines.
"""

from router_app.analytics.mirror.logfile import NotARequestLog
from router_app.analytics.mirror.outbox import Lag, lag, rebuild, write_pending
from router_app.analytics.mirror.worker import poke, start_worker, stop_worker

__all__ = [
    "Lag",
    "NotARequestLog",
    "lag",
    "poke",
    "rebuild",
    "start_worker",
    "stop_worker",
    "write_pending",
]
