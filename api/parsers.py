"""JSON bodies of the REST views: bounded, where DRF's own parser takes any size, 1e999, and fails on deep nesting."""

from collections.abc import Mapping
from typing import IO, Any, ClassVar, Final

import msgspec
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

MAX_BYTES: Final = 256 * 1024


class BoundedJSONParser(BaseParser):
    """An object, at most MAX_BYTES long."""

    media_type: ClassVar[str] = "application/json"  # type: ignore[misc]

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        body = stream.read(MAX_BYTES + 1)
        if len(body) > MAX_BYTES:
            raise ParseError(f"A body has at most {MAX_BYTES} bytes.")
        try:
            value = msgspec.json.decode(body or b"{}")
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise ParseError(f"The body is not JSON in UTF-8: {error}.") from None
        if not isinstance(value, dict):
            raise ParseError("The body is a JSON object.")
        return value
