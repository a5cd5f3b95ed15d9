"""The pages, grouped by their first path segment."""

from django.urls import URLPattern, URLResolver, path

from router_app.web import (
    answering,
    budgets,
    chat,
    conversations,
    dashboard,
    exports,
    history,
    keys,
    models,
    profile,
)

urlpatterns: list[URLPattern | URLResolver] = [
    # /
    path("", chat.chat, name="chat"),
    path("send/", chat.send, name="chat_send"),
    path("price/", chat.price, name="chat_price"),
    path("gauge/", answering.gauge, name="header_gauge"),
    # /c/, a conversation
    path("c/", conversations.conversations, name="chat_conversations"),
    path("c/<uuid:pk>/", chat.conversation, name="chat_conversation"),
    path("c/<uuid:pk>/rename/", conversations.rename, name="chat_rename"),
    path("c/<uuid:pk>/delete/", conversations.delete, name="chat_delete"),
    path("c/<uuid:pk>/export.md", exports.export, {"format": "md"}, name="chat_export_md"),
    path("c/<uuid:pk>/export.json", exports.export, {"format": "json"}, name="chat_export_json"),
    # /m/, an answer
    path("m/<uuid:pk>/stream/", answering.stream, name="chat_stream"),
    path("m/<uuid:pk>/stop/", answering.stop, name="chat_stop"),
    path("m/<uuid:pk>/again/", chat.again, name="chat_again"),
    # /dashboard/
    path("dashboard/", dashboard.dashboard, name="dashboard"),
    path("dashboard/live", dashboard.live, name="dashboard_live"),
    # /history/
    path("history/", history.history, name="history"),
    path("history/<uuid:decision_id>/", history.receipt, name="receipt"),
    # /budgets/
    path("budgets/", budgets.budgets, name="budgets"),
    path("budgets/<int:pk>/", budgets.edit, name="budgets_edit"),
    path("budgets/<int:pk>/close/", budgets.close, name="budgets_close"),
    # /keys/
    path("keys/", keys.keys, name="keys"),
    path("keys/<int:pk>/revoke/", keys.revoke_key, name="keys_revoke"),
    # /models/
    path("models/", models.models, name="models"),
    # /profile/
    path("profile/", profile.profile, name="profile"),
]
