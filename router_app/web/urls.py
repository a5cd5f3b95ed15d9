"""The pages, grouped by their first path segment."""

from django.urls import URLPattern, URLResolver, path

from router_app.web import (
    alerts,
    answering,
    audit,
    bills,
    budgets,
    budgets_edit,
    budgets_forecast,
    budgets_members,
    budgets_presumed,
    chat,
    conversations,
    dashboard,
    exports,
    history,
    invitations,
    join,
    keys,
    members,
    models,
    price,
    profile,
    sharing,
    spending,
    webhooks,
    workspaces,
)

urlpatterns: list[URLPattern | URLResolver] = [
    # /
    path("", chat.chat, name="chat"),
    path("send/", chat.send, name="chat_send"),
    path("price/", price.price, name="chat_price"),
    path("gauge/", answering.gauge, name="header_gauge"),
    # /c/, a conversation
    path("c/", conversations.conversations, name="chat_conversations"),
    path("c/shared/", sharing.shared, name="chat_shared"),
    path("c/<uuid:pk>/", chat.conversation, name="chat_conversation"),
    path("c/<uuid:pk>/rename/", conversations.rename, name="chat_rename"),
    path("c/<uuid:pk>/delete/", conversations.delete, name="chat_delete"),
    path("c/<uuid:pk>/share/", sharing.share, name="chat_share"),
    path("c/<uuid:pk>/unshare/", sharing.unshare, name="chat_unshare"),
    path("c/<uuid:pk>/export.md", exports.export, {"format": "md"}, name="chat_export_md"),
    path("c/<uuid:pk>/export.json", exports.export, {"format": "json"}, name="chat_export_json"),
    # /m/, an answer
    path("m/<uuid:pk>/stream/", answering.stream, name="chat_stream"),
    path("m/<uuid:pk>/stop/", answering.stop, name="chat_stop"),
    path("m/<uuid:pk>/again/", chat.again, name="chat_again"),
    # /dashboard/
    path("dashboard/", dashboard.dashboard, name="dashboard"),
    path("dashboard/live", dashboard.live, name="dashboard_live"),
    # /spending/
    path("spending/", spending.spending, name="spending"),
    path("spending/export.csv", spending.export, {"format": "csv"}, name="spending_csv"),
    path("spending/export.jsonl", spending.export, {"format": "jsonl"}, name="spending_jsonl"),
    # /history/
    path("history/", history.history, name="history"),
    path("history/<uuid:decision_id>/", history.receipt, name="receipt"),
    # /budgets/
    path("budgets/", budgets.budgets, name="budgets"),
    path("budgets/<int:pk>/", budgets_edit.edit, name="budgets_edit"),
    path("budgets/<int:pk>/topup/", budgets_edit.topup, name="budgets_topup"),
    path("budgets/<int:pk>/close/", budgets_edit.close, name="budgets_close"),
    path("budgets/<int:pk>/forecast/", budgets_forecast.forecast, name="budgets_forecast"),
    path("budgets/members/", budgets_members.members, name="budgets_members"),
    path("budgets/members/<int:pk>/", budgets_members.member, name="budgets_member"),
    path("budgets/presumed/", budgets_presumed.presumed, name="budgets_presumed"),
    path("budgets/presumed/<uuid:pk>/", budgets_presumed.decide, name="budgets_decide"),
    # /alerts/
    path("alerts/", alerts.alerts, name="alerts"),
    path("alerts/read/", alerts.read, name="alerts_read"),
    path("alerts/bell/", alerts.bell, name="alerts_bell"),
    path("alerts/<int:pk>/", alerts.follow, name="alerts_follow"),
    # /audit/
    path("audit/", audit.audit, name="audit"),
    path("audit/export.csv", audit.export, {"format": "csv"}, name="audit_csv"),
    path("audit/export.jsonl", audit.export, {"format": "jsonl"}, name="audit_jsonl"),
    # /bills/
    path("bills/", bills.bills, name="bills"),
    path("bills/table/", bills.table, name="bills_table"),
    path("bills/export.csv", bills.export, {"format": "csv"}, name="bills_csv"),
    path("bills/export.jsonl", bills.export, {"format": "jsonl"}, name="bills_jsonl"),
    path("bills/<int:pk>/", bills.bill, name="bills_one"),
    path("bills/<int:pk>/check/", bills.check, name="bills_check"),
    path("bills/<int:pk>/delete/", bills.delete, name="bills_delete"),
    # /keys/
    path("keys/", keys.keys, name="keys"),
    path("keys/<int:pk>/revoke/", keys.revoke_key, name="keys_revoke"),
    # /models/
    path("models/", models.models, name="models"),
    # /workspaces/
    path("workspaces/", workspaces.workspaces, name="workspaces"),
    path("workspaces/choose/", workspaces.choose_workspace, name="workspaces_choose"),
    path("workspaces/<int:pk>/", workspaces.workspace, name="workspaces_one"),
    path("workspaces/<int:pk>/rename/", workspaces.rename, name="workspaces_rename"),
    path("workspaces/<int:pk>/close/", workspaces.close, name="workspaces_close"),
    path("workspaces/<int:pk>/leave/", workspaces.leave, name="workspaces_leave"),
    # /workspaces/…/members/
    path("workspaces/<int:pk>/members/<int:member>/role/", members.role, name="members_role"),
    path("workspaces/<int:pk>/members/<int:member>/remove/", members.remove, name="members_remove"),
    # /workspaces/…/invitations/
    path("workspaces/<int:pk>/invitations/", invitations.invite, name="invitations"),
    path(
        "workspaces/<int:pk>/invitations/<int:invitation>/revoke/",
        invitations.revoke,
        name="invitations_revoke",
    ),
    # /workspaces/…/webhooks/
    path("workspaces/<int:pk>/webhooks/", webhooks.webhooks, name="webhooks"),
    path("workspaces/<int:pk>/webhooks/<int:webhook>/test/", webhooks.test, name="webhooks_test"),
    path(
        "workspaces/<int:pk>/webhooks/<int:webhook>/remove/",
        webhooks.remove,
        name="webhooks_remove",
    ),
    # /join/, an invitation's link
    path("join/<str:secret>/", join.join, name="join"),
    # /profile/
    path("profile/", profile.profile, name="profile"),
]
