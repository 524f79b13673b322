"""The rules of the sequence as pure values; tests/registry/test_sequence.py shows the same over HTTP."""

from dataclasses import dataclass, replace
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connmon.registry.rules import LAST_SNAPSHOT, UNKNOWN, Position, Step, decide, lease_seconds
from connmon.wire.codec import WireError, decode_report
from connmon.wire.v1 import Report
from tests.machine import encode, make_report

SYNCED: Final = Position(seq=7, digest=70, snapshot=3, snapshot_part=0, synced=True)
ASKED: Final = replace(SYNCED, synced=False)
MIDWAY: Final = replace(SYNCED, synced=False, snapshot_part=1)
DIGEST: Final = 80


def report(seq: int, part: tuple[int, int] | None = None) -> Report:
    snapshot = {"part": part[0], "of": part[1]} if part else None
    return decode_report(encode(make_report(seq=seq, snapshot=snapshot)))


def refusal(known: Position, seq: int, digest: int = DIGEST) -> WireError:
    with pytest.raises(WireError) as refused:
        decide(known, report(seq), digest)
    return refused.value


def test_the_next_report_is_taken() -> None:
    step = decide(SYNCED, report(8), DIGEST)
    assert step == Step(replace(SYNCED, seq=8, digest=DIGEST))
    assert not step.resync


def test_a_repeat_changes_nothing() -> None:
    assert decide(SYNCED, report(7), 70) == Step(SYNCED, repeat=True)


def test_a_repeat_is_answered_as_before() -> None:
    assert decide(ASKED, report(7), 70).resync
    assert not decide(MIDWAY, report(7), 70).resync


def test_another_body_under_the_same_seq_is_refused() -> None:
    assert refusal(SYNCED, 7, 71).code == "seq-conflict"


@pytest.mark.parametrize("seq", [1, 6])
def test_a_seq_behind_is_refused_with_the_last_one(seq: int) -> None:
    error = refusal(SYNCED, seq)
    assert error.code == "seq-behind"
    assert "7" in error.detail


@pytest.mark.parametrize("seq", [1, 7, 8, 100])
def test_a_superseded_boot_is_refused_whatever_it_says(seq: int) -> None:
    assert refusal(replace(SYNCED, superseded=True), seq, 70).code == "boot-superseded"


@pytest.mark.parametrize("known", [SYNCED, ASKED, MIDWAY], ids=["synced", "asked", "midway"])
def test_a_gap_asks_for_a_snapshot(known: Position) -> None:
    step = decide(known, report(9), DIGEST)
    assert step.resync
    assert not step.drop_others
    assert step.position == Position(9, DIGEST, known.snapshot, 0, synced=False)


@pytest.mark.parametrize("seq", [1, 2, 500])
def test_an_unknown_server_that_begins_without_a_snapshot_is_asked_for_one(seq: int) -> None:
    assert decide(UNKNOWN, report(seq), DIGEST).resync


def test_asking_goes_on_until_a_snapshot_begins() -> None:
    assert decide(ASKED, report(8), DIGEST).resync


@pytest.mark.parametrize("known", [SYNCED, ASKED, MIDWAY, UNKNOWN], ids=["synced", "asked", "midway", "unknown"])
@pytest.mark.parametrize("ahead", [1, 5], ids=["next", "after a gap"])
def test_a_snapshot_in_one_part_syncs_from_anywhere(known: Position, ahead: int) -> None:
    step = decide(known, report(known.seq + ahead, (1, 1)), DIGEST)
    assert step.position == Position(known.seq + ahead, DIGEST, known.snapshot + 1, 0, synced=True)
    assert step.drop_others
    assert not step.resync


def test_the_last_known_registry_stays_until_the_last_part() -> None:
    first = decide(ASKED, report(8, (1, 3)), DIGEST)
    second = decide(first.position, report(9, (2, 3)), DIGEST)
    last = decide(second.position, report(10, (3, 3)), DIGEST)
    assert [step.drop_others for step in (first, second, last)] == [False, False, True]
    assert [step.resync for step in (first, second, last)] == [False, False, False]
    assert [step.position.synced for step in (first, second, last)] == [False, False, True]


def test_an_ordinary_report_between_two_parts_does_not_end_the_snapshot() -> None:
    between = decide(MIDWAY, report(8), DIGEST)
    assert decide(between.position, report(9, (2, 2)), DIGEST).drop_others


@pytest.mark.parametrize("part", [(2, 3), (4, 4), (3, 3)], ids=str)
def test_a_part_out_of_order_is_asked_for_again(part: tuple[int, int]) -> None:
    for known in (SYNCED, ASKED, MIDWAY if part[0] != 2 else ASKED):
        step = decide(known, report(8, part), DIGEST)
        assert step.resync
        assert not step.drop_others


@pytest.mark.parametrize(("ahead", "synced"), [(1, True), (2, False)], ids=["next", "after a gap"])
def test_a_synced_server_that_begins_a_snapshot_stays_synced_only_without_a_gap(ahead: int, *, synced: bool) -> None:
    step = decide(SYNCED, report(SYNCED.seq + ahead, (1, 3)), DIGEST)
    assert step.position.synced is synced
    assert not step.resync


def test_a_snapshot_that_begins_anew_gets_a_number_of_its_own() -> None:
    step = decide(MIDWAY, report(8, (1, 2)), DIGEST)
    assert step.position.snapshot == MIDWAY.snapshot + 1
    assert step.position.snapshot_part == 1


def test_snapshot_numbers_begin_again_before_they_outgrow_their_column() -> None:
    step = decide(replace(SYNCED, snapshot=LAST_SNAPSHOT), report(8, (1, 1)), DIGEST)
    assert step.position.snapshot == 1
    assert LAST_SNAPSHOT < 2**15


@pytest.mark.parametrize(("interval", "lease"), [(10.0, 30.0), (1.0, 3.0), (0.1, 3.0), (3_600.0, 10_800.0)])
def test_a_server_is_silent_after_three_intervals_of_a_second_at_least(interval: float, lease: float) -> None:
    assert lease_seconds(interval) == lease


@dataclass(frozen=True)
class Sent:
    """One report of a course: how far its seq is ahead of the last, and its snapshot part."""

    ahead: int
    part: tuple[int, int] | None


PARTS: Final = st.sampled_from([None, None, (1, 1), (1, 2), (2, 2), (1, 3), (2, 3), (3, 3)])
COURSES: Final = st.lists(st.builds(Sent, st.sampled_from([1, 1, 1, 1, 1, 2, 0, -1]), PARTS), min_size=1, max_size=40)


class Witness:
    """Follows a course by what stands in docs/protocol.md: which parts came in a row, and whether all did."""

    def __init__(self) -> None:
        self.parts: list[int] = []  # of the snapshot under way
        self.synced = False
        self.completed = False  # by the last report

    def see(self, sent: Sent, *, is_first: bool) -> None:
        """Takes in one report that was taken."""
        if sent.ahead > 1 or is_first:
            self._lose()
        self.completed = False
        if sent.part is None:
            return
        part, of = sent.part
        if part == 1:
            self.parts = []
        elif part != len(self.parts) + 1 or not self.parts:
            self._lose()
            return
        self.parts.append(part)
        if part == of:
            self.completed = self.synced = True
            self.parts = []

    def _lose(self) -> None:
        self.parts, self.synced = [], False


@settings(max_examples=300)
@given(COURSES)
def test_no_course_of_parts_and_gaps_is_synced_without_a_complete_snapshot(course: list[Sent]) -> None:
    known, witness = UNKNOWN, Witness()
    for number, sent in enumerate(course):
        seq = known.seq + sent.ahead
        if seq < 1 or sent.ahead < 0:
            continue
        if sent.ahead == 0:
            assert decide(known, report(seq, sent.part), known.digest) == Step(known, repeat=True)
            continue
        step = decide(known, report(seq, sent.part), number)
        witness.see(sent, is_first=known is UNKNOWN)
        assert (step.position.synced, step.drop_others) == (witness.synced, witness.completed)
        assert step.position.seq == seq
        known = step.position


@given(COURSES)
def test_an_agent_that_is_asked_can_always_become_synced(course: list[Sent]) -> None:
    known = UNKNOWN
    for number, sent in enumerate(course):
        if sent.ahead > 0:
            known = decide(known, report(known.seq + sent.ahead, sent.part), number).position
    for part in ((1, 2), (2, 2)):
        step = decide(known, report(known.seq + 1, part), DIGEST)
        known = step.position
    assert known.synced
    assert step.drop_others


@given(COURSES)
def test_a_server_is_asked_unless_it_is_synced_or_has_a_snapshot_under_way(course: list[Sent]) -> None:
    known = UNKNOWN
    for number, sent in enumerate(course):
        if sent.ahead > 0:
            step = decide(known, report(known.seq + sent.ahead, sent.part), number)
            known = step.position
            assert step.resync == (not known.synced and known.snapshot_part == 0)
