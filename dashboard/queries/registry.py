"""The registry of a service (over all its servers) or of a server: search, filters, sort, keyset paging."""

from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from msgspec import Struct

from connmon.registry.states import OWNER_KINDS, STATES, OwnerKind
from dashboard.queries.fetch import fetch, like
from dashboard.queries.keyset import Key, Listing, read_slice

PER_PAGE = 50
COUNT_MAX = 10_000  # counting stops here: the page then says "more than"
UNKNOWN: Final = len(STATES)  # the state shown for connections of a silent server


class ShownState(StrEnum):
    """A connection's state on the pages: as reported, or unknown while its server is silent."""

    LIVE = "live"
    IDLE = "idle"
    STALE = "stale"
    ORPHANED = "orphaned"
    UNKNOWN = "unknown"


class Sort(StrEnum):
    """Sort keys of the address."""

    OPENED = "opened"
    OWNER = "owner"
    NAME = "name"
    TYPE = "type"
    SERVER = "server"
    SERVICE = "service"
    STATE = "state"


class RegistryQuery(Struct, frozen=True):
    """What the address asks of a registry; `after` and `before` are cursors that an earlier page gave."""

    service_id: int | None = None
    server_id: int | None = None
    search: str = ""
    state: ShownState | None = None
    owner_kind: OwnerKind | None = None
    sort: Sort = Sort.OPENED
    descending: bool = True
    after: str = ""
    before: str = ""


class RegistryRow(Struct, frozen=True):
    """One registered connection. `opened_sent` = its opening in Unix seconds of the agent's clock, as it was sent;
    `opened_at` = the same by our clock."""

    server_id: str
    service_id: int
    connection_id: int
    server: str
    service: str
    opened_at: datetime
    opened_sent: float
    state_code: int
    owner_kind_code: int
    owner: str
    name: str
    type: str
    site: str
    essential: bool

    @property
    def state(self) -> ShownState:
        return ShownState.UNKNOWN if self.state_code == UNKNOWN else ShownState(STATES[self.state_code])

    @property
    def owner_kind(self) -> OwnerKind:
        return OWNER_KINDS[self.owner_kind_code]

    @property
    def owner_says_kind(self) -> bool:
        """As in `player:261`."""
        return self.owner.startswith(f"{self.owner_kind}:")


class RegistryPage(Struct, frozen=True):
    """One page; `total` stops at COUNT_MAX. Cursors are empty where no page follows or precedes."""

    rows: list[RegistryRow]
    total: int
    next: str
    previous: str

    @property
    def total_is_capped(self) -> bool:
        return self.total >= COUNT_MAX


KEYS: Final[dict[Sort, Key]] = {
    Sort.OPENED: Key("opened_sent", "float8"),
    Sort.OWNER: Key("owner"),
    Sort.NAME: Key("name"),
    Sort.TYPE: Key("type"),
    Sort.SERVER: Key("server"),
    Sort.SERVICE: Key("service"),
    Sort.STATE: Key("state", "bigint"),
}
# The order is always made total by the row's key.
TIES: Final = (Key("server_id", "bigint"), Key("service_id", "bigint"), Key("connection_id", "bigint"))
COLUMNS: Final = """server_id::text, service_id, connection_id, server, service, opened_at, opened_sent, state,
    owner_kind, owner, name, type, site, essential"""

# One service's rows are one short range of the primary key per running server; one server's are one range. The
# shown state depends on the server's lease, so it is worked out here and nothing is written when a server falls silent.
MATCHING = """
SELECT connection.server_id, connection.service_id, connection.connection_id, server.name AS server,
       service.name AS service, connection.opened_at AS opened_sent,
       to_timestamp(connection.opened_at - state.clock_skew) AS opened_at,
       CASE WHEN state.due_at <= %(now)s THEN %(unknown)s ELSE connection.state END AS state,
       connection.owner_kind, connection.owner, connection.name, connection.type, connection.site,
       connection.essential
FROM registry_gameserver AS server
JOIN registry_serverstate AS state ON state.server_id = server.id
JOIN registry_connection AS connection ON connection.server_id = server.id
JOIN registry_service AS service ON service.id = connection.service_id
WHERE server.game_id = %(game)s
"""
OF_SERVICE = " AND server.ended_at IS NULL AND connection.service_id = %(service)s"
OF_SERVER = " AND server.id = %(server)s"
WITH_TEXT = """ AND (connection.owner ILIKE %(like)s OR connection.name ILIKE %(like)s
                     OR connection.type ILIKE %(like)s OR connection.site ILIKE %(like)s)"""
WITH_KIND = " AND connection.owner_kind = %(kind)s"
WITH_STATE = " AND connection.state = %(state)s AND state.due_at > %(now)s"
WITH_UNKNOWN = " AND state.due_at <= %(now)s"


def registry_page(game_id: int, query: RegistryQuery, *, now: datetime) -> RegistryPage:
    """One page of at most PER_PAGE rows. A cursor that cannot be read is taken as none: the first page."""
    listing, parameters = _listing(game_id, query, now=now)
    counted = fetch(int, f"SELECT count(*) FROM ({listing.rows} LIMIT {COUNT_MAX}) AS counted", parameters)
    found = read_slice(RegistryRow, listing, parameters, after=query.after, before=query.before, most=PER_PAGE)
    return RegistryPage(rows=found.rows, total=counted[0], next=found.next, previous=found.previous)


def registry_sql(game_id: int, query: RegistryQuery, *, now: datetime) -> tuple[str, dict[str, Any]]:
    """The statement of all rows that `query` finds, in its order, as RegistryRow; its cursors are left aside."""
    listing, parameters = _listing(game_id, query, now=now)
    return listing.whole(), parameters


def _listing(game_id: int, query: RegistryQuery, *, now: datetime) -> tuple[Listing, dict[str, Any]]:
    matching, parameters = _matching(game_id, query, now=now)
    return Listing(COLUMNS, matching, (KEYS[query.sort], *TIES), query.descending), parameters


def _matching(game_id: int, query: RegistryQuery, *, now: datetime) -> tuple[str, dict[str, Any]]:
    sql = MATCHING
    parameters: dict[str, Any] = {"game": game_id, "now": now, "unknown": UNKNOWN}
    if query.service_id is not None:
        sql += OF_SERVICE
        parameters["service"] = query.service_id
    if query.server_id is not None:
        sql += OF_SERVER
        parameters["server"] = query.server_id
    if query.search:
        sql += WITH_TEXT
        parameters["like"] = like(query.search)
    if query.owner_kind is not None:
        sql += WITH_KIND
        parameters["kind"] = OWNER_KINDS.index(query.owner_kind)
    if query.state is ShownState.UNKNOWN:
        sql += WITH_UNKNOWN
    elif query.state is not None:
        sql += WITH_STATE
        parameters["state"] = [state.value for state in STATES].index(query.state.value)
    return sql, parameters
