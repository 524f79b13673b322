"""Protocol v1: what an agent sends (`Report`) and what it is answered (`Answer`).

Field by field in docs/protocol.md. Unknown fields are ignored, unknown kinds refused, every string, list and
number is bounded here. Times are Unix seconds of the sender's clock; counters are absolute since its boot.
"""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

MAX_BODY = 256 * 1024  # bytes on the wire, compressed or not
MAX_INFLATED = 2 * 1024 * 1024  # bytes after gunzip
MAX_INFLATE_RATIO = 100  # JSON of reports compresses 6 to 20 times; past this it is a bomb
MAX_SERVICES = 1_000
MAX_POOLS = 64
MAX_EVENTS = 5_000  # opened, closed, changed: each; a larger registry comes in several snapshot parts
MAX_OUTCOMES = 100
MAX_PROFILES = 100  # the heaviest creation sites; a server has few that matter
MAX_SEQ = 2**53 - 1  # the largest whole number that JSON carries safely

Count = Annotated[int, Meta(ge=0, le=2**31 - 1)]
Total = Annotated[int, Meta(ge=0, le=MAX_SEQ)]
ConnectionId = Annotated[int, Meta(ge=1, le=MAX_SEQ)]
Seconds = Annotated[float, Meta(ge=0.0, le=4_102_444_800.0)]  # up to the year 2100
Megabytes = Annotated[float, Meta(ge=0.0, le=1e9)]
Microseconds = Annotated[float, Meta(ge=0.0, le=1e15)]  # up to 31 years of callbacks
Name = Annotated[str, Meta(min_length=1, max_length=128)]
Word = Annotated[str, Meta(min_length=1, max_length=64)]
Site = Annotated[str, Meta(max_length=256)]
EmptyTable = Annotated[list[int], Meta(max_length=0)]  # Luau encodes a table without keys as []


# Who a connection belongs to: the owner's end is the connection's end.
OwnerKind = Literal["service", "controller", "player", "system"]
# What the agent says of a connection; docs/protocol.md defines each.
ConnectionState = Literal["live", "idle", "stale", "orphaned"]


class Server(Struct, frozen=True):
    """Who reports. `id` is the host's own (a JobId); `boot` is new each time the agent starts."""

    id: Name
    boot: Word
    agent: Word
    place_id: Total | None = None
    place_version: Total | None = None


class Memory(Struct, frozen=True):
    """Megabytes: the whole process, and what the engine counts under signals."""

    total_mb: Megabytes | None = None
    signals_mb: Megabytes | None = None


class ServiceCounters(Struct, frozen=True):
    """One service on this server: `opened`/`closed` since boot, the others as they stand."""

    name: Name
    live: Count
    opened: Total
    closed: Total
    idle: Count = 0
    orphaned: Count = 0
    stale: Count = 0


class PoolCounters(Struct, frozen=True):
    """One pool: slots that exist and are handed out; `hits` (slot reused) and `misses` since boot."""

    type: Word
    size: Count
    in_use: Count
    hits: Total
    misses: Total


class Profile(Struct, frozen=True):
    """What the callbacks connected at one site have cost since boot: calls, their time together, single ones."""

    service: Name
    type: Word
    site: Site
    count: Total
    total_us: Microseconds
    p50_us: Microseconds
    p95_us: Microseconds
    max_us: Microseconds


class Opened(Struct, frozen=True):
    """A connection that came into the registry."""

    id: ConnectionId
    service: Name
    owner: Name
    owner_kind: OwnerKind
    name: Name
    type: Word
    at: Seconds
    site: Site = ""
    essential: bool = False
    state: ConnectionState = "live"


class Closed(Struct, frozen=True):
    """A connection that left the registry."""

    id: ConnectionId
    service: Name


class Changed(Struct, frozen=True):
    """A connection that went idle, active again (`live`), stale or orphaned."""

    id: ConnectionId
    service: Name
    state: ConnectionState


class Outcome(Struct, frozen=True):
    """What became of an order, by connection id."""

    order: Word
    status: Literal["done", "refused", "failed"]
    closed: Annotated[list[ConnectionId], Meta(max_length=MAX_EVENTS)] = []
    gone: Annotated[list[ConnectionId], Meta(max_length=MAX_EVENTS)] = []
    changed: Annotated[list[ConnectionId], Meta(max_length=MAX_EVENTS)] = []
    detail: Site = ""


class SnapshotPart(Struct, frozen=True):
    """This report is part `part` of `of`; with the last one, what no part named is dropped."""

    part: Annotated[int, Meta(ge=1, le=10_000)]
    of: Annotated[int, Meta(ge=1, le=10_000)]


class Report(Struct, frozen=True, tag_field="kind", tag="report"):
    """One report of one server: what changed since the last acknowledged one. `closing`: the server ends now."""

    v: Literal[1]
    server: Server
    seq: Annotated[int, Meta(ge=1, le=MAX_SEQ)]
    sent_at: Seconds
    interval: Annotated[float, Meta(ge=0.1, le=3_600.0)] = 10.0
    players: Count = 0
    memory: Memory | EmptyTable = Memory()
    services: Annotated[list[ServiceCounters], Meta(max_length=MAX_SERVICES)] = []
    pools: Annotated[list[PoolCounters], Meta(max_length=MAX_POOLS)] = []
    opened: Annotated[list[Opened], Meta(max_length=MAX_EVENTS)] = []
    closed: Annotated[list[Closed], Meta(max_length=MAX_EVENTS)] = []
    changed: Annotated[list[Changed], Meta(max_length=MAX_EVENTS)] = []
    outcomes: Annotated[list[Outcome], Meta(max_length=MAX_OUTCOMES)] = []
    profiles: Annotated[list[Profile], Meta(max_length=MAX_PROFILES)] = []
    snapshot: SnapshotPart | None = None
    config_revision: Count = 0
    dropped: Count = 0
    closing: bool = False


class Order(Struct, frozen=True):
    """Connections this server is asked to close: ids, each with the moment it was opened."""

    id: str
    connections: list[tuple[int, float]]


class Orders(Struct, frozen=True, tag_field="kind", tag="orders"):
    """Orders outside an answer: pushed over a socket the moment they are due."""

    orders: list[Order]


class Answer(Struct, frozen=True, tag_field="kind", tag="ack"):
    """Everything up to `ack` is committed and flushed. `resync`: send a snapshot next."""

    ack: int
    resync: bool
    interval: float
    orders: list[Order] = []
    config: dict[str, Any] | None = None
