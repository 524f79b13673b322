"""Who is in no game finds none, and who is not logged in finds the door."""

import pytest
from django.urls import reverse

from tests.e2e.house import House
from tests.e2e.tour.addresses import GAME_PAGES, OPEN_PAGES, Ids, address_of
from tests.e2e.tour.look import look, visit
from tests.e2e.visitor import Visitor


def test_for_a_stranger_no_page_of_the_game_exists(running: House, stranger: Visitor, ids: Ids) -> None:
    answers = {name: stranger.page.goto(running.url + address_of(name, ids)) for name in GAME_PAGES}
    assert {name: answer.status for name, answer in answers.items() if answer} == dict.fromkeys(GAME_PAGES, 404)
    assert stranger.page.locator("h1").inner_text() == "Not found"
    assert look(stranger, status=404) == []


def test_a_strangers_own_pages_are_in_order(running: House, stranger: Visitor) -> None:
    faults = []
    for name in ("home", "new-game", "account"):
        stranger.page.goto(running.url + reverse(name))
        faults += [f"{name}: {fault}" for fault in look(stranger)]
    assert faults == []


def test_nobody_sees_a_page_without_logging_in(running: House, passer_by: Visitor, ids: Ids) -> None:
    for name in GAME_PAGES:
        passer_by.page.goto(running.url + address_of(name, ids))
        assert "/login/" in passer_by.page.url, name
    assert passer_by.take_complaints() == []


@pytest.mark.parametrize("name", sorted(OPEN_PAGES))
def test_the_door_is_in_order(name: str, running: House, passer_by: Visitor) -> None:
    status = 401 if name == "socialaccount_login_error" else 200
    visit(passer_by, running.url + reverse(name), status)
    assert look(passer_by, status=status) == []
