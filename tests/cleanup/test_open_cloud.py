"""Waking live servers: the calls as documented, against a stand-in that answers as Open Cloud does."""

import http.client
import json
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from django.utils import timezone

from connmon.accounts.models import Game
from connmon.cleanup.models import Order
from connmon.cleanup.opencloud import CALLS_PER_MINUTE, HttpAnswer, OpenCloud, Result
from connmon.cleanup.wake import PATIENCE, wake_servers
from connmon.configuration.actions import change_configuration
from tests.cleanup.steering import BY, run
from tests.machine import Machine

UNIVERSE = 4_711


class StandIn(ThreadingHTTPServer):
    """Open Cloud on a loopback port: notes calls, answers with `status` and `headers`."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.calls: list[tuple[str, str, Any]] = []  # path, key, body
        self.status = 200
        self.more: dict[str, str] = {}

    def transport(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> HttpAnswer:
        connection = http.client.HTTPConnection("127.0.0.1", self.server_port, timeout=5)
        try:
            connection.request(method, path, body, dict(headers))
            response = connection.getresponse()
            response.read()
            return HttpAnswer(response.status, {k.lower(): v for k, v in response.getheaders()})
        finally:
            connection.close()


class Handler(BaseHTTPRequestHandler):
    server: StandIn

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.calls.append((self.path, self.headers["x-api-key"], body))
        self.send_response(self.server.status)
        for name, value in self.server.more.items():
            self.send_header(name, value)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing."""


@pytest.fixture
def there() -> Iterator[StandIn]:
    with StandIn() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


class Clock:
    """Seconds that move when told."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def cloud(there: StandIn, clock: Clock) -> OpenCloud:
    return OpenCloud("secret", transport=there.transport, clock=clock)


def test_a_call_is_made_as_documented(cloud: OpenCloud, there: StandIn) -> None:
    assert cloud.wake(UNIVERSE, ["job-1", "job-2"]) is Result.SENT
    path = f"/cloud/v2/universes/{UNIVERSE}:publishMessage"
    message = '{"do":"report"}'
    assert there.calls == [(path, "secret", {"topic": topic, "message": message}) for topic in ("cm:job-1", "cm:job-2")]


def test_many_servers_are_woken_by_one_call(cloud: OpenCloud, there: StandIn) -> None:
    cloud.wake(UNIVERSE, [f"job-{number}" for number in range(51)])
    assert [body["topic"] for _, _, body in there.calls] == ["cm:all"]


def test_a_name_that_is_no_topic_is_woken_with_all(cloud: OpenCloud, there: StandIn) -> None:
    cloud.wake(UNIVERSE, ["x" * 128])
    assert [body["topic"] for _, _, body in there.calls] == ["cm:all"]


def test_after_too_many_calls_it_keeps_silent_as_long_as_asked(cloud: OpenCloud, there: StandIn, clock: Clock) -> None:
    there.status, there.more = 429, {"Retry-After": "7"}
    assert cloud.wake(UNIVERSE, ["a", "b"]) is Result.LIMITED
    there.status = 200
    clock.now = 6.9
    assert cloud.wake(UNIVERSE, ["a"]) is Result.LIMITED
    assert len(there.calls) == 1
    clock.now = 7.1
    assert cloud.wake(UNIVERSE, ["a"]) is Result.SENT


@pytest.mark.parametrize("said", ["soon", "", "-5", "1e9"])
def test_a_retry_after_of_no_form_is_ten_seconds(cloud: OpenCloud, there: StandIn, clock: Clock, said: str) -> None:
    there.status, there.more = 429, {"Retry-After": said}
    cloud.wake(UNIVERSE, ["a"])
    clock.now = 9.9
    assert cloud.wake(UNIVERSE, ["a"]) is Result.LIMITED
    assert len(there.calls) == 1


@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_a_wrong_key_or_universe_is_not_tried_on(cloud: OpenCloud, there: StandIn, status: int) -> None:
    there.status = status
    assert cloud.wake(UNIVERSE, ["a", "b", "c"]) is Result.REFUSED
    assert len(there.calls) == 1


@pytest.mark.parametrize("status", [500, 502, 503, 302])
def test_a_fault_over_there_is_a_failure_and_the_rest_is_tried(cloud: OpenCloud, there: StandIn, status: int) -> None:
    there.status = status
    assert cloud.wake(UNIVERSE, ["a", "b"]) is Result.FAILED
    assert len(there.calls) == 2


@pytest.mark.parametrize("error", [OSError("down"), TimeoutError(), http.client.BadStatusLine("x")])
def test_nothing_is_raised_when_nobody_answers(error: Exception) -> None:
    def transport(*_: Any) -> HttpAnswer:
        raise error

    assert OpenCloud("secret", transport=transport).wake(UNIVERSE, ["a"]) is Result.FAILED


def test_the_minutes_calls_are_counted(clock: Clock) -> None:
    made = []

    def transport(*call: Any) -> HttpAnswer:
        made.append(call)
        return HttpAnswer(200, {})

    cloud = OpenCloud("secret", transport=transport, clock=clock)
    for _ in range(CALLS_PER_MINUTE + 100):
        cloud.publish(UNIVERSE, "cm:all", "x")
    assert len(made) == CALLS_PER_MINUTE
    clock.now = 6.0
    for _ in range(CALLS_PER_MINUTE):
        cloud.publish(UNIVERSE, "cm:all", "x")
    assert len(made) == CALLS_PER_MINUTE + 500


@pytest.mark.parametrize(("topic", "message"), [("cm:all", "x" * 1_025), ("", "x"), ("x" * 81, "x")])
def test_what_is_over_the_bounds_is_never_sent(cloud: OpenCloud, there: StandIn, topic: str, message: str) -> None:
    with pytest.raises(ValueError, match="1024 characters"):
        cloud.publish(UNIVERSE, topic, message)
    assert there.calls == []


def test_the_key_is_in_no_log(cloud: OpenCloud, there: StandIn, caplog: pytest.LogCaptureFixture) -> None:
    for status in (401, 500, 429):
        there.status = status
        cloud.wake(UNIVERSE, ["a"])
    assert len(caplog.records) == 3
    assert "secret" not in caplog.text


def name_universe(game: Game) -> None:
    change_configuration(
        game,
        settings={"OPERATIONS": {"OPEN_CLOUD_UNIVERSE": UNIVERSE}},
        services={},
        reason="x",
        by=BY,
        now=timezone.now(),
    )


def test_servers_with_unfetched_orders_are_woken_once(
    busy: Machine, game: Game, cloud: OpenCloud, there: StandIn
) -> None:
    name_universe(game)
    run(game)
    assert wake_servers(cloud, now=timezone.now()) == {}
    later = timezone.now() + PATIENCE
    assert wake_servers(cloud, now=later) == {game.pk: Result.SENT}
    assert wake_servers(cloud, now=later) == {}
    assert [body["topic"] for _, _, body in there.calls] == ["cm:server-1"]


def test_without_a_universe_nobody_is_called(busy: Machine, game: Game, cloud: OpenCloud, there: StandIn) -> None:
    run(game)
    assert wake_servers(cloud, now=timezone.now() + PATIENCE) == {}
    assert there.calls == []


def test_orders_that_went_out_wake_nobody(busy: Machine, game: Game, cloud: OpenCloud, there: StandIn) -> None:
    name_universe(game)
    run(game)
    Order.objects.update(state="sent")
    wake_servers(cloud, now=timezone.now() + PATIENCE)
    assert there.calls == []
