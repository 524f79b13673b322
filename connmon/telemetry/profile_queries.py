"""Reads of profiles: the heaviest sites, and what heartbeats cost a frame."""

from dataclasses import dataclass
from typing import Any, Final, LiteralString

from connmon.telemetry.queries import Span, fetch, piece_values, rows_of
from connmon.telemetry.resolutions import TICK
from connmon.telemetry.tables import GAMES, PROFILES

FRAMES: Final = 60  # heartbeats a second of a server that is not late
MOST_SITES: Final = 100


@dataclass(frozen=True, slots=True)
class SiteCost:
    """What the callbacks of one site cost within a time, in microseconds; `share`: of the whole game's, 0 to 1."""

    service: str
    type: str
    site: str
    calls: int
    total_us: float
    share: float | None
    p50_us: float
    p95_us: float
    max_us: float


@dataclass(frozen=True, slots=True)
class HeartbeatCost:
    """What a service's heartbeat callbacks take of one frame of one server, on average, in microseconds."""

    service: str
    us_per_frame: float


def _heaviest(rows: LiteralString) -> LiteralString:
    return f"""
        SELECT v.name, p.type, p.site, p.calls::bigint, p.total_us, p.total_us / nullif(p.all_us, 0),
               p.p50_us, p.p95_us, p.max_us
        FROM (
            SELECT service_id, type, site, sum(count_new) AS calls, sum(total_us_new) AS total_us,
                   sum(sum(total_us_new)) OVER () AS all_us,
                   coalesce(sum(p50_us * count_new) / nullif(sum(count_new), 0), max(p50_us)) AS p50_us,
                   max(coalesce(p95_us_max, p95_us)) AS p95_us, max(coalesce(max_us_max, max_us)) AS max_us
            FROM ({rows}) AS row GROUP BY 1, 2, 3
        ) AS p JOIN registry_service v ON v.id = p.service_id AND v.game_id = %(game)s
        WHERE %(service)s::int IS NULL OR v.id = %(service)s
        ORDER BY p.total_us DESC, v.name, p.type, p.site LIMIT %(limit)s
    """


def _heartbeats(rows: LiteralString) -> LiteralString:
    return f"""
        SELECT v.name, sum(p.total_us_new)
        FROM ({rows}) AS p JOIN registry_service v ON v.id = p.service_id AND v.game_id = %(game)s
        WHERE p.type = 'Heartbeat' OR p.type LIKE '%%.Heartbeat'
        GROUP BY v.name HAVING sum(p.total_us_new) > 0 ORDER BY 2 DESC, 1
    """


def _server_seconds(rows: LiteralString) -> LiteralString:
    return f"SELECT sum(coalesce(servers_sum, servers::bigint * ticks))::float8 * %(tick)s FROM ({rows}) AS game"


def heaviest_sites(
    game_id: int, *, span: Span, service_id: int | None = None, limit: int = MOST_SITES
) -> list[SiteCost]:
    """The sites whose callbacks took most time, the heaviest first."""
    pieces = span.plan(finest=PROFILES.finest).pieces
    if not pieces:
        return []
    values: dict[str, Any] = {"game": game_id, "service": service_id, "limit": limit, **piece_values(pieces)}
    return [SiteCost(*row) for row in fetch(_heaviest(rows_of(PROFILES, pieces)), values)]


def heartbeat_costs(game_id: int, *, span: Span) -> list[HeartbeatCost]:
    """By service, the dearest first: the time of all its heartbeats over the frames of all servers that reported."""
    profiles, games = span.plan(finest=PROFILES.finest).pieces, span.plan(finest=TICK).pieces
    if not profiles or not games:
        return []
    values: dict[str, Any] = {"game": game_id, "tick": TICK}
    seconds = fetch(_server_seconds(rows_of(GAMES, games)), values | piece_values(games))[0][0]
    spent = fetch(_heartbeats(rows_of(PROFILES, profiles)), values | piece_values(profiles))
    return [HeartbeatCost(name, total / (seconds * FRAMES)) for name, total in spent if seconds]
