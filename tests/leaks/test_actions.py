"""What people do with a leak."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from connmon.accounts.audit import Actor
from connmon.accounts.models import AuditEntry, Game, Role, User
from connmon.core.errors import Invalid, NotFound
from connmon.leaks.actions import MAX_LINK, assign_leak, ignore_leak, link_leak
from connmon.leaks.models import Leak
from tests.conftest import NOW
from tests.leaks.ledger import put_leak

pytestmark = pytest.mark.django_db
BY = Actor.of_command("ops")


@pytest.fixture
def leak(game: Game) -> Leak:
    return put_leak(game, now=NOW)


def test_a_member_is_given_a_leak(game: Game, leak: Leak, make_member: Callable[[Role], User]) -> None:
    member = make_member(Role.VIEWER)
    assert assign_leak(game, leak.pk, email=f" {member.email.upper()} ", by=BY, now=NOW).assignee == member
    entry = AuditEntry.objects.get(action="leak.assigned")
    assert (entry.before, entry.after) == ({"to": ""}, {"to": member.email})
    assert entry.target == f"leak {leak.pk}: CombatService Combat:118"
    assert assign_leak(game, leak.pk, email="", by=BY, now=NOW).assignee is None


def test_a_stranger_is_not(game: Game, leak: Leak, stranger: User) -> None:
    with pytest.raises(Invalid):
        assign_leak(game, leak.pk, email=stranger.email, by=BY, now=NOW)
    assert not AuditEntry.objects.filter(action="leak.assigned").exists()


@pytest.mark.parametrize("later", [timedelta(0), timedelta(days=367), timedelta(seconds=-1)])
def test_a_leak_is_ignored_until_a_moment_within_a_year(game: Game, leak: Leak, later: timedelta) -> None:
    with pytest.raises(Invalid):
        ignore_leak(game, leak.pk, until=NOW + later, by=BY, now=NOW)


def test_ignoring_ends_with_none(game: Game, leak: Leak) -> None:
    until = NOW + timedelta(days=3)
    assert ignore_leak(game, leak.pk, until=until, by=BY, now=NOW).ignored_until == until
    assert ignore_leak(game, leak.pk, until=None, by=BY, now=NOW).ignored_until is None
    assert AuditEntry.objects.filter(action="leak.ignored").count() == 2


def test_a_link_is_kept(game: Game, leak: Leak) -> None:
    assert link_leak(game, leak.pk, link=" https://example.com/1 ", by=BY, now=NOW).link == "https://example.com/1"
    assert link_leak(game, leak.pk, link="", by=BY, now=NOW).link == ""


@pytest.mark.parametrize(
    "link",
    ["javascript:alert(1)", "data:text/html,x", "//example.com", "example.com", "https://", "https://a b", "http://[x",
     "https://example.com/" + "x" * MAX_LINK],
)  # fmt: skip
def test_what_is_no_address_is_refused(game: Game, leak: Leak, link: str) -> None:
    with pytest.raises(Invalid):
        link_leak(game, leak.pk, link=link, by=BY, now=NOW)


def test_another_games_leak_does_not_exist(other_game: Game, leak: Leak) -> None:
    with pytest.raises(NotFound):
        link_leak(other_game, leak.pk, link="", by=BY, now=NOW)
