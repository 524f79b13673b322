"""Reports as the values of their batch's statements: array literals, made from strings.

A report is rendered when it arrives, while the transaction before it runs; its batch only joins what is there.

Ints and floats go through `repr`, which runs over a whole list in C; text needs its quotes and backslashes escaped.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from msgspec.structs import astuple

from connmon.registry import states
from connmon.registry.image import Image, merge_pools, merge_services
from connmon.registry.rules import Position, Step, lease_seconds
from connmon.wire.v1 import Memory, Opened, Outcome, PoolCounters, Profile, Report

STATES: Final[dict[str, int]] = {state.value: number for number, state in enumerate(states.STATES)}
OWNER_KINDS: Final[dict[str, int]] = {kind.value: number for number, kind in enumerate(states.OWNER_KINDS)}

STATE_COLUMNS: Final = (
    "server_id", "expected", "seq", "digest", "snapshot", "snapshot_part", "synced", "lease", "clock_skew", "players",
    "memory_mb", "signals_mb", "config_revision", "dropped", "service_ids", "live", "opened", "closed", "idle",
    "orphaned", "stale", "pool_types", "pool_size", "pool_in_use", "pool_hits", "pool_misses",
)  # fmt: skip


def numbers(values: Iterable[int] | Iterable[float]) -> str:
    """`{1,2,3}`."""
    return "{" + repr(list(values))[1:-1] + "}"


def words(values: Collection[str]) -> str:
    """`{"a","b"}`: array elements in quotes, quotes and backslashes escaped."""
    return "{" + _elements(values) + "}" if values else "{}"


def _quoted(value: str) -> str:
    if "\\" in value or '"' in value:
        value = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{value}"'


@dataclass(frozen=True, slots=True)
class ReportRows:
    """What one report writes, given the image that its server has before: each value is text already."""

    before: Image
    after: Image
    state: tuple[str, ...]  # in the order of STATE_COLUMNS
    opened: tuple[str, ...]  # elements of each column's array literal, without its braces; () for none
    closed: list[tuple[int, int, int]]  # server, service, connection
    changed: list[tuple[int, int, int, int]]  # server, service, connection, place in states.STATES
    complete: tuple[int, int] | None  # server, snapshot: connections of its other snapshots go
    outcomes: list[tuple[str, ...]]
    profiles: list[tuple[int, int, str, str, int, float, float, float, float]]  # as telemetry.profiles.TAKE takes them
    ended: bool  # it says farewell
    returned: bool  # it reports after its farewell


def render(
    server_id: int,
    report: Report,
    step: Step,
    *,
    before: Image,
    interval: float,
    received_at: float,
    ids: Mapping[str, int],
) -> ReportRows:
    """One report's rows. Events of services that nothing was ever opened under have nothing to act on."""
    position = step.position
    after = Image(
        position, merge_services(before.counters, report.services, ids), merge_pools(before.pools, report.pools)
    )
    state = (
        str(server_id),
        str(before.position.seq),
        *_position_values(position),
        *_report_values(report, interval, received_at),
        *[f'"{literal}"' for literal in after.counters.literals],
        *_pool_values(after.pools),
    )
    opened, closed = report.opened, report.closed
    if opened and closed:  # opened and closed again within one report: the closing holds
        gone = {e.id for e in closed}
        opened = [e for e in opened if e.id not in gone]
    last = {e.id: e for e in report.changed if e.service in ids}  # of two changes of one connection
    return ReportRows(
        before,
        after,
        state,
        _opened_values(server_id, opened, position.snapshot, ids) if opened else (),
        [(server_id, ids[e.service], e.id) for e in closed if e.service in ids],
        [(server_id, ids[e.service], e.id, STATES[e.state]) for e in last.values()],
        (server_id, position.snapshot) if step.drop_others else None,
        [_outcome_values(server_id, outcome) for outcome in report.outcomes],
        [_profile_values(server_id, ids[p.service], p) for p in report.profiles if p.service in ids],
        position.ended,
        before.position.ended and not position.ended,
    )


class Rows:
    """What one batch writes: the rows of its reports, put together."""

    def __init__(self, reports: Sequence[ReportRows]) -> None:
        self._states = [rows.state for rows in reports]
        self._opened = [rows.opened for rows in reports if rows.opened]
        self.closed = [event for rows in reports for event in rows.closed]
        self.changed = [event for rows in reports for event in rows.changed]
        self.complete = [rows.complete for rows in reports if rows.complete]
        self.outcomes = [outcome for rows in reports for outcome in rows.outcomes]
        self.profiles = [profile for rows in reports for profile in rows.profiles]
        self.ended = [int(rows.state[0]) for rows in reports if rows.ended]
        self.returned = [int(rows.state[0]) for rows in reports if rows.returned]

    def state_values(self) -> dict[str, str]:
        """The named values of statements.TAKE."""
        return dict(zip(STATE_COLUMNS, _literals(self._states), strict=True))

    def opened_values(self) -> list[str]:
        """The values of statements.OPEN, in order; [] if nothing was opened."""
        return _literals(self._opened)

    def outcome_values(self) -> list[str]:
        """The values of statements.ADD_OUTCOMES after the first, in order."""
        return _literals(self.outcomes)

    def profile_values(self) -> list[str]:
        """The values of telemetry.profiles.TAKE, in order."""
        columns = zip(*self.profiles, strict=True)
        return [words(column) if isinstance(column[0], str) else numbers(column) for column in columns]

    def event_values(self, events: Sequence[tuple[int, ...]]) -> tuple[str, ...]:
        """Tuples to one array literal per place."""
        return tuple(numbers(column) for column in zip(*events, strict=True))


def _literals(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """An array literal for each place of the rows' tuples."""
    return ["{" + ",".join(column) + "}" for column in zip(*rows, strict=True)]


def _position_values(position: Position) -> tuple[str, ...]:
    return (
        str(position.seq),
        str(position.digest),
        str(position.snapshot),
        str(position.snapshot_part),
        "t" if position.synced else "f",
    )


def _report_values(report: Report, interval: float, received_at: float) -> tuple[str, ...]:
    memory = report.memory if isinstance(report.memory, Memory) else Memory()
    return (
        repr(lease_seconds(interval)),
        repr(round(report.sent_at - received_at, 3)),
        str(report.players),
        "NULL" if memory.total_mb is None else repr(memory.total_mb),
        "NULL" if memory.signals_mb is None else repr(memory.signals_mb),
        str(report.config_revision),
        str(report.dropped),
    )


def _outcome_values(server_id: int, outcome: Outcome) -> tuple[str, ...]:
    lists = (outcome.closed, outcome.gone, outcome.changed)
    return (
        str(server_id),
        _quoted(outcome.order),
        outcome.status,
        *[_quoted(numbers(ids)) for ids in lists],
        _quoted(outcome.detail),
    )


def _profile_values(
    server_id: int, service_id: int, profile: Profile
) -> tuple[int, int, str, str, int, float, float, float, float]:
    _, kind, site, *cost = astuple(profile)
    return (server_id, service_id, kind, site, *cost)


def _pool_values(pools: dict[str, PoolCounters]) -> tuple[str, ...]:
    values = pools.values()
    return (
        _quoted(words(pools)),
        _quoted(numbers([pool.size for pool in values])),
        _quoted(numbers([pool.in_use for pool in values])),
        _quoted(numbers([pool.hits for pool in values])),
        _quoted(numbers([pool.misses for pool in values])),
    )


def _opened_values(server_id: int, opened: list[Opened], snapshot: int, ids: Mapping[str, int]) -> tuple[str, ...]:
    """Elements of each column's array literal, without its braces."""
    columns = zip(*map(astuple, opened), strict=True)
    connection_ids, services, owners, kinds, names, types, moments, sites, essential, states = columns
    count = len(opened)
    return (
        _repeated(str(server_id), count),
        repr([ids[service] for service in services])[1:-1],
        repr(connection_ids)[1:-1].rstrip(","),
        repr(moments)[1:-1].rstrip(","),
        repr([STATES[state] for state in states])[1:-1],
        repr([OWNER_KINDS[kind] for kind in kinds])[1:-1],
        _repeated(str(snapshot), count),
        ",".join(["t" if each else "f" for each in essential]),
        _elements(owners),
        _elements(names),
        _elements(types),
        _elements(sites),
    )


def _repeated(literal: str, count: int) -> str:
    return ",".join([literal] * count)


def _elements(values: Collection[str]) -> str:
    """`"a","b"`. Nearly no text holds a quote or backslash, so all of them are looked at together."""
    joined = '","'.join(values)
    if "\\" in joined or joined.count('"') != 2 * (len(values) - 1):
        return ",".join(map(_quoted, values))
    return f'"{joined}"'
