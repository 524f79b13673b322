"""`/ws/v1/agent`: the same messages over a socket, answered in order; what closes it, and what does not."""

import json
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import SyncToAsync
from django.utils import timezone
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

from api import agent_socket
from connmon.accounts.actions import revoke_key
from connmon.accounts.models import ApiKey, Game
from connmon.core.ids import NewKey
from connmon.wire.v1 import MAX_BODY
from tests.conftest import NOW
from tests.machine import PATIENCE, Json, Machine, closed, encode, opened, service, wait_for

MakeServer = Callable[..., Machine]
MakeKey = Callable[..., NewKey]
SNAPSHOT = {"part": 1, "of": 1}


def say(agent: ClientConnection, message: Json | str | bytes) -> None:
    agent.send(json.dumps(message) if isinstance(message, dict) else message)


def hear(agent: ClientConnection) -> Json:
    frame = agent.recv(timeout=PATIENCE)
    assert isinstance(frame, str)
    answer: Json = json.loads(frame)
    return answer


def ask(agent: ClientConnection, message: Json | str | bytes) -> Json:
    say(agent, message)
    return hear(agent)


def close_of(agent: ClientConnection) -> tuple[int, str]:
    """Code and reason with which the site closed."""
    with suppress(ConnectionClosed):
        while True:
            agent.recv(timeout=PATIENCE)
    said = agent.protocol.close_rcvd
    assert said is not None, "the connection broke off"
    return said.code, said.reason


def test_a_report_in_a_frame_is_answered_when_it_is_committed(server: Machine) -> None:
    with server.site.connect(key=server.key) as agent:
        answer = ask(agent, server.report(snapshot=SNAPSHOT, opened=[opened(1)]))
        assert answer == {"kind": "ack", "ack": 1, "resync": False, "interval": 10.0, "orders": [], "config": None}
        assert server.registered() == {1}


def test_socket_and_rest_may_take_turns(server: Machine) -> None:
    with server.site.connect(key=server.key) as agent:
        ask(agent, server.report(snapshot=SNAPSHOT, opened=[opened(1)]))
        assert server.send(opened=[opened(2)]).body["resync"] is False
        assert ask(agent, server.report(closed=[closed(1)]))["resync"] is False
    assert server.registered() == {2}


def test_many_frames_are_answered_in_their_order(server: Machine) -> None:
    reports = [server.report(snapshot=SNAPSHOT)] + [server.report(services=[service(live=n)]) for n in range(2, 301)]
    with server.site.connect(key=server.key) as agent:
        for report in reports:
            say(agent, report)
        assert [hear(agent)["ack"] for _ in reports] == list(range(1, 301))
    assert (server.state.last_seq, server.counters()["CombatService"][0]) == (300, 300)


def test_a_socket_carries_the_reports_of_one_server(make_server: MakeServer) -> None:
    one, two = make_server(), make_server("server-2")
    with one.site.connect(key=one.key) as agent:
        assert ask(agent, one.report(opened=[opened(1)]))["ack"] == 1
        problem = ask(agent, two.report(opened=[opened(1)]))
        assert (problem["code"], problem["pointer"]) == ("invalid-report", "$.server.id")
        assert ask(agent, one.report(opened=[opened(2)]))["ack"] == 2
    assert (one.registered(), two.registered()) == ({1, 2}, set())
    assert wait_for(one.refusals().first, "the refusal to be kept").pointer == "$.server.id"


def test_a_refused_first_frame_binds_the_socket_to_no_server(make_server: MakeServer) -> None:
    one, two = make_server(), make_server("server-2")
    with one.site.connect(key=one.key) as agent:
        assert ask(agent, one.report(players=-1))["kind"] == "problem"
        assert ask(agent, two.report())["ack"] == 1


def test_a_server_may_start_anew_on_its_socket(make_server: MakeServer) -> None:
    before, after = make_server(), make_server(boot="boot-2")
    with before.site.connect(key=before.key) as agent:
        assert ask(agent, before.report(snapshot=SNAPSHOT, opened=[opened(1)]))["ack"] == 1
        assert ask(agent, after.report(snapshot=SNAPSHOT, opened=[opened(2)]))["ack"] == 1
    assert (before.registered(), after.registered()) == (set(), {2})


def test_a_binary_frame_is_read_like_a_text_frame(server: Machine) -> None:
    with server.site.connect(key=server.key) as agent:
        assert ask(agent, encode(server.report()))["ack"] == 1


@pytest.mark.parametrize(
    ("frame", "code", "pointer"),
    [
        ("hello", "not-json", None),
        ("", "not-json", None),
        (b"\x00\xff", "not-json", None),
        ({"kind": "order"}, "invalid-report", "$.kind"),
        ("[" * 100_000, "invalid-report", None),
    ],
    ids=["text", "nothing", "bytes", "unknown kind", "deep"],
)
def test_a_refused_frame_is_answered_kept_and_leaves_the_socket_open(
    server: Machine, frame: Any, code: str, pointer: str | None
) -> None:
    with server.site.connect(key=server.key) as agent:
        problem = ask(agent, frame)
        assert (problem["kind"], problem["code"], problem.get("pointer")) == ("problem", code, pointer)
        assert problem.keys() >= {"type", "title", "status", "detail"}
        assert ask(agent, server.report())["ack"] == 1
    assert wait_for(server.refusals().first, "the refusal to be kept").code == code


def test_a_refusal_on_the_socket_has_the_members_of_one_over_http(server: Machine) -> None:
    server.send_first()
    over_http = server.send(seq=1, players=50)
    with server.site.connect(key=server.key) as agent:
        problem = ask(agent, server.report(seq=1, players=60))
    assert problem == {"kind": "problem", **over_http.body}


def test_a_conflict_leaves_the_socket_open(server: Machine) -> None:
    server.send_first()
    with server.site.connect(key=server.key) as agent:
        assert ask(agent, server.report(seq=1, players=50))["code"] == "seq-conflict"
        assert ask(agent, server.report(seq=2))["ack"] == 2


@pytest.mark.parametrize(
    ("key", "code"), [(None, "no-key"), ("nonsense", "no-key"), ("cm_nobody_nothing", "bad-key")], ids=str
)
def test_a_socket_without_a_good_key_is_told_so_and_closed(server: Machine, key: str | None, code: str) -> None:
    with server.site.connect(key=key) as agent:
        problem = hear(agent)
        assert (problem["kind"], problem["code"], problem["status"]) == ("problem", code, 401)
        assert close_of(agent)[0] == 4401


def test_a_socket_with_a_key_of_another_scope_is_closed(server: Machine, make_key: MakeKey) -> None:
    with server.site.connect(key=make_key("read")) as agent:
        assert hear(agent)["code"] == "scope-missing"
        assert close_of(agent)[0] == 4403


def test_a_socket_with_an_expired_key_is_closed(server: Machine, make_key: MakeKey) -> None:
    key = make_key(expires_at=NOW + timedelta(days=1))
    ApiKey.objects.filter(pk=key.id).update(expires_at=timezone.now())
    with server.site.connect(key=key) as agent:
        assert hear(agent)["code"] == "key-expired"
        assert close_of(agent)[0] == 4401


def test_a_key_revoked_while_its_socket_is_open_ends_the_socket_at_the_next_frame(server: Machine, game: Game) -> None:
    with server.site.connect(key=server.key) as agent:
        ask(agent, server.report(snapshot=SNAPSHOT, opened=[opened(1)]))
        revoke_key(game, key_id=server.key.id, now=NOW)
        assert ask(agent, server.report(opened=[opened(2)]))["code"] == "key-revoked"
        assert close_of(agent)[0] == 4401
    assert server.registered() == {1}


def test_an_agent_that_never_says_anything_is_closed(server: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agent_socket, "FIRST_FRAME_SECONDS", 0.1)
    with server.site.connect(key=server.key) as agent:
        assert close_of(agent)[0] == 4408


def test_an_agent_that_falls_silent_is_closed_after_three_intervals(
    server: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agent_socket, "FIRST_FRAME_SECONDS", 0.1)
    with server.site.connect(key=server.key) as agent:
        assert ask(agent, server.report(interval=0.1))["ack"] == 1
        assert close_of(agent)[0] == 4408


def test_an_agent_with_a_long_interval_may_be_silent_for_longer(
    server: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agent_socket, "FIRST_FRAME_SECONDS", 0.1)
    with server.site.connect(key=server.key) as agent:
        ask(agent, server.report(interval=60))
        with pytest.raises(TimeoutError):
            agent.recv(timeout=0.3)
        assert ask(agent, server.report())["ack"] == 2


def test_a_frame_that_comes_byte_by_byte_does_not_keep_the_socket_open(
    server: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agent_socket, "FIRST_FRAME_SECONDS", 0.2)
    body = encode(server.report())
    frame = b"\x81\xfe" + len(body).to_bytes(2, "big") + bytes(4) + body  # one masked text frame, its mask all zeros
    with server.site.connect(key=server.key) as agent:
        for byte in frame:
            if agent.protocol.close_rcvd:
                break
            agent.socket.sendall(bytes([byte]))
            time.sleep(0.02)
        assert agent.protocol.close_rcvd
        assert agent.protocol.close_rcvd.code == 4408
        agent.socket.shutdown(socket.SHUT_RDWR)  # the site would wait some seconds for the close to be answered
    server.seq = 0
    assert server.send_first().status == 200


def test_too_many_refused_frames_in_a_row_close_the_socket(server: Machine) -> None:
    with server.site.connect(key=server.key) as agent:
        for _ in range(agent_socket.REFUSED_FRAMES):
            assert ask(agent, "nonsense")["code"] == "not-json"
        assert close_of(agent)[0] == 4429


def test_a_good_frame_forgives_the_refused_ones_before_it(server: Machine) -> None:
    with server.site.connect(key=server.key) as agent:
        for _ in range(3):
            for _ in range(agent_socket.REFUSED_FRAMES - 1):
                ask(agent, "nonsense")
            assert "ack" in ask(agent, server.report())


def test_a_frame_at_its_bound_is_taken(server: Machine) -> None:
    with server.site.connect(key=server.key) as agent:
        assert ask(agent, encode(server.report()).decode().ljust(MAX_BODY))["ack"] == 1


@pytest.mark.parametrize("size", [MAX_BODY + 1, 3_000_000])
def test_a_frame_past_its_bound_closes_the_socket_with_1009(server: Machine, size: int) -> None:
    with server.site.connect(key=server.key) as agent:
        say(agent, encode(server.report()).decode().ljust(size))
        assert close_of(agent)[0] == 1009
    server.seq = 0
    assert server.send_first().status == 200


def test_a_close_reason_says_what_to_do(server: Machine) -> None:
    with server.site.connect(key=None) as agent:
        assert "Authorization" in close_of(agent)[1]


def test_agents_need_no_origin_header_but_may_have_any(server: Machine) -> None:
    """They are no browsers; their key alone decides."""
    with server.site.connect(key=server.key, origin="https://elsewhere.example") as agent:
        assert ask(agent, server.report())["ack"] == 1


def test_sockets_that_break_off_harm_nobody(server: Machine) -> None:
    for _ in range(10):
        with server.site.connect(key=server.key) as agent:
            say(agent, server.report())
            agent.socket.shutdown(socket.SHUT_RDWR)
    assert server.send(seq=100).status == 200


def test_a_frame_costs_no_thread(server: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Channels' own dispatch hops to a thread for every frame: a ninth of the frames a second."""
    hops: list[object] = []
    real_start, real_call = threading.Thread.start, SyncToAsync.__call__

    def start(thread: threading.Thread) -> None:
        hops.append(thread)
        real_start(thread)

    async def call(self: SyncToAsync[..., Any], *args: Any, **kwargs: Any) -> Any:
        hops.append(self)
        return await real_call(self, *args, **kwargs)

    with server.site.connect(key=server.key) as agent:
        ask(agent, server.report(snapshot=SNAPSHOT))
        submitted = count_submissions(monkeypatch)
        monkeypatch.setattr(threading.Thread, "start", start)
        monkeypatch.setattr(SyncToAsync, "__call__", call)
        for _ in range(200):
            ask(agent, server.report())
        monkeypatch.undo()
    assert hops == []
    assert submitted == []


def count_submissions(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Notes what is handed to any thread pool from now on."""
    submitted: list[object] = []
    real = ThreadPoolExecutor.submit

    def submit(self: ThreadPoolExecutor, work: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        submitted.append(work)
        return real(self, work, *args, **kwargs)

    monkeypatch.setattr(ThreadPoolExecutor, "submit", submit)
    return submitted
