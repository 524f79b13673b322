"""A game has at most SERVICES_PER_GAME services, so that names made at run time cannot fill every page."""

import pytest

from connmon.registry import names
from connmon.registry.models import Service
from tests.machine import Machine, opened, service, wait_for


@pytest.fixture(autouse=True)
def _few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names, "SERVICES_PER_GAME", 5)


def test_services_up_to_the_limit_are_taken(server: Machine) -> None:
    server.send_first(services=[service(f"Service{number}") for number in range(5)])
    assert Service.objects.filter(game_id=server.game_id).count() == 5


@pytest.mark.parametrize("where", ["services", "opened"])
def test_a_report_with_one_service_too_many_is_refused_and_changes_nothing(server: Machine, where: str) -> None:
    server.send_first(services=[service(f"Service{number}") for number in range(4)])
    before = server.everything()
    new = [service("New1"), service("New2")] if where == "services" else [opened(n, service=f"New{n}") for n in (1, 2)]
    answer = server.send(**{where: new})
    assert (answer.status, answer.code, answer.body["pointer"]) == (422, "too-many-services", "$.services")
    assert server.everything() == before
    assert Service.objects.filter(game_id=server.game_id).count() == 4
    row = wait_for(lambda: server.refusals().filter(code="too-many-services").first(), "the refusal to be kept")
    assert (row.server, row.count) == ("server-1", 1)


def test_a_full_game_still_takes_reports_of_the_services_it_knows(server: Machine) -> None:
    server.send_first(services=[service(f"Service{number}") for number in range(5)])
    assert server.send(services=[service("Service6")]).status == 422
    assert (
        server.send(seq=2, services=[service("Service1", live=9)], opened=[opened(1, service="Service2")]).status == 200
    )
    assert server.counters()["Service1"][0] == 9


def test_closing_and_changing_under_an_unknown_service_makes_no_service(server: Machine) -> None:
    server.send_first(closed=[{"id": 1, "service": "Gone"}], changed=[{"id": 1, "service": "Gone", "state": "idle"}])
    assert not Service.objects.filter(game_id=server.game_id).exists()
