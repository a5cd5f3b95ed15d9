"""How fast the product is, beside what a user would take instead.

- `run.py`        one command, `make bench`: measures all side by side; `tables.py` prints it
- `upstream.py`   a fake provider that is never the bottleneck; `wire.py` says what it answers
- `load.py`       the load generator; `replies.py` reads and checks what comes back
- `products/`     how each system is installed, started and asked
- `processes.py`  starting, watching and ending processes; CPU and memory from /proc

Nothing of the product is imported by these: it is measured from outside, as a process of its own.
Only what looks inside it does: `decision.py`, `page.py`, `fill.py`, `hot_budget.py`; `escrow.py` is
a simulation.
"""
