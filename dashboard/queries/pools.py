"""Pools: by type over the fleet, and on each server. Exhausted ones come first."""

from datetime import datetime
from typing import Final

from msgspec import Struct

from dashboard.queries.fetch import fetch, like
from dashboard.queries.keyset import Key, Listing, Slice, number, read_slice

TYPES_MAX: Final = 200
PER_PAGE: Final = 100


class PoolType(Struct, frozen=True):
    """All pools of one type on reporting servers. `id` is the type; hits and misses since each server's boot; `reuse` =
    hits / (hits + misses); `exhausted`: servers whose pool has no free slot."""

    id: str
    servers: int
    exhausted: int
    size: int
    in_use: int
    hits: int
    misses: int
    reuse: float | None


class PoolTotals(Struct, frozen=True):
    """All pools of reporting servers."""

    types: int
    size: int
    in_use: int
    reuse: float | None
    exhausted: int


class PoolsLive(Struct, frozen=True):
    """What the page of pools shows that changes."""

    totals: PoolTotals
    pools: list[PoolType]


class ServerPoolRow(Struct, frozen=True):
    """One pool of one reporting server."""

    server_id: str
    server: str
    type: str
    size: int
    in_use: int
    hits: int
    misses: int
    reuse: float | None
    is_exhausted: bool

    @property
    def free(self) -> int:
        return max(self.size - self.in_use, 0)


class PoolsQuery(Struct, frozen=True):
    """What the address asks of the pools by server: a type, text in server or type, sort, and a page's cursor."""

    type: str = ""
    search: str = ""
    sort: str = "free"
    descending: bool = False
    after: str = ""
    before: str = ""


# The pools stand in parallel arrays, one row a server: unnest them side by side.
POOLS = """
SELECT server.id, server.name, pool.type, pool.size, pool.in_use, pool.hits, pool.misses,
       pool.size > 0 AND pool.in_use >= pool.size AS exhausted
FROM registry_gameserver AS server
JOIN registry_serverstate AS state ON state.server_id = server.id
CROSS JOIN LATERAL unnest(
    state.pool_types, state.pool_size, state.pool_in_use, state.pool_hits, state.pool_misses
) AS pool(type, size, in_use, hits, misses)
WHERE server.game_id = %(game)s AND server.ended_at IS NULL AND state.due_at > %(now)s
"""

BY_TYPE = f"""
SELECT type, count(*), count(*) FILTER (WHERE exhausted), sum(size)::bigint, sum(in_use)::bigint, sum(hits)::bigint,
       sum(misses)::bigint, (sum(hits) / nullif(sum(hits) + sum(misses), 0))::float8
FROM ({POOLS}) AS pools
GROUP BY type
ORDER BY 3 DESC, sum(in_use)::float8 / nullif(sum(size), 0) DESC NULLS LAST, type
LIMIT %(limit)s
"""  # joined from constants only

BY_SERVER = f"""
SELECT id::text, name, type, size, in_use, hits, misses, hits::float8 / nullif(hits + misses, 0) AS reuse, exhausted
FROM ({POOLS}) AS pools
WHERE (%(type)s = '' OR type = %(type)s) AND (name ILIKE %(like)s OR type ILIKE %(like)s)
"""  # joined from constants only

# Sort keys of the address: those that are text, and numbers, which may be unknown.
TEXTS: Final = {"server": "name", "type": "type"}
NUMBERS: Final = {
    "free": "CASE WHEN exhausted THEN 0 ELSE greatest(size - in_use, 1) END",
    "size": "size",
    "in_use": "in_use",
    "hits": "hits",
    "misses": "misses",
    "reuse": "reuse",
}
SORTS: Final = (*TEXTS, *NUMBERS)
TIES: Final = (Key("name"), Key("id::bigint", "bigint"), Key("type"))


def pools_live(game_id: int, *, now: datetime) -> PoolsLive:
    """Every type, those that are exhausted somewhere first, and their sums."""
    pools = fetch(PoolType, BY_TYPE, {"game": game_id, "now": now, "limit": TYPES_MAX})
    hits, handed_out = sum(pool.hits for pool in pools), sum(pool.hits + pool.misses for pool in pools)
    totals = PoolTotals(
        types=len(pools),
        size=sum(pool.size for pool in pools),
        in_use=sum(pool.in_use for pool in pools),
        reuse=hits / handed_out if handed_out else None,
        exhausted=sum(pool.exhausted for pool in pools),
    )
    return PoolsLive(totals=totals, pools=pools)


def server_pools(game_id: int, query: PoolsQuery, *, now: datetime) -> Slice[ServerPoolRow]:
    """One page of pools by server."""
    listing, parameters = _listing(game_id, query, now=now)
    return read_slice(ServerPoolRow, listing, parameters, after=query.after, before=query.before, most=PER_PAGE)


def server_pools_sql(game_id: int, query: PoolsQuery, *, now: datetime) -> tuple[str, dict[str, object]]:
    """The statement of all rows that `query` finds, in its order, as ServerPoolRow; its cursors are left aside."""
    listing, parameters = _listing(game_id, query, now=now)
    return listing.whole(), parameters


def _listing(game_id: int, query: PoolsQuery, *, now: datetime) -> tuple[Listing, dict[str, object]]:
    known = TEXTS.get(query.sort)
    key = Key(known) if known else number(NUMBERS[query.sort], descending=query.descending)
    parameters = {"game": game_id, "now": now, "type": query.type, "like": like(query.search)}
    return Listing("*", BY_SERVER, (key, *TIES), query.descending), parameters
