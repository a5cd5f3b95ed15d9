"""How much a prompt will cost: tokens in, tokens out, and both as nano-dollars. Pure arithmetic.

- `tokens.py`  how many tokens a text is: the likely number, and a bound it cannot exceed
- `output.py`  how many tokens an answer is likely to have, and how many it may have
- `cost.py`    expected cost (to choose and to show) and ceiling (to reserve); start here

Not here: which model to take (`routing/`), who pays (`budgets/`). No Django, no I/O.
"""
