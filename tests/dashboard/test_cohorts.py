"""A service's connections by age."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Page, expect

from connmon.accounts.models import Game, User
from connmon.registry.models import Service
from connmon.registry.states import ConnectionState
from tests.dashboard.browsing import BROWSER
from tests.dashboard.factories import ServerSpec, make_connection, put_server, put_service, save_connections


@pytest.fixture
def aged(game: Game) -> Service:
    """Three young connections, one old and orphaned, of two types; one of a silent server; one of another service."""
    now = timezone.now()
    server, silent = put_server(game, now=now), put_server(game, ServerSpec("silent", age=timedelta(hours=1)), now=now)
    service, other = put_service(game, "CombatService"), put_service(game, "Other")
    young, old = timedelta(minutes=1), timedelta(minutes=62)
    save_connections(
        [
            *(make_connection(server, service, number, type=f"T{number}", age=young, now=now) for number in range(3)),
            make_connection(server, service, 9, state=ConnectionState.ORPHANED, age=old, now=now),
            make_connection(silent, service, 1, age=young, now=now),
            make_connection(server, other, 10, age=young, now=now),
        ]
    )
    return service


def address(service: Service) -> str:
    return reverse("service-cohorts", kwargs={"slug": service.game.slug, "service_id": service.pk})


def test_all_of_its_connections_on_reporting_servers_are_counted(aged: Service, as_owner: Client) -> None:
    cells = {cell.minutes: (cell.live, cell.orphaned) for cell in as_owner.get(address(aged)).context["cells"]}
    assert {minutes: found for minutes, found in cells.items() if found != (0, 0)} == {0: (3, 0), 60: (1, 1)}


def test_of_another_game_there_is_none(
    aged: Service, other_game: Game, as_owner: Client, stranger: User, log_in: Callable[[User], Client]
) -> None:
    theirs = put_service(other_game, "Theirs")
    foreign = reverse("service-cohorts", kwargs={"slug": aged.game.slug, "service_id": theirs.pk})
    assert as_owner.get(foreign).status_code == 404
    assert log_in(stranger).get(address(aged)).status_code == 404


@pytest.mark.parametrize("_", [pytest.param("in Chromium", marks=BROWSER)])
def test_the_services_page_fetches_it(_: str, page: Page, aged: Service, complaints: list[str]) -> None:
    page.goto(f"/g/{aged.game.slug}/services/{aged.pk}/")
    expect(page.get_by_role("heading", name="When what is still open was opened")).to_be_visible()
    assert complaints == []
