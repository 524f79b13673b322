"""The sentence on top of the overview."""

import pytest

from dashboard.verdict import Fleet, Level, judge


def fleet(
    *, ever: bool = True, reporting: int = 12, silent: int = 0, unknown: int = 0, orphaned: int = 0, stale: int = 0
) -> Fleet:
    return Fleet(ever=ever, reporting=reporting, silent=silent, unknown=unknown, orphaned=orphaned, stale=stale)


def test_a_healthy_fleet_reports_and_nothing_is_wrong() -> None:
    verdict = judge(fleet(), [("CombatService", 0)])
    assert (verdict.level, verdict.text) == (
        Level.OK,
        "All 12 servers report; no connection is orphaned or stale.",
    )


def test_orphaned_connections_of_one_service_name_it() -> None:
    verdict = judge(fleet(orphaned=31), [("CombatService", 31), ("PetService", 0)])
    assert verdict.text == "All 12 servers report; 31 connections are orphaned, all in CombatService."
    assert verdict.level is Level.BAD


def test_most_orphaned_connections_in_one_service_name_it_with_its_count() -> None:
    verdict = judge(fleet(orphaned=31), [("CombatService", 25), ("PetService", 6)])
    assert verdict.text == "All 12 servers report; 31 connections are orphaned, most in CombatService (25)."


def test_orphaned_connections_all_over_count_the_services() -> None:
    verdict = judge(fleet(orphaned=30), [("A", 10), ("B", 10), ("C", 10), ("D", 0)])
    assert verdict.text == "All 12 servers report; 30 connections are orphaned, in 3 services."


def test_a_silent_server_makes_its_connections_unknown() -> None:
    verdict = judge(fleet(reporting=11, silent=1, unknown=340), [])
    assert verdict.text == (
        "1 of 12 servers is silent and 340 connections are unknown; no connection is orphaned or stale."
    )
    assert verdict.level is Level.WARN


def test_a_fleet_that_is_wholly_silent_passes_no_verdict_on_connections() -> None:
    verdict = judge(fleet(reporting=0, silent=3, unknown=1_204), [])
    assert verdict.text == "All 3 servers are silent and 1,204 connections are unknown."


def test_stale_connections_alone_are_worth_attention_only() -> None:
    verdict = judge(fleet(stale=1), [])
    assert (verdict.level, verdict.text) == (
        Level.WARN,
        "All 12 servers report; none is orphaned, 1 connection is stale.",
    )


def test_one_of_each_is_told_in_the_singular() -> None:
    verdict = judge(fleet(reporting=1, orphaned=1, stale=1), [("CombatService", 1)])
    assert verdict.text == "The one server reports; 1 connection is orphaned, in CombatService, and 1 is stale."


@pytest.mark.parametrize(
    ("ever", "text"), [(False, "No server has reported yet."), (True, "No server is running now.")]
)
def test_a_game_without_running_servers_says_whether_one_ever_reported(ever: bool, text: str) -> None:
    verdict = judge(fleet(ever=ever, reporting=0), [])
    assert (verdict.level, verdict.text) == (Level.EMPTY, text)
