"""Bodies of `POST /api/v1/source`: a zip archive, or files in JSON. Both are bounded, and no path leads anywhere."""

from collections.abc import Mapping
from typing import IO, Annotated, Any, ClassVar, Final

import msgspec
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

from connmon.core.errors import Invalid
from connmon.source.states import BOUNDS, MAX_ARCHIVE, MAX_VERSION
from migrator.files import Found, InputRefused, read_texts, read_zip


class SentFile(msgspec.Struct, frozen=True):
    """One file."""

    path: Annotated[str, msgspec.Meta(max_length=1_000)]
    source: str


class SentSource(msgspec.Struct, frozen=True):
    """The JSON body."""

    place_version: Annotated[int, msgspec.Meta(ge=0, le=MAX_VERSION)]
    files: Annotated[list[SentFile], msgspec.Meta(max_length=BOUNDS.files)]


class Sent(msgspec.Struct, frozen=True):
    """What either body is read into. `place_version` of an archive stands in the address."""

    found: Found
    place_version: int | None = None


SENT: Final = "sent"  # where in a request's data it is
_DECODER: Final = msgspec.json.Decoder(SentSource)


class SourceJSONParser(BaseParser):
    """`{"place_version": 143, "files": [{"path": …, "source": …}]}`."""

    media_type: ClassVar[str] = "application/json"  # type: ignore[misc]

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> dict[str, Sent]:
        try:
            body = _DECODER.decode(_read(stream))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise ParseError(f"The body is not what docs/migrator.md describes: {error}.") from None
        texts = ((file.path, file.source.encode("utf-8", "replace")) for file in body.files)
        return {SENT: Sent(read_texts(texts, BOUNDS), body.place_version)}


class SourceZipParser(BaseParser):
    """An archive; the version is `?place_version=`."""

    media_type: ClassVar[str] = "application/zip"  # type: ignore[misc]

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> dict[str, Sent]:
        try:
            return {SENT: Sent(read_zip(_read(stream), BOUNDS))}
        except InputRefused as refused:
            raise Invalid(str(refused)) from None


def _read(stream: IO[Any]) -> bytes:
    body: bytes = stream.read(MAX_ARCHIVE + 1)
    if len(body) > MAX_ARCHIVE:
        raise ParseError(f"A body has at most {MAX_ARCHIVE:,} bytes here.")
    return body
