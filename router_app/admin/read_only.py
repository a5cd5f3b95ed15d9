"""Tables that can be looked at and never changed here, by nobody, and columns that cannot be
looked at by anybody."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest


class Discreet(admin.ModelAdmin):
    """Does not narrow its list by what it does not show: `?secret__startswith=a` would tell a
    hidden value letter by letter, by whether a row is left."""

    never_asked_for: tuple[str, ...] = ()

    def lookup_allowed(self, lookup: str, value: Any, request: Any = None) -> bool:
        hidden = lookup.partition("__")[0] in self.never_asked_for
        return not hidden and super().lookup_allowed(lookup, value, request)


class ReadOnlyAdmin(Discreet):
    """Shows rows to whoever may view them; changes nothing, for superusers neither."""

    show_full_result_count = False
    list_per_page = 50

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class ReadOnlyInline(admin.TabularInline):
    """Rows of another table below an object, to be looked at."""

    extra = 0
    can_delete = False
    show_change_link = True

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class AddOnlyAdmin(admin.ModelAdmin):
    """A change is a new row: saved ones stay as they are, because receipts refer to them."""

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        obj.created_by = request.user
        super().save_model(request, obj, form, change)
