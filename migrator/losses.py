"""Connections that are released only sometimes: overwritten handles, waits that time out, what a clean-up forgets."""

from collections.abc import Callable
from dataclasses import dataclass

from migrator import names
from migrator.facts import Facts, Function, Variable
from migrator.flow import Flow
from migrator.grammar import CALL, strip
from migrator.handles import Keeper
from migrator.model import Frequency, Handle, Release, Severity, Shape, Verdict
from migrator.origins import Life, Origin
from migrator.rates import Rate
from migrator.releases import Found, Releases
from migrator.risks import Risk, each
from migrator.sites import Connect


@dataclass(slots=True)
class Judged:
    """A site with all that the verdict rests on."""

    connect: Connect
    keeper: Keeper
    origin: Origin
    rate: Rate
    captures: tuple[Variable, ...]
    verdict: Verdict
    risk: Risk
    release: Release | None = None


class Losses:
    """Finds them among the sites of one file."""

    def __init__(self, facts: Facts, flow: Flow, releases: Releases) -> None:
        self.facts = facts
        self.flow = flow
        self.releases = releases

    def of(self, judged: Judged, found: Found, risk: Callable[[], Risk]) -> Risk | None:
        """The risk of a released connection whose release does not always come; `risk` of one without any release."""
        return self._overwritten(judged, found, risk) or self._times_out(judged, risk)

    def _overwritten(self, judged: Judged, found: Found, risk: Callable[[], Risk]) -> Risk | None:
        """A handle kept where the next one overwrites it, while the first is still connected."""
        keeper = judged.keeper
        root, path = keeper.path
        if keeper.handle not in (Handle.LOCAL, Handle.FIELD) or root is None or not found.sure:
            return None
        if "[]" in path or judged.connect.call.name == "BindToRenderStep":
            return None
        scope = root.region
        if root.name == "self" and (self.flow.class_of(root.region.function) is None):
            scope = self.facts.chunk
        elif root.name == "self":
            return self._overwrites_constructor(judged)
        rate = self.flow.rate(judged.connect.region, scope if judged.connect.region.within(scope) else None)
        if rate.frequency not in (Frequency.PER_PLAYER, Frequency.PER_CHARACTER) or not rate.sure:
            return None
        function = judged.connect.region.function
        if any(one.region is not None and self._beside(one, function) for one in self.releases.of_keeper(keeper)):
            return None
        severity = risk().severity or Severity.LOW
        name = keeper.path.last
        reason = f"{name} is overwritten {each(rate)} while the connection before is still there; that one is lost."
        return Risk(severity, Shape.OVERWRITTEN, reason)

    def _overwrites_constructor(self, judged: Judged) -> Risk | None:
        """A method that puts its connection where the constructor's stands, and does not disconnect that one first."""
        function, path = judged.connect.region.function, judged.keeper.path.path
        class_ = self.flow.class_of(function)
        if class_ is None or self.flow.is_constructor(function):
            return None
        made = any(
            assignment.target.path == path
            and assignment.value.kind_id in CALL
            and self.flow.class_of(assignment.region.function) is class_
            and self.flow.is_constructor(assignment.region.function)
            for assignment in self.facts.assignments
        )
        if not made or any(
            one.region and self._beside(one, function) for one in self.releases.of_keeper(judged.keeper)
        ):
            return None
        reason = f"{judged.keeper.path.last} holds the constructor's connection still; that one is lost."
        return Risk(Severity.MEDIUM, Shape.OVERWRITTEN, reason)

    def _beside(self, found: Found, function: Function) -> bool:
        """Whether a release stands in the function that connects, or in one it calls or makes."""
        assert found.region is not None
        if found.region.within(function):
            return True
        owner = found.region.function
        return any(use.region.within(function) for use in self.flow.uses(owner))

    def _times_out(self, judged: Judged, risk: Callable[[], Risk]) -> Risk | None:
        """A connection that only its own callback ends, on a condition, while the function gives up after a time."""
        connect, keeper = judged.connect, judged.keeper
        if connect.event in names.PER_FRAME:
            return None  # it counts the time itself
        if keeper.handle is not Handle.LOCAL or judged.origin.life is Life.FRESH or not judged.rate.repeats:
            return None
        callback = self.facts.function_at.get(strip(connect.callback).start_byte) if connect.callback else None
        if callback is None:
            return None
        ends = self.releases.of_keeper(keeper)
        if any(one.region is None or not one.region.within(callback) for one in ends):
            return None
        if not all(self._is_conditional(one, callback) for one in ends) or not self._gives_up(connect, callback):
            return None
        unreleased = risk().severity
        reason = "Its own callback disconnects it, but when the wait times out nothing does."
        severity = Severity.LOW if unreleased in (None, Severity.LOW) else Severity.MEDIUM
        return Risk(severity, Shape.TIME_OUT, reason)

    def _is_conditional(self, found: Found, callback: Function) -> bool:
        region = found.region
        while region is not None and region is not callback:
            if region.kind == "if":
                return True
            region = region.parent
        return False

    def _gives_up(self, connect: Connect, callback: Function) -> bool:
        function = connect.region.function
        for name in ("delay", "clock", "tick"):
            for call in self.flow.calls_by_name.get(name, ()):
                if not call.region.within(function) or call.region.within(callback) or call.start < connect.call.start:
                    continue
                if name == "delay" or call.region.kind == "while":
                    return True
        return False

    def note_forgotten(self, judged: Judged, all_judged: list[Judged]) -> None:
        """A site whose siblings a Stop or Destroy releases, while this one is dropped."""
        if judged.verdict is not Verdict.HARMLESS or judged.keeper.handle is not Handle.DISCARDED:
            return
        connect = judged.connect
        if connect.call.name in names.ONCE or connect.region.function.kind == "chunk":
            return
        if judged.origin.life in (Life.FRESH, Life.ITEM) or (
            judged.origin.life in (Life.OWN, Life.UNKNOWN) and not judged.origin.rate.repeats
        ):
            return
        function = connect.region.function
        for other in all_judged:
            if other is judged or other.connect.region.function is not function or other.verdict is not Verdict.MANAGED:
                continue
            where = self._cleanup_of(other)
            if where is not None and where is not function:
                again = f"it stays when {function.name or 'it'} has run again"
                reason = f"{where.name} releases its neighbour and forgets this one; {again}."
                judged.risk = Risk(Severity.MEDIUM, Shape.FORGOTTEN, reason)
                judged.verdict = Verdict.LEAK
                return

    def _cleanup_of(self, judged: Judged) -> Function | None:
        if judged.keeper.handle is Handle.DISCARDED:
            return None
        look = self.releases.of_manager if judged.keeper.is_manager else self.releases.of_keeper
        for found in look(judged.keeper):
            if found.sure and found.region is not None:
                function = found.region.function
                if names.CLEANUP_METHOD.match(function.short_name):
                    return function
        return None
