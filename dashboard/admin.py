"""The installation's own page, /admin/, for who runs it: accounts, games, keys, the trail, reports that were refused.

It reads; what it changes (accounts' lock-out and sessions) goes through the same actions as everywhere, with an entry
in the audit trail.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from allauth.account.decorators import reauthentication_required
from django.contrib import messages
from django.contrib.admin import AdminSite, ModelAdmin, TabularInline, action, display
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone

from connmon.accounts.audit import Actor
from connmon.accounts.lockout import let_in, lock_out
from connmon.accounts.models import ApiKey, AuditEntry, Game, Invitation, Membership, User
from connmon.accounts.sessions import end_by_command
from connmon.core.errors import Conflict
from connmon.registry.models import RefusedReport

View = TypeVar("View", bound=Callable[..., Any])


class InstallationSite(AdminSite):
    """Django's own admin, for superusers who gave their password a moment ago. Log-in is the site's own."""

    site_header = site_title = "connmon: installation"
    index_title = "What this installation holds"
    enable_nav_sidebar = False
    site_url = "/?all"

    def has_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.is_active and getattr(request.user, "is_superuser", False))

    def admin_view(self, view: View, cacheable: bool = False) -> View:
        guarded: View = super().admin_view(reauthentication_required(view), cacheable)
        return guarded

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if request.user.is_authenticated and not self.has_permission(request):
            raise PermissionDenied
        return (
            redirect_to_login(request.GET.get("next", request.path))
            if request.user.is_anonymous
            else redirect("admin:index")
        )

    def logout(  # type: ignore[override]  # a redirect, not a page
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return redirect("account_logout")

    def password_change(  # type: ignore[override]
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return redirect("account_change_password")


site = InstallationSite(name="admin")


class Reading:
    """Nothing is added, changed or deleted here. Counting all rows of a large table would take long."""

    show_full_result_count = False
    list_per_page = 50

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class MembersInline(Reading, TabularInline):  # type: ignore[type-arg]  # no generic at run time, as below
    model = Membership
    fields = ("game", "user", "role", "created_at")
    extra = 0


class UserAdmin(Reading, ModelAdmin):  # type: ignore[type-arg]
    list_display = ("email", "is_active", "is_superuser", "games", "created_at", "last_login")
    list_filter = ("is_active", "is_superuser")
    search_fields = ("email",)
    ordering = ("email",)
    fields = ("email", "is_active", "is_superuser", "created_at", "last_login")
    inlines = (MembersInline,)
    actions = ("end_sessions", "lock", "unlock")

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        users: QuerySet[User] = super().get_queryset(request)
        return users.annotate(game_count=Count("memberships"))

    @display(description="Games", ordering="game_count")
    def games(self, user: User) -> int:
        return int(getattr(user, "game_count", 0))

    @action(description="End all sessions")
    def end_sessions(self, request: HttpRequest, chosen: QuerySet[User]) -> None:
        ended = sum(end_by_command(user, now=timezone.now(), by=_actor(request)) for user in chosen)
        messages.success(request, f"Sessions ended: {ended}.")

    @action(description="Lock out: end all sessions and refuse new ones")
    def lock(self, request: HttpRequest, chosen: QuerySet[User]) -> None:
        try:
            locked = sum(lock_out(user, now=timezone.now(), by=_actor(request)) for user in chosen)
        except Conflict as error:
            messages.error(request, str(error))
        else:
            messages.success(request, f"Locked out: {locked}.")

    @action(description="Let in again")
    def unlock(self, request: HttpRequest, chosen: QuerySet[User]) -> None:
        let = sum(let_in(user, now=timezone.now(), by=_actor(request)) for user in chosen)
        messages.success(request, f"Let in again: {let}.")


class GameAdmin(Reading, ModelAdmin):  # type: ignore[type-arg]
    list_display = ("name", "slug", "is_demo", "created_at")
    search_fields = ("name", "slug")
    ordering = ("name",)
    fields = ("name", "slug", "is_demo", "report_interval", "created_at")
    inlines = (MembersInline,)


class KeyAdmin(Reading, ModelAdmin):  # type: ignore[type-arg]
    list_display = ("name", "id", "game", "scopes", "created_at", "expires_at", "revoked_at", "last_used_at")
    list_select_related = ("game",)
    search_fields = ("name", "id", "game__name")
    ordering = ("-created_at",)
    fields = list_display


class InvitationAdmin(Reading, ModelAdmin):  # type: ignore[type-arg]
    list_display = ("game", "email", "role", "created_by", "created_at", "expires_at", "ended_at")
    list_select_related = ("game",)
    search_fields = ("email", "game__name")
    ordering = ("-id",)
    fields = list_display


class AuditAdmin(Reading, ModelAdmin):  # type: ignore[type-arg]
    list_display = ("at", "game_name", "action", "target", "actor_kind", "actor", "reason")
    list_filter = ("actor_kind",)
    search_fields = ("action", "target", "actor", "game_name", "reason")
    ordering = ("-id",)
    fields = (
        "at",
        "game_id",
        "game_name",
        "action",
        "target",
        "actor_kind",
        "actor_id",
        "actor",
        "before",
        "after",
        "reason",
    )


class RefusedAdmin(Reading, ModelAdmin):  # type: ignore[type-arg]
    list_display = ("last_at", "game", "server", "code", "pointer", "detail", "count")
    list_select_related = ("game",)
    search_fields = ("server", "code", "game__name")
    ordering = ("-last_at",)
    fields = ("game", "server", "code", "pointer", "detail", "excerpt", "count", "first_at", "last_at")


def _actor(request: HttpRequest) -> Actor:
    assert isinstance(request.user, User)  # has_permission stands before
    return Actor.of_user(request.user)


site.register(User, UserAdmin)
site.register(Game, GameAdmin)
site.register(ApiKey, KeyAdmin)
site.register(Invitation, InvitationAdmin)
site.register(AuditEntry, AuditAdmin)
site.register(RefusedReport, RefusedAdmin)
