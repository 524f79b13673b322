"""Game servers as rows of the registry, moment by moment, and what history should say of them, in plain Python."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final

from connmon.core.ids import server_key
from connmon.registry.models import GameServer, ServerState
from connmon.telemetry.models import ServerSample

NAMES: Final = ("live", "opened", "closed", "idle", "orphaned", "stale")
Counters = tuple[int, int, int, int, int, int]  # in the order of NAMES
Pools = Mapping[str, tuple[int, int, int, int]]  # size, in use, hits, misses
LEASE: Final = timedelta(seconds=30)
TICK: Final = timedelta(seconds=10)


def put_state(
    game_id: int,
    name: str = "server-1",
    services: Mapping[int, Counters] | None = None,
    *,
    now: datetime,
    boot: str = "boot",
    players: int = 5,
    memory_mb: float | None = 100.0,
    pools: Pools | None = None,
    superseded: bool = False,
    age: timedelta = timedelta(seconds=2),
) -> int:
    """A server as its report of `age` ago left it, made or changed; its key."""
    key = server_key(game_id, name, boot)
    services, pools = services or {}, pools or {}
    columns = dict(
        zip(NAMES, [list(column) for column in zip(*services.values(), strict=True)] or [[]] * 6, strict=True)
    )
    pool_columns = [list(column) for column in zip(*pools.values(), strict=True)] or [[]] * 4
    pool_names = ("pool_size", "pool_in_use", "pool_hits", "pool_misses")
    values = {
        "game_id": game_id,
        "last_seq": 1,
        "last_digest": 1,
        "snapshot": 1,
        "snapshot_part": 0,
        "synced": True,
        "superseded": superseded,
        "received_at": now - age,
        "due_at": now - age + LEASE,
        "clock_skew": 0,
        "players": players,
        "memory_mb": memory_mb,
        "signals_mb": None if memory_mb is None else memory_mb / 10,
        "config_revision": 0,
        "dropped": 0,
        "service_ids": list(services),
        "pool_types": list(pools),
        **columns,
        **dict(zip(pool_names, pool_columns, strict=True)),
    }
    ServerState.objects.update_or_create(server_id=key, defaults=values)
    return key


def put_server(
    game_id: int,
    name: str = "server-1",
    *,
    now: datetime,
    boot: str = "boot",
    ended_at: datetime | None = None,
    version: int = 142,
) -> int:
    """The row that names a boot of a server; its key."""
    key = server_key(game_id, name, boot)
    GameServer.objects.create(
        id=key,
        game_id=game_id,
        name=name,
        boot=boot,
        agent="tests",
        place_id=1818,
        place_version=version,
        first_seen_at=now,
        ended_at=ended_at,
    )
    return key


def summary(values: Iterable[int]) -> tuple[int, int, int, int]:
    """Last, lowest, highest and sum of what was seen, moment by moment."""
    seen = list(values)
    return seen[-1], min(seen), max(seen), sum(seen)


def unpack(row: ServerSample, service: int, gauge: int) -> tuple[int, int, int, int]:
    """Last, lowest, highest and sum of one gauge (0 live … 3 stale) of one service, as models.ServerSample lays it."""
    size = len(row.services)
    place = gauge * size + row.services.index(service)
    if row.wide is not None:
        last = row.wide[place]
        if len(row.wide) == 6 * size:
            return last, last, last, last * row.ticks
        return last, row.wide[6 * size + place], row.wide[10 * size + place], row.wide[14 * size + place]
    assert row.gauges is not None
    last = _at(row.gauges, place)
    if row.low is None or row.high is None or row.sums is None:
        return last, last, last, last * row.ticks
    return last, _at(row.low, place), _at(row.high, place), _at(row.sums, place)


def counters_of(row: ServerSample, service: int) -> tuple[int, int]:
    """Opened and closed since the boot."""
    size, place = len(row.services), row.services.index(service)
    totals = row.totals if row.wide is None else row.wide[4 * size : 6 * size]
    assert totals is not None
    return totals[place], totals[size + place]


def _at(section: list[int], place: int) -> int:
    return section[place] if place < len(section) else 0
