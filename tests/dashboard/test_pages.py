"""What all pages have in common: cost, escaping, headers."""

import re
from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from connmon.accounts.models import Game
from tests.dashboard.factories import HOSTILE_NAMES
from tests.dashboard.pages import Filled, fill

MOST_QUERIES = 10


@pytest.fixture
def filled(game: Game) -> Filled:
    return fill(game)


def queries_of(client: Client, address: str) -> int:
    with CaptureQueriesContext(
        connection,
    ) as captured:
        assert client.get(address).status_code == 200
    return len(captured)


def test_every_page_costs_few_queries(filled: Filled, as_owner: Client) -> None:
    pages = [address for address in filled.everything() if not address.endswith("chart.json")]  # see test_charts.py
    costs = {address: queries_of(as_owner, address) for address in [*pages, "/?all"]}
    assert {address: cost for address, cost in costs.items() if cost > MOST_QUERIES} == {}


def test_more_servers_cost_no_more_queries(game: Game, other_game: Game, as_owner: Client) -> None:
    few = fill(game, servers=2)
    before = [queries_of(as_owner, address) for address in few.everything()]
    more = fill_more(game)
    assert [queries_of(as_owner, address) for address in more.everything()] == before


def fill_more(game: Game) -> Filled:
    from connmon.registry.models import Connection, GameServer, RefusedReport, ServerState
    from connmon.telemetry.models import GameSample, ServiceSample

    for model in (Connection, ServerState, GameServer, RefusedReport, GameSample, ServiceSample):
        model.objects.all().delete()
    return fill(game, servers=9)


def test_what_games_send_is_text_on_every_page(filled: Filled, as_owner: Client) -> None:
    for address in filled.everything():
        answer = as_owner.get(address)
        if "json" in answer["Content-Type"]:
            continue
        html = answer.content.decode()
        assert "<script>alert" not in html
        assert "<img src=x" not in html


def test_hostile_names_are_shown_whole(filled: Filled, as_owner: Client) -> None:
    html = as_owner.get(filled.addresses()[0]).content.decode()
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert "{{ 7*7 }}" in html
    assert HOSTILE_NAMES[1] in html


def test_pages_carry_a_strict_policy_and_no_inline_script_or_style(filled: Filled, as_owner: Client) -> None:
    for address in filled.everything():
        answer = as_owner.get(address)
        policy = answer["Content-Security-Policy"]
        assert "script-src 'self'" in policy
        assert "unsafe" not in policy
        html = "" if "json" in answer["Content-Type"] else answer.content.decode()
        assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=\"", html), address


def test_the_chosen_theme_is_in_the_first_byte_that_is_drawn(filled: Filled, as_owner: Client) -> None:
    as_owner.cookies["theme"] = "dark"
    assert '<html lang="en" data-theme="dark">' in as_owner.get(filled.addresses()[0]).content.decode()


@pytest.mark.parametrize("theme", ["", "system", '"><script>'])
def test_any_other_theme_is_the_systems(theme: str, filled: Filled, as_owner: Client) -> None:
    as_owner.cookies["theme"] = theme
    assert '<html lang="en">' in as_owner.get(filled.addresses()[0]).content.decode()


@pytest.mark.parametrize(
    "query",
    [
        "?sort=nonsense&page=x&after=%00&q=%00",
        "?page=99999999999&state=gone&kind=nobody",
        "?q=" + "x" * 5_000,
        "?sort=-&page=-1&before=AAAA",
    ],
)
def test_an_odd_address_shows_the_page_all_the_same(query: str, filled: Filled, as_owner: Client) -> None:
    assert {as_owner.get(address + query).status_code for address in filled.everything()} == {200}


def test_a_filtered_registry_keeps_its_question_in_links_and_form(filled: Filled, as_owner: Client) -> None:
    address = next(address for address in filled.addresses() if "/services/" in address)
    html = as_owner.get(address, {"q": "alert", "state": "live", "sort": "owner"}).content.decode()
    assert 'name="q" value="alert"' in html
    assert '<option value="live" selected>' in html
    assert "q=alert&amp;state=live&amp;sort=-owner" in html


def test_the_next_page_of_a_registry_follows_its_link(filled: Filled, as_owner: Client) -> None:
    address = next(address for address in filled.addresses() if "/servers/" in address and address[-2].isdigit())
    html = as_owner.get(address).content.decode()
    link = re.search(r'rel="next" href="(\?[^"]+)"', html)
    assert link
    following = as_owner.get(address + link[1].replace("&amp;", "&")).content.decode()
    assert 'rel="prev"' in following
    assert following.count("<tr>") < html.count("<tr>")


def test_a_fragment_is_only_its_table(filled: Filled, as_owner: Client) -> None:
    for address in filled.everything():
        if address.endswith(("registry", "table")):
            html = as_owner.get(address).content.decode()
            assert html.lstrip().startswith("<div data-swap-part>")


def test_a_server_key_beyond_javascripts_numbers_is_text_in_live_data(
    filled: Filled, log_in: Callable[..., Client]
) -> None:
    from django.utils import timezone

    from dashboard.delta import plain
    from dashboard.pages import Page

    state = plain(Page("servers").state(filled.game.pk, now=timezone.now()))
    assert all(isinstance(row["id"], str) for row in state["servers"])
