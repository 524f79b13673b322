"""A service's place versions."""

from datetime import datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from connmon.accounts.models import Game
from connmon.telemetry.models import PlaceVersion
from dashboard.queries import service as one_service
from dashboard.queries.service import ServiceVersion, service_page
from tests.dashboard.factories import Counters, ServerSpec, put_server, put_service

COMBAT = "CombatService"


def put(game: Game, name: str, version: int | None, *, live: int, now: datetime, **more: int) -> None:
    put_server(game, ServerSpec(name, {COMBAT: Counters(live=live, **more)}, place_version=version), now=now)


def versions(game: Game, now: datetime) -> list[ServiceVersion]:
    return service_page(game.pk, put_service(game, COMBAT).pk, now=now).versions


@pytest.fixture
def fleet(game: Game, other_game: Game, now: datetime) -> Game:
    put(game, "a", 143, live=40, orphaned=4, now=now)
    put(game, "b", 142, live=10, stale=1, now=now)
    put(game, "c", 142, live=13, now=now)
    put(game, "d", None, live=1, now=now)
    put(game, "e", 0, live=2, now=now)
    silent = ServerSpec("silent", {COMBAT: Counters(live=9)}, place_version=144, age=timedelta(hours=1))
    put_server(game, silent, now=now)
    put_server(game, ServerSpec("without", {"Other": Counters()}, place_version=145), now=now)
    put(other_game, "theirs", 146, live=5, now=now)
    return game


def test_each_version_sums_its_reporting_servers_the_newest_first_and_the_unknown_last(
    fleet: Game, now: datetime
) -> None:
    assert [(one.id, one.servers, one.live, one.each, one.orphaned, one.stale) for one in versions(fleet, now)] == [
        ("143", 1, 40, 40.0, 4, 0),
        ("142", 2, 23, 11.5, 0, 1),
        ("0", 1, 2, 2.0, 0, 0),
        ("", 1, 1, 1.0, 0, 0),
    ]


def test_a_version_says_when_any_place_of_the_game_first_ran_it(fleet: Game, other_game: Game, now: datetime) -> None:
    day = timedelta(days=1)
    PlaceVersion.objects.bulk_create(
        PlaceVersion(game_id=game.pk, place_id=place, version=142, first_at=now - age)
        for game, place, age in ((fleet, 1, day), (fleet, 2, 2 * day), (other_game, 1, 9 * day))
    )
    assert {one.id: one.first_at for one in versions(fleet, now)} == {
        "143": None,
        "142": now - 2 * day,
        "0": None,
        "": None,
    }


def test_so_many_are_listed(fleet: Game, now: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(one_service, "VERSIONS_MAX", 2)
    assert [one.id for one in versions(fleet, now)] == ["143", "142"]


def test_the_page_lists_them(game: Game, as_owner: Client) -> None:
    put(game, "a", 143, live=40, now=timezone.now())
    put(game, "b", None, live=40, now=timezone.now())
    service = put_service(game, COMBAT)
    address = reverse("service", kwargs={"slug": game.slug, "service_id": service.pk})
    html = as_owner.get(address).content.decode()
    body = html[html.index('data-rows="versions"') :]
    assert '<tr data-id="143">' in body
    assert "not named" in body[: body.index("</tbody>")]


def test_a_service_that_runs_nowhere_has_none(game: Game, as_owner: Client, now: datetime) -> None:
    service = put_service(game, COMBAT)
    assert versions(game, now) == []
    address = reverse("service", kwargs={"slug": game.slug, "service_id": service.pk})
    assert "No server that reports has this service." in as_owner.get(address).content.decode()
