"""The lines of all processes on one terminal."""

import json
import os
import re
import sys
import threading
import time
from collections.abc import Callable
from typing import TextIO

from connmon.core import logs
from connmon.core.logs import Form

NAME_WIDTH = 9
OWN_NAME = "connmon"
COLOURS = (36, 33, 32, 35, 34, 96, 93, 92)  # ANSI foregrounds, told apart on dark and light ground
OWN_COLOUR = 1  # bold
# A game can put any text into a report, and a report into a log line: no escape sequence reaches the terminal.
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")

POSTGRES_LEVEL = re.compile(r"\[\d+\] (WARNING|ERROR|FATAL|PANIC):")
LEVELS = {"WARNING": "WARNING", "ERROR": "ERROR", "FATAL": "CRITICAL", "PANIC": "CRITICAL"}  # in Python's words


def as_it_is(text: str) -> str:
    return text


class Console:
    """Writes `12:03:55 web      | line`, or JSON. Safe from any thread; a broken output is not worth dying for."""

    def __init__(
        self,
        out: TextIO | None = None,
        *,
        colour: bool | None = None,
        form: Form = Form.LINES,
        redact: Callable[[str], str] = as_it_is,
    ) -> None:
        self.out = out or sys.stdout
        self.form = form
        self.redact = redact
        self.colour = self.out.isatty() and "NO_COLOR" not in os.environ if colour is None else colour
        self.colour_of: dict[str, int] = {OWN_NAME: OWN_COLOUR}
        self.lock = threading.Lock()
        self.is_broken = False

    def say(self, text: str) -> None:
        """A line of the supervisor's own."""
        self.line(OWN_NAME, text)

    def line(self, name: str, text: str) -> None:
        """One line of a process; a text of several lines is prefixed line by line."""
        for part in self.redact(text).split("\n"):
            if self.form is Form.JSON:
                self.write(logs.write_json(as_record(name, part.rstrip())) + "\n")
            else:
                clean = CONTROL.sub("?", part.rstrip())
                self.write(f"{time.strftime('%H:%M:%S')} {self.paint(name)} {clean}\n")

    def paint(self, name: str) -> str:
        """The name in its column, in a colour of its own on a terminal."""
        column = f"{name:<{NAME_WIDTH}}|"
        if not self.colour:
            return column
        number = self.colour_of.setdefault(name, COLOURS[(len(self.colour_of) - 1) % len(COLOURS)])
        return f"\x1b[{number}m{column}\x1b[0m"

    def write(self, text: str) -> None:
        """Text as it is: the block with the address, for the eye."""
        with self.lock:
            if self.is_broken:
                return
            try:
                self.out.write(text)
                self.out.flush()
            except (OSError, ValueError):
                # The terminal or the pipe is gone; the servers are still wanted.
                self.is_broken = True


def as_record(name: str, line: str) -> dict[str, object]:
    """A process's line as a record: its own if it writes records, else one around the line."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        found = None
    if isinstance(found, dict) and "message" in found:
        return {**found, "process": name}
    said = POSTGRES_LEVEL.match(line)
    level = LEVELS[said[1]] if said else "INFO"
    return {"time": logs.write_time(time.time()), "level": level, "logger": name, "message": line, "process": name}
