"""The Luau agent as one file, made for this site."""

from collections.abc import Callable

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from connmon.accounts.models import Game, Role, User
from luauvm import VM
from tests.luau.backend import Backend


def download(client: Client, game: Game) -> HttpResponse:
    return client.get(reverse("luau-agent", kwargs={"slug": game.slug}))  # type: ignore[return-value]


def test_the_file_reports_to_this_site_with_nothing_but_a_key(as_owner: Client, game: Game) -> None:
    vm, backend = VM(), Backend()
    vm.add_script("ServerScriptService.connmon", download(as_owner, game).content.decode())
    vm.run("""
        local connmon = require(game:GetService('ServerScriptService').connmon)
        connmon.start({ Key = 'cm_1_secret' })
        connmon.ConnectionManager:ConnectHeartbeat(function() end, 1, 'service:HelloService')
    """)
    vm.advance(15)
    request = vm.requests[0]
    backend.serve(vm)
    assert request.url == "http://testserver/api/v1/reports"
    assert request.headers["Authorization"] == "Bearer cm_1_secret"
    assert "HelloService" in {counters.name for counters in backend.received[0].services}
    assert vm.errors == []


def test_the_file_is_a_download_that_no_cache_keeps(as_owner: Client, game: Game) -> None:
    answer = download(as_owner, game)
    assert answer["Content-Type"] == "text/plain; charset=utf-8"
    assert answer["Content-Disposition"] == 'attachment; filename="connmon.luau"'
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert "no-store" in answer["Cache-Control"]


def test_behind_https_the_file_reports_over_https(as_owner: Client, game: Game) -> None:
    answer = as_owner.get(reverse("luau-agent", kwargs={"slug": game.slug}), secure=True)
    assert b'Defaults.URL = "https://testserver"' in answer.content


def test_every_member_may_take_it(
    game: Game, make_member: Callable[[Role], User], log_in: Callable[[User], Client]
) -> None:
    assert download(log_in(make_member(Role.VIEWER)), game).status_code == 200


def test_strangers_find_nothing_and_visitors_log_in(
    game: Game, stranger: User, log_in: Callable[[User], Client], client: Client
) -> None:
    assert download(log_in(stranger), game).status_code == 404
    answer = download(client, game)
    assert (answer.status_code, answer["Location"].partition("?")[0]) == (302, reverse("account_login"))


@pytest.mark.parametrize("host", ['evil.example"', "evil.example"])
def test_a_host_that_is_not_ours_gets_no_file(as_owner: Client, game: Game, host: str) -> None:
    answer = as_owner.get(reverse("luau-agent", kwargs={"slug": game.slug}), headers={"host": host})
    assert answer.status_code == 400


def test_the_setup_page_links_to_it(as_owner: Client, game: Game) -> None:
    html = as_owner.get(reverse("setup", kwargs={"slug": game.slug})).content.decode()
    assert f'href="{reverse("luau-agent", kwargs={"slug": game.slug})}" download' in html
