"""Two games with something at every address, each marked with a word of its own that the other may never be shown."""

from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any, Final

from django.contrib.auth.hashers import make_password
from django.utils import timezone

from connmon.accounts.actions import add_member, create_game, issue_key, revoke_key
from connmon.accounts.audit import Actor
from connmon.accounts.invitations import invite
from connmon.accounts.links import Shown, list_links, make_link
from connmon.accounts.models import ApiKey, Game, Role, Scope, User
from connmon.cleanup import actions
from connmon.cleanup.models import Order, Plan
from connmon.configuration.actions import change_configuration
from connmon.leaks.models import LeakEvent
from tests.cleanup import steering
from tests.dashboard.alarms import put_alert, put_delivery, put_destination, put_rule, put_silence
from tests.dashboard.factories import (
    Counters,
    Pool,
    ServerSpec,
    make_connection,
    put_refusal,
    put_samples,
    put_server,
    put_service,
    save_connections,
)
from tests.dashboard.plans import answer
from tests.leaks.ledger import put_leak
from tests.source.uploads import put_analysed, put_change

OURS: Final = "OursAloneXq7"
THEIRS: Final = "TheirsAloneXq7"
PASSWORD: Final = "correct horse battery"
BY: Final = Actor.of_command("ops")
HOLD: Final = timedelta(hours=1)  # longer than a hold may be: it must outlast the attack


@dataclass(frozen=True)
class Filled:
    """A game, a member of it in each role, a key of it for each scope, and what names each thing in an address."""

    game: Game
    mark: str
    members: dict[Role, User]
    keys: dict[str, str]  # by scope, and `all`, `revoked`, `expired`
    ids: dict[str, Any]  # by the name that the table gives it


def make_game(name: str, mark: str, *, revisions: int) -> Filled:
    """A game whose every text holds `mark`, but for its slug."""
    now = timezone.now()
    members = {role: User.objects.create_user(f"{role.value}@{mark.lower()}.example.com") for role in Role}
    game = create_game(name=name, owner=members[Role.ADMIN], now=now)
    for role, user in members.items():
        add_member(game, user=user, role=role, now=now, by=BY)
    give_password(*members.values())
    Game.objects.filter(pk=game.pk).update(name=mark)
    game.refresh_from_db()
    keys = _keys(game, mark)
    ids = _put_everything(game, mark, revisions=revisions) | {
        "key_id": id_of(keys["all"]),
        "member": members[Role.VIEWER].pk,
        "invitation": invite(game, role=Role.VIEWER, now=now, by=BY).invitation.pk,
        "open_link": _open_link(game, mark),
    }
    return Filled(game, mark, members, keys, ids)


def _open_link(game: Game, mark: str) -> int:
    now = timezone.now()
    make_link(game, Shown.OVERVIEW, name=mark, life=timedelta(days=1), now=now, by=BY)
    return list_links(game, now=now)[0].pk


def give_password(*users: User) -> None:
    """PASSWORD, hashed once: hashing takes longer than most requests."""
    for user in users:
        user.password = _hashed()
        user.save(update_fields=["password"])


@cache
def _hashed() -> str:
    return make_password(PASSWORD)


def _keys(game: Game, mark: str) -> dict[str, str]:
    now = timezone.now()

    def issue(name: str, *scopes: str) -> str:
        return issue_key(game, name=f"{mark} {name}", scopes=scopes, expires_at=None, now=now, by=BY).plaintext

    keys = {scope: issue(scope, scope) for scope in Scope.values}
    keys |= {name: issue(name, *Scope.values) for name in ("all", "revoked", "expired")}
    revoke_key(game, key_id=id_of(keys["revoked"]), now=now, by=BY)
    ApiKey.objects.filter(pk=id_of(keys["expired"])).update(expires_at=now - timedelta(seconds=1))
    return keys


def id_of(plaintext: str) -> str:
    """A key's own id, which addresses name it by."""
    return plaintext.split("_")[1]


def _put_everything(game: Game, mark: str, *, revisions: int) -> dict[str, Any]:
    now = timezone.now()
    server = put_server(game, ServerSpec(mark, {mark: Counters(live=20, orphaned=2)}, [Pool(mark)]), now=now)
    service = put_service(game, mark)
    save_connections(
        [
            make_connection(server, service, number, now=now, owner=mark, name=mark, type=mark, site=f"{mark}:1")
            for number in range(1, 21)
        ]
    )
    put_samples(game, {service: [Counters(live=n) for n in range(30)]}, now=now)
    put_refusal(game, server=mark, detail=mark, excerpt=mark, now=now)
    for number in range(revisions):
        own = {mark: {"CONNECTION_MANAGEMENT": {"STALE_CONNECTION_THRESHOLD": 61 + number}}}
        change_configuration(game, settings={}, services=own, reason=mark, by=BY, now=now)
    names = {"service_id": service.pk, "server_id": server.pk, "revision": revisions, "earlier": revisions - 1}
    return names | _put_plans(game, mark) | _put_alerts(game, mark) | _put_leak(game, mark) | _put_source(game, mark)


def _put_plans(game: Game, mark: str) -> dict[str, Any]:
    """One that may be executed, one that may be taken back, one that may be stopped and has an order."""
    running = steering.run(game, reason=mark)
    order = Order.objects.filter(plan=running).first()
    assert order is not None
    ended = steering.run(game, reason=mark)
    answer(ended, detail=mark)
    held, planned = steering.plan(game, reason=mark), steering.plan(game, reason=mark)
    actions.execute_plan(game, held.pk, by=BY, now=timezone.now())
    Plan.objects.filter(pk=held.pk).update(next_at=timezone.now() + HOLD)
    plans = {"planned": planned.pk, "held": held.pk, "running": running.pk}
    return plans | {"order_id": order.pk}


def _put_alerts(game: Game, mark: str) -> dict[str, Any]:
    rule, destination = put_rule(game, mark, service=mark), put_destination(game, mark)
    alert = put_alert(rule, summary=mark, things=[mark])
    put_alert(put_rule(game, f"{mark} 2"), "pending", summary=mark)
    delivery = put_delivery(destination, alert, "dead", detail=mark)
    silence = put_silence(game, reason=mark, service=mark)
    return {
        "rule": rule.pk,
        "destination": destination.pk,
        "alert": alert.pk,
        "delivery": delivery.pk,
        "silence": silence.pk,
    }


def _put_leak(game: Game, mark: str) -> dict[str, Any]:
    evidence = {"owners": [mark], "servers": [mark], "server_count": 1, "players": 12, "line": None}
    leak = put_leak(game, mark, site=f"{mark}:1", kind=mark, summary=mark, evidence=evidence, now=timezone.now())
    LeakEvent.objects.create(leak=leak, at=leak.since, state="new", rung="confirmed", place_version=142)
    return {"leak": leak.pk}


def _put_source(game: Game, mark: str) -> dict[str, Any]:
    upload = put_analysed(game, {"Own.luau": f"-- {mark}"}, service=mark, patch=mark)
    file = upload.files.get()
    put_change(file, why=mark, text=f"-- {mark}", choice="accepted")
    return {"upload": upload.pk, "change": file.changes.order_by("number")[0].pk}
