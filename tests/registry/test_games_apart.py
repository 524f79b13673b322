"""Nothing of one game is ever in reach of another, not even where names are the same."""

from collections.abc import Callable

import pytest

from connmon.accounts.models import Game
from connmon.core.ids import NewKey
from connmon.registry.actions import forget_game
from connmon.registry.models import Connection, GameServer, ServerState, Service
from tests.machine import Json, Machine, closed, opened, pool, service, wait_for

MakeServer = Callable[..., Machine]
MakeKey = Callable[..., NewKey]
OURS = "OursAlone"


@pytest.fixture
def theirs(make_server: MakeServer, make_key: MakeKey, other_game: Game) -> Machine:
    """A server of another game with the same name and boot as ours."""
    return make_server(game=other_game, key=make_key(of=other_game))


def test_servers_of_the_same_name_in_two_games_are_two_servers(server: Machine, theirs: Machine) -> None:
    server.send_first(opened=[opened(1)], services=[service(live=1)])
    theirs.send_first(opened=[opened(2)], services=[service(live=2)])
    assert (server.registered(), theirs.registered()) == ({1}, {2})
    assert server.counters()["CombatService"][0] == 1
    assert theirs.counters()["CombatService"][0] == 2
    assert Service.objects.filter(name="CombatService").count() == 2
    assert server.state.service_ids != theirs.state.service_ids


def test_events_of_one_game_do_not_touch_the_other(server: Machine, theirs: Machine) -> None:
    server.send_first(opened=[opened(1)])
    theirs.send_first(opened=[opened(1)])
    theirs.send(closed=[closed(1)])
    theirs.send(snapshot={"part": 1, "of": 1})
    assert server.registered() == {1}


def test_a_new_boot_in_one_game_ends_nothing_in_the_other(server: Machine, theirs: Machine) -> None:
    server.send_first(opened=[opened(1)])
    theirs.send_first()
    theirs.boot, theirs.seq = "boot-2", 0
    theirs.send_first()
    assert GameServer.objects.get(pk=server.id).ended_at is None
    assert server.send().body["resync"] is False


def test_a_key_reports_for_its_own_game_whatever_the_body_says(
    server: Machine, theirs: Machine, other_game: Game
) -> None:
    server.send_first(opened=[opened(1)])
    before = server.everything()
    body = {**server.report(opened=[opened(2)]), "game": server.game_id, "game_id": server.game_id}
    assert server.site.post(body, key=theirs.key).status == 200
    assert server.everything() == before
    assert ServerState.objects.get(server_id=theirs.id).game_id == other_game.pk


def test_no_text_of_one_game_is_in_any_answer_to_a_key_of_another(
    server: Machine, theirs: Machine, make_key: MakeKey, other_game: Game
) -> None:
    secret = opened(1, service=OURS, owner=OURS, name=OURS, type=OURS, site=OURS)
    ours = {"id": "server-1", "boot": "boot-1", "agent": OURS}
    server.send_first(server=ours, opened=[secret], services=[service(OURS)], pools=[pool(OURS)])
    server.site.post({**server.report(), "kind": OURS}, key=server.key)
    theirs.send_first()
    read = make_key("read", of=other_game)
    answers = [theirs.site.get(path, key=read) for path in ("/api/v1/services", "/api/v1/servers")]
    answers += [theirs.send(), theirs.send(seq=1), theirs.send(kind="x")]
    assert [answer.status for answer in answers] == [200, 200, 200, 409, 422]
    assert all(OURS not in f"{answer.headers}{answer.body}" for answer in answers)


def test_refusals_are_kept_for_the_game_of_the_key(server: Machine, theirs: Machine, other_game: Game) -> None:
    theirs.send(kind="x")
    assert wait_for(other_game.refused_reports.exists, "the refusal to be kept")
    assert not Game.objects.get(pk=server.game_id).refused_reports.exists()


def test_forgetting_a_game_leaves_the_other_whole(server: Machine, theirs: Machine, game: Game) -> None:
    server.send_first(opened=[opened(1)])
    theirs.send_first(opened=[opened(1)])
    before = theirs.everything()
    forget_game(game)
    game.delete()
    assert not Connection.objects.filter(server_id=server.id).exists()
    assert not ServerState.objects.filter(game_id=server.game_id).exists()
    assert theirs.everything() == before
    assert theirs.send().status == 200


@pytest.mark.parametrize("name", ["server-1", "newcomer"])
@pytest.mark.parametrize(
    "what",
    [{}, {"opened": [opened(1)]}, {"services": [service("New")]}],
    ids=["nothing new", "an opening", "a new service"],
)
def test_a_removed_game_is_refused_and_harms_nobody(
    server: Machine, theirs: Machine, game: Game, make_server: MakeServer, name: str, what: Json
) -> None:
    """The edge still remembers its key for some seconds."""
    server.send_first()
    theirs.send_first()
    forget_game(game)
    game.delete()
    sender = server if name == server.name else make_server(name)
    answer = sender.send(snapshot={"part": 1, "of": 1}, **what)
    assert (answer.status, answer.code) == (401, "key-revoked")
    assert theirs.send().status == 200
    assert not ServerState.objects.filter(game_id=server.game_id).exists()
    assert not GameServer.objects.filter(game_id=server.game_id).exists()
