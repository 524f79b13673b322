"""The registry of a service (over all its servers) or of a server: search, filters, sort, keyset paging."""

import base64
import binascii
import json
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from msgspec import Struct

from connmon.registry.states import OWNER_KINDS, STATES, OwnerKind
from dashboard.queries.fetch import fetch, like

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


# Sort key -> (expression, its SQL type). The order is always made total by the row's key, so that a page begins
# exactly after the one before it even where values repeat or rows come and go.
EXPRESSIONS: Final[dict[Sort, tuple[str, str]]] = {
    Sort.OPENED: ("opened_sent", "float8"),
    Sort.OWNER: ("owner", "text"),
    Sort.NAME: ("name", "text"),
    Sort.TYPE: ("type", "text"),
    Sort.SERVER: ("server", "text"),
    Sort.SERVICE: ("service", "text"),
    Sort.STATE: ("state", "int"),
}

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
    matching, parameters = _matching(game_id, query, now=now)
    counted = fetch(int, f"SELECT count(*) FROM ({matching} LIMIT {COUNT_MAX}) AS counted", parameters)
    backwards = bool(query.before) and not query.after
    cursor = _read_cursor(query.before if backwards else query.after, query.sort)
    expression, kind = EXPRESSIONS[query.sort]
    ascending = query.descending == backwards
    past = ""
    if cursor is not None:
        parameters |= dict(zip(("value", "c_server", "c_service", "c_id"), cursor, strict=True))
        past = f"""WHERE ({expression}, server_id, service_id, connection_id)
            {">" if ascending else "<"} (%(value)s::{kind}, %(c_server)s, %(c_service)s, %(c_id)s)"""
    way = "ASC" if ascending else "DESC"
    sql = f"{_ordered(matching, past, expression, way)} LIMIT {PER_PAGE + 1}"
    rows = fetch(RegistryRow, sql, parameters)
    return _page(rows, query.sort, total=counted[0], backwards=backwards and cursor is not None, first=cursor is None)


def registry_sql(game_id: int, query: RegistryQuery, *, now: datetime) -> tuple[str, dict[str, Any]]:
    """The statement of all rows that `query` finds, in its order, as RegistryRow; its cursors are left aside."""
    matching, parameters = _matching(game_id, query, now=now)
    expression, _ = EXPRESSIONS[query.sort]
    return _ordered(matching, "", expression, "DESC" if query.descending else "ASC"), parameters


def _ordered(matching: str, past: str, expression: str, way: str) -> str:
    """Joined from constants; every value is bound."""
    return f"""SELECT server_id::text, service_id, connection_id, server, service, opened_at, opened_sent, state,
            owner_kind, owner, name, type, site, essential
        FROM ({matching}) AS matching {past}
        ORDER BY {expression} {way}, matching.server_id {way}, service_id {way}, connection_id {way}"""


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


def _page(rows: list[RegistryRow], sort: Sort, *, total: int, backwards: bool, first: bool) -> RegistryPage:
    more = len(rows) > PER_PAGE
    rows = rows[:PER_PAGE]
    if backwards:
        rows.reverse()
    has_next, has_previous = (True, more) if backwards else (more, not first)
    return RegistryPage(
        rows=rows,
        total=total,
        next=_write_cursor(rows[-1], sort) if rows and has_next else "",
        previous=_write_cursor(rows[0], sort) if rows and has_previous else "",
    )


def _write_cursor(row: RegistryRow, sort: Sort) -> str:
    value = {
        Sort.OPENED: repr(row.opened_sent),
        Sort.OWNER: row.owner,
        Sort.NAME: row.name,
        Sort.TYPE: row.type,
        Sort.SERVER: row.server,
        Sort.SERVICE: row.service,
        Sort.STATE: str(row.state_code),
    }[sort]
    place = [value, int(row.server_id), row.service_id, row.connection_id]
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode().rstrip("=")


def _read_cursor(text: str, sort: Sort) -> tuple[str, int, int, int] | None:
    """(value, server, service, connection) of a cursor, or None if it is empty or was not written here."""
    try:
        place = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        value, server, service, connection = place
        numbers = (int(server), int(service), int(connection))
        if sort is Sort.OPENED:
            float(value)
        if sort is Sort.STATE:
            int(value)
    except (ValueError, TypeError, binascii.Error):
        return None
    return None if max(numbers) >= 2**63 or "\0" in str(value) else (str(value), *numbers)
