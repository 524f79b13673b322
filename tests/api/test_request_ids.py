"""Every answer carries the id under which the log speaks of its request."""

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from pytest_django import Settings

from connmon.core.logs import CleanRecord
from connmon.core.proxies import Proxies, read_networks
from tests.machine import REPORTS, Answer, Machine, Site, wait_for

GIVEN = "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/healthz", 200),
        ("GET", "/nothing", 404),
        ("GET", "/static/nothing", 404),
        ("POST", REPORTS, 401),
        ("GET", REPORTS, 405),
    ],
)
@pytest.mark.usefixtures("transactional_db")
def test_every_answer_has_an_id_of_its_own(site: Site, method: str, path: str, status: int) -> None:
    first, second = (site.request(method, path) for _ in range(2))
    assert (first.status, second.status) == (status, status)
    assert id_of(first) != id_of(second)


def test_a_report_that_is_taken_needs_none(server: Machine) -> None:
    assert "x-request-id" not in server.send_first().headers


def test_a_socket_has_one(server: Machine) -> None:
    with server.site.connect(key=server.key) as agent:
        assert agent.response
        assert agent.response.headers["x-request-id"]


@pytest.mark.usefixtures("transactional_db")
def test_an_id_that_no_named_proxy_gave_does_not_count(site: Site) -> None:
    assert id_of(site.request("GET", "/healthz", headers={"x-request-id": GIVEN})) != GIVEN


def test_a_named_proxys_id_comes_back(server: Machine, settings: Settings) -> None:
    settings.PROXIES = Proxies(read_networks(["127.0.0.1"]))
    site = server.site
    answers = [
        site.request("GET", "/healthz", headers={"x-request-id": GIVEN}),
        site.post({"kind": "nonsense"}, key=server.key, x_request_id=GIVEN),
    ]
    assert [id_of(one) for one in answers] == [GIVEN, GIVEN]


Keep = Callable[[str], list[logging.LogRecord]]


class Noting(logging.Handler):
    """Keeps records."""

    def __init__(self, records: list[logging.LogRecord]) -> None:
        super().__init__()
        self._records = records

    def emit(self, record: logging.LogRecord) -> None:
        self._records.append(record)


@pytest.fixture
def keep() -> Iterator[Keep]:
    """The records of a logger from now on, as the log's own handler has them."""
    with ExitStack() as stack:

        def begin(name: str) -> list[logging.LogRecord]:
            records: list[logging.LogRecord] = []
            handler = Noting(records)
            handler.addFilter(CleanRecord())
            logging.getLogger(name).addHandler(handler)
            stack.callback(logging.getLogger(name).removeHandler, handler)
            return records

        yield begin


@pytest.mark.usefixtures("transactional_db")
def test_what_is_logged_of_a_request_carries_the_id_of_its_answer(site: Site, keep: Keep) -> None:
    records = keep("django.request")
    answer = site.request("GET", "/nothing")
    (record,) = records
    assert record.__dict__["request_id"] == id_of(answer)


def test_the_page_of_a_fault_says_under_what_the_log_has_it(
    site: Site, transactional_db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise ValueError("broken")

    monkeypatch.setattr("api.health.latest_parts", fail)
    answer = site.request("GET", "/readyz")
    assert answer.status == 500
    assert f"in the server's log as {id_of(answer)}." in answer.body.replace("&#x27;", "'")


def test_a_batch_that_fails_names_its_reports(server: Machine, monkeypatch: pytest.MonkeyPatch, keep: Keep) -> None:
    from connmon.registry.writer import Writer

    records = keep("connmon.ingest")

    async def fail(*_: object) -> None:
        raise ValueError("broken")

    server.send_first()
    with monkeypatch.context() as patch:
        patch.setattr(Writer, "write", fail)
        assert server.send().code == "internal-error"
    (record,) = records
    named = {"game": server.game_id, "server": server.name, "boot": server.boot, "seq": server.seq}
    assert record.__dict__["reports"] == [named]
    wait_for(lambda: server.send().status == 200, "the lane to begin anew")


def test_a_report_that_is_taken_writes_no_line(server: Machine, keep: Keep) -> None:
    records = keep("")
    server.send_first()
    assert server.send().status == 200
    assert records == []


def id_of(answer: Answer) -> str:
    return answer.headers["x-request-id"]
