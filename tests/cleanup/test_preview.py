"""Dry runs: what would be closed, whom it touches, what is exempt."""

from datetime import timedelta

import pytest
from django.utils import timezone

from connmon.accounts.models import AuditEntry, Game
from connmon.cleanup.models import Order, Plan
from connmon.cleanup.scope import EVERYTHING, Scope
from connmon.core.errors import Invalid
from connmon.registry.models import Connection, ServerState
from connmon.registry.states import ConnectionState
from tests.cleanup.steering import MakeServer, connections, plan
from tests.machine import Machine, opened, service

HOUR_AGO = 3_600.0


def names(rows: list[dict[str, object]]) -> dict[object, object]:
    return {row["name"]: row["connections"] for row in rows}


def test_a_dry_run_counts_in_every_way_it_is_looked_at(make_server: MakeServer, game: Game) -> None:
    now = timezone.now().timestamp()
    make_server("a").send_first(
        players=5,
        sent_at=now,
        opened=[
            opened(1, at=now - 10),
            opened(2, at=now - 100, owner="player:7", state="orphaned"),
            opened(3, at=now - 1_000, service="Lobby", owner="service:Lobby", owner_kind="service"),
        ],
    )
    make_server("b").send_first(players=3, sent_at=now, opened=[opened(1, at=now - 30_000, state="stale")])
    summary = plan(game).summary
    assert (summary["connections"], summary["servers"], summary["players"], summary["player_owners"]) == (4, 2, 8, 3)
    assert names(summary["by_service"]) == {"CombatService": 3, "Lobby": 1}
    assert names(summary["by_server"]) == {"a": 3, "b": 1}
    assert names(summary["by_owner_kind"]) == {"player": 3, "service": 1}
    assert names(summary["by_state"]) == {"live": 2, "orphaned": 1, "stale": 1}
    assert names(summary["by_age"]) == {"under 1 min": 1, "1 to 10 min": 1, "10 to 60 min": 1, "over 6 h": 1}


def test_essential_connections_and_silent_servers_are_exempt_and_told(make_server: MakeServer, game: Game) -> None:
    make_server("a").send_first(opened=[opened(1), opened(2, essential=True)])
    silent = make_server("b")
    silent.send_first(opened=connections(5), services=[service(live=5)])
    ServerState.objects.filter(server_id=silent.id).update(due_at=timezone.now() - timedelta(seconds=1))
    summary = plan(game).summary
    assert (summary["connections"], summary["servers"]) == (1, 1)
    assert summary["exempt"] == {"essential": 1, "silent_servers": 1, "silent_connections": 5}


def test_a_dry_run_shows_samples(busy: Machine, game: Game) -> None:
    samples = plan(game).summary["samples"]
    assert len(samples) == 10
    assert {sample["server"] for sample in samples} == {"server-1"}
    assert samples[0]["site"] == "ServerScriptService.CombatService:118"
    assert samples[0]["state"] == "live"


def test_a_dry_run_changes_nothing(busy: Machine, game: Game) -> None:
    before = busy.everything()
    made = plan(game)
    assert busy.everything() == before
    assert not Order.objects.exists()
    assert (made.state, made.next_at - made.created_at) == ("planned", timedelta(minutes=15))
    assert busy.send().body["orders"] == []


def test_a_dry_run_is_audited(busy: Machine, game: Game) -> None:
    made = plan(game, reason="memory climbs")
    entry = AuditEntry.objects.get(action="plan.made")
    assert (entry.target, entry.reason, entry.actor) == (f"plan {made.pk}", "memory climbs", "tests")
    assert entry.after
    assert entry.after["connections"] == 10


@pytest.mark.parametrize(
    ("scope", "found"),
    [
        (EVERYTHING, {1, 2, 3, 4}),
        (Scope(states=(ConnectionState.STALE,)), {2}),
        (Scope(states=(ConnectionState.STALE, ConnectionState.ORPHANED)), {2, 3}),
        (Scope(owner="player:7"), {3}),
        (Scope(service="Lobby"), {4}),
        (Scope(type="Custom"), {4}),
        (Scope(older_than=600), {1}),
        (Scope(younger_than=600), {2, 3, 4}),
        (Scope(older_than=600, states=(ConnectionState.STALE,)), set()),
        (Scope(service="CombatService", owner="player:261"), {1, 2}),
    ],
)
def test_conditions_can_be_combined(server: Machine, game: Game, scope: Scope, found: set[int]) -> None:
    now = timezone.now().timestamp()
    server.send_first(
        sent_at=now,
        opened=[
            opened(1, at=now - 3_000),
            opened(2, at=now, state="stale"),
            opened(3, at=now, state="orphaned", owner="player:7"),
            opened(4, at=now, service="Lobby", type="Custom"),
        ],
    )
    assert {sample["id"] for sample in plan(game, scope).summary["samples"]} == found


def test_an_age_is_reckoned_by_the_servers_own_clock(server: Machine, game: Game) -> None:
    theirs = timezone.now().timestamp() + HOUR_AGO  # a clock that is an hour ahead
    server.send_first(sent_at=theirs, opened=[opened(1, at=theirs - 60)])
    assert plan(game, Scope(older_than=600)).planned == 0
    assert plan(game, Scope(older_than=30)).planned == 1


def test_a_scope_may_name_servers(make_server: MakeServer, game: Game) -> None:
    one, two = make_server("a"), make_server("b")
    for server in (one, two):
        server.send_first(opened=connections(3))
    assert plan(game, Scope(servers=(two.id,))).planned == 3


def test_other_games_are_out_of_reach(busy: Machine, other_game: Game) -> None:
    assert plan(other_game).planned == 0
    assert plan(other_game, Scope(servers=(busy.id,))).planned == 0


def test_a_service_that_the_game_does_not_have_is_refused(busy: Machine, game: Game) -> None:
    with pytest.raises(Invalid, match="no service 'Nope'"):
        plan(game, Scope(service="Nope"))


@pytest.mark.parametrize("reason", ["", "   ", "x" * 501])
def test_a_plan_takes_a_reason(busy: Machine, game: Game, reason: str) -> None:
    with pytest.raises(Invalid, match="reason"):
        plan(game, reason=reason)
    assert not Plan.objects.exists()


def test_long_lists_end_with_the_sum_of_the_others(server: Machine, game: Game) -> None:
    server.send_first(opened=[opened(n, service=f"S{n:02d}") for n in range(1, 61)])
    rows = plan(game).summary["by_service"]
    assert (len(rows), rows[-1]) == (51, {"name": "10 others", "connections": 10})
    assert Connection.objects.count() == 60
