"""What a fleet makes of its backend's answers, and what it says of them."""

from connmon_agent.transports import Failure, Push, Response
from simulation import Fleet, FleetOptions
from simulation.link import HeardInbox, Link
from simulation.run import Progress


def answered(link: Link, *statuses: int, body: bytes = b"{}") -> None:
    inbox = HeardInbox(link)
    for status in statuses:
        inbox.put(Response(1, status, body))
        assert inbox.take() == Response(1, status, body)


def failed(link: Link, times: int) -> None:
    for _ in range(times):
        HeardInbox(link).put(Failure(1, "ConnectionRefusedError"))


def test_one_failure_is_no_absence() -> None:
    link = Link(tolerance=3)
    said = []
    for _ in range(3):
        failed(link, 1)
        said.append(link.away)
    assert said == ["", "", "ConnectionRefusedError"]


def test_any_answer_ends_an_absence() -> None:
    link = Link(tolerance=1)
    for status in (200, 422, 401):
        failed(link, 1)
        answered(link, status)
        assert not link.away


def test_a_backend_that_asks_for_patience_is_away() -> None:
    for status in (429, 503, 500, 408):
        link = Link(tolerance=1)
        answered(link, status)
        assert link.away == f"it answers {status}"


def test_a_key_is_refused_when_it_is_refused_again_and_again() -> None:
    link = Link(tolerance=3)
    answered(link, 401, 401, 200, 401, 401)
    assert not link.key_refused
    answered(link, 403, body=b'{"code":"missing-scope","detail":"The key lacks report."}')
    assert link.key_refused
    assert link.refusal
    assert (link.refusal.status, link.refusal.code, link.refusal.detail) == (
        403,
        "missing-scope",
        "The key lacks report.",
    )


def test_a_refusal_that_is_no_problem_document_is_one_all_the_same() -> None:
    for body in (b"<html>", b"[]", b"\xff"):
        link = Link(tolerance=1)
        answered(link, 401, body=body)
        assert link.key_refused


def test_what_is_taken_and_what_is_refused_is_counted() -> None:
    link = Link()
    answered(link, 200, 422, 200, 413)
    HeardInbox(link).put(Push(b"{}"))
    assert (link.acknowledged, link.refused_reports) == (2, 2)


class Screen:
    """What was written, and a clock."""

    def __init__(self) -> None:
        self.text = ""
        self.time = 0.0

    def write(self, text: str) -> None:
        self.text += text

    def now(self) -> float:
        return self.time


async def fleet() -> Fleet:
    return Fleet(FleetOptions("http://127.0.0.1:1", "cm_1_x", servers=1))


async def test_the_line_stays_in_place_on_a_terminal() -> None:
    screen, found = Screen(), await fleet()
    progress = Progress(screen.write, screen.now, live=True)
    for second in (0.0, 0.5, 1.0):
        screen.time = second
        progress.show(found)
    assert screen.text.count("\r0:0") == 2
    assert "\n" not in screen.text


async def test_elsewhere_there_is_a_line_now_and_then() -> None:
    screen, found = Screen(), await fleet()
    progress = Progress(screen.write, screen.now)
    for second in range(90):
        screen.time = float(second)
        progress.show(found)
    lines = screen.text.splitlines()
    assert [line.split()[0] for line in lines] == ["0:00", "0:30", "1:00"]
    assert lines[0].endswith("0 of 1 servers report, 0 players, 0 connections (0 orphaned), 0 reports taken")


async def test_an_absence_is_said_once_when_it_begins_and_ends_even_when_nothing_else_is() -> None:
    screen, found = Screen(), await fleet()
    progress = Progress(screen.write, screen.now, quiet=True)
    for status in (503, 503, 200):
        answered(found.link, status)
        progress.show(found)
        progress.show(found)
    assert screen.text.splitlines() == [
        "http://127.0.0.1:1 does not answer (it answers 503); waiting for it",
        "http://127.0.0.1:1 answers again",
    ]
