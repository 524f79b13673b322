"""Games, their slugs, members and roles."""

from collections.abc import Callable
from itertools import pairwise

import pytest

from connmon.accounts.actions import add_member, create_game, create_game_without_members
from connmon.accounts.models import Game, Membership, Role, User
from connmon.core.errors import Invalid
from tests.conftest import NOW


def test_whoever_makes_a_game_is_its_admin(owner: User) -> None:
    game = create_game(name=" Dungeon Crawl ", owner=owner, now=NOW)
    assert (game.name, game.slug, game.created_at, game.is_demo) == ("Dungeon Crawl", "dungeon-crawl", NOW, False)
    membership = Membership.objects.get()
    assert (membership.game, membership.user, membership.role) == (game, owner, Role.ADMIN)


def test_games_of_one_name_have_slugs_of_their_own(owner: User) -> None:
    slugs = [create_game(name="Dungeon", owner=owner, now=NOW).slug for _ in range(3)]
    assert slugs == ["dungeon", "dungeon-2", "dungeon-3"]


def test_a_slug_that_is_free_again_is_used_again(owner: User) -> None:
    for _ in range(3):
        create_game(name="Dungeon", owner=owner, now=NOW)
    Game.objects.get(slug="dungeon-2").delete()
    assert create_game(name="Dungeon", owner=owner, now=NOW).slug == "dungeon-2"


def test_a_slug_that_begins_alike_is_another_slug(owner: User) -> None:
    create_game(name="Dungeons", owner=owner, now=NOW)
    assert create_game(name="Dungeon", owner=owner, now=NOW).slug == "dungeon"


@pytest.mark.parametrize(
    ("name", "slug"),
    [("خدمة", "game"), ("戦闘", "game"), ("x" * 80, "x" * 32), ("<b>A & B</b>", "ba-bb"), ("--", "game")],
)
def test_any_printable_name_has_a_slug(owner: User, name: str, slug: str) -> None:
    assert create_game(name=name, owner=owner, now=NOW).slug == slug


@pytest.mark.parametrize("name", ["", "  ", "x" * 81, "a\nb", "a\0b", "a\u202eb"], ids=ascii)
def test_a_name_that_cannot_be_shown_is_refused(owner: User, name: str) -> None:
    with pytest.raises(Invalid, match="1 to 80"):
        create_game(name=name, owner=owner, now=NOW)
    assert not Game.objects.exists()


def test_a_game_may_begin_without_members(db: None) -> None:
    game = create_game_without_members(name="Demo", now=NOW, is_demo=True)
    assert game.is_demo
    assert not game.memberships.exists()


def test_a_member_is_in_a_game_once_with_the_latest_role(game: Game, stranger: User) -> None:
    add_member(game, user=stranger, role=Role.VIEWER, now=NOW)
    add_member(game, user=stranger, role=Role.APPROVER, now=NOW)
    assert Membership.objects.get(user=stranger).role == Role.APPROVER


def test_each_role_may_do_what_those_before_it_may(make_member: Callable[[Role], User]) -> None:
    order = [Role.VIEWER, Role.PLANNER, Role.APPROVER, Role.ADMIN]
    assert all(low.rank < high.rank for low, high in pairwise(order))
    for role in order:
        membership = Membership.objects.get(user=make_member(role))
        assert [other for other in order if membership.may(other)] == order[: order.index(role) + 1]


def test_users_are_told_apart_by_their_address_whatever_its_case(db: None) -> None:
    assert User.objects.create_user("Dev@Example.COM").email == "dev@example.com"
