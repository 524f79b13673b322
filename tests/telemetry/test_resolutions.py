"""Which resolution a chart is drawn at."""

from datetime import UTC, datetime, timedelta
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connmon.telemetry.resolutions import DRAWN_STEPS, MOST_POINTS, STEPS, Plan, floor, make_plan
from tests.conftest import NOW

KEEP: Final = {10: timedelta(hours=3), 60: timedelta(days=2), 600: timedelta(days=14), 3_600: timedelta(days=365)}
ROLLED: Final = {step: floor(NOW - timedelta(seconds=15), step) for step in STEPS[1:]}


def plan(span: timedelta, *, ago: timedelta = timedelta(0), finest: int = 10) -> Plan:
    until = NOW - ago
    return make_plan(since=until - span, until=until, now=NOW, keep=KEEP, rolled=ROLLED, finest=finest)


@pytest.mark.parametrize(
    ("span", "step"),
    [
        (timedelta(minutes=5), 10),
        (timedelta(hours=1), 10),
        (timedelta(hours=2), 30),
        (timedelta(hours=6), 60),
        (timedelta(hours=12), 120),
        (timedelta(days=1), 300),
        (timedelta(days=2), 600),
        (timedelta(days=7), 1_800),
        (timedelta(days=14), 3_600),
        (timedelta(days=30), 7_200),
        (timedelta(days=366), 86_400),
    ],
)
def test_the_step_is_the_finest_that_draws_at_most_400_points(span: timedelta, step: int) -> None:
    assert plan(span).step == step
    assert len(plan(span).moments()) <= MOST_POINTS + 1


@pytest.mark.parametrize(("after", "newest"), [(0.0, -10), (0.25, 0), (9.75, 0), (10.0, 0), (10.25, 10)])
def test_the_newest_point_is_the_last_step_that_has_begun(after: float, newest: int) -> None:
    drawn = plan(timedelta(hours=1), ago=timedelta(seconds=-after))
    assert drawn.moments()[-1] == NOW + timedelta(seconds=newest)


@pytest.mark.parametrize(
    ("ago", "step"),
    [
        (timedelta(hours=2), 10),
        (timedelta(hours=4), 60),
        (timedelta(days=3), 600),
        (timedelta(days=20), 3_600),
    ],
)
def test_a_short_time_long_ago_is_drawn_at_what_is_still_kept(ago: timedelta, step: int) -> None:
    assert plan(timedelta(minutes=30), ago=ago).step == step


def test_what_is_not_rolled_up_yet_is_read_at_the_finer_resolutions() -> None:
    until = NOW + timedelta(minutes=34, seconds=27)
    rolled = {step: floor(until - timedelta(seconds=15), step) for step in STEPS[1:]}
    made = make_plan(since=until - timedelta(days=30), until=until, now=until, keep=KEEP, rolled=rolled)
    assert [(piece.step, piece.until) for piece in made.pieces] == [
        (3_600, NOW),
        (600, NOW + timedelta(minutes=30)),
        (60, NOW + timedelta(minutes=34)),
        (10, until),
    ]


def test_without_any_rollup_a_long_chart_is_read_from_what_there_is() -> None:
    made = make_plan(since=NOW - timedelta(days=30), until=NOW, now=NOW, keep=KEEP, rolled={})
    assert [piece.step for piece in made.pieces] == [10]


def test_a_series_is_not_read_finer_than_it_is_made() -> None:
    made = plan(timedelta(minutes=5), finest=60)
    assert (made.step, [piece.step for piece in made.pieces]) == (60, [60])


@given(
    st.integers(300, 31_000_000), st.integers(0, 40_000_000), st.sampled_from([10, 60]), st.integers(0, 4_000)
)  # fmt: skip
def test_pieces_cover_the_chart_once_and_in_order(seconds: int, ago: int, finest: int, behind: int) -> None:
    until = NOW - timedelta(seconds=ago)
    rolled = {step: floor(NOW - timedelta(seconds=behind), step) for step in STEPS[1:]}
    made = make_plan(
        since=until - timedelta(seconds=seconds), until=until, now=NOW, keep=KEEP, rolled=rolled, finest=finest
    )
    assert made.step in DRAWN_STEPS
    assert made.pieces[0].since == made.since
    assert made.pieces[-1].until == until
    for piece, following in zip(made.pieces, made.pieces[1:], strict=False):
        assert piece.until == following.since
        assert piece.step > following.step
    assert all(made.step % piece.step == 0 and piece.since < piece.until for piece in made.pieces)


def test_moments_are_whole_steps_of_utc() -> None:
    east = datetime.fromisoformat("2026-11-23T17:29:59+05:30")
    assert floor(east, 3_600) == datetime(2026, 11, 23, 11, tzinfo=UTC)
