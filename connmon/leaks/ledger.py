"""Writes the ledger: verdicts come in, entries and what became of them are kept."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from django.db import connection

from connmon.leaks import statements as sql
from connmon.leaks.evidence import Line, Verdict
from connmon.leaks.ledger_rules import VersionFact, fixed_in, next_rung, next_state, since_version
from connmon.leaks.models import Leak, LeakEvent, Origin
from connmon.leaks.sentences import tell
from connmon.leaks.states import LedgerState, Rung

SERVERS_NAMED: Final = 20
VERSIONS_KEPT: Final = 50  # of one leak, the latest


def write(game_id: int, verdicts: Mapping[Origin, Verdict], *, now: datetime) -> None:
    """Adds new leaks, brings known ones up to date. Call it under the game's lock, in a transaction."""
    if not verdicts:
        return
    facts = read_versions(game_id, {name for verdict in verdicts.values() for name in verdict.servers})
    known = {leak.origin_id: leak for leak in Leak.objects.filter(origin__in=verdicts)}
    for origin, verdict in verdicts.items():
        leak = known.get(origin.pk)
        values = _told(origin, verdict)
        comparable = facts.of(verdict.servers)
        if leak is None:
            _open(origin, verdict, values, comparable, now=now)
        else:
            _go_on(leak, verdict, values, comparable, now=now)


def close_fixed(game_id: int, *, now: datetime) -> None:
    """Entries whose leak a later place version is without."""
    candidates = Leak.objects.filter(game_id=game_id).exclude(state=LedgerState.FIXED.value).exclude(versions=[])
    leaks = [leak for leak in candidates if leak.last_seen_at < now]
    if not leaks:
        return
    facts = read_versions(game_id, {name for leak in leaks for name in leak.evidence["servers"]})
    for leak in leaks:
        comparable = facts.of(leak.evidence["servers"])
        version = fixed_in(leak.versions, comparable, last_seen_at=leak.last_seen_at, now=now)
        if version is not None:
            Leak.objects.filter(pk=leak.pk).update(state=LedgerState.FIXED.value, fixed_in=version)
            _note(leak.pk, LedgerState.FIXED, Rung(leak.rung), version, now=now)


@dataclass(frozen=True, slots=True)
class Versions:
    """Place versions in a game's short history, the oldest first, by place; and the places of some servers."""

    facts: Sequence[tuple[int | None, VersionFact]]
    places: Mapping[str, Sequence[int | None]]

    def of(self, servers: Iterable[str]) -> list[VersionFact]:
        """Those of the places that these servers ran."""
        places = {place for name in servers for place in self.places.get(name, ())}
        return [fact for place, fact in self.facts if place in places]


def read_versions(game_id: int, servers: Iterable[str]) -> Versions:
    """`servers`: names, of those that `of` will be asked for."""
    with connection.cursor() as cursor:
        cursor.execute(sql.VERSIONS, {"game": game_id})
        facts = [(place, VersionFact(*fact)) for place, *fact in cursor.fetchall()]
        cursor.execute(sql.PLACES_OF, {"game": game_id, "names": list(servers)})
        return Versions(facts, dict(cursor.fetchall()))


def _open(origin: Origin, verdict: Verdict, values: dict[str, Any], facts: list[VersionFact], *, now: datetime) -> None:
    versions = list(verdict.place_versions)[-VERSIONS_KEPT:]
    leak = Leak.objects.create(
        game_id=origin.game_id,
        origin=origin,
        state=LedgerState.NEW.value,
        rung=verdict.rung.value,
        first_seen_at=now,
        last_seen_at=now,
        versions=versions,
        since_version=since_version(versions, facts),
        **values,
    )
    _note(leak.pk, LedgerState.NEW, verdict.rung, max(versions, default=None), now=now)


def _go_on(leak: Leak, verdict: Verdict, values: dict[str, Any], facts: list[VersionFact], *, now: datetime) -> None:
    before, rung_before = LedgerState(leak.state), Rung(leak.rung)
    state = next_state(before, leak.versions, verdict.place_versions)
    rung = next_rung(rung_before, verdict.rung, last_seen_at=leak.last_seen_at, now=now)
    if rung is not verdict.rung:
        values = {}  # the surer verdict of this spell stays as it was told
    versions = sorted({*leak.versions, *verdict.place_versions})[-VERSIONS_KEPT:]
    Leak.objects.filter(pk=leak.pk).update(
        state=state.value,
        rung=rung.value,
        last_seen_at=now,
        versions=versions,
        since_version=_since(leak, versions, facts),
        fixed_in=None if state is LedgerState.REGRESSED else leak.fixed_in,
        **values,
    )
    if (state, rung) != (before, rung_before):
        _note(leak.pk, state, rung, max(verdict.place_versions, default=None), now=now)


def _since(leak: Leak, versions: list[int], facts: list[VersionFact]) -> int | None:
    """What was found stands, unless an earlier version turns out to leak too."""
    if leak.since_version is not None and leak.since_version <= min(versions, default=leak.since_version):
        return leak.since_version
    return since_version(versions, facts)


def _told(origin: Origin, verdict: Verdict) -> dict[str, Any]:
    return {
        "cause": verdict.cause.value,
        "summary": tell(verdict, service=origin.service.name, kind=origin.type, site=origin.site),
        "count": verdict.count,
        "since": datetime.fromtimestamp(verdict.since, tz=UTC),
        "evidence": {
            "owners": list(verdict.owners),
            "servers": list(verdict.servers[:SERVERS_NAMED]),
            "server_count": len(verdict.servers),
            "players": verdict.players,
            "line": _line(verdict.line) if verdict.line else None,
        },
    }


def _line(line: Line) -> dict[str, float]:
    return {
        "start": line.start,
        "end": line.end,
        "rise": round(line.rise, 1),
        "error": round(line.error, 1),
        "per_hour": round(line.per_hour, 1),
    }


def _note(leak_id: int, state: LedgerState, rung: Rung, version: int | None, *, now: datetime) -> None:
    LeakEvent.objects.create(leak_id=leak_id, at=now, state=state.value, rung=rung.value, place_version=version)
