"""Which model answers: facts in, a decision out. Pure, deterministic, no Django, no I/O.

- `policy.py`      the rules' numbers: floors, bonus, useful minimum. Start here
- `tasks.py`, `specs.py`, `request.py`   what goes in
- `choose.py`      `decide()`: the order in which the rules are applied
- `candidates.py`  one model with its estimate; `filters.py` drops, `scoring.py` ranks
- `pace.py`        saves where money goes faster than time
- `needs.py`, `abilities.py`   what not every model can do, and who lacks it
- `decision.py`    the receipt that comes out; `refusal.py` when nothing fits; `reasons.py` words

Not here: reading the catalogue (`catalog/`), holding the money (`budgets/`), calling (`gateway/`).
"""
