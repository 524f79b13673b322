"""A game server with the Luau agent, its ten services and its planted leak, in the VM."""

import json
from collections.abc import Iterator

import pytest

from connmon.wire import codec, v1
from luauvm import HttpRequest
from tests.luau.game_server import GameServerVM, ServerOptions
from tests.luau.http_client import HttpAnswer, KeepAliveClient

EPOCH = 1_763_870_000.0


def acknowledge(request: HttpRequest) -> HttpAnswer:
    """What a backend answers to any report."""
    report = codec.decode_report(request.body)
    answer = {"kind": "ack", "ack": report.seq, "resync": False, "interval": 10, "orders": [], "config": None}
    return HttpAnswer(200, json.dumps(answer).encode())


@pytest.fixture
def quiet_server() -> Iterator[GameServerVM]:
    """A server without a crowd of its own."""
    server = GameServerVM(ServerOptions(url="http://backend", key="cm_1_x", epoch=EPOCH), send=acknowledge)
    yield server
    assert server.vm.errors == []


def live(server: GameServerVM) -> dict[str, int]:
    """Live connections per service by the agent's registry."""
    return {name: service["Live"] for name, service in server.registered()["Services"].items() if service["Live"]}


def test_registry_and_ledger_agree_service_by_service(quiet_server: GameServerVM) -> None:
    quiet_server.join(8)
    quiet_server.pass_time(60)
    quiet_server.leave(3)
    quiet_server.pass_time(60)
    assert live(quiet_server) == quiet_server.stats()
    assert len(quiet_server.stats()) == 11


def test_players_who_leave_cleanly_leave_nothing(quiet_server: GameServerVM) -> None:
    quiet_server.pass_time(10)
    before = quiet_server.stats()
    quiet_server.join(6)
    assert quiet_server.players == 6
    assert quiet_server.leave(6, leaking=False) == 6
    assert quiet_server.stats() == before


def test_the_planted_leak_is_in_combat_and_becomes_orphaned(quiet_server: GameServerVM) -> None:
    quiet_server.join(4)
    quiet_server.pass_time(1)
    before = quiet_server.stats()["CombatService"]
    quiet_server.leave(2, leaking=True)
    assert quiet_server.stats()["CombatService"] == before
    quiet_server.pass_time(65)
    services = quiet_server.registered()["Services"]
    assert {name: service["Orphaned"] for name, service in services.items() if service["Orphaned"]} == {
        "CombatService": 6
    }


def test_a_report_by_hand_brings_the_backends_answer(quiet_server: GameServerVM) -> None:
    assert [quiet_server.report(), quiet_server.report()] == [200, 200]
    assert quiet_server.status()["acknowledged"] == 2


def test_a_report_by_hand_says_what_is_so_now_whatever_waited() -> None:
    reports: list[v1.Report] = []

    def send(request: HttpRequest) -> HttpAnswer:
        reports.append(codec.decode_report(request.body))
        return acknowledge(request)

    server = GameServerVM(ServerOptions(url="http://backend", key="k", epoch=EPOCH), send=send)
    server.pass_time(20)
    server.join(5)
    server.pass_time(20)
    assert server.report() == 200
    said = {counters.name: counters.live for report in reports for counters in report.services}
    assert {name: count for name, count in said.items() if count} == server.stats()


def test_a_report_without_a_way_to_send_says_so() -> None:
    server = GameServerVM(ServerOptions(url="http://backend", key="k", epoch=EPOCH))
    with pytest.raises(RuntimeError, match="needs a `send`"):
        server.report()


def test_a_server_that_stops_reports_that_all_is_closed(quiet_server: GameServerVM) -> None:
    quiet_server.join(3)
    quiet_server.report()
    quiet_server.stop()
    quiet_server.step(0.1)
    (request,) = quiet_server.take_requests()
    report = codec.decode_report(request.body)
    assert all(counters.live == 0 for counters in report.services)
    assert quiet_server.stats() == {}


def test_a_crowd_comes_and_goes_by_itself() -> None:
    server = GameServerVM(ServerOptions(url="http://backend", key="k", epoch=EPOCH, players=12))
    server.pass_time(240)
    assert server.vm.errors == []
    assert 4 <= server.players <= 20
    combat = server.registered()["Services"]["CombatService"]
    assert combat["Orphaned"] >= 3
    assert combat["Opened"] > combat["Live"]


def test_a_backend_that_is_away_is_an_answer_with_an_error() -> None:
    client = KeepAliveClient("http://127.0.0.1:1")
    answer = client.send(HttpRequest(1, "http://127.0.0.1:1/api/v1/reports", "POST", {}, b"{}"))
    assert answer.status == 0
    assert answer.error.startswith("HttpError: ConnectionRefusedError")


@pytest.mark.parametrize("url", ["", "backend:8000", "ftp://backend"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="takes the form http://host:port"):
        KeepAliveClient(url)
