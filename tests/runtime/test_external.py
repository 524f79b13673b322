"""Waiting for servers of the user's own."""

import psycopg
import pytest

from connmon.runtime import external


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(external, "RETRY_EVERY", 0.01)


def test_a_server_that_comes_late_is_waited_for_with_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    answers = iter([psycopg.OperationalError("connection refused"), None])

    def ask() -> None:
        if error := next(answers):
            raise error

    assert external.wait_for("DATABASE_URL", ask)
    assert "waiting for the server of DATABASE_URL, 0 s … (connection refused)" in capsys.readouterr().out


def test_a_server_that_never_comes_is_given_up_with_its_reason(capsys: pytest.CaptureFixture[str]) -> None:
    def ask() -> None:
        raise psycopg.OperationalError("no such host")

    assert not external.wait_for("REDIS_URL", ask, patience=0.05)
    assert "Check the address and the server: no such host" in capsys.readouterr().out


def test_the_servers_of_this_run_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    assert external.main() == 0
