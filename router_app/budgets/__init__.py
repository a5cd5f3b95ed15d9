"""Budgets, their windows and the ledger that never lets one be overspent.

Start with `ledger.py`, the only writer of counters and journal beside `corrections.py`, which books
what is known better later. `windows.py` is pure: when a period begins and ends. `plans.py` says
which windows a request must be held in, `limits.py` changes the rules, `statements.py` reads them
for people, `reconcile.py` proves counters against journal. Which model costs how much is not known
here: amounts come as arguments.
"""
