"""Tables as files that stream: CSV and JSON, a batch of rows at a time."""

import csv
import io
from collections.abc import AsyncIterator, Generator, Iterable
from typing import Final

import msgspec
from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, StreamingHttpResponse

from connmon.accounts.audit_queries import csv_cells
from connmon.core.errors import NotFound
from dashboard.queries.exports import Cells, Export

KINDS: Final = {"csv": "text/csv; charset=utf-8", "json": "application/json"}


def file_answer(request: HttpRequest, export: Export, form: str) -> StreamingHttpResponse:
    """The table as a download. Raises NotFound for a form that there is not."""
    if form not in KINDS:
        raise NotFound("Files are .csv and .json.")
    parts = _csv(export) if form == "csv" else _json(export)
    answer = StreamingHttpResponse(
        _taken_in_threads(parts) if isinstance(request, ASGIRequest) else parts, content_type=KINDS[form]
    )
    answer["Content-Disposition"] = f'attachment; filename="{export.name}.{form}"'
    answer["Cache-Control"] = "no-store"
    return answer


def _csv(export: Export) -> Generator[bytes, None, None]:
    """Cells that a spreadsheet would take for a formula are disarmed."""
    yield _lines([export.columns])
    for batch in export.batches:
        yield _lines(csv_cells(row) for row in batch)


def _lines(rows: Iterable[Cells]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


def _json(export: Export) -> Generator[bytes, None, None]:
    """One array of objects, one a line."""
    yield b"["
    between = b"\n"
    for batch in export.batches:
        objects = [msgspec.json.encode(dict(zip(export.columns, row, strict=True))) for row in batch]
        yield between + b",\n".join(objects)
        between = b",\n"
    yield b"\n]\n"


async def _taken_in_threads(parts: Generator[bytes, None, None]) -> AsyncIterator[bytes]:
    """The parts, each made in the request's thread: an ordinary iterator would be read whole before it is sent."""
    try:
        while part := await sync_to_async(lambda: next(parts, b""))():
            yield part
    finally:
        await sync_to_async(parts.close)()  # gives its cursor back
