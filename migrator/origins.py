"""Whose signal it is, how long that lives, and how often a site connects to the very same one."""

import re
from dataclasses import dataclass
from enum import Enum

from tree_sitter import Node

from migrator import names
from migrator.facts import Call, Chain, Facts, Function, Region, Value, Variable
from migrator.flow import Flow, Use
from migrator.grammar import CALL, IDENTIFIER, LITERALS, TABLE, chain, strip
from migrator.model import Frequency
from migrator.rates import ONCE, Rate

MAX_DEPTH = 8  # of values, arguments and callers that are followed
MAX_LOOKS = 200  # at expressions, for one site


class Life(Enum):
    """How long the owner of a signal lives."""

    SHARED = "as long as the server"
    PLAYER = "as long as the player"
    CHARACTER = "as long as the character"
    FRESH = "as long as the instance made here"
    ITEM = "as long as the instance"
    OWN = "as long as the object"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Origin:
    """The life of a signal's owner and how often the site connects to one and the same owner.

    `variable` holds the owner where the site stands: what may own the connection.
    """

    life: Life
    rate: Rate
    variable: Variable | None = None


_CREATING = frozenset(
    {"Clone", "clone", "LoadAnimation", "CreatePath", "Create", "new", "create", "Make", "Play", "createElement"}
)
_PLAYER_GETTERS = frozenset({"GetPlayerFromCharacter", "GetPlayerByUserId", "getPlayer", "GetPlayer"})


class Origins:
    """Origins of the signals of one file."""

    def __init__(self, facts: Facts, flow: Flow) -> None:
        self.facts = facts
        self.flow = flow
        self.looked = 0
        self.fields: dict[str, list[Value]] = {}
        self.field_roots: dict[str, list[Chain]] = {}
        for assignment in facts.assignments:
            if assignment.target.path:
                last = assignment.target.path[-1]
                self.fields.setdefault(last, []).append(Value(assignment.value, assignment.region))

    def of(self, region: Region, chain_: Chain, depth: int = 0) -> Origin:
        """The origin of the object that a chain leads to, seen from `region`."""
        if depth == 0:
            self.looked = 0
        self.looked += 1
        if depth > MAX_DEPTH or self.looked > MAX_LOOKS:
            return Origin(Life.UNKNOWN, ONCE)
        root, path = chain_
        made = self._made_on_the_way(region, chain_)
        if made is not None:
            return made
        if root is None:
            return Origin(Life.FRESH, ONCE)
        if root.kind == "for":
            return self._of_loop_variable(region, root, path, depth)
        if root.name == "self" and root.kind == "parameter":
            return self._of_self(region, root, path, depth)
        if root.kind == "parameter":
            return self._of_parameter(region, root, depth)
        if root.kind == "local" and root.values:
            return self._of_local(region, root, path, depth)
        return Origin(Life.SHARED, self.flow.rate(region), root)

    def of_result(self, region: Region, call: Call) -> Origin:
        """The origin of a signal that a function gives back, `diedOf(humanoid)`: what it was given tells."""
        for argument in call.arguments:
            if strip(argument).kind_id not in LITERALS:
                origin = self.of(region, chain(self.facts, argument))
                if origin.life not in (Life.SHARED, Life.UNKNOWN):
                    return origin
        return Origin(Life.SHARED, self.flow.rate(region))

    def _made_on_the_way(self, region: Region, chain_: Chain) -> Origin | None:
        """`Instance.new("Part").Touched`, `template:Clone().Touched`, `player.Character.Humanoid.Died`."""
        for step in chain_.path:
            name = step.lstrip(":").partition("=")[0]
            if step.startswith(":") and name in _CREATING:
                return Origin(Life.FRESH, ONCE)
        if chain_.root is not None and chain_.root.name == "require":
            return Origin(Life.SHARED, self.flow.rate(region))
        if "()" in chain_.path and chain_.root is not None:
            called = chain_.path.index("()")
            getter = chain_.path[called - 1] if called else chain_.root.name
            if not re.match(r"(?i)get(?:service|controller|store|module|remote)|require", getter):
                return Origin(Life.UNKNOWN, self.flow.rate(region, region.function))
        if "Character" in chain_.path and chain_.root is not None:
            inner = self.flow.rate(region, region.function)
            handler = region.function
            entry = self.flow.entry(handler, self.facts.chunk) if handler.kind != "chunk" else ONCE
            again = entry.frequency in (Frequency.PER_CALL, Frequency.LOOP) and entry.sure
            return Origin(Life.CHARACTER, inner.with_(entry if again else ONCE))
        return None

    # --- loop variables ----------------------------------------------------------------------------------------------

    def _of_loop_variable(self, region: Region, variable: Variable, path: tuple[str, ...], depth: int) -> Origin:
        loop = variable.region
        inner = self.flow.rate(region, loop)
        assert loop.parent is not None
        if variable.source is None:
            return Origin(Life.ITEM, inner, variable)
        source = iterated(self.facts, variable.source)
        if source.last in ("GetPlayers", "GetChildren") and self._is_players(source):
            entry = self.flow.rate(loop.parent)
            return Origin(Life.PLAYER, inner.with_(entry if entry.sure else ONCE), variable)
        outer = self.of(loop.parent, source, depth + 1)
        life = Life.ITEM if outer.life in (Life.SHARED, Life.UNKNOWN, Life.OWN) else outer.life
        if names.PLAYER_NAME.match(variable.name) and life is Life.ITEM:
            life = Life.PLAYER
        return Origin(life, inner.with_(outer.rate), variable)

    def _is_players(self, source: Chain) -> bool:
        if source.last == "GetPlayers":
            return True
        return source.root is not None and source.root.name == "Players" and len(source.path) <= 1

    # --- parameters --------------------------------------------------------------------------------------------------

    def _of_parameter(self, region: Region, variable: Variable, depth: int) -> Origin:
        function = variable.region.function
        inner = self.flow.rate(region, function)
        if variable not in function.parameters:
            return Origin(_life_by_name(variable), inner, variable)
        number = function.parameters.index(variable)
        best: Origin | None = None
        for use in self.flow.uses(function)[:20]:
            origin = self._of_argument(function, variable, number, use, depth)
            if origin is not None and (best is None or _more(origin, best)):
                best = origin
        if best is None:
            return Origin(_life_by_name(variable), inner.with_(self._by_name(function, variable)), variable)
        life = best.life
        if life in (Life.UNKNOWN, Life.ITEM):
            named = _life_by_name(variable)
            life = named if named is not Life.UNKNOWN else life
        if life is Life.SHARED and not best.rate.repeats:
            return Origin(life, inner, variable)
        return Origin(life, inner.with_(best.rate), variable)

    def _of_argument(self, function: Function, variable: Variable, number: int, use: Use, depth: int) -> Origin | None:

        if use.connect is not None:
            return self._of_event_argument(use.connect.event, variable, number, use, depth)
        call = use.call
        if call is None:
            return None
        if (call.target.root is not None and call.target.root is function.variable) or call.name == function.short_name:
            arguments = call.arguments
            position = number - (1 if function.self_variable in function.parameters and call.method else 0)
            if position >= len(arguments):
                return None
            argument = strip(arguments[position])
            if argument.kind_id in LITERALS:
                return Origin(Life.FRESH, ONCE)
            return self._moved(self.of(use.region, chain(self.facts, argument), depth + 1))
        return self._handed(function, variable, number, use, depth)

    def _moved(self, origin: Origin) -> Origin:
        return Origin(origin.life, origin.rate, None)

    def _handed(self, function: Function, variable: Variable, number: int, use: Use, depth: int) -> Origin | None:
        """Given to another function as a callback: task.spawn(f, player), observe(function(player)."""

        assert use.call is not None
        call = use.call
        if call.name in names.RUNS_ONCE:
            place = number + 1 if call.name not in ("delay",) else number + 2
            if place < len(call.arguments):
                argument = strip(call.arguments[place])
                if argument.kind_id not in LITERALS:
                    return self._moved(self.of(use.region, chain(self.facts, argument), depth + 1))
        life = _life_by_name(variable)
        if use.times.frequency is Frequency.PER_PLAYER and number == 0:
            life = Life.PLAYER
        elif use.times.frequency is Frequency.PER_CHARACTER and life is Life.UNKNOWN:
            life = Life.CHARACTER
        return Origin(life, ONCE, variable)

    def _of_event_argument(self, event: str, variable: Variable, number: int, use: Use, depth: int) -> Origin:

        assert use.connect is not None
        life = _life_by_name(variable)
        if event in names.PLAYER_EVENTS:
            return Origin(Life.PLAYER, ONCE, variable)
        if event in names.CHARACTER_EVENTS:
            return Origin(Life.CHARACTER, ONCE, variable)
        if event in names.FRESH_ARGUMENT:
            source = self.of(use.region, Chain(use.connect.chain.root, use.connect.chain.path[:-1]), depth + 1)
            if (
                source.life in (Life.CHARACTER, Life.PLAYER)
                and event == "ChildAdded"
                and not _checks_instance(self.facts, use)
            ):
                return Origin(
                    Life.ITEM, Rate(Frequency.PER_CALL, True, "the tool is equipped and ChildAdded"), variable
                )
            return Origin(life if life is not Life.UNKNOWN else Life.ITEM, ONCE, variable)
        sure = number == 0 or life in (Life.PLAYER, Life.CHARACTER) or event == "OnServerEvent"
        rate = Rate(Frequency.PER_CALL, sure, event)
        if life is Life.UNKNOWN and event not in names.EVENT_KIND:
            rate = ONCE  # a signal of the game's own: what it hands over is most often new
        return Origin(life if life is not Life.UNKNOWN else Life.ITEM, rate, variable)

    def _by_name(self, function: Function, variable: Variable) -> Rate:
        """A parameter nobody is seen to give: the same thing again only if the function's name says so."""
        life = _life_by_name(variable)
        name = function.short_name
        if life in (Life.PLAYER, Life.CHARACTER) and names.REPEATING.match(name):
            return Rate(Frequency.PER_CALL, False, function.name)
        return ONCE

    # --- locals and fields -------------------------------------------------------------------------------------------

    def _of_local(self, region: Region, variable: Variable, path: tuple[str, ...], depth: int) -> Origin:
        value = self._value_for(region, variable)
        if value is None:
            return Origin(Life.SHARED, self.flow.rate(region), variable)
        inner = self.flow.rate(region, value.region if region.within(value.region) else value.region.function)
        node = strip(value.node)
        if node.kind_id in TABLE:
            return Origin(Life.FRESH, inner, variable)
        if node.kind_id in CALL:
            made = self._of_call(region, variable, value, node, inner, depth)
            if made is not None:
                return made
        found = chain(self.facts, node)
        if found.root is variable or (found.root is None and node.kind_id not in CALL):
            return Origin(_life_by_name(variable), inner, variable)
        outer = self.of(value.region, found, depth + 1)
        life = outer.life
        named = _life_by_name(variable)
        if (life in (Life.UNKNOWN, Life.ITEM) and named is not Life.UNKNOWN) or (
            life is Life.PLAYER and named is Life.CHARACTER
        ):
            life = named
        if life is Life.SHARED:
            return Origin(life, self.flow.rate(region), variable)
        return Origin(life, inner.with_(outer.rate), variable)

    def _value_for(self, region: Region, variable: Variable) -> Value | None:
        """The value a local has at a site: given in the same function or around it; None for one of the chunk."""
        function: Function | None = region.function
        while function is not None and function.kind != "chunk":
            for value in reversed(variable.values):
                if value.region.function is function and value.node.start_byte <= region.end:
                    return value
            function = function.outer
        if variable.region.function.kind != "chunk":
            return variable.values[-1]
        value = variable.values[0]
        if value.region.kind == "chunk" or value.region.function.kind == "chunk":
            return None if not self._in_loop(value.region) else value
        return None

    def _in_loop(self, region: Region) -> bool:
        return region.kind == "for"

    def _of_call(
        self, region: Region, variable: Variable, value: Value, node: Node, inner: Rate, depth: int
    ) -> Origin | None:
        found = chain(self.facts, node)
        call = self.facts.call_at.get((node.start_byte, node.end_byte))
        if call is None:
            return None
        if call.name in _PLAYER_GETTERS:
            outer = self.flow.rate(value.region)
            return Origin(Life.PLAYER, inner.with_(outer), variable)
        if call.name in _CREATING or call.name.lower().startswith(("create", "new", "make", "build", "spawn", "clone")):
            return Origin(Life.FRESH, inner, variable)
        if call.name == "require":
            return Origin(Life.SHARED, self.flow.rate(region), variable)
        if call.method and names.NAVIGATES.match(call.name):
            return None
        if found.root is not None and found.root.name == "workspace":
            return None
        return Origin(_life_by_name(variable), inner, variable)

    def _of_self(self, region: Region, variable: Variable, path: tuple[str, ...], depth: int) -> Origin:
        function = variable.region.function
        class_ = self.flow.class_of(function)
        if class_ is None:
            if function.path is None and function.outer is not None and function.outer.self_variable is not None:
                return Origin(Life.OWN, self.flow.rate(region, function), variable)
            return self._of_field(region, path, depth) or Origin(Life.SHARED, self.flow.rate(region), variable)
        found = self._of_field(region, path, depth)
        if found is not None:
            return found
        inner = self.flow.rate(region, function)
        rate = ONCE if self.flow.is_constructor(function) else self.flow.method_rate(function)
        life = Life.OWN
        if path and names.PLAYER_NAME.match(path[0]):
            life = Life.PLAYER
        elif path and names.CHARACTER_NAME.match(path[0]):
            life = Life.CHARACTER
        return Origin(life, inner.with_(rate), variable)

    def _of_field(self, region: Region, path: tuple[str, ...], depth: int) -> Origin | None:
        """What a field holds tells more: made in the same function, or a thing that the whole server shares."""
        if not path:
            return None
        values = self.fields.get(path[0], [])
        for value in values:
            node = strip(value.node)
            if value.region.function is region.function and node.kind_id in CALL:
                call = self.facts.call_at.get((node.start_byte, node.end_byte))
                if call is not None and (call.name in _CREATING or call.name.lower().startswith(("create", "make"))):
                    return Origin(Life.FRESH, self.flow.rate(region, region.function))
        for value in values:
            node = strip(value.node)
            found = chain(self.facts, node)
            if found.root is not None and found.root.kind == "parameter" and found.root.name == "self":
                continue
            if node.kind_id in LITERALS or found.root is None:
                continue
            origin = self.of(value.region, found, depth + 1)
            if origin.life is Life.SHARED and self._is_game(found):
                return Origin(Life.SHARED, self.flow.rate(region))
        return None

    def _is_game(self, chain_: Chain) -> bool:
        root = chain_.root
        return (
            root is not None
            and (root.kind == "global" or not root.values or root.kind == "local")
            and not any(step == "()" for step in chain_.path)
        )


def iterated(facts: Facts, source: Node) -> Chain:
    """What a for loop goes through: `pairs(x)`, `ipairs(x)`, `next, x` and `x` are all x."""
    node = strip(source)
    if node.kind_id in CALL:
        call = facts.call_at.get((node.start_byte, node.end_byte))
        if call is not None and call.receiver is None and call.name in ("pairs", "ipairs", "next") and call.arguments:
            return chain(facts, call.arguments[0])
        root = call.receiver.root if call is not None and call.receiver is not None else None
        if call is not None and root is not None and root.name == "table" and call.arguments:
            return chain(facts, call.arguments[0])
    if node.kind_id in IDENTIFIER and facts.raw(node) == "next":
        following = node.next_named_sibling
        if following is not None:
            return chain(facts, following)
    return chain(facts, node)


def _life_by_name(variable: Variable) -> Life:
    if names.PLAYER_NAME.match(variable.name):
        return Life.PLAYER
    if names.CHARACTER_NAME.match(variable.name):
        return Life.CHARACTER
    return Life.UNKNOWN


def _checks_instance(facts: Facts, use: Use) -> bool:
    """Whether a ChildAdded handler on a character looks for something other than tools."""

    assert use.connect is not None
    callback = use.connect.callback
    return callback is None or "Tool" not in facts.raw(callback)


def _more(left: Origin, right: Origin) -> bool:
    return left.rate.repeats and not right.rate.repeats
