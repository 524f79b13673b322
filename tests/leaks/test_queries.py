"""The ledger as pages and programs read it."""

from datetime import timedelta

import pytest
from pytest_django import DjangoAssertNumQueries

from connmon.accounts.audit import Actor
from connmon.accounts.models import Game
from connmon.configuration.actions import change_configuration
from connmon.leaks.models import Leak, Tick
from connmon.leaks.queries import (
    COHORTS,
    alarming_leaks,
    cohort_strip,
    count_leaks,
    forecast,
    leak_history,
    list_leaks,
    tidiness,
)
from connmon.leaks.states import Rung
from connmon.registry.states import ConnectionState
from tests.conftest import NOW
from tests.dashboard.factories import Counters, ServerSpec, make_connection, put_server, save_connections
from tests.leaks.ledger import LINE, put_leak

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


def sites(leaks: object) -> list[str]:
    return [leak.origin.site for leak in leaks]  # type: ignore[attr-defined]


def test_the_surest_comes_first_and_what_is_fixed_last(game: Game) -> None:
    put_leak(game, now=NOW, site="fixed", state="fixed")
    put_leak(game, now=NOW, site="suspect", rung="suspect")
    put_leak(game, now=NOW, site="older", last_seen_at=NOW - HOUR)
    put_leak(game, now=NOW, site="likely", rung="likely")
    put_leak(game, now=NOW, site="confirmed")
    assert sites(list_leaks(game.pk)) == ["confirmed", "older", "likely", "suspect", "fixed"]


def test_filters_narrow_it(game: Game, other_game: Game) -> None:
    put_leak(other_game, now=NOW, site="theirs")
    put_leak(game, now=NOW, site="a")
    put_leak(game, "Shop", now=NOW, site="b", rung="likely", state="ongoing", last_seen_at=NOW - timedelta(minutes=10))
    assert sites(list_leaks(game.pk, rung="likely")) == ["b"]
    assert sites(list_leaks(game.pk, state="ongoing")) == ["b"]
    assert sites(list_leaks(game.pk, service="Shop")) == ["b"]
    assert sites(list_leaks(game.pk, active=NOW)) == ["a"]
    assert count_leaks(game.pk, now=NOW) == {"confirmed": 1, "likely": 0, "suspect": 0}


def test_what_is_ignored_or_over_alarms_nobody(game: Game) -> None:
    loud = put_leak(game, now=NOW, site="loud", count=3)
    louder = put_leak(game, now=NOW, site="louder", count=30)
    put_leak(game, now=NOW, site="ignored", ignored_until=NOW + HOUR)
    once = put_leak(game, now=NOW, site="ignored once", ignored_until=NOW, rung="likely")
    put_leak(game, now=NOW, site="over", last_seen_at=NOW - HOUR)
    found = alarming_leaks(game.pk, now=NOW)
    assert found[Rung.CONFIRMED] == [
        f"CombatService: louder (leak {louder.pk})",
        f"CombatService: loud (leak {loud.pk})",
    ]
    assert found[Rung.LIKELY] == [f"CombatService: ignored once (leak {once.pk})"]


def test_the_cohort_strip_counts_by_age(game: Game, other_game: Game) -> None:
    leak = put_leak(game, now=NOW)
    server = put_server(game, ServerSpec(services={"CombatService": Counters()}), now=NOW)
    silent = put_server(game, ServerSpec("silent", age=HOUR), now=NOW)
    service = leak.origin.service
    minutes = [(1, 1), (2, 7), (3, 7.5), (4, 10 * 60)]
    make = [
        make_connection(server, service, number, site="Combat:118", age=timedelta(minutes=age), now=NOW)
        for number, age in minutes
    ]
    make.append(make_connection(server, service, 5, site="Other:1", now=NOW))
    make.append(
        make_connection(
            server, service, 6, site="Combat:118", age=timedelta(minutes=7), state=ConnectionState.ORPHANED, now=NOW
        )
    )
    make.append(make_connection(silent, service, 7, site="Combat:118", now=NOW))
    save_connections(make)
    strip = cohort_strip(leak, now=NOW)
    assert len(strip) == COHORTS + 1
    assert [(cell["from_s"], cell["live"], cell["orphaned"]) for cell in strip if cell["live"]] == [
        (0, 1, 0),
        (300, 3, 1),
        (21_600, 1, 0),
    ]


def test_history_adds_up_the_servers_of_the_game(game: Game, other_game: Game) -> None:
    leak = put_leak(game, now=NOW)
    names = [put_server(game, ServerSpec(name), now=NOW).pk for name in ("a", "b")]
    names.append(put_server(other_game, ServerSpec("c"), now=NOW).pk)
    for server, live in zip(names, (3, 4, 50), strict=True):
        Tick.objects.create(server_id=server, at=NOW, players=10, origin_ids=[leak.origin_id], live=[live], owners=[1])
    Tick.objects.create(server_id=names[0], at=NOW - HOUR, players=5, origin_ids=[], live=[], owners=[])
    found = leak_history(leak, since=NOW - 2 * HOUR, now=NOW)
    assert found == [((NOW - HOUR).timestamp(), 0, 5, 1), (NOW.timestamp(), 7, 20, 2)]


def with_line(leak: Leak) -> Leak:
    leak.evidence["line"] = LINE
    leak.save()
    return leak


def test_a_forecast_needs_a_budget_and_a_line(game: Game) -> None:
    leak = put_leak(game, now=NOW)
    put_server(game, ServerSpec(services={"CombatService": Counters(live=820)}), now=NOW)
    assert forecast(with_line(leak), now=NOW) == ""
    budget = {"OPERATIONS": {"CONNECTION_BUDGET_PER_SERVER": 1_000}}
    change_configuration(game, settings=budget, services={}, reason="Full.", by=Actor.of_command("x"), now=NOW)
    assert forecast(leak, now=NOW) == "Budget full in about 3 h."
    assert forecast(put_leak(game, now=NOW, site="other"), now=NOW) == ""


def test_nobody_left_is_no_share(game: Game) -> None:
    assert tidiness(game.pk, since=NOW)["players"] == {"left": 0, "clean": 0, "share": None}


def test_a_list_is_one_query(game: Game, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    for number in range(20):
        put_leak(game, now=NOW, site=f"s{number}")
    with django_assert_num_queries(1):
        assert {leak.origin.service.name for leak in list_leaks(game.pk)} == {"CombatService"}
