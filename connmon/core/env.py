"""Typed readers of environment variables; a bad value ends the start with a sentence.

A secret may also stand in a file: `NAME_FILE` names it (container secrets, systemd credentials).
"""

import os
from pathlib import Path


class SettingError(RuntimeError):
    """A setting cannot be used; the message says which one and what it takes."""


def text(name: str, default: str = "") -> str:
    """`NAME`, or what stands in the file that `NAME_FILE` names, or the default."""
    file_name = os.environ.get(f"{name}_FILE")
    if file_name:
        try:
            return Path(file_name).read_text().strip()
        except OSError as error:
            raise SettingError(f"{name}_FILE names {file_name!r}, which cannot be read: {error}") from error
    return os.environ.get(name, default)


def integer(name: str, default: int, *, minimum: int = 0, maximum: int = 2**31) -> int:
    """A whole number within bounds."""
    raw = text(name)
    if not raw:
        return default
    try:
        value = int(raw)
    except ValueError:
        raise SettingError(f"{name} takes a whole number, not {raw!r}.") from None
    if not minimum <= value <= maximum:
        raise SettingError(f"{name} takes {minimum} to {maximum}, not {value}.")
    return value


def flag(name: str, *, default: bool) -> bool:
    """1/true/yes/on or 0/false/no/off."""
    raw = text(name).lower()
    if not raw:
        return default
    if raw in {"1", "true", "yes", "on"}:
        return True
    if raw in {"0", "false", "no", "off"}:
        return False
    raise SettingError(f"{name} takes 1 or 0 (true or false), not {raw!r}.")


def words(name: str, default: list[str]) -> list[str]:
    """A list separated by commas; spaces around the words do not count."""
    raw = text(name)
    return [word.strip() for word in raw.split(",") if word.strip()] if raw else default
