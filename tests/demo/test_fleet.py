"""A fleet and the real backend: reports arrive as any agent's, orders are obeyed, deploys are seen."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.utils import timezone

from connmon.accounts.audit import Actor
from connmon.accounts.models import Game
from connmon.cleanup.models import Plan
from connmon.cleanup.queries import plan_progress
from connmon.cleanup.scope import Scope
from connmon.configuration.actions import change_configuration
from connmon.core.ids import NewKey
from connmon.registry.models import Connection, GameServer, ServerState
from connmon.registry.states import ConnectionState
from simulation import Fleet, FleetOptions, read_leak
from tests.cleanup.steering import advance, run
from tests.machine import Site, wait_for

pytestmark = pytest.mark.django_db(transaction=True)


@contextmanager
def running(site: Site, key: NewKey, **more: Any) -> Iterator[Fleet]:
    """A fleet of four, one of them over a WebSocket, in a thread of its own; stopped at the end."""
    made: list[tuple[Fleet, asyncio.AbstractEventLoop]] = []

    async def live() -> None:
        values: dict[str, Any] = {"servers": 4, "interval": 1.0, "speed": 0.1, "age": 60.0} | more
        fleet = Fleet(FleetOptions(f"http://127.0.0.1:{site.port}", key.plaintext, **values))
        made.append((fleet, asyncio.get_running_loop()))
        await fleet.run()

    thread = threading.Thread(target=lambda: asyncio.run(live()), name="fleet")
    thread.start()
    try:
        wait_for(lambda: made, "the fleet")
        yield made[0][0]
    finally:
        for fleet, loop in made:
            loop.call_soon_threadsafe(fleet.stop)
        thread.join(20)
        assert not thread.is_alive()


def all_report(fleet: Fleet) -> bool:
    return fleet.status().reporting == len(fleet.seats)


def committed() -> dict[str, int]:
    """Live connections by server id, as the backend has them."""
    names = dict(GameServer.objects.values_list("id", "name"))
    return {names[state.server_id]: sum(state.live) for state in ServerState.objects.all() if state.live}


def held(fleet: Fleet) -> dict[str, int]:
    """Live connections by server id, as the registries have them."""
    return {seat.server.spec.server_id: seat.server.stats.live for seat in fleet.seats if seat.server}


def test_the_backend_knows_what_the_servers_hold(site: Site, key: NewKey) -> None:
    with running(site, key) as fleet:
        wait_for(lambda: all_report(fleet) and committed() == held(fleet), "the same on both sides")
        assert sum(held(fleet).values()) > 400
        assert Connection.objects.count() == sum(held(fleet).values())
        sites = set(Connection.objects.filter(site__startswith="simulation.").values_list("site", flat=True))
        assert len(sites) > 20
        assert fleet.link.refused_reports == 0


def test_an_order_closes_connections_in_the_fleet_for_real(site: Site, key: NewKey, game: Game) -> None:
    with running(site, key, leaks=(read_leak("cache"),), age=1_200.0) as fleet:
        wait_for(lambda: all_report(fleet) and committed() == held(fleet), "the same on both sides")
        before, engine = fleet.status(), engine_connections(fleet)
        assert before.orphaned > 20
        made = run(game, Scope(states=(ConnectionState.ORPHANED,)))
        wait_for(lambda: closed_by(made) >= before.orphaned, "the outcomes")
        assert fleet.status().orphaned < 3  # somebody may have been gone for a minute just now
        assert engine_connections(fleet) < engine - 0.8 * before.orphaned
        wait_for(lambda: committed() == held(fleet), "the same on both sides afterwards")


def closed_by(made: Plan) -> int:
    """How many connections a plan has closed by now."""
    advance()
    return int(plan_progress(made)["closed"])


def engine_connections(fleet: Fleet) -> int:
    """Live connections by the worlds' own signals."""
    return sum(seat.server.world.engine_connections() for seat in fleet.seats if seat.server)


def test_settings_of_the_backend_are_taken_over(site: Site, key: NewKey, game: Game) -> None:
    settings = {"CONNECTION_MANAGEMENT": {"STALE_CONNECTION_THRESHOLD": 120}}
    by = Actor.of_job("tests")
    change_configuration(game, settings=settings, services={}, reason="tests", by=by, now=timezone.now())
    with running(site, key) as fleet:
        wait_for(lambda: all_report(fleet), "all to report")
        configurations = [seat.server.world.manager.configuration for seat in fleet.seats if seat.server]
        assert len(configurations) == 4
        thresholds = [one.management("Any").stale_connection_threshold for one in configurations]
        assert thresholds == [120] * 4


def test_servers_say_goodbye(site: Site, key: NewKey) -> None:
    with running(site, key) as fleet:
        wait_for(lambda: all_report(fleet), "all to report")
        assert GameServer.objects.filter(ended_at=None).count() == 4
    assert GameServer.objects.filter(ended_at=None).count() == 0


def test_a_deploy_ends_each_server_and_starts_one_of_the_next_version(site: Site, key: NewKey) -> None:
    with running(site, key, servers=2, speed=60.0, age=0.0, deploys=120.0, interval=1.0):
        wait_for(lambda: GameServer.objects.filter(place_version=143).count() >= 2, "two servers of the next version")
        first = set(GameServer.objects.filter(place_version=142).values_list("name", flat=True))
        second = set(GameServer.objects.filter(place_version=143).values_list("name", flat=True))
        assert len(first) == 2
        assert not first & second
        assert GameServer.objects.filter(place_version=142, ended_at=None).count() == 0
