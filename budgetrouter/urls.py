"""The whole URL space: pages, the JSON face, accounts, and the operators' admin."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("", include("router_app.web.urls")),
    path("", include("router_app.api.urls")),
    path("accounts/", include("allauth.urls")),
    path("admin/", admin.site.urls),
]

handler400 = "budgetrouter.handlers.bad_request"
handler403 = "budgetrouter.handlers.permission_denied"
handler404 = "budgetrouter.handlers.not_found"
handler500 = "budgetrouter.handlers.server_error"
