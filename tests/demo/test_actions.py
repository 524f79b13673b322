"""The Demo game: made once, fed with a key of its own, removed for good."""

import pytest

from connmon.accounts.actions import issue_key
from connmon.accounts.models import ApiKey, Game, Membership, Role, User
from connmon.accounts.queries import find_live_key
from connmon.core.errors import Invalid
from connmon.demo.actions import DEMO_KEY_NAME, demo_key, remove_demo
from connmon.registry.models import Connection, GameServer, ServerState
from tests.conftest import NOW
from tests.machine import Machine, Site, opened

pytestmark = pytest.mark.django_db


def test_the_first_key_makes_the_demo_game() -> None:
    plaintext = demo_key(now=NOW)
    game = Game.objects.get()
    assert (game.name, game.slug, game.is_demo) == ("Demo", "demo", True)
    assert plaintext
    key = find_live_key(plaintext, now=NOW)
    assert key
    assert (key.game, key.scopes, key.expires_at) == (game, ["report"], None)


def test_the_next_key_ends_the_one_before() -> None:
    first, second = demo_key(now=NOW), demo_key(now=NOW)
    assert first
    assert second
    assert find_live_key(first, now=NOW) is None
    assert find_live_key(second, now=NOW)
    assert (Game.objects.count(), ApiKey.objects.count()) == (1, 1)


def test_other_keys_of_the_demo_game_stay() -> None:
    demo_key(now=NOW)
    own = issue_key(Game.objects.get(), name="My server", scopes=["report"], expires_at=None, now=NOW)
    demo_key(now=NOW)
    assert find_live_key(own.plaintext, now=NOW)
    assert ApiKey.objects.filter(name=DEMO_KEY_NAME).count() == 1


def test_only_superusers_are_its_admins(owner: User) -> None:
    first = User.objects.create_superuser("first@example.com")
    demo_key(now=NOW)
    demo_key(now=NOW)
    membership = Membership.objects.get(game__is_demo=True)
    assert (membership.user, membership.role) == (first, Role.ADMIN)


def test_once_removed_it_is_not_made_again() -> None:
    demo_key(now=NOW)
    remove_demo(Game.objects.get(), now=NOW)
    assert demo_key(now=NOW) is None
    assert not Game.objects.exists()


def test_no_other_game_is_removed_this_way(game: Game) -> None:
    with pytest.raises(Invalid, match="Demo"):
        remove_demo(game, now=NOW)
    assert Game.objects.filter(pk=game.pk).exists()
    assert demo_key(now=NOW)


@pytest.mark.django_db(transaction=True)
def test_removing_it_takes_along_what_was_reported_and_refuses_the_feeder(site: Site, server: Machine) -> None:
    server.send_first(opened=[opened(1)])
    plaintext = demo_key(now=NOW)
    assert plaintext
    game = Game.objects.get(is_demo=True)
    key = find_live_key(plaintext, now=NOW)
    assert key
    server_of_demo = Machine(site, server.key, game.pk)
    assert site.post(server_of_demo.report(opened=[opened(1)]), key=plaintext).status == 200
    remove_demo(game, now=NOW)
    assert site.post(server_of_demo.report(opened=[opened(2)]), key=plaintext).status == 401
    for model, field in ((GameServer, "pk"), (ServerState, "server_id"), (Connection, "server_id")):
        left = set(model.objects.values_list(field, flat=True))
        assert left == {server.id}
