"""Log lines: one record a line, as text or as JSON, with the ids of what it is about and without secrets.

Who logs something about a report or an order says so with `extra=`, by the names in FIELDS. What a whole request or
task is about is kept in `about`, and every line that is written meanwhile carries it.
"""

import json
import logging
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from connmon.core import env
from connmon.core.redaction import Redactor

# game: id of the game. server, boot, seq: of a report. reports: several of those. server_key: of one boot of a server.
FIELDS: Final = ("request_id", "task", "task_id", "game", "server", "boot", "seq", "server_key", "reports")
MOST_MESSAGE: Final = 8_000  # characters of a message that are written
MOST_TRACEBACK: Final = 24_000  # characters of a traceback: its end, which says what went wrong
MOST_REPORTS: Final = 20  # named in one line

about: Final[ContextVar[Mapping[str, str]]] = ContextVar("about", default={})  # noqa: B039 - never changed in place


class Form(StrEnum):
    """How log lines are written."""

    LINES = "lines"  # for people
    JSON = "json"  # for programs that gather logs


def read_form() -> Form:
    """CONNMON_LOG. Raises SettingError."""
    raw = env.text("CONNMON_LOG", Form.LINES).lower()
    if raw not in list(Form):
        raise env.SettingError(f"CONNMON_LOG takes {' or '.join(Form)}, not {raw!r}.")
    return Form(raw)


def make_settings(form: Form, secrets: Sequence[str]) -> dict[str, Any]:
    """Django's LOGGING. `secrets`: values of this installation that never stand in a line."""
    formatter = JsonFormatter if form is Form.JSON else LineFormatter
    to_root: dict[str, Any] = {"handlers": [], "propagate": True}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {"clean": {"()": CleanRecord, "secrets": list(secrets)}},
        "formatters": {"record": {"()": formatter}},
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "record", "filters": ["clean"]}},
        "root": {"handlers": ["console"], "level": "INFO"},
        "loggers": {  # what these libraries set up for themselves is undone
            "django": {**to_root, "level": "INFO"},
            "uvicorn": {**to_root, "level": "WARNING"},
            "celery": {**to_root, "level": "WARNING"},
        },
    }


def passwords_of(urls: Sequence[str]) -> list[str]:
    """The passwords in addresses of servers, as they are written there and as they are meant."""
    written = [urlsplit(url).password or "" for url in urls]
    return [*written, *map(unquote, written)]


def name_reports(reports: Sequence[tuple[int, str, str, int]]) -> dict[str, Any]:
    """`extra=` for a line about reports: (game, server, boot, seq) of each, of many the first MOST_REPORTS."""
    names = ("game", "server", "boot", "seq")
    return {"reports": [dict(zip(names, one, strict=True)) for one in reports[:MOST_REPORTS]]}


class CleanRecord(logging.Filter):
    """Puts ids onto the record, cuts what is too long, and takes secrets out of message, ids and traceback."""

    def __init__(self, secrets: Sequence[str] = ()) -> None:
        super().__init__()
        self._redact = Redactor(secrets)
        self._plain = logging.Formatter()

    def filter(self, record: logging.LogRecord) -> bool:
        # Cut before, for hostile lengths, and after, where half a secret may stand at the first cut.
        record.msg = self._redact(_message_of(record)[: 2 * MOST_MESSAGE])[:MOST_MESSAGE]
        record.args = None
        if record.exc_info and not record.exc_text:
            record.exc_text = self._plain.formatException(record.exc_info)
        if record.exc_text:
            record.exc_text = self._redact(record.exc_text[-2 * MOST_TRACEBACK :])[-MOST_TRACEBACK:]
        record.__dict__.update(about.get())
        for name in FIELDS:
            value = record.__dict__.get(name)
            if isinstance(value, str):
                record.__dict__[name] = self._redact(value)
        return True


def _message_of(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception as error:  # a line that cannot be put together must not end whoever wanted to write it
        return f"{record.msg!r} with {record.args!r} cannot be written: {error}"


class JsonFormatter(logging.Formatter):
    """`{"time": …, "level": …, "logger": …, "message": …}`, then the ids, then `exception`."""

    def format(self, record: logging.LogRecord) -> str:
        found: dict[str, Any] = {
            "time": write_time(record.created),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **_ids_of(record),
        }
        if record.exc_text:
            found["exception"] = record.exc_text
        return write_json(found)


class LineFormatter(logging.Formatter):
    """`<time> <level> <logger> <message> <id>=<value> …`; a traceback follows on lines that are set in.

    What is sent from outside begins no line of its own: line breaks in a message are written as \\n.
    """

    def format(self, record: logging.LogRecord) -> str:
        ids = "".join(f" {name}={_word(value)}" for name, value in _ids_of(record).items())
        line = f"{write_time(record.created)} {record.levelname} {record.name} {one_line(record.getMessage())}{ids}"
        traceback = "".join(f"\n    {one_line(part)}" for part in (record.exc_text or "").splitlines())
        return line + traceback


def write_json(record: Any) -> str:
    """One line of ASCII, so that nothing in it breaks the line or the reader's encoding."""
    return json.dumps(record, separators=(",", ":"))


def write_time(seconds: float) -> str:
    """A Unix time as lines carry it: ISO 8601, UTC."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S.%f}Z"


def one_line(text: str) -> str:
    """The text without line breaks and other characters that no terminal should be sent."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else _escape(one) for one in text)


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode()


def _word(value: Any) -> str:
    """A value as it stands behind `name=`: a plain word, else JSON."""
    if isinstance(value, str) and value.isascii() and value.replace("-", "").replace(".", "").isalnum():
        return value
    return write_json(value)


def _ids_of(record: logging.LogRecord) -> dict[str, Any]:
    return {name: record.__dict__[name] for name in FIELDS if _is_id(record.__dict__.get(name))}


def _is_id(value: Any) -> bool:
    """A library may put objects of its own under some of these names."""
    return isinstance(value, str | int | list)
