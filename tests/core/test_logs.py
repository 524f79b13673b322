"""One record is one line, with ids and without secrets."""

import io
import json
import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from connmon.core import logs
from connmon.core.env import SettingError
from connmon.core.logs import Form

SECRET = "hunter2-hunter2"
NAME = "connmon.test"

Open = Callable[[Form], tuple[logging.Logger, io.StringIO]]


@pytest.fixture
def opened() -> Iterator[Open]:
    """A logger that writes into a text, with the handler that the settings give to the real one."""
    logger = logging.getLogger(NAME)

    def make(form: Form) -> tuple[logging.Logger, io.StringIO]:
        settings = logs.make_settings(form, [SECRET])
        out = io.StringIO()
        handler = logging.StreamHandler(out)
        handler.setFormatter(settings["formatters"]["record"]["()"]())
        handler.addFilter(settings["filters"]["clean"]["()"](settings["filters"]["clean"]["secrets"]))
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel("INFO")
        return logger, out

    yield make
    logger.handlers, logger.propagate = [], True


def lines(out: io.StringIO) -> list[str]:
    return out.getvalue().splitlines()


def record(out: io.StringIO) -> dict[str, Any]:
    (line,) = lines(out)
    found: dict[str, Any] = json.loads(line)
    return found


def test_a_record_of_json_says_when_how_grave_who_and_what(opened: Open) -> None:
    logger, out = opened(Form.JSON)
    logger.warning("no database: %s", "gone")
    found = record(out)
    assert found.pop("time").endswith("Z")
    assert found == {"level": "WARNING", "logger": NAME, "message": "no database: gone"}


def test_a_line_says_the_same(opened: Open) -> None:
    logger, out = opened(Form.LINES)
    logger.warning("no database: %s", "gone", extra={"game": 7})
    (line,) = lines(out)
    assert line.endswith(f"Z WARNING {NAME} no database: gone game=7")


def test_reports_are_named_by_server_boot_and_sequence(opened: Open) -> None:
    logger, out = opened(Form.JSON)
    logger.warning("not written", extra=logs.name_reports([(7, "server-1", "boot-1", 12)]))
    assert record(out)["reports"] == [{"game": 7, "server": "server-1", "boot": "boot-1", "seq": 12}]


def test_of_many_reports_the_first_are_named(opened: Open) -> None:
    logger, out = opened(Form.JSON)
    logger.warning("not written", extra=logs.name_reports([(7, "s", "b", seq) for seq in range(256)]))
    assert [one["seq"] for one in record(out)["reports"]] == list(range(logs.MOST_REPORTS))


@pytest.mark.parametrize("form", Form)
def test_hostile_text_begins_no_line_of_its_own(opened: Open, form: Form) -> None:
    logger, out = opened(form)
    text = "a\n2026-11-23 CRITICAL forged\r\x1b[31m\u2028\udc80"
    logger.warning("%s", text, extra={"server": text})
    (line,) = lines(out)
    assert line.isprintable()
    out.getvalue().encode()
    if form is Form.JSON:
        assert record(out)["message"] == record(out)["server"] == text


@pytest.mark.parametrize("form", Form)
def test_secrets_are_taken_out_of_message_ids_and_traceback(opened: Open, form: Form) -> None:
    logger, out = opened(form)
    try:
        raise ValueError(f"cannot connect with {SECRET}")
    except ValueError:
        logger.exception("%s", f"tried {SECRET}", extra={"server": SECRET})
    assert SECRET not in out.getvalue()
    assert out.getvalue().count("***") == 3
    assert "ValueError: cannot connect with ***" in out.getvalue()


def test_a_traceback_stays_within_its_record_of_json(opened: Open) -> None:
    logger, out = opened(Form.JSON)
    try:
        raise ValueError("broken")
    except ValueError:
        logger.exception("it failed")
    found = record(out)
    assert found["exception"].startswith("Traceback")
    assert found["exception"].endswith("ValueError: broken")


def test_a_traceback_follows_its_line_set_in(opened: Open) -> None:
    logger, out = opened(Form.LINES)
    try:
        raise ValueError("broken\n2026-11-23 CRITICAL forged")
    except ValueError:
        logger.exception("it failed")
    _, *rest = lines(out)
    assert rest
    assert all(line.startswith("    ") for line in rest)


def test_what_a_request_is_about_stands_in_each_of_its_lines(opened: Open) -> None:
    logger, out = opened(Form.JSON)
    token = logs.about.set({"request_id": "r-1"})
    logger.warning("inside")
    logs.about.reset(token)
    logger.warning("outside")
    inside, outside = map(json.loads, lines(out))
    assert inside["request_id"] == "r-1"
    assert "request_id" not in outside


def test_a_line_is_never_endless(opened: Open) -> None:
    logger, out = opened(Form.JSON)
    logger.warning("%s", "x" * 1_000_000)
    assert len(record(out)["message"]) == logs.MOST_MESSAGE


def test_a_line_that_cannot_be_put_together_ends_nobody(opened: Open) -> None:
    logger, out = opened(Form.JSON)
    logger.warning("%d reports", "many")
    assert "%d reports" in record(out)["message"]


def test_objects_that_a_library_puts_onto_a_record_are_left_out(opened: Open) -> None:
    logger, out = opened(Form.JSON)
    logger.warning("refused", extra={"server": object()})
    assert "server" not in record(out)


def test_libraries_write_through_the_one_handler(capfd: pytest.CaptureFixture[str]) -> None:
    """In a process of its own: logging's set-up is global."""
    code = (
        "import logging, django, uvicorn; uvicorn.Config('x', access_log=False)\n"
        "django.setup()\n"
        "for name in ('django.request', 'uvicorn.error', 'celery.app.trace', 'connmon.ingest'):\n"
        "    logging.getLogger(name).error('from %s', name)\n"
    )
    subprocess.run([sys.executable, "-c", code], env={**os.environ, "CONNMON_LOG": "json"}, check=True)
    found = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    assert [one["logger"] for one in found] == ["django.request", "uvicorn.error", "celery.app.trace", "connmon.ingest"]


def test_another_form_ends_the_start_with_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONNMON_LOG", "xml")
    with pytest.raises(SettingError, match="CONNMON_LOG takes lines or json, not 'xml'"):
        logs.read_form()


def test_passwords_of_addresses_are_known_in_both_spellings() -> None:
    urls = ["postgresql://connmon:a%20long%20one@db/connmon", "redis://broker/0"]
    assert set(logs.passwords_of(urls)) >= {"a%20long%20one", "a long one"}
