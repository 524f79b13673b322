"""Who sees a game's pages, and who changes what."""

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from connmon.accounts.models import ApiKey, Game, Role, User
from connmon.core.ids import NewKey
from tests.dashboard.pages import Filled, fill


@pytest.fixture
def filled(game: Game) -> Filled:
    return fill(game)


@pytest.mark.parametrize("role", list(Role))
def test_a_member_of_any_role_reads_every_page(
    role: Role, filled: Filled, make_member: Callable[[Role], User], log_in: Callable[[User], Client]
) -> None:
    client = log_in(make_member(role))
    assert {address: client.get(address).status_code for address in filled.addresses()} == dict.fromkeys(
        filled.addresses(), 200
    )


def test_a_stranger_finds_no_page(filled: Filled, stranger: User, log_in: Callable[[User], Client]) -> None:
    client = log_in(stranger)
    assert {client.get(address).status_code for address in filled.addresses()} == {404}


def test_a_member_of_another_game_finds_no_page(
    filled: Filled, other_game: Game, log_in: Callable[[User], Client]
) -> None:
    rival = User.objects.get(memberships__game=other_game)
    client = log_in(rival)
    assert {client.get(address).status_code for address in filled.addresses()} == {404}


def test_another_games_service_and_server_are_not_found_under_ones_own_game(
    filled: Filled, other_game: Game, log_in: Callable[[User], Client]
) -> None:
    client = log_in(User.objects.get(memberships__game=other_game))
    own = {"slug": other_game.slug}
    service = reverse("service", kwargs=own | {"service_id": filled.service.pk})
    server = reverse("server", kwargs=own | {"server_id": filled.server.pk})
    assert [client.get(service).status_code, client.get(server).status_code] == [404, 404]


def test_an_anonymous_visitor_is_sent_to_log_in_and_back(filled: Filled, client: Client) -> None:
    for address in filled.addresses():
        answer = client.get(address)
        assert (answer.status_code, answer["Location"]) == (302, f"/login/?next={address}")


def changes_of(game: Game, key: NewKey) -> list[str]:
    """Every address that changes something in a game."""
    of_key = {"slug": game.slug, "key_id": key.id}
    return [
        reverse("create-key", kwargs={"slug": game.slug}),
        reverse("rotate-key", kwargs=of_key),
        reverse("revoke-key", kwargs=of_key),
        reverse("remove-demo", kwargs={"slug": game.slug}),
        reverse("restore-revision", kwargs={"slug": game.slug, "number": 0}),
    ]


@pytest.mark.parametrize("role", [Role.VIEWER, Role.PLANNER, Role.APPROVER])
def test_only_admins_change_keys(
    role: Role, game: Game, key: NewKey, make_member: Callable[[Role], User], log_in: Callable[[User], Client]
) -> None:
    client = log_in(make_member(role))
    assert {client.post(address).status_code for address in changes_of(game, key)} == {403}
    assert ApiKey.objects.get().revoked_at is None


def test_a_stranger_changes_nothing(game: Game, key: NewKey, stranger: User, log_in: Callable[[User], Client]) -> None:
    client = log_in(stranger)
    assert {client.post(address).status_code for address in changes_of(game, key)} == {404}


def test_a_change_wants_post(game: Game, key: NewKey, as_owner: Client) -> None:
    answers = [as_owner.get(address) for address in changes_of(game, key)]
    assert [answer.status_code for answer in answers] == [302, 302, 405, 405, 405]
    assert {answer["Location"] for answer in answers[:2]} == {reverse("setup", kwargs={"slug": game.slug})}
    assert ApiKey.objects.count() == 1


def test_a_change_wants_its_form_token(game: Game, key: NewKey, owner: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(owner)
    answer = client.post(changes_of(game, key)[0])
    assert answer.status_code == 403
    assert "This form has expired" in answer.content.decode()


def test_a_key_of_another_game_cannot_be_revoked(
    game: Game, other_game: Game, make_key: Callable[..., NewKey], as_owner: Client
) -> None:
    foreign = make_key(of=other_game)
    answer = as_owner.post(reverse("revoke-key", kwargs={"slug": game.slug, "key_id": foreign.id}))
    assert answer.status_code == 404
    assert ApiKey.objects.get(pk=foreign.id).revoked_at is None
