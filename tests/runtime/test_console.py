"""Lines on the terminal."""

import io
import json
import re
from typing import Any

import pytest

from connmon.core.logs import Form
from connmon.core.redaction import Redactor
from connmon.runtime.console import Console


def test_each_line_carries_the_time_and_the_name_in_a_column() -> None:
    out = io.StringIO()
    Console(out, colour=False).line("web", "first\nsecond")
    assert re.fullmatch(r"(\d\d:\d\d:\d\d web      \| (first|second)\n){2}", out.getvalue())


def test_a_process_keeps_its_colour_and_another_has_another() -> None:
    out = io.StringIO()
    console = Console(out, colour=True)
    for name in ("web", "beat", "web"):
        console.line(name, "x")
    first, second, third = re.findall(r"\x1b\[(\d+)m\w", out.getvalue())
    assert first == third != second


def test_no_escape_sequence_of_a_child_reaches_the_terminal() -> None:
    out = io.StringIO()
    Console(out, colour=False).line("web", "name=\x1b]0;owned\x07 \x9b31m")
    assert "\x1b" not in out.getvalue()
    assert "name=?]0;owned? ?31m" in out.getvalue()


def test_output_that_is_gone_ends_nothing() -> None:
    out = io.StringIO()
    out.close()
    console = Console(out, colour=False)
    console.say("one")
    console.say("two")


def as_json(name: str, text: str) -> list[dict[str, Any]]:
    out = io.StringIO()
    Console(out, form=Form.JSON).line(name, text)
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_a_record_of_a_process_is_passed_on_with_the_processs_name() -> None:
    (found,) = as_json("web", '{"time": "12:00", "level": "ERROR", "message": "broken"}')
    assert found == {"time": "12:00", "level": "ERROR", "message": "broken", "process": "web"}


@pytest.mark.parametrize(
    ("line", "level"),
    [
        ("[12] LOG:  ready", "INFO"),
        ("[12] ERROR:  deadlock detected", "ERROR"),
        ("[12] FATAL:  no room", "CRITICAL"),
        ("[1, 2]", "INFO"),
        ('{"no": "record"}', "INFO"),
        ("[" * 100_000, "INFO"),
    ],
    ids=["log", "error", "fatal", "list", "object", "deep"],
)
def test_any_other_line_becomes_the_message_of_one(line: str, level: str) -> None:
    (found,) = as_json("postgres", line)
    assert (found["message"], found["level"], found["process"]) == (line, level, "postgres")


def test_secrets_of_any_process_are_taken_out() -> None:
    for form in Form:
        out = io.StringIO()
        Console(out, colour=False, form=form, redact=Redactor(["the-secret"])).line("valkey", "AUTH the-secret failed")
        assert "AUTH *** failed" in out.getvalue()
