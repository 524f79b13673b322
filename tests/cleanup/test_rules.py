"""What an outcome means and when a plan must stop, as pure values."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connmon.cleanup.rules import Ordered, Progress, Said, Verdict, find_trouble, has_grown, judge, next_release, settle
from connmon.cleanup.states import OrderState

IDS = [1, 2, 3, 4]


def said(status: str = "done", server: int = 7, **lists: Any) -> Said:
    return Said(server, status, **{"closed": (), "gone": (), "changed": ()} | lists)


@pytest.mark.parametrize(
    ("state", "verdict"),
    [
        (OrderState.SENT, Verdict.APPLIED),
        (OrderState.PENDING, Verdict.APPLIED),
        (OrderState.WAITING, Verdict.UNSENT),
        (OrderState.CANCELLED, Verdict.UNSENT),
        (OrderState.EXPIRED, Verdict.LATE),
        (OrderState.DONE, Verdict.TWICE),
        (OrderState.REFUSED, Verdict.TWICE),
        (OrderState.FAILED, Verdict.TWICE),
    ],
)
def test_an_outcome_counts_once_and_for_an_order_that_went_out(state: OrderState, verdict: Verdict) -> None:
    assert judge(Ordered(7, state, IDS), said()) is verdict


@pytest.mark.parametrize("state", list(OrderState))
def test_another_servers_outcome_never_counts(state: OrderState) -> None:
    assert judge(Ordered(8, state, IDS), said()) is Verdict.FOREIGN


def test_an_outcome_of_no_order_is_told_as_such() -> None:
    assert judge(None, said()) is Verdict.UNKNOWN


def test_each_connection_gets_the_outcome_that_was_said() -> None:
    found = settle(IDS, said(closed=[1, 2], gone=[3], changed=[4], detail="fine"))
    assert (found.state, found.closed, found.gone, found.changed) == (OrderState.DONE, [1, 2], [3], [4])
    assert (found.failed, found.detail) == (0, "fine")


def test_what_an_outcome_does_not_account_for_has_failed() -> None:
    assert settle(IDS, said(closed=[1])).failed == 3


def test_ids_that_were_not_ordered_are_left_out_and_told() -> None:
    found = settle(IDS, said(closed=[1, 99, 98], gone=[2, 3, 4]))
    assert (found.closed, found.gone, found.failed) == ([1], [2, 3, 4], 0)
    assert found.detail.startswith("2 ids")


def test_an_id_in_two_lists_counts_in_the_first() -> None:
    found = settle(IDS, said(closed=[1, 1, 2], gone=[2, 3], changed=[3, 4]))
    assert (found.closed, found.gone, found.changed) == ([1, 2], [3], [4])


@pytest.mark.parametrize(("status", "state"), [("refused", OrderState.REFUSED), ("failed", OrderState.FAILED)])
def test_an_order_that_was_not_carried_out_says_so(status: str, state: OrderState) -> None:
    assert (settle(IDS, said(status)).state, settle(IDS, said(status)).failed) == (state, 4)


ids = st.lists(st.integers(1, 12), max_size=12)


@given(st.sets(st.integers(1, 8), min_size=1), ids, ids, ids)
def test_whatever_is_said_every_connection_has_one_outcome(
    ordered: set[int], closed: list[int], gone: list[int], changed: list[int]
) -> None:
    found = settle(sorted(ordered), said(closed=closed, gone=gone, changed=changed))
    told = [*found.closed, *found.gone, *found.changed]
    assert len(told) == len(set(told))
    assert set(told) <= ordered
    assert len(told) + found.failed == len(ordered)


@pytest.mark.parametrize(
    ("planned", "found", "grown"), [(100, 110, False), (100, 111, True), (0, 0, False), (0, 1, True), (100, 0, False)]
)
def test_more_than_a_tenth_is_growth(planned: int, found: int, grown: bool) -> None:
    assert has_grown(planned=planned, found=found) is grown


def progress(**changes: int) -> Progress:
    values = {"servers": 40, "answered": 40, "failed": 0, "silent": 0, "players_before": 100, "players_now": 100}
    return Progress(**values | changes)


@pytest.mark.parametrize(
    ("case", "stops"),
    [
        (progress(), False),
        (progress(failed=4), False),
        (progress(failed=5), True),
        (progress(servers=1, answered=1, failed=1), True),
        (progress(silent=2), False),
        (progress(silent=3), True),
        (progress(servers=1, answered=0, silent=1), True),
        (progress(players_now=80), False),
        (progress(players_now=79), True),
        (progress(players_now=50, rest_before=100, rest_now=50), False),
        (progress(players_now=30, rest_before=100, rest_now=50), True),
        (progress(players_now=79, rest_before=100, rest_now=200), True),
        (progress(players_before=4, players_now=0), False),
        (progress(players_before=0, players_now=0), False),
    ],
)
def test_guards_stop_what_does_harm(case: Progress, stops: bool) -> None:
    assert bool(find_trouble(case)) is stops


@pytest.mark.parametrize(
    ("rate", "since", "servers"), [(20, 1.0, 20), (20, 2.5, 50), (0.1, 10.0, 1), (0.5, 1.0, 1), (10_000, 1.0, 10_000)]
)
def test_the_pace_says_how_many_follow(rate: float, since: float, servers: int) -> None:
    assert next_release(rate, since=since) == servers
