"""Keys, snippets, refused reports and the end of the Demo game."""

import json
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from connmon.accounts.actions import add_member, create_game_without_members
from connmon.accounts.models import ApiKey, Game, Role, User
from connmon.core import ids
from connmon.core.ids import NewKey
from connmon.registry.models import GameServer, Service
from connmon.wire.codec import decode_report
from dashboard.snippets import snippets
from luauvm import VM, VMOptions
from tests.dashboard.factories import put_refusal, put_server
from tests.dashboard.people import PASSWORD, give_password, said_password
from tests.luau.backend import Backend
from tests.machine import PATIENCE, Site, wait_for

ROOT = Path(__file__).resolve().parents[2]
PLAINTEXT = re.compile(r"cm_[a-z0-9]{10}_[a-z0-9]{40}")


@pytest.fixture
def as_owner(as_owner: Client, owner: User) -> Client:
    """The admin, who has said the password a moment ago."""
    return said_password(as_owner, owner)


def setup_page(client: Client, game: Game) -> str:
    return client.get(reverse("setup", kwargs={"slug": game.slug})).content.decode()


def create_key(client: Client, game: Game, **changes: object) -> "HttpResponse":
    form = {"name": "Game servers", "scopes": ["report"], "lifetime": "never"} | changes
    return client.post(reverse("create-key", kwargs={"slug": game.slug}), form)  # type: ignore[return-value]


def test_a_new_key_is_shown_once_and_stored_as_a_digest(as_owner: Client, game: Game) -> None:
    answer = create_key(as_owner, game)
    found = PLAINTEXT.search(answer.content.decode())
    assert found
    _, key_id, secret = found[0].split("_")
    assert bytes(ApiKey.objects.get(pk=key_id).digest) == ids.digest(secret)
    assert not PLAINTEXT.search(setup_page(as_owner, game))


@pytest.mark.usefixtures("fresh_limits")
@pytest.mark.parametrize("name", ["create-key", "rotate-key"])
def test_making_a_key_asks_for_the_password_and_then_goes_on_as_it_was(
    name: str, game: Game, key: NewKey, owner: User
) -> None:
    client = Client()
    client.force_login(give_password(owner))  # a session as a thief may have it
    kwargs = {"slug": game.slug} | ({"key_id": key.id} if name == "rotate-key" else {})
    form = {"name": "Another", "scopes": ["report"], "lifetime": "never"}
    asked = client.post(reverse(name, kwargs=kwargs), form)
    assert asked["Location"].startswith("/account/reauthenticate/")
    assert ApiKey.objects.count() == 1
    answer = client.post(asked["Location"], {"password": PASSWORD})
    assert PLAINTEXT.search(answer.content.decode())
    assert ApiKey.objects.count() == 2


def test_whoever_turns_away_from_the_password_finds_the_setup_page(as_owner: Client, game: Game) -> None:
    answer = as_owner.get(reverse("create-key", kwargs={"slug": game.slug}))
    assert answer["Location"] == reverse("setup", kwargs={"slug": game.slug})


def test_the_page_with_the_key_is_kept_by_no_cache(as_owner: Client, game: Game) -> None:
    assert "no-store" in create_key(as_owner, game)["Cache-Control"]


def test_the_snippets_are_filled_in_with_the_new_key_and_this_address(as_owner: Client, game: Game) -> None:
    html = create_key(as_owner, game).content.decode()
    assert "http://testserver/api/v1/reports" in html
    assert len(PLAINTEXT.findall(html)) == 4  # itself, curl, Luau, Python


def test_a_key_can_expire(as_owner: Client, game: Game) -> None:
    create_key(as_owner, game, lifetime="30")
    expires_at = ApiKey.objects.get().expires_at
    assert expires_at
    assert timedelta(days=29) < expires_at - timezone.now() < timedelta(days=31)


@pytest.mark.parametrize("changes", [{"name": ""}, {"scopes": []}, {"scopes": ["root"]}, {"lifetime": "7"}])
def test_a_key_form_that_cannot_be_used_says_so_and_makes_no_key(
    changes: dict[str, object], as_owner: Client, game: Game
) -> None:
    answer = create_key(as_owner, game, **changes)
    assert (answer.status_code, ApiKey.objects.count()) == (422, 0)
    assert "errorlist" in answer.content.decode()


def test_a_third_live_key_of_a_name_is_refused_with_what_to_do(as_owner: Client, game: Game) -> None:
    create_key(as_owner, game)
    create_key(as_owner, game)
    answer = create_key(as_owner, game)
    assert (answer.status_code, ApiKey.objects.count()) == (422, 2)
    assert "revoke one" in answer.content.decode()


def test_rotation_makes_a_second_key_of_the_same_name_and_scopes(as_owner: Client, game: Game) -> None:
    create_key(as_owner, game, scopes=["report", "read"])
    old = ApiKey.objects.get()
    answer = as_owner.post(reverse("rotate-key", kwargs={"slug": game.slug, "key_id": old.pk}))
    assert PLAINTEXT.search(answer.content.decode())
    new = ApiKey.objects.exclude(pk=old.pk).get()
    assert (new.name, new.scopes, new.revoked_at) == (old.name, old.scopes, None)


def test_rotation_of_a_key_that_is_rotated_already_says_what_to_do(as_owner: Client, game: Game) -> None:
    create_key(as_owner, game)
    create_key(as_owner, game)
    key = ApiKey.objects.first()
    assert key
    address = reverse("rotate-key", kwargs={"slug": game.slug, "key_id": key.pk})
    assert "revoke one" in as_owner.post(address, follow=True).content.decode()


def test_a_revoked_key_is_listed_as_revoked(as_owner: Client, game: Game, key: NewKey) -> None:
    as_owner.post(reverse("revoke-key", kwargs={"slug": game.slug, "key_id": key.id}))
    assert "Revoked" in setup_page(as_owner, game)
    assert ApiKey.objects.get().revoked_at


def test_a_viewer_sees_keys_but_no_button_that_changes_them(
    game: Game, key: NewKey, make_member: Callable[[Role], User], log_in: Callable[[User], Client]
) -> None:
    html = setup_page(log_in(make_member(Role.VIEWER)), game)
    assert key.id in html
    assert not any(word in html for word in ("Rotate", "Revoke", "Create key"))
    assert "Admins create keys" in html


def test_refused_reports_are_shown_with_their_reason(as_owner: Client, game: Game, other_game: Game) -> None:
    put_refusal(game, server="lobby-7", detail="seq is a whole number", now=timezone.now())
    put_refusal(other_game, server="foreign", now=timezone.now())
    html = setup_page(as_owner, game)
    assert all(text in html for text in ("lobby-7", "invalid-report", "/seq", "seq is a whole number"))
    assert "foreign" not in html


def test_without_a_report_the_page_waits_for_the_first(as_owner: Client, game: Game) -> None:
    assert "waiting for the first report" in setup_page(as_owner, game)
    put_server(game, now=timezone.now())
    assert "waiting for the first report" not in setup_page(as_owner, game)


def test_the_curl_snippet_sends_a_valid_report() -> None:
    code = next(snippet.code for snippet in snippets("http://localhost:8000/", "cm_a_b") if snippet.id == "curl")
    # A shell function in curl's place prints the body.
    shell = 'curl() { while [ $# -gt 0 ]; do [ "$1" = -d ] && printf %s "$2"; shift; done; }\n' + code
    body = subprocess.run(["sh", "-c", shell], capture_output=True, check=True).stdout
    assert decode_report(body).server.id == "first-try"
    assert json.loads(body)["sent_at"] > 1_700_000_000


def test_the_luau_snippet_makes_a_server_report() -> None:
    code = next(snippet.code for snippet in snippets("http://localhost:8000/", "cm_a_b") if snippet.id == "luau")
    vm, backend = VM(VMOptions()), Backend()
    vm.mount(ROOT / "agents" / "luau" / "src", "ServerScriptService.connmon")
    vm.run(code)
    vm.advance(15)
    request = vm.requests[0]
    backend.serve(vm)
    assert request.url == "http://localhost:8000/api/v1/reports"
    assert "HelloService" in {counters.name for counters in backend.received[0].services}


def test_the_python_snippet_is_a_server_that_reports_until_it_is_stopped(
    transactional_db: None, site: Site, game: Game, key: NewKey
) -> None:
    base = f"http://127.0.0.1:{site.port}/"
    code = next(snippet.code for snippet in snippets(base, key.plaintext) if snippet.id == "python")
    with subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True) as server:
        try:
            wait_for(lambda: GameServer.objects.filter(name="first-try").exists(), "the server")
        finally:
            server.send_signal(signal.SIGINT)
        _, errors = server.communicate(timeout=PATIENCE)
    assert (server.returncode, errors) == (0, "")
    assert Service.objects.filter(game=game, name="HelloService").exists()


@pytest.fixture
def demo(owner: User) -> Game:
    demo = create_game_without_members(name="Demo", now=timezone.now(), is_demo=True)
    add_member(demo, user=owner, role=Role.ADMIN, now=timezone.now())
    return demo


def test_the_demo_game_says_that_it_is_one_and_others_do_not(as_owner: Client, demo: Game, game: Game) -> None:
    assert "Remove demo game" in setup_page(as_owner, demo)
    assert "Remove demo game" not in setup_page(as_owner, game)


def test_the_demo_game_is_removed_with_one_click(as_owner: Client, demo: Game, game: Game) -> None:
    put_server(demo, now=timezone.now())
    answer = as_owner.post(reverse("remove-demo", kwargs={"slug": demo.slug}), follow=True)
    assert "The Demo game is removed" in answer.content.decode()
    assert list(Game.objects.all()) == [game]
    assert not GameServer.objects.exists()


def test_a_viewer_of_the_demo_game_cannot_remove_it(
    demo: Game, stranger: User, log_in: Callable[[User], Client]
) -> None:
    add_member(demo, user=stranger, role=Role.VIEWER, now=timezone.now())
    assert "Remove demo game" not in setup_page(log_in(stranger), demo)


def test_another_game_cannot_be_removed_this_way(as_owner: Client, game: Game) -> None:
    answer = as_owner.post(reverse("remove-demo", kwargs={"slug": game.slug}))
    assert (answer.status_code, Game.objects.count()) == (422, 1)
