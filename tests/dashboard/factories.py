"""Servers, services, connections and history of a game, written straight into the tables."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from connmon.accounts.models import Game
from connmon.core.ids import server_key
from connmon.registry.models import Connection, GameServer, RefusedReport, ServerState, Service
from connmon.registry.states import OWNER_KINDS, STATES, ConnectionState, OwnerKind
from connmon.telemetry.models import GameSample, ProfileSample, ServiceSample
from connmon.telemetry.partitions import ensure_partitions

LEASE: Final = timedelta(seconds=30)
SCRIPT: Final = "<script>alert(1)</script>"
ARABIC: Final = "خدمة القتال"
LONGEST: Final = "VeryLong" * 16
HOSTILE_NAMES: Final = (SCRIPT, ARABIC, LONGEST, "</td><img src=x onerror=alert(1)>", "{{ 7*7 }}", "100%_\\")


@dataclass(frozen=True)
class Counters:
    """One service's counters on one server."""

    live: int = 10
    opened: int = 100
    closed: int = 90
    idle: int = 1
    orphaned: int = 0
    stale: int = 0


@dataclass(frozen=True)
class Pool:
    """One pool of a server."""

    type: str = "Heartbeat"
    size: int = 10
    in_use: int = 4
    hits: int = 80
    misses: int = 20


@dataclass(frozen=True)
class ServerSpec:
    """What a made server looks like; `age` = since its last report, silent past LEASE."""

    name: str = "server-1"
    services: dict[str, Counters] = field(default_factory=lambda: {"CombatService": Counters()})
    pools: Sequence[Pool] = ()
    players: int = 12
    memory_mb: float | None = 800.0
    age: timedelta = timedelta(seconds=2)
    synced: bool = True
    ended: bool = False
    place_version: int | None = 142
    boot: str = "boot-1"


def put_service(game: Game, name: str) -> Service:
    service, _ = Service.objects.get_or_create(game=game, name=name, defaults={"first_seen_at": game.created_at})
    return service


def put_server(game: Game, spec: ServerSpec | None = None, *, now: datetime) -> GameServer:
    spec = spec or ServerSpec()
    services = {put_service(game, name).pk: counters for name, counters in spec.services.items()}
    server = GameServer.objects.create(
        id=server_key(game.pk, spec.name, spec.boot),
        game=game,
        name=spec.name,
        boot=spec.boot,
        agent="connmon-luau/0.1.0",
        place_id=1818,
        place_version=spec.place_version,
        first_seen_at=now - timedelta(hours=2),
        ended_at=now - spec.age if spec.ended else None,
    )
    ServerState.objects.create(
        server_id=server.pk,
        game_id=game.pk,
        last_seq=7,
        last_digest=1,
        snapshot=0,
        snapshot_part=0,
        synced=spec.synced,
        received_at=now - spec.age,
        due_at=now - spec.age + LEASE,
        clock_skew=0.2,
        players=spec.players,
        memory_mb=spec.memory_mb,
        signals_mb=12.5,
        config_revision=1,
        dropped=0,
        service_ids=list(services),
        live=[counters.live for counters in services.values()],
        opened=[counters.opened for counters in services.values()],
        closed=[counters.closed for counters in services.values()],
        idle=[counters.idle for counters in services.values()],
        orphaned=[counters.orphaned for counters in services.values()],
        stale=[counters.stale for counters in services.values()],
        pool_types=[pool.type for pool in spec.pools],
        pool_size=[pool.size for pool in spec.pools],
        pool_in_use=[pool.in_use for pool in spec.pools],
        pool_hits=[pool.hits for pool in spec.pools],
        pool_misses=[pool.misses for pool in spec.pools],
    )
    return server


def make_connection(
    server: GameServer,
    service: Service,
    number: int = 1,
    *,
    owner: str = "player:261",
    owner_kind: OwnerKind = OwnerKind.PLAYER,
    name: str = "Died",
    type: str = "Humanoid.Died",
    site: str = "ServerScriptService.Combat:118",
    state: ConnectionState = ConnectionState.LIVE,
    age: timedelta = timedelta(minutes=5),
    essential: bool = False,
    now: datetime,
) -> Connection:
    return Connection(
        server_id=server.pk,
        service_id=service.pk,
        connection_id=number,
        opened_at=(now - age).timestamp(),
        state=STATES.index(state),
        owner_kind=OWNER_KINDS.index(owner_kind),
        snapshot=0,
        essential=essential,
        owner=owner,
        name=name,
        type=type,
        site=site,
    )


def save_connections(connections: Sequence[Connection]) -> None:
    Connection.objects.bulk_create(connections, batch_size=2_000)


def put_samples(
    game: Game,
    services: Mapping[Service, Sequence[Counters]],
    *,
    now: datetime,
    servers: int = 3,
    step: timedelta = timedelta(seconds=10),
) -> None:
    """History: each service's counters moment by moment, the last one at `now`."""
    length = max(len(values) for values in services.values())
    moments = [now - step * (length - 1 - index) for index in range(length)]
    GameSample.objects.bulk_create(
        GameSample(
            game_id=game.pk,
            at=at,
            servers=servers,
            players=30 + index % 7,
            memory_mb=2400.0 + index,
            pool_hits=800 + 8 * index,
            pool_misses=200 + index,
        )
        for index, at in enumerate(moments)
    )
    ServiceSample.objects.bulk_create(
        ServiceSample(
            game_id=game.pk,
            at=at,
            service_id=service.pk,
            servers=servers,
            live=value.live,
            opened=value.opened,
            closed=value.closed,
            idle=value.idle,
            orphaned=value.orphaned,
            stale=value.stale,
        )
        for service, values in services.items()
        for at, value in zip(moments, values, strict=True)
    )


def put_profile(
    service: Service,
    *,
    type: str = "RunService.Heartbeat",
    site: str = "ServerScriptService.Combat:118",
    calls: int = 100,
    total_us: float = 5_000.0,
    at: datetime,
) -> ProfileSample:
    """What the callbacks of one site cost in the minute of `at`."""
    minute = at.replace(second=0, microsecond=0)
    ensure_partitions(60, minute)
    return ProfileSample.objects.create(
        step=60,
        game_id=service.game_id,
        at=minute,
        service_id=service.pk,
        type=type,
        site=site,
        p50_us=40.0,
        p95_us=90.0,
        max_us=1_200.0,
        count_new=calls,
        total_us_new=total_us,
    )


def put_refusal(
    game: Game,
    *,
    server: str = "server-9",
    detail: str = "seq is a whole number",
    excerpt: str = '{"kind": "report", "seq": "one"',
    now: datetime,
) -> RefusedReport:
    return RefusedReport.objects.create(
        game=game,
        server=server,
        code="invalid-report",
        pointer="/seq",
        detail=detail,
        excerpt=excerpt,
        count=3,
        first_at=now - timedelta(hours=1),
        last_at=now - timedelta(minutes=2),
    )
