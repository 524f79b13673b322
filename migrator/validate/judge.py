"""From two runs to a verdict on each site."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from migrator.model import Source
from migrator.validate.alignment import Alignment
from migrator.validate.compare import Difference, Event, differences, may_be_chance, read_events
from migrator.validate.probes import Anatomy, Connect
from migrator.validate.results import CaseResult, Live, Outcome, SiteResult, ValidationReport

MAX_DIFFERENCES = 20  # sentences in a report
MAX_TEXT = 160


@dataclass(frozen=True, slots=True)
class Connection:
    """A connection that a run made; `callback` the number of its function, 0 when that is not one of the script's."""

    site: int
    line: int
    callback: int
    signal: str
    fired: int


@dataclass(frozen=True)
class Runs:
    """What the child processes told; `cases`: names of the test cases in their order; `again`: more of the original."""

    original: Mapping[str, Any]
    migrated: Mapping[str, Any]
    cases: tuple[str, ...]
    again: tuple[Mapping[str, Any], ...] = ()


def _connections(run: Mapping[str, Any]) -> list[Connection]:
    return [
        Connection(site, line, callback, signal, fired) for site, line, callback, signal, _, fired in run["connections"]
    ]


def _last_word(signal: str) -> str:
    return signal.rpartition(".")[2]


class Judge:
    """Holds both runs while the sites are judged."""

    def __init__(
        self, source: Source, anatomy: Anatomy, runs: Runs, alignment: Alignment, kept: frozenset[int]
    ) -> None:
        self._source, self._anatomy, self._runs, self._alignment = source, anatomy, runs, alignment
        self._kept = kept  # functions that the migrated code still has
        self._before, self._after = _connections(runs.original), _connections(runs.migrated)
        ours = read_events(runs.original["events"])
        last = len(runs.original["steps"])  # what only the migrated code can stop is stopped after it
        theirs = [event for event in read_events(runs.migrated["events"]) if event.step <= last]
        known = self._kept | {0}
        self._ours = [event for event in ours if event.number in known]
        self._runs_before = Counter(event.number for event in ours if event.kind == "run")
        self._runs_after = Counter(event.number for event in theirs if event.kind == "run")
        self._made: dict[int, list[Connection]] = defaultdict(list)
        for connection in self._before:
            self._made[connection.site].append(connection)
        self._sites_by_callback: dict[int, set[int]] = defaultdict(set)
        for connect in anatomy.connects:
            for callback in self._callbacks(connect):
                self._sites_by_callback[callback].add(connect.number)
        self._of_site: dict[int, list[Difference]] = defaultdict(list)
        self._of_none: list[Difference] = []
        again = [[event for event in read_events(run["events"]) if event.number in known] for run in runs.again]
        found = differences(self._ours, theirs, again)
        self.may_be_chance = may_be_chance(found)
        for difference in found:
            self._assign(difference)

    def report(self) -> ValidationReport:
        """The verdicts, and what can be said of the file as a whole."""
        return ValidationReport(
            path=self._source.path,
            sites=tuple(self._judge(connect) for connect in self._anatomy.connects),
            cases=self._cases(),
            differences=tuple(self._sentence(it) for it in self._of_none[:MAX_DIFFERENCES]),
            after_players_left=self._live("left"),
            after_cleanup=self._live("stopped"),
            unresolved=tuple(dict.fromkeys(self._runs.original["unresolved"])),
        )

    # --- which difference belongs where ------------------------------------------------------------------------------

    def _callbacks(self, connect: Connect) -> set[int]:
        made = {connection.callback for connection in self._made[connect.number]}
        return (made | {connect.function}) - {0}

    def _assign(self, difference: Difference) -> None:
        event = difference.event
        sites = self._sites_by_callback.get(event.number, set())
        if difference.missing and event.root:
            root = self._before[event.root - 1].site
            sites = {root} if root else sites
        elif not sites and event.root:
            sites = self._sites_at(self._after[event.root - 1])
        for site in sites:
            self._of_site[site].append(difference)
        if not sites:
            self._of_none.append(difference)

    def _sites_at(self, connection: Connection) -> set[int]:
        """The sites of the original that a connection of the migrated code came from."""
        lines = self._alignment.original_lines(connection.line)
        there = [connect for connect in self._anatomy.connects if connect.line in lines]
        word = _last_word(connection.signal)
        exact = {connect.number for connect in there if _last_word(connect.signal) == word}
        return exact or {connect.number for connect in there}

    # --- sentences ---------------------------------------------------------------------------------------------------

    def _name(self, event: Event) -> str:
        if event.kind == "call":
            return f"the call of {event.name}({event.text})"
        if event.kind == "error":
            return f"the error “{event.text}”"
        if event.kind == "record":
            return f"what the test case records ({event.text})"
        function = self._anatomy.functions[event.number - 1]
        return f"{function.name or 'the function'} of line {function.line} with ({event.text})"

    def _sentence(self, difference: Difference) -> str:
        steps: Sequence[str] = self._runs.original["steps"]
        step = steps[difference.event.step - 1] if difference.event.step <= len(steps) else "the end"
        what = "is missing in" if difference.missing else "is new in"
        return f"When {step}, {self._name(difference.event)[:MAX_TEXT]} {what} the migrated code."

    # --- verdicts ----------------------------------------------------------------------------------------------------

    def _judge(self, connect: Connect) -> SiteResult:
        outcome, reason = self._verdict(connect)
        callbacks = self._callbacks(connect)
        return SiteResult(
            line=connect.line,
            column=connect.column,
            span=connect.span,
            signal=connect.signal,
            outcome=outcome,
            reason=reason,
            calls=(self._count(self._runs_before, callbacks), self._count(self._runs_after, callbacks)),
            after_players_left=self._live_of(connect, "left"),
            after_cleanup=self._live_of(connect, "stopped"),
        )

    @staticmethod
    def _count(runs: Counter[int], callbacks: set[int]) -> int:
        return sum(runs[number] for number in callbacks)

    def _verdict(self, connect: Connect) -> tuple[Outcome, str]:
        found = self._of_site[connect.number]
        if found:
            return Outcome.CHANGED, self._sentence(found[0])
        callbacks = self._callbacks(connect)
        if not callbacks <= self._kept:
            return Outcome.CHANGED, "Its callback is not in the migrated code."
        worse = self._left_behind(connect)
        if worse:
            return Outcome.CHANGED, worse
        if not callbacks:
            return self._foreign_verdict(connect)
        before, after = self._count(self._runs_before, callbacks), self._count(self._runs_after, callbacks)
        if not before or not self._made[connect.number]:
            return Outcome.NOT_EXERCISED, self._why_not(connect)
        if not after:
            return Outcome.CHANGED, "Its callback never runs in the migrated code."
        return Outcome.PROVEN, self._praise(connect, before, after)

    def _praise(self, connect: Connect, before: int, after: int) -> str:
        calls = f"{after} calls" if after != 1 else "1 call"
        fewer = f"; {before - after} more of the original came from connections that had lost their purpose" * (
            before > after
        )
        return f"{calls} of its callback, the same in both{fewer}."

    def _foreign_verdict(self, connect: Connect) -> tuple[Outcome, str]:
        """A callback from another module: what can be counted is how often the connection fired."""
        made = self._made[connect.number]
        if not made or not sum(connection.fired for connection in made):
            return Outcome.NOT_EXERCISED, self._why_not(connect)
        after = sum(it.fired for it in self._after if connect.number in self._sites_at(it))
        if not after:
            return Outcome.NOT_EXERCISED, "Its callback stands in another module, where its calls are not seen."
        return Outcome.PROVEN, f"It fired {after} times; its callback stands in another module."

    def _why_not(self, connect: Connect) -> str:
        status, message = self._runs.original["load"]
        if self._made[connect.number]:
            return f"It connected, but nothing that was tried fires {connect.signal or 'its signal'}."
        if status == "failed":
            return f"Loading the script fails before and after migration: {message[:MAX_TEXT]}"
        return "Nothing that was tried reaches this line."

    def _left_behind(self, connect: Connect) -> str:
        for moment, words in (("left", "after the players left"), ("stopped", "after its cleanup")):
            before, after = (run["live"].get(moment) for run in (self._runs.original, self._runs.migrated))
            if before is None or after is None:
                continue
            # One line of the migrated code may stand for several sites: they are counted together.
            lines = {line for _, line, _ in after if self._is_at(connect, line)}
            sources = {source for line in lines for source in self._alignment.original_lines(line)}
            there = {other.number for other in self._anatomy.connects if other.line in sources}
            more = sum(count for _, line, count in after if line in lines)
            allowed = sum(count for site, _, count in before if site in there)
            if more > allowed:
                return f"It leaves {more} connections {words}; the original leaves {allowed}."
        return ""

    # --- what still lives --------------------------------------------------------------------------------------------

    def _live(self, moment: str) -> Live:
        counts = [run["live"].get(moment) for run in (self._runs.original, self._runs.migrated)]
        before, after = (None if rows is None else sum(count for _, _, count in rows) for rows in counts)
        return Live(before, after)

    def _live_of(self, connect: Connect, moment: str) -> Live:
        before = self._runs.original["live"].get(moment)
        after = self._runs.migrated["live"].get(moment)
        return Live(
            None if before is None else sum(count for site, _, count in before if site == connect.number),
            None if after is None else sum(count for _, line, count in after if self._is_at(connect, line)),
        )

    def _is_at(self, connect: Connect, line: int) -> bool:
        return connect.line in self._alignment.original_lines(line)

    def _cases(self) -> tuple[CaseResult, ...]:
        pairs = zip(self._runs.original["cases"], self._runs.migrated["cases"], strict=False)
        return tuple(CaseResult(self._runs.cases[index], *pair) for index, pair in enumerate(pairs))
