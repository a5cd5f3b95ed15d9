"""The read side: selectors that return small frozen dataclasses, and the request log.

- `ranges.py`    which days are looked at, in the reader's time zone. Pure. Start here
- `spending.py`  what those days cost: totals, shares, cost over time, `/stats`
- `cells.py`     the sums behind it, by bucket of time, model and task
- `usage.py`     the rollup they are read from, written in the transaction that closes a call
- `periods.py`   what it is rolled up by, and how a range is made of that. Pure
- `usage_rebuild.py`  what the rollup must say: making it again, checking it
- `changes.py`   whether anything happened since one last looked
- `history.py`   one person's requests as rows to filter and page
- `outlooks.py`  what budgets are likely to come to, for pages and alerts
- `basis.py`     what that is made from: `bounded.py` whose calls, `days.py` what each day cost,
                 `filled.py` what is spent of windows, and when they had run out
- `forecast/`    what spending is likely to come to, and when a limit is reached. Pure
- `metrics/`     what this process has seen, in numbers
- `mirror/`      the JSONL request log, written from what the database says

A *request* is a decision with at least one call that was sent. It counts once, for the model and
the time of the last call that was sent. A call costs what was booked plus its corrections, so sums
here equal the journal. Every selector takes the person whose rows it may read; `outlooks.py` takes
budgets, and whoever calls it asks who may see them.

Not here: writing money (`budgets/`), rendering (`web/`, `api/`).
"""
