"""Tables, constraints and tiny derived properties. One file per noun; no business rules.

Money is in integer nano-dollars (`*_nanos`); rates are `Decimal` USD per million tokens. Who may
write what: counters and the journal only `budgets/ledger.py`, calls only `gateway/`.
"""

from router_app.models.accounts import AccessRevision, ApiKey, User
from router_app.models.alerts import Alert, Delivery, Notice, Webhook
from router_app.models.audit import AuditEntry
from router_app.models.bills import Bill
from router_app.models.budgets import Budget, Level, Period, Window
from router_app.models.calls import Call, ClosedCall, RoutingDecision
from router_app.models.catalog import CatalogRevision, LanguageModel, Price, Provider, RoutingPolicy
from router_app.models.chat import Conversation, Message
from router_app.models.idempotency import IdempotentRequest
from router_app.models.ledger import LedgerEntry, Reservation
from router_app.models.top_ups import TopUp
from router_app.models.usage import UsageRollup
from router_app.models.workspaces import Invitation, Membership, Role, Workspace

__all__ = [
    "AccessRevision",
    "Alert",
    "ApiKey",
    "AuditEntry",
    "Bill",
    "Budget",
    "Call",
    "CatalogRevision",
    "ClosedCall",
    "Conversation",
    "Delivery",
    "IdempotentRequest",
    "Invitation",
    "LanguageModel",
    "LedgerEntry",
    "Level",
    "Membership",
    "Message",
    "Notice",
    "Period",
    "Price",
    "Provider",
    "Reservation",
    "Role",
    "RoutingDecision",
    "RoutingPolicy",
    "TopUp",
    "UsageRollup",
    "User",
    "Webhook",
    "Window",
    "Workspace",
]
