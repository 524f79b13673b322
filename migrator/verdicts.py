"""The verdict on each site: how it is kept and released, and what happens when it is not."""

from dataclasses import replace

from tree_sitter import Node

from migrator import names
from migrator.captures import Captures
from migrator.facts import Call, Chain, Facts, Function, Variable
from migrator.flow import Flow
from migrator.grammar import CALL, chain, strip
from migrator.handles import keeper_of, keeper_of_node
from migrator.losses import Judged, Losses
from migrator.model import Handle, Shape, Verdict
from migrator.origins import Life, Origin, Origins
from migrator.rates import Rate
from migrator.releases import ITS_INSTANCE, Found, Releases
from migrator.risks import Circumstances, Risk, each, harmless, risk_of
from migrator.sites import Connect


class Judge:
    """Judges the sites of one file."""

    def __init__(self, facts: Facts, flow: Flow, releases: Releases) -> None:
        self.facts = facts
        self.flow = flow
        self.releases = releases
        self.origins = Origins(facts, flow)
        self.captures = Captures(facts)
        self.losses = Losses(facts, flow, releases)
        self.is_test = bool(names.TEST_PATH.search(facts.syntax.source.path))

    def judge_all(self, connects: list[Connect]) -> list[Judged]:
        """Judges every site, then looks for those that a clean-up forgets."""
        judged = [self.judge(connect) for connect in connects]
        for one in judged:
            if not self.is_test:
                self.losses.note_forgotten(one, judged)
        return judged

    def judge(self, connect: Connect) -> Judged:
        """One site by itself."""
        keeper = keeper_of(self.facts, connect)
        rate = self.flow.rate(connect.region)
        origin = self._origin(connect, rate)
        captures = self.captures.of(connect)
        judged = Judged(connect, keeper, origin, rate, captures, Verdict.HARMLESS, harmless(""))
        if connect.call.name in names.ONCE:
            return self._settle(judged, harmless("It ends by itself after the first event."))
        if self.is_test:
            return self._settle(judged, harmless("It runs in a test."))
        if keeper.is_manager:
            return self._managed_by(judged)
        found = self._release(judged)
        if found is not None:
            return self._released(judged, found)
        return self._settle(judged, self._risk(judged))

    def _origin(self, connect: Connect, rate: Rate) -> Origin:
        if connect.signal is None:
            return Origin(Life.SHARED, rate)
        given = self._call_at(connect.signal)
        if given is not None and not given.method:
            return self.origins.of_result(connect.region, given)
        path = connect.chain.path
        origin = self.origins.of(connect.region, Chain(connect.chain.root, path[:-1]))
        if origin.life in (Life.ITEM, Life.UNKNOWN) and names.kind_of(connect.event).startswith("Player."):
            return replace(origin, life=Life.PLAYER)
        return origin

    def _call_at(self, node: Node) -> Call | None:
        node = strip(node)
        return self.facts.call_at.get((node.start_byte, node.end_byte))

    # --- releases ----------------------------------------------------------------------------------------------------

    def _release(self, judged: Judged) -> Found | None:
        connect, keeper = judged.connect, judged.keeper
        if connect.call.name == "BindToRenderStep":
            return next(iter(self.releases.of_binding(connect)), None)
        if keeper.handle is Handle.DISCARDED:
            found: list[Found] = []
        else:
            found = self.releases.of_keeper(keeper)
        found = [one for one in found if one.release.how != "returned" or not self._callers_discard(judged)]
        if found:
            found.sort(key=lambda one: not one.sure)
            return found[0]
        if connect.signal is not None and not judged.origin.rate.repeats:
            owner = Chain(connect.chain.root, connect.chain.path[:-1])
            return next(iter(self._destroyed(owner, judged)), None)
        return None

    def _destroyed(self, owner: Chain, judged: Judged) -> list[Found]:
        if judged.origin.life in (Life.SHARED, Life.PLAYER) and owner.root is not None and not owner.path:
            return []
        return self.releases.of_instance(owner)

    def _callers_discard(self, judged: Judged) -> bool:
        """Whether a local function returns the connection to callers who all drop it."""
        function = judged.connect.region.function
        if function.variable is None:
            return False
        uses = self.flow.uses(function)
        calls = [use.call for use in uses if use.call is not None]
        if not calls or any(use.connect is not None for use in uses):
            return False
        return all(
            call.target.root is function.variable and keeper_of_node(self.facts, call.node).handle is Handle.DISCARDED
            for call in calls
        )

    def _released(self, judged: Judged, found: Found) -> Judged:
        lost = self.losses.of(judged, found, lambda: self._risk(judged))
        if lost is not None:
            return self._settle(judged, lost)
        judged.verdict = Verdict.MANAGED
        judged.release = found.release
        how, line = found.release.how, found.release.line
        where = f" in line {line}" if line else ""
        text = f"It is {how}{where}." if how != ITS_INSTANCE else f"Its instance is destroyed{where}."
        judged.risk = harmless(text)
        return judged

    def _managed_by(self, judged: Judged) -> Judged:
        keeper, rate = judged.keeper, judged.rate
        judged.verdict = Verdict.MANAGED
        name = keeper.path.last or "a manager"
        found = self.releases.of_manager(keeper)
        if found:
            judged.release = found[0].release
            judged.risk = harmless(f"{name} holds it and is {found[0].release.how}.")
            return judged
        judged.risk = harmless(f"{name} holds it.")
        if not self._is_abandoned(judged) or not rate.repeats:
            return judged
        risk = self._risk(judged)
        if risk.severity is None:
            return judged
        reason = f"{name} holds it, but nothing ever cleans {name}, which is made {each(rate)}."
        return self._settle(judged, Risk(risk.severity, Shape.MANAGER_NEVER_CLEANED, reason))

    def _is_abandoned(self, judged: Judged) -> bool:
        """Whether a manager is made in this file for each object or call, and nothing can clean it from outside."""
        root, path = judged.keeper.path
        if root is None or root.name in names.CONNMON:
            return False
        if not path:
            return root.kind == "local" and root.region.function.kind != "chunk" and self._is_made(root)
        if len(path) > 1 or root.name in names.CONNMON:
            return False
        made = [value for value in self.origins.fields.get(path[0], ()) if strip(value.node).kind_id in CALL]
        return bool(made) and not self._inherits()

    def _is_made(self, root: Variable) -> bool:
        return any(chain(self.facts, value.node).path[-1:] == ("()",) for value in root.values)

    def _inherits(self) -> bool:
        """Whether a class here has another class's methods, which may clean for it."""
        for call in self.flow.calls_by_name.get("setmetatable", ()):
            if call.arguments and strip(call.arguments[0]).kind_id in CALL:
                return True
            if call.region.kind == "chunk" and len(call.arguments) == 2:
                return True
        return False

    # --- risks -------------------------------------------------------------------------------------------------------

    def _risk(self, judged: Judged) -> Risk:
        connect = judged.connect
        function = connect.region.function
        return risk_of(
            Circumstances(
                event=connect.event if connect.signal is not None else connect.call.name,
                signal=signal_text(self.facts, connect),
                origin=judged.origin,
                rate=judged.rate,
                captures=tuple(variable.name for variable in judged.captures),
                captures_argument=any(variable.kind == "parameter" for variable in judged.captures),
                captures_owner=connect.chain.root in judged.captures,
                is_object=self._in_class(function),
                lingers=judged.origin.life is Life.FRESH and self._lingers(connect),
                parented_away=judged.origin.life is Life.FRESH and self._is_parented_away(connect),
            )
        )

    def _in_class(self, function: Function | None) -> bool:
        while function is not None:
            if self.flow.class_of(function) is not None:
                return True
            function = function.outer
        return False

    def _lingers(self, connect: Connect) -> bool:
        """Whether an instance made in the function stays below workspace or a name of the chunk, and nobody ends it."""
        root = connect.chain.root
        if root is None or len(connect.chain.path) != 1 or len(root.values) != 1:
            return False
        text = self.facts.raw(strip(root.values[0].node))
        if not text.startswith("Instance.new(") and not text.endswith(":Clone()"):
            return False
        parents = [
            chain(self.facts, assignment.value).root
            for assignment in self.facts.assignments
            if assignment.target == Chain(root, ("Parent",))
        ]
        shared = all(one is not None and one.region.function.kind == "chunk" for one in parents)
        return bool(parents) and shared and not self.releases.is_handed_on(root)

    def _is_parented_away(self, connect: Connect) -> bool:
        root = connect.chain.root
        if root is None:
            return False
        away = False
        for assignment in self.facts.assignments:
            later = assignment.position > connect.call.start
            if later and assignment.target.root is root and assignment.target.path == ("Parent",):
                away = strip(assignment.value).type == "nil"
        for call in self.flow.calls_by_name.get("Remove", ()):
            away = away or (call.receiver is not None and call.receiver == Chain(root, ()))
        return away

    def _settle(self, judged: Judged, risk: Risk) -> Judged:
        judged.risk = risk
        judged.verdict = Verdict.HARMLESS if risk.severity is None else Verdict.LEAK
        return judged


def signal_text(facts: Facts, connect: Connect) -> str:
    """The signal as it is written, on one line."""
    node = connect.signal
    if node is None:
        return facts.raw(connect.call.node.child_by_field_name("name") or connect.call.node)
    text = facts.syntax.source.text[node.start_byte : node.end_byte].decode("utf-8", "replace")
    return " ".join(text.split())[:200]
