"""Lines on the terminal."""

import io
import re

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
