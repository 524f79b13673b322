"""A game's servers: the list."""

from datetime import datetime
from enum import StrEnum
from typing import Final

from msgspec import Struct

from dashboard.queries.fetch import fetch, like
from dashboard.queries.keyset import Key, Listing, Slice, number, read_slice

PER_PAGE = 100
LIVE_ROWS_MAX = 1_000  # rows of the list that are refreshed while it is looked at


class ServerStatus(StrEnum):
    """What a server's lease and sequence say of it."""

    REPORTING = "reporting"
    RESYNCING = "resyncing"  # reports, but its registry is not complete until the snapshot it was asked for
    SILENT = "silent"  # its next report is overdue
    ENDED = "ended"  # another boot took its place, or it was removed


class ServerRow(Struct, frozen=True):
    """One server; times are aware datetimes, memory in megabytes. `id` is text: it exceeds JavaScript's numbers."""

    id: str
    name: str
    status: ServerStatus
    received_at: datetime
    place_version: int | None
    agent: str
    players: int
    memory_mb: float | None
    live: int
    orphaned: int
    stale: int


class ServerCounts(Struct, frozen=True):
    """How many servers of a game are in each status; `running` = the first three together."""

    reporting: int
    resyncing: int
    silent: int
    ended: int

    @property
    def running(self) -> int:
        return self.reporting + self.resyncing + self.silent


class ServersLive(Struct, frozen=True):
    """What the list of servers shows that changes: the counts and the rows of running servers."""

    counts: ServerCounts
    servers: list[ServerRow]


# The lease decides a running server's status; nothing is stored of it (a silent server's row is not touched).
STATUS = """CASE WHEN server.ended_at IS NOT NULL THEN 'ended' WHEN state.due_at <= %(now)s THEN 'silent'
            WHEN state.synced THEN 'reporting' ELSE 'resyncing' END"""

# Array sums inside the database: one row a server comes out.
ROWS = f"""
SELECT server.id::text, server.name, {STATUS} AS status, state.received_at, server.place_version, server.agent,
       state.players, state.memory_mb, coalesce(sums.live, 0)::bigint AS live,
       coalesce(sums.orphaned, 0)::bigint AS orphaned, coalesce(sums.stale, 0)::bigint AS stale
FROM registry_gameserver AS server
JOIN registry_serverstate AS state ON state.server_id = server.id
LEFT JOIN LATERAL (
    SELECT sum(live) AS live, sum(orphaned) AS orphaned, sum(stale) AS stale
    FROM unnest(state.live, state.orphaned, state.stale) AS counters(live, orphaned, stale)
) AS sums ON TRUE
WHERE server.game_id = %(game)s
"""  # joined from constants only

COUNTS = f"""
SELECT count(*) FILTER (WHERE status = 'reporting'), count(*) FILTER (WHERE status = 'resyncing'),
       count(*) FILTER (WHERE status = 'silent'), count(*) FILTER (WHERE status = 'ended')
FROM (
    SELECT {STATUS} AS status
    FROM registry_gameserver AS server
    JOIN registry_serverstate AS state ON state.server_id = server.id
    WHERE server.game_id = %(game)s
) AS servers
"""  # joined from constants only

LIVE_ROWS = ROWS + " AND server.ended_at IS NULL ORDER BY server.name LIMIT %(limit)s"

# Sort keys of the address: those that are text, and numbers, which may be unknown.
TEXTS: Final = {"name": "name", "status": "status"}
NUMBERS: Final = {
    "version": "place_version",
    "report": "extract(epoch FROM received_at)",
    "players": "players",
    "memory": "memory_mb",
    "live": "live",
    "orphaned": "orphaned",
    "stale": "stale",
}
SORTS: Final = (*TEXTS, *NUMBERS)
TIES: Final = (Key("name"), Key("id::bigint", "bigint"))


class ServersQuery(Struct, frozen=True):
    """What the address asks of the list: text in the name, a status (or all running), sort, and a page's cursor."""

    search: str = ""
    status: ServerStatus | None = None
    sort: str = "name"
    descending: bool = False
    after: str = ""
    before: str = ""


def server_rows(game_id: int, query: ServersQuery, *, now: datetime) -> Slice[ServerRow]:
    """One page of servers. Ended ones only by status."""
    listing, parameters = _listing(game_id, query, now=now)
    return read_slice(ServerRow, listing, parameters, after=query.after, before=query.before, most=PER_PAGE)


def servers_sql(game_id: int, query: ServersQuery, *, now: datetime) -> tuple[str, dict[str, object]]:
    """The statement of all servers that `query` finds, in its order, as ServerRow; its cursors are left aside."""
    listing, parameters = _listing(game_id, query, now=now)
    return listing.whole(), parameters


def _listing(game_id: int, query: ServersQuery, *, now: datetime) -> tuple[Listing, dict[str, object]]:
    wanted = f"AND ({STATUS}) = %(status)s" if query.status else "AND server.ended_at IS NULL"
    known = TEXTS.get(query.sort)
    key = Key(known) if known else number(NUMBERS[query.sort], descending=query.descending)
    rows = f"{ROWS} {wanted} AND server.name ILIKE %(like)s"
    parameters = {"game": game_id, "now": now, "status": query.status, "like": like(query.search)}
    return Listing("*", rows, (key, *TIES), query.descending), parameters


def server_counts(game_id: int, *, now: datetime) -> ServerCounts:
    return fetch(ServerCounts, COUNTS, {"game": game_id, "now": now})[0]


def servers_live(game_id: int, *, now: datetime) -> ServersLive:
    """The counts, and the running servers by name, at most LIVE_ROWS_MAX of them."""
    rows = fetch(ServerRow, LIVE_ROWS, {"game": game_id, "now": now, "limit": LIVE_ROWS_MAX})
    return ServersLive(counts=server_counts(game_id, now=now), servers=rows)
