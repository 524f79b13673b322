"""Who may do what, by the name of each address: the written table that the matrix is derived from.

An address that is not here fails `test_every_address_is_in_the_table`. Names in braces, `{leak}`, stand for what a game
has at hand (world.py), in addresses and in bodies.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from connmon.accounts.models import Role, Scope

VIEWER, PLANNER, APPROVER, ADMIN = Role.VIEWER, Role.PLANNER, Role.APPROVER, Role.ADMIN
READ, PLAN, EXECUTE = Scope.READ, Scope.PLAN, Scope.EXECUTE
NAMED: Final = {"reason": "Attack"}
DEAD: Final = {"token": "dead"}
TOMORROW: Final = (datetime.now(UTC) + timedelta(days=1)).isoformat()
RULE: Final = {"name": "R", "kind": "stale_surge", "threshold": 5}
DESTINATION: Final = {"name": "D", "kind": "webhook", "address": "https://hooks.example.com/x", "secret": "s" * 20}


@dataclass(frozen=True)
class Method:
    """One method of an address: what it takes, what it answers to who may, and a body that is right."""

    least: Scope | Role | None  # None: whoever is logged in
    status: int = 200
    body: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    anonymous: int = 302  # of addresses that are of no game


@dataclass(frozen=True)
class Address:
    """An address: its methods, what its name is completed with, and what another method is answered."""

    methods: dict[str, Method]
    ids: dict[str, str] = field(default_factory=dict)
    otherwise: int = 405

    @property
    def is_of_a_thing(self) -> bool:
        """Whether it names something that is one game's only."""
        return bool(self.ids.keys() - {"form"})


def _get(least: Scope | Role | None, **ids: str) -> Address:
    return Address({"GET": Method(least)}, ids)


def _post(least: Scope | Role | None, status: int, body: dict[str, Any] | None = None, **ids: str) -> Address:
    return Address({"POST": Method(least, status, body or {})}, ids)


def _open(status: int = 200) -> Address:
    return Address({"GET": Method(None, status, anonymous=status)})


def _change(status: int, body: dict[str, Any] | None = None, **ids: str) -> Address:
    """A change by an admin that may have to wait for a password: other methods lead back to the page."""
    return Address({"POST": Method(ADMIN, status, body or {})}, ids, otherwise=302)


API: Final[dict[str, Address]] = {
    "api-metrics": _get(READ),
    "api-services": _get(READ),
    "api-servers": _get(READ),
    "api-history": _get(READ),
    "api-profiles": _get(READ),
    "api-audit": _get(READ),
    "api-audit-csv": _get(READ),
    "api-audit-json": _get(READ),
    "api-configuration": Address(
        {
            "GET": Method(READ),
            "PATCH": Method(EXECUTE, 200, NAMED | {"settings": {"CONNECTION_POOLS": {"MAX_POOL_SIZE": 77}}}),
        }
    ),
    "api-revisions": _get(READ),
    "api-revision": _get(READ, number="revision"),
    "api-rollback": _post(EXECUTE, 200, NAMED | {"revision": 0}),
    "api-rollout": _get(READ),
    "api-emergency": Address({"POST": Method(EXECUTE, 202, NAMED, {"Idempotency-Key": "attack"})}),
    "api-sweeps": Address({"GET": Method(READ), "POST": Method(EXECUTE, 201)}),
    "api-plans": Address({"GET": Method(READ), "POST": Method(PLAN, 201, NAMED | {"scope": {"everything": True}})}),
    "api-plan": _get(READ, plan_id="planned"),
    "api-execute": _post(EXECUTE, 202, plan_id="planned"),
    "api-undo": _post(EXECUTE, 200, plan_id="held"),
    "api-stop": _post(EXECUTE, 200, plan_id="running"),
    "api-orders": _get(READ, plan_id="running"),
    "api-order": _get(READ, plan_id="running", order_id="order_id"),
    "api-leaks": _get(READ),
    "api-tidiness": _get(READ),
    "api-leak": _get(READ, number="leak"),
    "api-leak-cohorts": _get(READ, number="leak"),
    "api-leak-assign": _post(PLAN, 200, {"email": ""}, number="leak"),
    "api-leak-ignore": _post(EXECUTE, 200, {"until": None}, number="leak"),
    "api-leak-link": _post(PLAN, 200, {"link": ""}, number="leak"),
    "api-sources": Address(
        {
            "GET": Method(READ),
            "POST": Method(PLAN, 201, {"place_version": 7, "files": [{"path": "New.luau", "source": "return 1"}]}),
        }
    ),
    "api-source": _get(READ, number="upload"),
    "api-source-findings": _get(READ, number="upload"),
    "api-source-patch": _get(READ, number="upload"),
    "api-source-changes": Address(
        {"GET": Method(READ), "POST": Method(PLAN, 200, {"path": "Own.luau", "choice": "rejected"})},
        {"number": "upload"},
    ),
    "api-source-change": Address(
        {"GET": Method(READ), "POST": Method(PLAN, 200, {"choice": "rejected"})},
        {"number": "upload", "change": "change"},
    ),
    "api-alerts": _get(READ),
    "api-alert-history": _get(READ),
    "api-alert-snooze": _post(EXECUTE, 200, {"until": None}, number="alert"),
    "api-alert-rules": Address({"GET": Method(READ), "POST": Method(EXECUTE, 201, RULE)}),
    "api-alert-rule": Address(
        {"GET": Method(READ), "PATCH": Method(EXECUTE, 200, {"enabled": False}), "DELETE": Method(EXECUTE, 204)},
        {"number": "rule"},
    ),
    "api-alert-silences": Address({"GET": Method(READ), "POST": Method(EXECUTE, 201, NAMED | {"ends_at": TOMORROW})}),
    "api-alert-silence": Address({"DELETE": Method(EXECUTE, 204)}, {"number": "silence"}),
    "api-alert-destinations": Address({"GET": Method(READ), "POST": Method(EXECUTE, 201, DESTINATION)}),
    "api-alert-destination": Address(
        {"GET": Method(READ), "PATCH": Method(EXECUTE, 200, {"enabled": False}), "DELETE": Method(EXECUTE, 204)},
        {"number": "destination"},
    ),
    "api-alert-test": _post(EXECUTE, 202, number="destination"),
    "api-alert-deliveries": _get(READ),
    "api-alert-delivery": _get(READ, number="delivery"),
    "api-alert-retry": _post(EXECUTE, 202, number="delivery"),
}

# Under /g/<slug>/: members only. A form that is not filled in is answered with 422 and the form.
PAGES: Final[dict[str, Address]] = {
    "overview": _get(VIEWER),
    "game-chart": _get(VIEWER),
    "game-sparks": _get(VIEWER),
    "service": _get(VIEWER, service_id="service_id"),
    "service-chart": _get(VIEWER, service_id="service_id"),
    "service-registry": _get(VIEWER, service_id="service_id"),
    "service-cohorts": _get(VIEWER, service_id="service_id"),
    "service-source": _get(VIEWER, service_id="service_id"),
    "servers": _get(VIEWER),
    "servers-table": _get(VIEWER),
    "server": _get(VIEWER, server_id="server_id"),
    "server-chart": _get(VIEWER, server_id="server_id"),
    "server-registry": _get(VIEWER, server_id="server_id"),
    "cleanup": _get(VIEWER),
    "cleanup-table": _get(VIEWER),
    "new-plan": Address({"GET": Method(PLANNER), "POST": Method(PLANNER, 422, {"older_than": "odd"})}),
    "emergency": Address({"GET": Method(APPROVER), "POST": Method(APPROVER, 422, {"reason": ""})}),
    "sweep": _post(APPROVER, 302),
    "plan": _get(VIEWER, plan_id="planned"),
    "execute-plan": _post(APPROVER, 302, {"name": "{mark}"}, plan_id="planned"),
    "undo-plan": _post(APPROVER, 302, plan_id="held"),
    "stop-plan": _post(APPROVER, 302, plan_id="running"),
    "plan-servers": _get(VIEWER, plan_id="running"),
    "plan-server": _get(VIEWER, plan_id="running", server_id="server_id"),
    "alerts": _get(VIEWER),
    "snooze-alert": _post(ADMIN, 302, {"span": "1 h"}, number="alert"),
    "create-silence": _post(ADMIN, 302, NAMED | {"span": "1 h"}),
    "end-silence": _post(ADMIN, 302, number="silence"),
    "alert-rules": _get(VIEWER),
    "new-alert-rule": Address({"GET": Method(ADMIN), "POST": Method(ADMIN, 422, {"name": ""})}),
    "alert-rule": Address({"GET": Method(ADMIN), "POST": Method(ADMIN, 422, {"name": ""})}, {"number": "rule"}),
    "switch-alert-rule": _post(ADMIN, 302, number="rule"),
    "remove-alert-rule": _post(ADMIN, 302, number="rule"),
    "destinations": _get(VIEWER),
    "create-destination": _post(ADMIN, 200, DESTINATION | {"least_severity": "info"}),
    "destination": Address({"GET": Method(ADMIN), "POST": Method(ADMIN, 422, {"name": ""})}, {"number": "destination"}),
    "test-destination": _post(ADMIN, 302, number="destination"),
    "remove-destination": _post(ADMIN, 302, number="destination"),
    "retry-delivery": _post(ADMIN, 302, number="delivery"),
    "search": Address({"GET": Method(VIEWER, 200, {"q": "AloneXq7"})}),
    "services-file": _get(VIEWER, form="csv"),
    "service-registry-file": _get(VIEWER, service_id="service_id", form="json"),
    "servers-file": _get(VIEWER, form="json"),
    "server-registry-file": _get(VIEWER, server_id="server_id", form="csv"),
    "pools-file": _get(VIEWER, form="csv"),
    "leaks-file": _get(VIEWER, form="csv"),
    "plans-file": _get(VIEWER, form="json"),
    "pools": _get(VIEWER),
    "pools-table": _get(VIEWER),
    "pools-chart": _get(VIEWER),
    "profiles-chart": _get(VIEWER),
    "service-profiles-chart": _get(VIEWER, service_id="service_id"),
    "profiles": _get(VIEWER),
    "leaks": _get(VIEWER),
    "leaks-table": _get(VIEWER),
    "leak": _get(VIEWER, number="leak"),
    "assign-leak": _post(PLANNER, 302, {"email": ""}, number="leak"),
    "link-leak": _post(PLANNER, 302, {"link": ""}, number="leak"),
    "ignore-leak": _post(APPROVER, 302, {"span": ""}, number="leak"),
    "migration": _get(VIEWER),
    "upload-source": _post(PLANNER, 422),
    "migration-status": _get(VIEWER),
    "migration-file": Address({"GET": Method(VIEWER, 200, {"path": "Own.luau"})}, {"number": "upload"}),
    "migration-patch": _get(VIEWER, number="upload"),
    "decide-change": _post(PLANNER, 302, {"choice": "accepted"}, number="upload", change="change"),
    "decide-changes": _post(PLANNER, 302, {"path": "Own.luau", "choice": "rejected"}, number="upload"),
    "configuration": _get(VIEWER),
    "edit-configuration": Address({"GET": Method(ADMIN), "POST": Method(ADMIN, 422, {"reason": ""})}),
    "revision": _get(VIEWER, number="revision"),
    "restore-revision": _post(ADMIN, 302, NAMED | {"expected": "{revision}"}, number="earlier"),
    "members": _get(VIEWER),
    "invite": _change(200, {"role": "viewer"}),
    "revoke-invitation": _change(302, number="invitation"),
    "change-role": _change(302, {"role": "planner"}, number="member"),
    "remove-member": _change(302, number="member"),
    "member-password-link": _change(200, number="member"),
    "audit": _get(VIEWER),
    "audit-table": _get(VIEWER),
    "audit-csv": _get(VIEWER),
    "audit-json": _get(VIEWER),
    "live-state": Address({"GET": Method(VIEWER, 200, {"page": "overview"})}),
    "links": _get(ADMIN),
    "make-link": _change(200, {"shows": "overview", "life": "day"}),
    "end-links": _change(302),
    "end-link": _change(302, number="open_link"),
    "setup": _get(VIEWER),
    "luau-agent": _get(VIEWER),
    "create-key": _change(200, {"name": "New", "scopes": ["report"], "lifetime": "never"}),
    "rotate-key": _change(200, key_id="key_id"),
    "revoke-key": _post(ADMIN, 302, key_id="key_id"),
    "remove-demo": _post(ADMIN, 422),  # this game is no demo
}

# Of no game. `anonymous`: what nobody in particular gets; 302 leads to log in.
SITE: Final[dict[str, Address]] = {
    "favicon": _open(307),
    "healthz": _open(),
    "readyz": _open(503),  # no worker and no beat run here
    "metrics": _open(),  # from this machine; test_pages.py asks from another one
    "openapi": _open(),
    "home": Address({"GET": Method(None, 200, {"all": ""})}),
    "new-game": Address({"GET": Method(None), "POST": Method(None, 200, {"name": ""})}),
    "first-member": Address({"GET": Method(None, 404, anonymous=404), "POST": Method(None, 404, anonymous=404)}, DEAD),
    "join": Address({"GET": Method(None, 404, anonymous=404), "POST": Method(None, 404, anonymous=404)}, DEAD),
    "shared": Address({"GET": Method(None, 404, anonymous=404)}, DEAD),  # test_links.py has living ones
    "shared-state": Address({"GET": Method(None, 404, anonymous=404)}, DEAD),
    "shared-chart": Address({"GET": Method(None, 404, anonymous=404)}, DEAD),
    "badge": Address({"GET": Method(None, 404, anonymous=404)}, DEAD),
    "account_login": Address({"GET": Method(None, 302, anonymous=200), "POST": Method(None, 302, anonymous=200)}),
    "account_logout": Address({"GET": Method(None), "POST": Method(None, 302)}),
    "account": _get(None),
    "mfa_index": _get(None),
    "usersessions_list": _get(None),
    "socialaccount_connections": _get(None),
    "end-session": _post(None, 404, session_id="number"),  # nobody's session has this number
    "end-other-sessions": _post(None, 302),
    "account_inactive": _open(),
    "account_reauthenticate": Address({"GET": Method(None), "POST": Method(None, 200)}),
    "account_change_password": Address({"GET": Method(None), "POST": Method(None)}),
    "account_set_password": Address({"GET": Method(None, 302), "POST": Method(None, 302)}),  # there is one already
    "account_reset_password": _open(),
    "account_reset_password_done": _open(),
    "account_reset_password_from_key_done": _open(),
    "account_reset_password_from_key": Address({"GET": Method(None, anonymous=200)}, {"uidb36": "1", "key": "dead"}),
    "mfa_authenticate": Address({"GET": Method(None, 302)}),  # nobody is half logged in here
    "mfa_reauthenticate": Address({"GET": Method(None, 302)}),  # nor has a second factor: by password instead
    "mfa_activate_totp": _get(None),
    "mfa_deactivate_totp": Address({"GET": Method(None, 404)}),
    "mfa_view_recovery_codes": Address({"GET": Method(None, 404)}),
    "mfa_generate_recovery_codes": _get(None),
    "socialaccount_login_cancelled": _open(),
    "socialaccount_login_error": _open(401),
    "oidc-disconnect": _post(None, 302),
    "openid_connect_login": Address({"POST": Method(None, 404, anonymous=404)}, {"provider_id": "oidc"}),
    "openid_connect_callback": Address({"GET": Method(None, 404, anonymous=404)}, {"provider_id": "oidc"}),
    "account_signup": _open(404),
    "account_email": _open(404),
    "account_email_verification_sent": _open(404),
    "account_confirm_email": Address({"GET": Method(None, 404, anonymous=404)}, {"key": "dead"}),
    "account_confirm_login_code": _open(404),
    "mfa_download_recovery_codes": _open(404),
    "socialaccount_signup": _open(404),
}
