"""The operators' pages: stock Django admin, one module per group of tables.

Start with `catalog.py` and `prices.py` for what operators change, `ledger.py` for what nobody does.
`read_only.py` and `columns.py` are shared. Rules live below: limits in `budgets/`, prices in
`catalog/`, corrections in `gateway/corrections.py`. `budgetrouter/operators.py` groups the tables.
"""

from router_app.admin import (
    accounts,
    alerts,
    budgets,
    calls,
    catalog,
    chat,
    ledger,
    policy,
    prices,
    providers,
    trail,
)

__all__ = [
    "accounts",
    "alerts",
    "budgets",
    "calls",
    "catalog",
    "chat",
    "ledger",
    "policy",
    "prices",
    "providers",
    "trail",
]
