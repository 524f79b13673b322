"""Verdicts in words."""

from dataclasses import replace

from connmon.leaks.evidence import Line, Verdict
from connmon.leaks.sentences import MOST, tell
from connmon.leaks.states import Cause, Rung

SINCE = 1_763_898_720.0  # 2025-11-23 11:52 UTC
CONFIRMED = Verdict(Rung.CONFIRMED, Cause.ORPHANED, 214, SINCE, ("a", "b"), (142,), 31, owners=("player:261",))
PLACE = "CombatService, Humanoid.Died, opened at Combat:118, since 2025-11-23 11:52 UTC, on 2 servers with 31 players"


def say(verdict: Verdict, **more: str) -> str:
    return tell(verdict, **{"service": "CombatService", "kind": "Humanoid.Died", "site": "Combat:118"} | more)


def test_orphans_are_told_with_owner_place_and_version() -> None:
    told = "214 connections stayed connected after the owner had gone (player:261): "
    assert say(CONFIRMED) == f"{told}{PLACE}, version 142."


def test_of_many_owners_two_are_named() -> None:
    told = say(replace(CONFIRMED, owners=("player:1", "player:2", "player:3")))
    assert "(player:1, player:2 and others)" in told


def test_growth_says_that_its_owner_is_unknown() -> None:
    line = Line(SINCE, SINCE + 7_200, 62.0, 4.0)
    told = say(replace(CONFIRMED, cause=Cause.GROWING, count=62, owners=(), line=line))
    assert told.startswith("Growing, owner unknown: 62 more than players explain, 31 an hour, ")


def test_every_cause_has_its_words() -> None:
    assert len({say(replace(CONFIRMED, cause=cause)) for cause in Cause}) == len(Cause)


def test_a_site_that_is_not_known_is_said_so() -> None:
    assert "site unknown" in say(CONFIRMED, site="")


def test_what_games_send_cannot_make_it_endless() -> None:
    owners = tuple("x" * 128 for _ in range(5))
    assert len(say(replace(CONFIRMED, owners=owners), service="s" * 128, kind="t" * 64, site="u" * 256)) <= MOST
