"""Words of the leaks room. They are in the database, the API and on pages."""

from enum import StrEnum
from typing import Final


class Rung(StrEnum):
    """How sure a verdict is."""

    CONFIRMED = "confirmed"  # connections outlived their owner's end: a fact, not an inference
    LIKELY = "likely"  # growth that players do not explain, and connections of all ages that make it up
    SUSPECT = "suspect"  # one of the two, or one owner far above its peers


class Cause(StrEnum):
    """What was seen."""

    ORPHANED = "orphaned"  # connected though the owner has gone
    KEPT = "kept"  # registered though disconnected for long
    GROWING = "growing"  # growing, owner unknown
    PILING = "piling"  # each player holds more the longer it stays
    HOARDING = "hoarding"  # one owner far above its peers


class LedgerState(StrEnum):
    """Where a leak stands."""

    NEW = "new"  # seen in one place version only
    ONGOING = "ongoing"  # seen in more than one
    REGRESSED = "regressed"  # it was fixed, and is back
    FIXED = "fixed"  # a later place version ran for long enough without it


RUNGS: Final = tuple(Rung)  # the surest first


def rank(rung: Rung) -> int:
    """0 for the surest."""
    return RUNGS.index(rung)
