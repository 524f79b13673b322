"""A game server that keeps to the protocol, and a ledger of what was acknowledged to it. No I/O, no clock."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from connmon.wire.codec import body_digest

SERVICES: Final = ("CombatService", "LootService", "ShopService")
KINDS: Final = ("service", "controller", "player", "system")
STATES: Final = ("live", "idle", "stale", "orphaned")
TYPES: Final = ("RunService.Heartbeat", "Humanoid.Died", "RemoteEvent.OnServerEvent")
PART: Final = 8  # connections in one part of a snapshot: most snapshots here have several parts
FATAL: Final = {"seq-conflict", "seq-behind", "boot-superseded"}  # begin a new boot
DROPPED: Final = {"not-json", "bad-gzip", "invalid-report", "unprintable-text", "duplicate", "too-many-services"}

Json = dict[str, Any]
Key = tuple[str, str]  # name and boot of a server


@dataclass(slots=True)
class Connection:
    """One registered connection, with the very values that the registry should hold of it."""

    id: int
    service: str
    owner: str
    owner_kind: str
    name: str
    type: str
    at: float
    site: str
    essential: bool
    state: str = "live"

    def opened(self) -> Json:
        """As `opened` of a report names it."""
        return {slot: getattr(self, slot) for slot in self.__slots__}


@dataclass(frozen=True, slots=True)
class Executed:
    """What became of an order on the server that carried it out."""

    server: Key
    closed: tuple[int, ...]
    gone: tuple[int, ...]
    changed: tuple[int, ...]


@dataclass
class Ledger:
    """What one crowd of servers was told, and did. It outlives boots."""

    acked: int = 0
    last: dict[Key, tuple[int, int]] = field(default_factory=dict)  # seq and digest of the last acknowledged report
    executions: Counter[str] = field(default_factory=Counter)  # by order
    outcomes: dict[str, Executed] = field(default_factory=dict)
    told: set[str] = field(default_factory=set)  # orders whose outcome was acknowledged
    again: int = 0  # orders that came although they had been carried out
    strange: Counter[str] = field(default_factory=Counter)  # answers that no correct server should get
    refusals: Counter[str] = field(default_factory=Counter)  # all refusals by code


@dataclass
class Flight:
    """A report that is frozen until it is answered, and what it carries."""

    seq: int
    body: bytes
    opened: list[int]
    closed: list[tuple[int, str]]
    changed: list[int]
    outcomes: list[str]
    closing: bool


class GameServer:
    """One game server over all its boots. `random` decides what happens on it; `skew` seconds its clock is ahead."""

    def __init__(self, name: str, ledger: Ledger, chance: random.Random, *, skew: float = 0.0, size: int = 15) -> None:
        self.name, self.ledger, self.chance, self.skew, self.size = name, ledger, chance, skew, size
        self.number = 0
        self.interval = 1.0
        self.quiet = False  # nothing happens on it any more
        self.closing = False
        self._begin()

    def _begin(self) -> None:
        self.number += 1
        self.boot = f"boot-{self.number}"
        self.seq = 0
        self.next_id = 1
        self.connections: dict[int, Connection] = {}
        self.counters = {service: [0, 0] for service in SERVICES}  # opened, closed
        self.known: set[int] = set()  # connections whose opening was ever sent
        self.new: dict[int, None] = {}
        self.gone: list[tuple[int, str]] = []
        self.altered: dict[int, None] = {}
        self.orders: dict[str, Json] = {}  # outcome by order, of this boot
        self.untold: dict[str, None] = {}
        self.flight: Flight | None = None
        self.parted = False  # its farewell was acknowledged
        self.skipped = False  # a number was left out on purpose: a resync is to be expected
        self._ask_for_snapshot()

    def _ask_for_snapshot(self) -> None:
        self.snapshot_wanted = True
        self.parts: list[list[int]] = []
        self.part = 0

    @property
    def key(self) -> Key:
        """Name and boot, as connmon.core.ids.server_key wants them."""
        return self.name, self.boot

    @property
    def may_skip(self) -> bool:
        """Whether `skip` may be called: nothing in flight, no snapshot under way."""
        return not (self.flight or self.snapshot_wanted or self.parts or self.closing) and self.key in self.ledger.last

    @property
    def settled(self) -> bool:
        """Whether all it has to say is acknowledged."""
        unsaid = self.new or self.gone or self.altered or self.untold or self.parts or self.snapshot_wanted
        return not (unsaid or self.flight) and self.key in self.ledger.last and self.parted == self.closing

    def crash(self) -> None:
        """The game server dies without a word and starts anew: nothing of it is remembered."""
        self._begin()

    def reboot(self) -> None:
        """A new boot of an agent that was told to begin again; its connections are still there."""
        connections, orders = list(self.connections.values()), self.orders
        self._begin()
        for one in connections:
            self._add(one)
        self.orders = orders  # known, should one come again; their outcomes ended with the boot

    # What happens on it

    def live_on(self, now: float) -> None:
        """Connections come, go and change state, about `size` of them in the long run."""
        for _ in range(self.size if not self.next_id > 1 else self.chance.randrange(4)):
            if len(self.connections) < self.size:
                self._add(self._make(now))
        if self.connections and self.chance.random() < 0.5:
            self._close(self.chance.choice(list(self.connections)))
        if self.connections and self.chance.random() < 0.3:
            number = self.chance.choice(list(self.connections))
            self.connections[number].state = self.chance.choice(STATES)
            self.altered[number] = None

    def _make(self, now: float) -> Connection:
        number = self.next_id
        service = self.chance.choice(SERVICES)
        return Connection(
            id=number,
            service=service,
            owner=f"player:{number % 7}",
            owner_kind=self.chance.choice(KINDS),
            name=f"Handler{number % 5}",
            type=self.chance.choice(TYPES),
            at=round(now + self.skew, 3),
            site=f"ServerScriptService.{service}:{number % 90}",
            essential=self.chance.random() < 0.1,
        )

    def _add(self, one: Connection) -> None:
        self.connections[one.id] = one
        self.new[one.id] = None
        self.counters[one.service][0] += 1
        self.next_id = max(self.next_id, one.id + 1)

    def _close(self, number: int) -> None:
        one = self.connections.pop(number)
        self.counters[one.service][1] += 1
        self.altered.pop(number, None)
        if number in self.known:
            self.gone.append((number, one.service))
        self.new.pop(number, None)

    def execute(self, orders: list[Json]) -> bool:
        """Carries out orders that it does not know; whether there were any."""
        fresh = [order for order in orders if order["id"] not in self.orders]
        self.ledger.again += len(orders) - len(fresh)
        for order in fresh:
            lists: dict[str, list[int]] = {"closed": [], "gone": [], "changed": []}
            for number, opened_at in order["connections"]:
                lists[self._carry_out(number, opened_at)].append(number)
            self.orders[order["id"]] = {"order": order["id"], "status": "done", **lists}
            self.untold[order["id"]] = None
            self.ledger.executions[order["id"]] += 1
            self.ledger.outcomes[order["id"]] = Executed(self.key, *map(tuple, lists.values()))
        return bool(fresh)

    def _carry_out(self, number: int, opened_at: float) -> str:
        one = self.connections.get(number)
        if one is None:
            return "gone"
        if one.at != opened_at or one.essential:
            return "changed"
        self._close(number)
        return "closed"

    # What it says

    def report(self, now: float) -> bytes:
        """The report in flight, or the next one."""
        if self.flight is None:
            self.flight = self._freeze(now)
        return self.flight.body

    def skip(self, now: float) -> tuple[bytes, bytes]:
        """Two reports of which the second will be sent first: the earlier one, and the one now in flight.

        Both carry the same; the gap makes connmon ask for a snapshot, as it does when a report was lost.
        """
        early = self.flight = self._freeze(now)
        self._thaw()
        self.flight = self._freeze(now)
        self.skipped = True
        return early.body, self.flight.body

    def _freeze(self, now: float) -> Flight:
        self.seq += 1
        if self.snapshot_wanted:
            ids = list(self.connections)
            self.parts = [ids[at : at + PART] for at in range(0, len(ids), PART)] or [[]]
            self.part, self.of = 0, len(self.parts)
            self.new.clear()
            self.altered.clear()
            self.snapshot_wanted = False
        opened = list(self.new)
        snapshot = None
        if self.parts:
            self.part += 1
            snapshot = {"part": self.part, "of": self.of}
            opened += [number for number in self.parts.pop(0) if number in self.connections]
        changed = [number for number in self.altered if number not in opened]
        flight = Flight(self.seq, b"", opened, self.gone, changed, list(self.untold)[:100], self.closing)
        self.known.update(opened)
        self.new, self.gone, self.altered = {}, [], {}
        body: Json = {
            "kind": "report",
            "v": 1,
            "server": {"id": self.name, "boot": self.boot, "agent": "chaos/1"},
            "seq": self.seq,
            "sent_at": round(now + self.skew, 3),
            "interval": self.interval,
            "players": 4,
            "services": self._services(),
            "opened": [self.connections[number].opened() for number in opened],
            "closed": [{"id": number, "service": service} for number, service in flight.closed],
            "changed": [self._changed(number) for number in changed],
            "outcomes": [self.orders[order] for order in flight.outcomes],
            "closing": self.closing,
        }
        if snapshot:
            body["snapshot"] = snapshot
        flight.body = msgspec.json.encode(body)
        return flight

    def _changed(self, number: int) -> Json:
        one = self.connections[number]
        return {"id": number, "service": one.service, "state": one.state}

    def _services(self) -> list[Json]:
        by_state = Counter((one.service, one.state) for one in self.connections.values())
        return [
            {"name": service, "live": sum(by_state[service, state] for state in STATES), "opened": opened}
            | {"closed": closed}
            | {state: by_state[service, state] for state in STATES[1:]}
            for service, (opened, closed) in self.counters.items()
        ]

    def _thaw(self) -> None:
        """What is in flight is to be said once more, in another report."""
        if self.flight is None:
            return
        for number in self.flight.opened:
            if number in self.connections:
                self.new[number] = None
        self.gone = self.flight.closed + self.gone
        self.altered |= {number: None for number in self.flight.changed if number in self.connections}
        self.flight = None

    # What it is answered

    def take(self, answer: Json) -> None:
        """An answer of success to the report in flight."""
        flight = self.flight
        if flight is None or answer["ack"] != flight.seq:
            self.ledger.strange["ack of another report"] += 1
            return
        self.flight = None
        self.parted = flight.closing
        self.ledger.acked += 1
        self.ledger.last[self.key] = (flight.seq, body_digest(flight.body))
        for order in flight.outcomes:
            self.untold.pop(order, None)
            self.ledger.told.add(order)
        if answer["resync"]:
            if not self.skipped:
                self.ledger.strange["resync without a gap"] += 1
            self._ask_for_snapshot()
        self.skipped = False
        self.execute(answer["orders"])
        self.interval = float(answer["interval"])

    def refuse(self, problem: Json) -> float:
        """A refusal of the report in flight; seconds to wait."""
        code = problem["code"]
        self.ledger.refusals[code] += 1
        if code in FATAL:
            self.ledger.strange[code] += 1
            self.reboot()
            return 0.0
        if code in DROPPED:
            self.ledger.strange[code] += 1
            self._thaw()
            self._ask_for_snapshot()
            return 0.0
        if code in {"internal-error", "bad-key", "key-revoked", "scope-missing"}:
            self.ledger.strange[code] += 1
        return float(problem.get("retry_after", 1))
