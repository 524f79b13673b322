"""What a report does to a server's state, as pure rules: values in, value out (docs/protocol.md, "Sequence")."""

from dataclasses import dataclass, replace
from typing import Final

from connmon.wire.codec import WireError
from connmon.wire.v1 import Report, SnapshotPart

LAST_SNAPSHOT: Final = 32_000  # snapshots are numbered in a smallint and begin again at 1
SILENT_AFTER: Final = 3  # report intervals without a report


@dataclass(frozen=True, slots=True)
class Position:
    """Where a server's boot stands in its sequence."""

    seq: int
    digest: int
    snapshot: int  # number that new connections carry
    snapshot_part: int  # parts taken of the snapshot under way; 0: none
    synced: bool
    superseded: bool = False
    ended: bool = False  # it has said farewell


@dataclass(frozen=True, slots=True)
class Step:
    """What a report does: `position` is the next one; a repeat changes nothing."""

    position: Position
    repeat: bool = False
    drop_others: bool = False  # the snapshot is complete: connections of earlier numbers go

    @property
    def resync(self) -> bool:
        """Whether the agent is asked for a snapshot."""
        return not (self.position.synced or self.position.snapshot_part or self.position.ended)


UNKNOWN: Final = Position(seq=0, digest=0, snapshot=0, snapshot_part=0, synced=False)


def decide(known: Position, report: Report, digest: int) -> Step:
    """The step that `report` takes from `known` (UNKNOWN for a new boot).

    Raises WireError: boot-superseded, seq-conflict, seq-behind.
    """
    if known.superseded:
        raise WireError("boot-superseded", "A newer boot of this server reports; this one has ended.", "$.server.boot")
    if report.seq == known.seq:
        if digest != known.digest:
            raise WireError("seq-conflict", f"Seq {report.seq} was taken with another body.", "$.seq")
        return Step(known, repeat=True)
    if report.seq < known.seq:
        detail = f"Seq {report.seq} is behind {known.seq}, the last one taken."
        raise WireError("seq-behind", detail, "$.seq", last_seq=known.seq)
    step = _advance(known, report.seq, digest, report.snapshot)
    return replace(step, position=replace(step.position, ended=True)) if report.closing else step


def _advance(known: Position, seq: int, digest: int, part: SnapshotPart | None) -> Step:
    # With a farewell the registry ended; who comes back after it begins with a snapshot.
    gap = seq != known.seq + 1 or known.ended
    if part is not None and part.part == 1:
        number = known.snapshot % LAST_SNAPSHOT + 1
        return _take_part(seq, digest, number, part, synced=known.synced and not gap)
    if gap:
        return Step(Position(seq, digest, known.snapshot, 0, synced=False))
    if part is not None and part.part == known.snapshot_part + 1 and known.snapshot_part:
        return _take_part(seq, digest, known.snapshot, part, synced=known.synced)
    if part is not None:  # a part out of order: this snapshot cannot be completed
        return Step(Position(seq, digest, known.snapshot, 0, synced=False))
    return Step(Position(seq, digest, known.snapshot, known.snapshot_part, known.synced))


def _take_part(seq: int, digest: int, number: int, part: SnapshotPart, *, synced: bool) -> Step:
    if part.part == part.of:
        return Step(Position(seq, digest, number, 0, synced=True), drop_others=True)
    return Step(Position(seq, digest, number, part.part, synced))


def lease_seconds(interval: float) -> float:
    """Seconds from a report until its server counts as silent."""
    return max(interval, 1.0) * SILENT_AFTER
