"""What the load generator sends: templates of literal pieces and slots, filled anew for each request.

Every slot but the server's name and the time is a number that grows evenly with the server's sequence number.
So all servers share one rendering of a round, and a request costs the generator a handful of joined strings.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum


class ScriptError(ValueError):
    """A script that cannot be sent as it stands; the message says which part to change."""


class SlotKind(StrEnum):
    """Where a slot's text comes from."""

    SERVER = "server"
    """The server's name."""
    NOW = "now"
    """The moment of sending, Unix time in seconds with three decimals."""
    NOW_MS = "now_ms"
    """The moment of sending, Unix time in whole milliseconds."""
    SEQ = "seq"
    """The server's own sequence number; it grows by one with each of its requests."""
    COUNTER = "counter"
    """`base + step * seq`: constant with step 0, else a number that grows."""
    OPEN_ID = "open_id"
    """The id of the `index`-th connection that this request opens; a server's ids count up."""
    CLOSE_ID = "close_id"
    """The id of the `index`-th connection that the same server opened `lag` requests ago."""


TEXT_KINDS = frozenset({SlotKind.SERVER, SlotKind.NOW, SlotKind.NOW_MS})


@dataclass(frozen=True, slots=True)
class Slot:
    """A place in a template; `index`, `base` and `step` serve the kinds that name them.

    A number shorter than `width` is padded with zeros on the left.
    """

    kind: SlotKind
    index: int = 0
    base: int = 0
    step: int = 0
    width: int = 0

    @classmethod
    def counter(cls, base: int, step: int = 0) -> Slot:
        """A number that is `base + step * seq`."""
        return cls(SlotKind.COUNTER, base=base, step=step)

    @classmethod
    def open_id(cls, index: int, width: int = 0) -> Slot:
        """The id of the `index`-th (from 0) connection opened by this request."""
        return cls(SlotKind.OPEN_ID, index=index, width=width)

    @classmethod
    def close_id(cls, index: int, width: int = 0) -> Slot:
        """The id of the `index`-th (from 0) connection opened `lag` requests ago by the same server."""
        return cls(SlotKind.CLOSE_ID, index=index, width=width)


SERVER = Slot(SlotKind.SERVER)
NOW = Slot(SlotKind.NOW)
NOW_MS = Slot(SlotKind.NOW_MS)
SEQ = Slot(SlotKind.SEQ)


@dataclass(frozen=True, slots=True)
class Template:
    """Literal text and slots, in the order they are sent."""

    pieces: tuple[str | Slot, ...]

    @classmethod
    def of(cls, *pieces: str | Slot) -> Template:
        """The template of these pieces; neighbouring literals become one."""
        return cls(tuple(_joined(pieces)))

    def slots(self) -> Iterator[Slot]:
        """Every slot, in order."""
        return (piece for piece in self.pieces if isinstance(piece, Slot))


def _joined(pieces: tuple[str | Slot, ...]) -> Iterator[str | Slot]:
    literal = ""
    for piece in pieces:
        if isinstance(piece, str):
            literal += piece
            continue
        if literal:
            yield literal
        literal = ""
        yield piece
    if literal:
        yield literal


def server_names(count: int) -> tuple[str, ...]:
    """`count` names of one length, counted from 1."""
    width = max(4, len(str(count)))
    return tuple(f"server-{number:0{width}d}" for number in range(1, count + 1))


@dataclass(frozen=True, slots=True)
class Script:
    """One workload: `servers` POST `body` to `path`, in turn, each with its own growing sequence number.

    `opening` is sent instead of `body` while a server's sequence number is at most `lag`: there is nothing to
    close yet. An answer whose status is not `expected_status` counts as an error. The first request is of server number
    `first_server` (from 0). Each connection waits `pause_ms` between an answer and its next request. Raises ScriptError
    when it could not be sent.
    """

    path: Template
    body: Template
    opening: Template | None = None
    content_type: str = "application/json"
    expected_status: int = 200
    servers: tuple[str, ...] = field(default_factory=lambda: server_names(1000))
    first_seq: int = 1
    first_server: int = 0
    ids_per_request: int = 20
    lag: int = 0
    pause_ms: int = 0

    def __post_init__(self) -> None:
        if not self.servers:
            raise ScriptError("a script needs at least one server")
        if len({len(name.encode()) for name in self.servers}) != 1:
            raise ScriptError(
                "server names must be of the same length: the length of a request is reckoned once a round"
            )
        if any("\n" in name for name in self.servers):
            raise ScriptError("a server's name is one line")
        if self.first_seq < 1:
            raise ScriptError("first_seq starts at 1")
        if not 0 <= self.first_server < len(self.servers):
            raise ScriptError("first_server is the number of a server, from 0")
        if any(slot.kind in TEXT_KINDS - {SlotKind.SERVER} for slot in self.path.slots()):
            raise ScriptError("a path may hold the server and numbers, no time")
        if self._closes_too_early():
            raise ScriptError("a close_id needs lag >= 1, and `opening` without close_id for the first `lag` requests")

    def _closes_too_early(self) -> bool:
        def closes(template: Template) -> bool:
            return any(slot.kind is SlotKind.CLOSE_ID for slot in template.slots())

        if self.opening is None:
            return closes(self.body) and not 1 <= self.lag < self.first_seq
        return closes(self.opening) or (closes(self.body) and self.lag < 1)

    def starting_at(self, seq: int, server: int = 0) -> Script:
        """The same script; the next sequence number is `seq` from server number `server` on, one more before it."""
        return replace(self, first_seq=seq, first_server=server)

    def body_for(self, seq: int) -> Template:
        """The template that a server's request number `seq` uses."""
        return self.opening if self.opening is not None and seq <= self.lag else self.body

    def line_of(self, slot: Slot) -> tuple[int, int]:
        """A number slot as (base, step): its value is base + step * seq."""
        match slot.kind:
            case SlotKind.SEQ:
                return 0, 1
            case SlotKind.COUNTER:
                return slot.base, slot.step
            case SlotKind.OPEN_ID:
                return slot.index, self.ids_per_request
            case SlotKind.CLOSE_ID:
                return slot.index - self.lag * self.ids_per_request, self.ids_per_request
        raise ScriptError(f"{slot.kind} is no number")

    def render(self, template: Template, *, server: str, seq: int, now_ms: int) -> str:
        """The text of `template` as the generator sends it; the Lua side is tested against this one."""
        return "".join(self._render_piece(piece, server, seq, now_ms) for piece in template.pieces)

    def _render_piece(self, piece: str | Slot, server: str, seq: int, now_ms: int) -> str:
        if isinstance(piece, str):
            return piece
        match piece.kind:
            case SlotKind.SERVER:
                return server
            case SlotKind.NOW:
                return f"{now_ms // 1000}.{now_ms % 1000:03d}"
            case SlotKind.NOW_MS:
                return str(now_ms)
        base, step = self.line_of(piece)
        return f"{base + step * seq:0{piece.width}d}"
