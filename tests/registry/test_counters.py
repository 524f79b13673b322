"""What a report says of the whole server: counters, pools, memory, clock, lease."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone

from connmon.registry.models import Service
from tests.machine import Machine, opened, pool, service

MakeServer = Callable[..., Machine]


def test_the_counters_of_services_are_stored(server: Machine) -> None:
    server.send_first(services=[service(live=2, opened=2**53 - 1, closed=3, idle=1, orphaned=4, stale=5)])
    assert server.counters() == {"CombatService": (2, 2**53 - 1, 3, 1, 4, 5)}


def test_services_that_a_report_does_not_name_keep_their_counters(server: Machine) -> None:
    server.send_first(services=[service("A", live=1), service("B", live=2), service("C", live=3)])
    server.send(services=[service("B", live=20, opened=30, closed=10)])
    assert server.counters() == {"A": (1, 5, 3, 0, 0, 0), "B": (20, 30, 10, 0, 0, 0), "C": (3, 5, 3, 0, 0, 0)}


def test_a_new_service_stands_beside_the_others(server: Machine) -> None:
    server.send_first(services=[service("A", live=1)])
    server.send(services=[service("B", live=2), service("A", live=7)])
    assert {name: values[0] for name, values in server.counters().items()} == {"A": 7, "B": 2}


def test_a_report_that_names_no_service_changes_no_counter(server: Machine) -> None:
    server.send_first(services=[service("A"), service("B")], pools=[pool()])
    before = server.counters(), server.pools()
    server.send(opened=[opened(1, service="C")])
    assert (server.counters(), server.pools()) == before


def test_the_same_services_in_another_order_are_the_same_services(server: Machine) -> None:
    server.send_first(services=[service("A", live=1), service("B", live=2)])
    server.send(services=[service("B", live=4), service("A", live=3)])
    assert {name: values[0] for name, values in server.counters().items()} == {"A": 3, "B": 4}


def test_a_thousand_services_are_taken(server: Machine) -> None:
    server.send_first(services=[service(f"Service{number}", live=number) for number in range(1_000)])
    assert {name: values[0] for name, values in server.counters().items()} == {f"Service{n}": n for n in range(1_000)}


def test_a_service_of_two_servers_exists_once(make_server: MakeServer) -> None:
    for name in ("server-1", "server-2"):
        make_server(name).send_first(services=[service()])
    assert Service.objects.count() == 1


def test_pools_are_stored_and_merged(server: Machine) -> None:
    server.send_first(pools=[pool("Heartbeat", hits=1), pool("Touched", hits=2)])
    server.send(pools=[pool("Touched", size=25, in_use=0, hits=2**53 - 1, misses=9), pool("Died")])
    assert server.pools() == {
        "Heartbeat": (10, 4, 1, 20),
        "Touched": (25, 0, 2**53 - 1, 9),
        "Died": (10, 4, 80, 20),
    }


@pytest.mark.parametrize("name", ["a\\b\"c'd{e},f", "NULL", "<b>", "خدمة", " "])
def test_a_pool_type_of_any_printable_text_comes_back_unchanged(server: Machine, name: str) -> None:
    server.send_first(pools=[pool(name), pool("Other")])
    server.send(pools=[pool("Other", size=3)])
    assert server.pools() == {name: (10, 4, 80, 20), "Other": (3, 4, 80, 20)}


def test_players_memory_configuration_and_drops_are_those_of_the_last_report(server: Machine) -> None:
    server.send_first(players=12, memory={"total_mb": 812.5, "signals_mb": 12.25}, config_revision=3, dropped=2)
    state = server.state
    assert (state.players, state.memory_mb, state.signals_mb) == (12, 812.5, 12.25)
    assert (state.config_revision, state.dropped) == (3, 2)


@pytest.mark.parametrize("memory", [None, {}, []], ids=["left out", "empty object", "Luau's empty table"])
def test_memory_that_is_not_told_is_unknown(server: Machine, memory: object) -> None:
    server.send_first(memory=memory)
    assert (server.state.memory_mb, server.state.signals_mb) == (None, None)


@pytest.mark.parametrize("ahead", [86_400.0, -86_400.0, 0.0], ids=["a day ahead", "a day behind", "right"])
def test_a_clock_that_is_off_is_noted_and_otherwise_ignored(server: Machine, ahead: float) -> None:
    answer = server.send(sent_at=timezone.now().timestamp() + ahead, snapshot={"part": 1, "of": 1})
    assert answer.status == 200
    assert server.state.clock_skew == pytest.approx(ahead, abs=5)
    assert abs(server.state.received_at - timezone.now()) < timedelta(seconds=5)


@pytest.mark.parametrize(("interval", "lease"), [(10, 30), (60, 180), (3_600, 10_800)])
def test_a_server_is_due_after_three_of_its_intervals(server: Machine, interval: float, lease: float) -> None:
    server.send_first(interval=interval)
    state = server.state
    assert state.due_at - state.received_at == timedelta(seconds=lease)


def test_a_server_that_hurries_once_is_due_no_earlier_than_the_others(server: Machine) -> None:
    server.send_first(interval=0.5)
    state = server.state
    assert state.due_at - state.received_at == timedelta(seconds=30)


def test_each_report_renews_the_lease(server: Machine) -> None:
    server.send_first()
    before = server.state.due_at
    server.send()
    assert server.state.due_at > before


def test_the_interval_of_the_game_is_told_in_the_answer(server: Machine) -> None:
    assert server.send().body["interval"] == 10.0
