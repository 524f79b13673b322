"""The search over everything of a game."""

from collections.abc import Callable
from datetime import datetime

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from connmon.accounts.models import Game, User
from dashboard.queries import search as module
from dashboard.queries.search import EACH, search
from tests.dashboard.factories import (
    HOSTILE_NAMES,
    ServerSpec,
    make_connection,
    put_server,
    put_service,
    save_connections,
)
from tests.dashboard.pages import fill
from tests.leaks.ledger import put_leak


def found(game: Game, text: str, now: datetime) -> list[tuple[str, str]]:
    return [(one.kind, one.name) for one in search(game, text, now=now).results]


def test_each_kind_is_found_by_a_part_of_its_name(game: Game, now: datetime) -> None:
    server, service = put_server(game, ServerSpec("combat-7"), now=now), put_service(game, "CombatService")
    save_connections([make_connection(server, service, owner="service:Combat", now=now)])
    put_leak(game, "CombatService", site="ServerScriptService.Combat:118", now=now)
    assert found(game, "combat", now) == [
        ("Service", "CombatService"),
        ("Server", "combat-7"),
        ("Leak", "ServerScriptService.Combat:118"),
        ("Owner", "service:Combat"),
    ]


def test_results_lead_to_pages_that_exist(game: Game, as_owner: Client) -> None:
    fill(game)
    for name in HOSTILE_NAMES:
        for one in as_owner.get(reverse("search", kwargs={"slug": game.slug}), {"q": name[:60]}).json()["results"]:
            assert as_owner.get(one["href"]).status_code == 200, one


def test_an_owner_leads_to_its_connections(game: Game, as_owner: Client) -> None:
    now = timezone.now()
    server, service = put_server(game, now=now), put_service(game, "CombatService")
    owners = ["player:1 & co", "player:2"]
    save_connections([make_connection(server, service, n, owner=owner, now=now) for n, owner in enumerate(owners)])
    href = search(game, "player:1", now=now).results[0].href
    html = as_owner.get(href).content.decode()
    assert "player:1 &amp; co" in html
    assert "player:2" not in html


def test_running_servers_come_before_those_that_ended(game: Game, now: datetime) -> None:
    put_server(game, ServerSpec("lobby-1", ended=True), now=now)
    put_server(game, ServerSpec("lobby-2"), now=now)
    results = search(game, "lobby", now=now).results
    assert [(one.name, one.note) for one in results] == [("lobby-2", ""), ("lobby-1", "ended")]


def test_results_are_few_however_much_matches(game: Game, now: datetime) -> None:
    for number in range(EACH + 3):
        put_service(game, f"Service{number}")
    assert len(found(game, "service", now)) == EACH


@pytest.mark.parametrize("text", ["", "x", "%%", "__"])
def test_too_little_and_wildcards_find_nothing(text: str, game: Game, now: datetime) -> None:
    put_server(game, now=now)
    assert found(game, text, now) == []


def test_owners_that_take_too_long_are_left_out_and_said_to_be(
    game: Game, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_server(game, ServerSpec("combat-7"), now=now)
    monkeypatch.setattr(module, "OWNERS", f"SELECT pg_sleep(5), 1, '', 1 /* {'%(game)s %(like)s %(limit)s'} */")
    result = search(game, "combat", now=now)
    assert ([one.name for one in result.results], result.complete) == (["combat-7", "CombatService"][::-1], False)
    assert put_service(game, "After").pk  # the transaction goes on


def test_the_limit_of_time_does_not_outlive_the_search(game: Game, now: datetime) -> None:
    search(game, "combat", now=now)
    with connection.cursor() as cursor:
        cursor.execute("SHOW statement_timeout")
        assert cursor.fetchone() == ("0",)


def test_a_search_costs_few_queries(game: Game, as_owner: Client) -> None:
    fill(game)
    with CaptureQueriesContext(connection) as captured:
        as_owner.get(reverse("search", kwargs={"slug": game.slug}), {"q": "script"})
    assert len(captured) <= 12


def test_another_game_is_not_searched(
    game: Game, other_game: Game, as_owner: Client, now: datetime, log_in: Callable[[User], Client], stranger: User
) -> None:
    fill(other_game)
    address = reverse("search", kwargs={"slug": game.slug})
    assert as_owner.get(address, {"q": "script"}).json()["results"] == []
    assert as_owner.get(reverse("search", kwargs={"slug": other_game.slug}), {"q": "script"}).status_code == 404
    assert log_in(stranger).get(address, {"q": "script"}).status_code == 404
