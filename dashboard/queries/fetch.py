"""Rows of a raw SQL statement as typed values."""

from collections.abc import Callable
from typing import Any, TypeVar

from django.db import connection

Row = TypeVar("Row")


def fetch(kind: Callable[..., Row], sql: str, parameters: dict[str, Any]) -> list[Row]:
    """Each row's columns, in order, as the arguments of `kind`."""
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return [kind(*row) for row in cursor.fetchall()]


def like(text: str) -> str:
    """An ILIKE pattern that finds `text` anywhere, its own wildcards taken literally."""
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"
