"""A text column that holds its value sealed."""

from typing import Any

from django.db import models

from connmon.core.sealing import Unreadable, seal, unseal


class SealedField(models.TextField):  # type: ignore[type-arg]
    """Plain in Python, sealed in the database; read as "" where it cannot be unsealed. Cannot be searched."""

    def get_prep_value(self, value: Any) -> str:
        return seal(str(value or ""))

    def from_db_value(self, value: str, *_: Any) -> str:
        try:
            return unseal(value)
        except Unreadable:
            return ""
