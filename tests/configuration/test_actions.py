"""Revisions: made by changes and by going back, never changed themselves."""

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from connmon.accounts.audit import Actor
from connmon.accounts.models import AuditEntry, Game
from connmon.configuration.actions import change_configuration, roll_back
from connmon.configuration.models import Revision
from connmon.configuration.queries import current
from connmon.core.errors import Conflict, Invalid, NotFound
from tests.conftest import NOW

POOLS = "CONNECTION_POOLS"
BY = Actor.of_job("tests")


def set_most(game: Game, most: int | None, **more: Any) -> Revision:
    values: dict[str, Any] = {"services": {}, "reason": "more room", "by": BY, "now": NOW} | more
    return change_configuration(game, settings={POOLS: {"MAX_POOL_SIZE": most}}, **values)


def test_a_change_makes_a_revision_with_author_reason_and_difference(game: Game) -> None:
    revision = set_most(game, 60)
    assert (revision.number, revision.author, revision.reason, revision.created_at) == (1, "tests", "more room", NOW)
    assert revision.changes == [
        {"service": None, "section": POOLS, "setting": "MAX_POOL_SIZE", "before": 50, "after": 60}
    ]
    assert current(game.pk).get(POOLS, "MAX_POOL_SIZE") == 60


def test_each_change_is_audited_with_before_and_after(game: Game) -> None:
    set_most(game, 60)
    entry = AuditEntry.objects.get(action="configuration.changed")
    assert (entry.before, entry.after) == ({f"{POOLS}.MAX_POOL_SIZE": 50}, {f"{POOLS}.MAX_POOL_SIZE": 60})
    assert (entry.target, entry.reason, entry.actor) == ("revision 1", "more room", "tests")


@pytest.mark.parametrize("reason", ["", "  ", "x" * 501])
def test_a_change_takes_a_reason(game: Game, reason: str) -> None:
    with pytest.raises(Invalid, match="reason"):
        set_most(game, 60, reason=reason)
    assert not Revision.objects.exists()


def test_a_change_that_changes_nothing_makes_no_revision(game: Game) -> None:
    set_most(game, 60)
    with pytest.raises(Invalid, match="Nothing would change"):
        set_most(game, 60)


def test_who_looked_at_an_older_revision_is_told_so(game: Game) -> None:
    set_most(game, 60, expected=0)
    with pytest.raises(Conflict, match="Revision 1 holds"):
        set_most(game, 70, expected=0)


def test_going_back_is_a_new_revision(game: Game) -> None:
    for most in (60, 70):
        set_most(game, most)
    back = roll_back(game, to=1, reason="too much", by=BY, now=NOW + timedelta(hours=1))
    assert (back.number, back.rolled_back_to) == (3, 1)
    assert current(game.pk).get(POOLS, "MAX_POOL_SIZE") == 60
    assert list(Revision.objects.order_by("number").values_list("settings", flat=True)) == [
        {POOLS: {"MAX_POOL_SIZE": most}} for most in (60, 70, 60)
    ]
    assert AuditEntry.objects.get(action="configuration.rolled_back").before == {f"{POOLS}.MAX_POOL_SIZE": 70}


def test_going_back_to_zero_is_going_back_to_the_defaults(game: Game) -> None:
    set_most(game, 60)
    roll_back(game, to=0, reason="as shipped", by=BY, now=NOW)
    assert current(game.pk).get(POOLS, "MAX_POOL_SIZE") == 50


def test_one_does_not_go_back_over_a_change_that_was_not_seen(game: Game) -> None:
    set_most(game, 60)
    set_most(game, 70)
    with pytest.raises(Conflict, match="Revision 2 holds by now, not 1"):
        roll_back(game, to=0, reason="as shipped", by=BY, now=NOW, expected=1)
    assert roll_back(game, to=0, reason="as shipped", by=BY, now=NOW, expected=2).number == 3


def test_one_cannot_go_back_to_what_never_was(game: Game, other_game: Game) -> None:
    set_most(other_game, 60)
    with pytest.raises(NotFound):
        roll_back(game, to=1, reason="x", by=BY, now=NOW)


def test_games_number_their_revisions_apart(game: Game, other_game: Game) -> None:
    assert set_most(game, 60).number == set_most(other_game, 70).number == 1
    assert current(game.pk).get(POOLS, "MAX_POOL_SIZE") == 60


def run(*words: str) -> str:
    out = StringIO()
    call_command("configuration", *words, stdout=out)
    return out.getvalue()


def test_the_command_changes_shows_and_goes_back(game: Game) -> None:
    assert "50 -> 60" in run("set", "CONNECTION_POOLS.MAX_POOL_SIZE=60", "--reason", "more room")
    run("set", "CONNECTION_MANAGEMENT.STALE_CONNECTION_THRESHOLD=120", "--service", "Combat", "--reason", "fast")
    shown = run("show")
    assert "MAX_POOL_SIZE = 60 slots   (default 50)" in shown
    assert 'Combat: {"CONNECTION_MANAGEMENT": {"STALE_CONNECTION_THRESHOLD": 120}}' in shown
    run("--game", "dungeon", "rollback", "0", "--reason", "as shipped")
    assert run("history").splitlines()[0].startswith("3  2")
    assert set(AuditEntry.objects.filter(action__startswith="conf").values_list("actor_kind", flat=True)) == {"command"}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["set", "CONNECTION_POOLS.MAX_POOL_SIZE=many", "--reason", "x"], "takes a whole number"),
        (["set", "nonsense", "--reason", "x"], "SECTION.NAME=VALUE"),
        (["rollback", "9", "--reason", "x"], "no revision 9"),
        (["--game", "nowhere", "show"], "no game 'nowhere'"),
    ],
)
def test_the_command_says_what_is_wrong(game: Game, words: list[str], told: str) -> None:
    with pytest.raises(CommandError, match=told):
        run(*words)


def test_with_several_games_the_command_wants_one_named(game: Game, other_game: Game) -> None:
    with pytest.raises(CommandError, match="--game: dungeon, raceway"):
        run("show")
