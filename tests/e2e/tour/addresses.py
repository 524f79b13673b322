"""Which of the site's addresses are pages, and which are not. A new address belongs into one of these lists."""

from typing import Final
from urllib.parse import urlencode

from django.urls import URLPattern, URLResolver, get_resolver, reverse

Ids = dict[str, int | str]

# Of a game, by name: its arguments beside the slug, and what they are called in the filled game's ids.
GAME_PAGES: Final[dict[str, dict[str, str]]] = {
    "overview": {},
    "service": {"service_id": "service"},
    "servers": {},
    "server": {"server_id": "server"},
    "pools": {},
    "profiles": {},
    "leaks": {},
    "leak": {"number": "leak"},
    "cleanup": {},
    "new-plan": {},
    "emergency": {},
    "plan": {"plan_id": "plan"},
    "plan-servers": {"plan_id": "plan"},
    "plan-server": {"plan_id": "plan", "server_id": "server"},
    "alerts": {},
    "alert-rules": {},
    "new-alert-rule": {},
    "alert-rule": {"number": "rule"},
    "destinations": {},
    "destination": {"number": "destination"},
    "configuration": {},
    "edit-configuration": {},
    "revision": {"number": "revision"},
    "members": {},
    "audit": {},
    "setup": {},
    "links": {},
    "migration": {},
    "migration-file": {"number": "upload"},
}
ASKED: Final = {"migration-file": {"path": "source"}}  # what an address asks beside its arguments
NOT_FOR_VIEWERS: Final = {
    *("new-plan", "emergency", "new-alert-rule", "alert-rule", "destination", "edit-configuration", "links"),
}
MEMBER_PAGES: Final = {"home", "new-game", "account", "account_logout", "account_change_password"}
OPEN_PAGES: Final = {
    "account_login",
    "account_inactive",
    "account_reset_password",
    "account_reset_password_done",
    "account_reset_password_from_key_done",
    "socialaccount_login_cancelled",
    "socialaccount_login_error",
}
# Reached on the way only: with a link that works once, or half-way through a log-in.
ON_THE_WAY: Final = {
    "first-member",
    "join",
    "shared",
    "account_reauthenticate",
    "account_reset_password_from_key",
    "mfa_authenticate",
    "mfa_activate_totp",
    "mfa_deactivate_totp",
    "mfa_view_recovery_codes",
    "mfa_generate_recovery_codes",
}
PAGES: Final = GAME_PAGES.keys() | MEMBER_PAGES | OPEN_PAGES | ON_THE_WAY
NOT_PAGES: Final = {
    # for machines
    *("favicon", "healthz", "readyz", "metrics", "search", "luau-agent", "audit-csv", "audit-json"),
    # parts of pages, fetched by them
    *(
        "servers-table",
        "service-registry",
        "service-cohorts",
        "service-source",
        "server-registry",
        "pools-table",
        "leaks-table",
        "cleanup-table",
    ),
    *("live-state", "shared-state", "shared-chart", "badge"),
    *("migration-status", "migration-patch"),
    *("audit-table", "game-chart", "game-sparks", "service-chart", "server-chart", "pools-chart"),
    *("profiles-chart", "service-profiles-chart"),
    # answers to forms, which lead to a page
    *("sweep", "execute-plan", "undo-plan", "stop-plan", "snooze-alert", "create-silence", "end-silence"),
    *("switch-alert-rule", "remove-alert-rule", "create-destination", "test-destination", "remove-destination"),
    *("retry-delivery", "assign-leak", "link-leak", "ignore-leak", "restore-revision", "invite", "revoke-invitation"),
    *("change-role", "remove-member", "member-password-link", "create-key", "rotate-key", "revoke-key", "remove-demo"),
    *("make-link", "end-link", "end-links", "upload-source", "decide-change", "decide-changes"),
    *("end-session", "end-other-sessions", "oidc-disconnect", "openid_connect_login", "openid_connect_callback"),
    # other names of the account's page
    *("mfa_index", "usersessions_list", "socialaccount_connections"),
    # asked for by allauth in cases that only accounts without a password, or with another factor, come to
    *("account_set_password", "mfa_reauthenticate"),
    # not offered: they answer 404
    *("account_signup", "account_email", "account_email_verification_sent", "account_confirm_email"),
    *("account_confirm_login_code", "mfa_download_recovery_codes", "socialaccount_signup"),
}
FORM: Final = "form"  # the argument that every table's download has: csv or json
API: Final = ("api-", "openapi")


def address_of(name: str, ids: Ids) -> str:
    """The path of a game's page."""
    arguments = {argument: ids[known] for argument, known in GAME_PAGES[name].items()}
    query = urlencode({word: ids[known] for word, known in ASKED.get(name, {}).items()})
    return reverse(name, kwargs={"slug": ids["slug"], **arguments}) + (f"?{query}" if query else "")


def names() -> set[str]:
    """Every named address of the site but files', the API's and those of Django's own admin."""
    return {name for name in _walk(get_resolver()) if not name.startswith(API)}


def _walk(resolver: URLResolver) -> list[str]:
    found: list[str] = []
    for pattern in resolver.url_patterns:
        if isinstance(pattern, URLResolver):
            found += _walk(pattern) if pattern.namespace != "admin" else []
        elif isinstance(pattern, URLPattern) and pattern.name and FORM not in pattern.pattern.converters:
            found.append(pattern.name)
    return found
