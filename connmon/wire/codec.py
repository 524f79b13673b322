"""Bytes to a checked `Report` and back. A whole message is checked before any of it takes effect."""

import re
import zlib
from typing import Any, Final

import msgspec

from connmon.wire import v1

# C0, DEL and C1 controls; marks that turn the reading direction (they can disguise a name on a page).
UNPRINTABLE: Final = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")

MAX_DETAIL: Final = 300  # characters; a reason may quote the refused value, which can be as long as the body

_decoder: Final = msgspec.json.Decoder(v1.Report)
_encoder: Final = msgspec.json.Encoder()


class WireError(ValueError):
    """A message that is refused whole: `code` is for programs, `detail` for people, `pointer` says where.

    `more` are further members of the answer (docs/protocol.md names them), for instance `last_seq`.
    """

    def __init__(self, code: str, detail: str, pointer: str = "", **more: int) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.pointer = pointer
        self.more = more


def decode_report(body: bytes) -> v1.Report:
    """The report in `body` (JSON, UTF-8). Raises WireError: not-json, invalid-report, unprintable-text, duplicate."""
    try:
        report = _decoder.decode(body)
    except msgspec.ValidationError as error:
        detail, pointer = _split_path(str(error))
        raise WireError("invalid-report", detail, pointer) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise WireError("not-json", f"The body is not JSON in UTF-8: {error}.") from None
    except RecursionError:
        raise WireError("not-json", "The body nests deeper than any report does.") from None
    # ASCII without an escape holds no control but DEL, and no direction mark; nearly all reports are that.
    if not body.isascii() or b"\\" in body or b"\x7f" in body:
        _check_text(msgspec.to_builtins(report), "$")
    _check_unique(report)
    return report


def gunzip(body: bytes) -> bytes:
    """The inflated body. Raises WireError: bad-gzip, body-too-large; never inflates past its bound."""
    limit = min(v1.MAX_INFLATED, max(len(body), 1_024) * v1.MAX_INFLATE_RATIO)
    inflater = zlib.decompressobj(wbits=31)
    try:
        inflated = inflater.decompress(body, limit + 1)
    except zlib.error as error:
        raise WireError("bad-gzip", f"Content-Encoding says gzip, the body says otherwise: {error}.") from None
    if len(inflated) > limit:
        raise WireError("body-too-large", f"The body inflates past {limit} bytes; send it in snapshot parts.")
    if not inflater.eof:
        raise WireError("bad-gzip", "The gzip body ends early.")
    if inflater.unused_data:
        raise WireError("bad-gzip", "Something follows the end of the gzip body; send one member.")
    return inflated


def encode(message: msgspec.Struct | dict[str, Any]) -> bytes:
    """Compact JSON."""
    return _encoder.encode(message)


def body_digest(body: bytes) -> int:
    """63 bits that tell a repeat from another body under the same seq; guards against mistakes, not malice."""
    return (len(body) & 0x7FFFFFFF) << 32 | zlib.crc32(body)


def _split_path(message: str) -> tuple[str, str]:
    """msgspec ends a message with " - at `$.path`"; the path travels in a field of its own.

    The last such words count: earlier ones stand in a value that the message quotes.
    """
    text, found, path = message.rpartition(" - at `")
    if not found:
        text, path = message, ""
    return f"{text[:MAX_DETAIL]}.", path.rstrip("`")


def _check_text(value: Any, path: str) -> None:
    if isinstance(value, str):
        if UNPRINTABLE.search(value):
            raise WireError("unprintable-text", "Control and text-direction characters are refused.", path)
    elif isinstance(value, dict):
        for key, item in value.items():
            _check_text(item, f"{path}.{key}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _check_text(item, f"{path}[{index}]")


def _check_unique(report: v1.Report) -> None:
    """A name or id twice in one list has no meaning; taking either silently would lose the other."""
    for field, keys in (
        ("services", [service.name for service in report.services]),
        ("pools", [pool.type for pool in report.pools]),
        ("opened", [event.id for event in report.opened]),
        ("profiles", [(profile.service, profile.type, profile.site) for profile in report.profiles]),
    ):
        if len(set(keys)) != len(keys):
            raise WireError("duplicate", f"The same name or id stands in {field} twice.", f"$.{field}")
    if report.snapshot and report.snapshot.part > report.snapshot.of:
        raise WireError("invalid-report", "A snapshot's part is at most its `of`.", "$.snapshot.part")
