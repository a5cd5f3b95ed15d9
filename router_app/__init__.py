"""Budget Router: one Django app, cut into packages along the stages of a request.

Start with `gateway/service.py` (what happens to a prompt), then `routing/policy.py` (how a model
is chosen), `budgets/ledger.py` (why no budget can be overspent).
"""
