"""What a validation says: per site, per test case, and about the file as a whole."""

from dataclasses import dataclass
from enum import StrEnum

from migrator.model import Span


class Outcome(StrEnum):
    """What was seen of a site, or of a file, in both runs."""

    PROVEN = "proven"  # it ran in both, with the same arguments in the same order, and leaves no more behind
    CHANGED = "changed"  # the migrated code behaves otherwise
    NOT_EXERCISED = "not exercised"  # nothing that was tried made it run: nothing is said about it


@dataclass(frozen=True, slots=True)
class TestCase:
    """A caller's own step: Luau that is given `service` (what the module returned) and `world` as its arguments.

    `world` has join(name), leave(name), respawn(name), player(name), wait(seconds), fire(signal, …), record(…), object.
    The players are Alice (there from the start), Bob and Carol.
    """

    __test__ = False  # pytest collects classes of this name otherwise

    name: str
    source: str


@dataclass(frozen=True, slots=True)
class Live:
    """Connections that still live at one moment, before and after migration; None when the moment never came."""

    original: int | None
    migrated: int | None


@dataclass(frozen=True, slots=True)
class SiteResult:
    """One connect site of the original. `calls`: how often its callback ran in the original and the migrated code."""

    line: int
    column: int
    span: Span
    signal: str
    outcome: Outcome
    reason: str
    calls: tuple[int, int] = (0, 0)
    after_players_left: Live = Live(None, None)
    after_cleanup: Live = Live(None, None)


@dataclass(frozen=True, slots=True)
class CaseResult:
    """What a test case raised, "" for nothing, in the original and the migrated code."""

    name: str
    original: str
    migrated: str

    @property
    def passed(self) -> bool:
        """Whether the migrated code passes; a case that fails on both was wrong before."""
        return not self.migrated


@dataclass(frozen=True, slots=True)
class ValidationReport:
    """One file validated. `differences`: sentences, each with the step where the runs part; `stopped`: why a run was
    ended, "" when both ended by themselves; `unresolved`: modules that stood in as stubs."""

    path: str
    sites: tuple[SiteResult, ...]
    cases: tuple[CaseResult, ...] = ()
    differences: tuple[str, ...] = ()
    stopped: str = ""
    after_players_left: Live = Live(None, None)
    after_cleanup: Live = Live(None, None)
    unresolved: tuple[str, ...] = ()

    def count(self, outcome: Outcome) -> int:
        """How many sites have this outcome."""
        return sum(site.outcome is outcome for site in self.sites)

    @property
    def outcome(self) -> Outcome:
        """CHANGED when anything is; PROVEN when every site is and no case fails; NOT_EXERCISED otherwise."""
        if self.differences or self.count(Outcome.CHANGED) or any(not case.passed for case in self.cases):
            return Outcome.CHANGED
        if self.sites and self.count(Outcome.PROVEN) == len(self.sites):
            return Outcome.PROVEN
        return Outcome.NOT_EXERCISED
