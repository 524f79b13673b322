"""History: a sample of what the registry holds, made once for each tick."""

from datetime import timedelta

import pytest

from connmon.accounts.models import Game
from connmon.core.ids import server_key
from connmon.registry.models import ServerState
from connmon.telemetry.actions import RETENTION, SAMPLE_INTERVAL, drop_old_samples, make_samples, tick_of
from connmon.telemetry.models import GameSample, ServiceSample
from tests.conftest import NOW

pytestmark = pytest.mark.django_db
Counters = tuple[int, int, int, int, int, int]
A, B = 1, 2  # services


def add_server(
    game_id: int,
    name: str = "server-1",
    services: dict[int, Counters] | None = None,
    *,
    age: timedelta = timedelta(seconds=2),
    superseded: bool = False,
    memory_mb: float | None = 100.0,
    pools: tuple[tuple[int, int], ...] = (),
) -> None:
    """A server whose last report is `age` old; counters are live, opened, closed, idle, orphaned, stale."""
    services = {A: (1, 10, 9, 0, 0, 0)} if services is None else services
    columns = list(zip(*services.values(), strict=True)) or [()] * 6
    names = ("live", "opened", "closed", "idle", "orphaned", "stale")
    ServerState.objects.create(
        server_id=server_key(game_id, name, "boot"),
        game_id=game_id,
        last_seq=1,
        last_digest=1,
        snapshot=1,
        snapshot_part=0,
        synced=True,
        superseded=superseded,
        received_at=NOW - age,
        due_at=NOW - age + timedelta(seconds=30),
        clock_skew=0,
        players=5,
        memory_mb=memory_mb,
        config_revision=0,
        dropped=0,
        service_ids=list(services),
        pool_types=[f"Type{n}" for n in range(len(pools))],
        pool_size=[1] * len(pools),
        pool_in_use=[1] * len(pools),
        pool_hits=[hits for hits, _ in pools],
        pool_misses=[misses for _, misses in pools],
        **{name: list(column) for name, column in zip(names, columns, strict=True)},
    )


def services_of(game_id: int) -> dict[int, tuple[int, ...]]:
    """By service: servers, live, opened, closed, idle, orphaned, stale."""
    fields = ("service_id", "servers", "live", "opened", "closed", "idle", "orphaned", "stale")
    return {row[0]: row[1:] for row in ServiceSample.objects.filter(game_id=game_id).values_list(*fields)}


def test_a_sample_sums_each_service_over_its_servers() -> None:
    add_server(7, "one", {A: (1, 10, 9, 1, 2, 3), B: (4, 4, 0, 0, 0, 0)})
    add_server(7, "two", {A: (2, 2**40, 18, 0, 0, 0)})
    make_samples(now=NOW)
    assert services_of(7) == {A: (2, 3, 10 + 2**40, 27, 1, 2, 3), B: (1, 4, 4, 0, 0, 0, 0)}


def test_a_sample_of_a_game_has_players_memory_and_pools() -> None:
    add_server(7, "one", pools=((80, 20), (5, 5)))
    add_server(7, "two", memory_mb=None, pools=((2**40, 1),))
    add_server(7, "three", {}, memory_mb=50.5)
    make_samples(now=NOW)
    sample = GameSample.objects.get()
    assert (sample.game_id, sample.servers, sample.players, sample.memory_mb) == (7, 3, 15, 150.5)
    assert (sample.pool_hits, sample.pool_misses) == (85 + 2**40, 26)


def test_a_tick_made_twice_is_one() -> None:
    add_server(7)
    assert make_samples(now=NOW) == 2
    assert make_samples(now=NOW + timedelta(seconds=SAMPLE_INTERVAL / 2)) == 0
    assert (ServiceSample.objects.count(), GameSample.objects.count()) == (1, 1)


def test_the_next_tick_is_a_sample_of_its_own() -> None:
    add_server(7)
    make_samples(now=NOW)
    make_samples(now=NOW + timedelta(seconds=SAMPLE_INTERVAL))
    ticks = list(ServiceSample.objects.order_by("at").values_list("at", flat=True))
    assert ticks == [NOW, NOW + timedelta(seconds=SAMPLE_INTERVAL)]


@pytest.mark.parametrize("after", [0.0, 0.001, 4.0, 9.999])
def test_a_moment_belongs_to_the_last_full_tick(after: float) -> None:
    assert tick_of(NOW + timedelta(seconds=after)) == NOW


def test_silent_servers_are_left_out() -> None:
    add_server(7, "reporting")
    add_server(7, "silent", {A: (500, 500, 0, 0, 0, 0), B: (1, 1, 0, 0, 0, 0)}, age=timedelta(seconds=31))
    make_samples(now=NOW)
    assert services_of(7) == {A: (1, 1, 10, 9, 0, 0, 0)}
    assert GameSample.objects.get().servers == 1


def test_ended_boots_are_left_out() -> None:
    add_server(7, "old", {A: (500, 500, 0, 0, 0, 0)}, superseded=True)
    make_samples(now=NOW)
    assert not GameSample.objects.exists()
    assert not ServiceSample.objects.exists()


def test_games_are_sampled_apart() -> None:
    add_server(7, services={A: (1, 1, 0, 0, 0, 0)})
    add_server(8, services={A: (2, 2, 0, 0, 0, 0)})
    make_samples(now=NOW)
    assert (services_of(7)[A][1], services_of(8)[A][1]) == (1, 2)
    assert GameSample.objects.count() == 2


def test_no_servers_make_no_samples(game: Game) -> None:
    assert make_samples(now=NOW) == 0


def test_samples_past_their_retention_go() -> None:
    add_server(7)
    ServerState.objects.update(due_at=NOW + timedelta(days=1))
    for age in (RETENTION + timedelta(seconds=SAMPLE_INTERVAL), RETENTION, timedelta(0)):
        make_samples(now=NOW - age)
    drop_old_samples(now=NOW)
    kept = {NOW - RETENTION, NOW}
    assert set(ServiceSample.objects.values_list("at", flat=True)) == kept
    assert set(GameSample.objects.values_list("at", flat=True)) == kept
