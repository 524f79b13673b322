"""How often code runs: from the region of a site outwards, through the uses of each function on the way."""

import re
from collections import defaultdict
from typing import NamedTuple

from tree_sitter import Node

from migrator import names
from migrator.facts import Call, Chain, Facts, Function, Leaving, Region, Variable
from migrator.grammar import CALL, DOT, IDENTIFIER, chain, strip
from migrator.model import Frequency
from migrator.rates import ONCE, Rate, callback_rate, worse
from migrator.sites import Connect

_LISTENS = re.compile(
    r"^(?:on|On|listen|Listen|bind|Bind|subscribe|Subscribe|observe|Observe|hook|Hook|add\w*Listener|Add\w*Listener|"
    r"connect|Connect|set\w*Callback|Set\w*Callback|every|Every|repeat\w*)"
)
_LOCAL_PLAYER = re.compile(r"(?i)== *(?:\w+\.)?local_?player\b(?![.:])|\blocal_?player *== ")
_EXTENDS = re.compile(r"(?:[:.](?:extend|Extend|subclass)|^(?:[cC]lass|Roact\.Component))\b")
MAX_DEPTH = 12  # of functions calling functions that are followed


class Use(NamedTuple):
    """One use of a function: called or handed on at `region`, `times` each time that region runs."""

    region: Region
    times: Rate
    call: Call | None  # that calls it or is given it
    connect: Connect | None  # whose callback it is


class Modules(NamedTuple):
    """What other files say about this one: how often they call its functions, which fields they release."""

    rates: dict[str, Rate]
    released: frozenset[str] = frozenset()


class Flow:
    """The uses of functions in one file."""

    def __init__(self, facts: Facts, connects: list[Connect], modules: Modules | None = None) -> None:
        self.facts = facts
        self.modules = modules
        self.callbacks: dict[int, Connect] = {}  # first byte of the callback → its site
        for connect in connects:
            if connect.callback is not None:
                self.callbacks[strip(connect.callback).start_byte] = connect
        self.calls_by_name: dict[str, list[Call]] = defaultdict(list)
        self.arguments_by_name: dict[str, list[tuple[Call, Node]]] = defaultdict(list)
        for call in facts.calls:
            self.calls_by_name[call.name].append(call)
            for argument in call.arguments:
                kind = argument.kind_id
                if kind in IDENTIFIER or kind in DOT:
                    self.arguments_by_name[chain(facts, argument).last].append((call, argument))
        self.classes = self._classes()
        self._uses: dict[Function, list[Use]] = {}
        self._busy: set[Function] = set()
        self._entries: dict[tuple[Function, Region, bool], Rate] = {}
        self._methods: dict[Function, Rate] = {}
        self._class_rates: dict[Variable, Rate] = {}

    # --- functions and their uses ------------------------------------------------------------------------------------

    def uses(self, function: Function) -> list[Use]:
        """Where a function is used in this file."""
        found = self._uses.get(function)
        if found is None:
            found = self._uses[function] = self._find_uses(function)
        return found

    def _find_uses(self, function: Function) -> list[Use]:
        facts = self.facts
        given = facts.argument_of.get(function.start)
        if given is not None:
            return [self._handed(given[0], function.start, function)]
        if function.variable is None and (function.path is None or not function.path.path):
            return []
        name = function.short_name if function.variable is None else function.variable.name
        calls = self.calls_by_name.get(name, ())
        uses = [Use(call.region, ONCE, call, None) for call in calls if self._calls(call, function)]
        for call, argument in self.arguments_by_name.get(name, ()):
            if self._names(chain(facts, argument), function):
                uses.append(self._handed(call, argument.start_byte, function))
        return uses

    def _calls(self, call: Call, function: Function) -> bool:
        if function.variable is not None:
            return call.receiver is None and call.target.root is function.variable
        if call.receiver is None:
            return False
        return self._same_object(call.receiver, function)

    def _names(self, chain_: Chain, function: Function) -> bool:
        if function.variable is not None:
            return chain_.root is function.variable and not chain_.path
        return bool(chain_.path) and self._same_object(Chain(chain_.root, chain_.path[:-1]), function)

    def _same_object(self, receiver: Chain, function: Function) -> bool:
        """Whether a receiver may be the table (or an object of the class) that the function belongs to."""
        assert function.path is not None
        if receiver.path:
            return receiver.last == function.path.last or len(receiver.path) == 1
        root = receiver.root
        return root is not None and (root is function.path.root or root.name == "self" or root.kind != "global")

    def _handed(self, call: Call, position: int, function: Function) -> Use:
        connect = self.callbacks.get(position)
        if connect is not None:
            return Use(call.region, callback_rate(connect), call, connect)
        return Use(call.region, self._given_rate(call, function), call, None)

    def handed_rate(self, call: Call, argument: Node) -> Rate:
        """How often a function of another module runs that a call is given."""
        connect = self.callbacks.get(argument.start_byte)
        times = callback_rate(connect) if connect is not None else ONCE
        return times.with_(self.rate(call.region))

    def _given_rate(self, call: Call, function: Function) -> Rate:
        name = call.name
        if name in names.RUNS_ONCE:
            return ONCE
        if "layer" in name and not name.startswith(("Get", "get")):
            return Rate(Frequency.PER_PLAYER, True, name)
        if "haracter" in name and not name.startswith(("Get", "get")):
            return Rate(Frequency.PER_CHARACTER, True, name)
        if _LISTENS.match(name):
            return Rate(Frequency.PER_CALL, False, name)
        return ONCE

    # --- classes -----------------------------------------------------------------------------------------------------

    def _classes(self) -> set[Variable]:
        """Tables that objects are made of: those with an __index, or a constructor that sets a metatable."""
        found: set[Variable] = set()
        for assignment in self.facts.assignments:
            if assignment.target.path == ("__index",) and assignment.target.root is not None:
                found.add(assignment.target.root)
        for call in self.calls_by_name.get("setmetatable", ()):
            function = call.region.function
            path = function.path
            if path is not None and path.root is not None and path.path and names.CONSTRUCTOR.match(path.last):
                found.add(path.root)
        for assigned in self.facts.chunk_locals:
            value = strip(assigned.values[0].node)
            if value.kind_id in CALL and _EXTENDS.search(self.facts.raw(value)[:80]):
                found.add(assigned)
        return found

    def class_of(self, function: Function) -> Variable | None:
        """The class a method or constructor belongs to."""
        path = function.path
        if path is not None and path.path and path.root in self.classes:
            return path.root
        return None

    def is_constructor(self, function: Function) -> bool:
        """Whether a function makes an object of a class."""
        return self.class_of(function) is not None and bool(names.CONSTRUCTOR.match(function.short_name))

    def _class_rate(self, class_: Variable) -> Rate:
        """How many objects of a class there are."""
        found = self._class_rates.get(class_)
        if found is None:
            self._class_rates[class_] = ONCE  # while it is looked for: a class that makes its own objects
            found = self._class_rates[class_] = self._find_class_rate(class_)
        return found

    def _find_class_rate(self, class_: Variable) -> Rate:
        rate: Rate | None = None
        for function in self.facts.functions:
            path = function.path
            if path is None or path.root is not class_ or not names.CONSTRUCTOR.match(function.short_name):
                continue
            for call in self.calls_by_name.get(function.short_name, ()):
                if call.receiver == Chain(class_, ()):
                    own = ONCE if self._is_guarded(call) else self.rate(call.region)
                    rate = own if rate is None else worse(rate, own)
            other = self._rate_elsewhere(function)
            if other is not None:
                rate = other if rate is None else worse(rate, other)
        if rate is not None:
            return rate
        return Rate(Frequency.PER_CALL, False, f"{class_.name} objects")

    def _is_guarded(self, call: Call) -> bool:
        """`if not Class.instance then Class.instance = Class.new() end` makes one object."""
        region = call.region
        return region.kind == "if" and self.facts.text.startswith(("if not ", "if nil =="), region.start)

    # --- rates -------------------------------------------------------------------------------------------------------

    def rate(self, region: Region, base: Region | None = None, *, objects: bool = True) -> Rate:
        """How often `region` runs each time `base` (the chunk without one) runs; of methods, for each object."""
        base = base if base is not None else self.facts.chunk
        rate = ONCE
        guarded = False
        left: Leaving | None = None
        while region is not base and region.kind != "chunk":
            left = left or region.leaves
            if region.kind == "if":
                if self._is_of_local_player(region):
                    return rate
                guarded = guarded or self._asks_for_change(region)
            elif isinstance(region, Function):
                return rate.with_(self.entry(region, base, objects=objects))
            elif left is None:
                rate = rate.with_(self._loop_rate(region, guarded=guarded))
            elif left == "break":
                left = None  # it leaves this loop only
            assert region.parent is not None
            region = region.parent
        return rate

    def _asks_for_change(self, branch: Region) -> bool:
        """`if character ~= last then`: in a loop it runs when there is something new, not each time."""
        return "~=" in self._condition(branch)

    def _is_of_local_player(self, branch: Region) -> bool:
        """`if player == LocalPlayer then`: of all players there is one such."""
        return bool(_LOCAL_PLAYER.search(self._condition(branch)))

    def _condition(self, branch: Region) -> str:
        return self.facts.text[branch.start : branch.start + 160].partition(" then")[0].partition("\n")[0]

    def _loop_rate(self, loop: Region, *, guarded: bool) -> Rate:
        """A for loop ends; it counts only when it goes through the players."""
        if loop.kind == "while":
            return ONCE if guarded else Rate(Frequency.LOOP, True, "the loop")
        text = self.facts.text[loop.start : loop.start + 160].partition("\n")[0]
        return Rate(Frequency.PER_PLAYER, True, "the loop over players") if "GetPlayers" in text else ONCE

    def entry(self, function: Function, base: Region, *, objects: bool = True) -> Rate:
        """How often a function is entered each time `base` runs."""
        key = (function, base, objects)
        found = self._entries.get(key)
        if found is not None:
            return found
        if function in self._busy or len(self._busy) > MAX_DEPTH:
            return ONCE
        self._busy.add(function)
        try:
            found = self._entries[key] = self._entry(function, base, objects)
        finally:
            self._busy.discard(function)
        return found

    def _entry(self, function: Function, base: Region, objects: bool) -> Rate:
        uses = self.uses(function)
        class_ = self.class_of(function)
        if class_ is not None:
            return self._method_entry(function, class_, base, objects)
        if uses:
            rate = ONCE
            for use in uses:
                rate = worse(rate, use.times.with_(self.rate(use.region, _around(base, use.region), objects=objects)))
            if not self._is_exported(function):
                return rate
            return worse(rate, self._rate_elsewhere(function) or ONCE)
        return self._unused(function)

    def _method_entry(self, function: Function, class_: Variable, base: Region, objects: bool) -> Rate:
        of_object = ONCE if not objects or base is not self.facts.chunk else self._class_rate(class_)
        if names.CONSTRUCTOR.match(function.short_name):
            return of_object
        return self.method_rate(function).with_(of_object)

    def method_rate(self, function: Function) -> Rate:
        """How often a method runs for one object."""
        found = self._methods.get(function)
        if found is None:
            found = self._methods[function] = self._find_method_rate(function)
        return found

    def _find_method_rate(self, function: Function) -> Rate:
        uses = self.uses(function)
        if not uses:
            return self._guess_method(function)
        rate = ONCE
        for use in uses:
            caller = use.region.function
            inner = use.times.with_(self.rate(use.region, caller))
            if self.is_constructor(caller) or caller.kind == "chunk" or caller is function:
                rate = worse(rate, inner)
            elif caller not in self._busy and len(self._busy) <= MAX_DEPTH:
                self._busy.add(caller)
                try:
                    rate = worse(rate, inner.with_(self._object_rate_of(caller)))
                finally:
                    self._busy.discard(caller)
        return rate

    def _object_rate_of(self, caller: Function) -> Rate:
        if self.class_of(caller) is not None:
            return self.method_rate(caller)
        outer = caller.outer
        rate = ONCE
        for use in self.uses(caller):
            rate = worse(rate, use.times)
        return rate.with_(self._object_rate_of(outer)) if outer is not None and outer.kind != "chunk" else rate

    def _guess_method(self, function: Function) -> Rate:
        name = function.short_name
        if names.PER_CHARACTER_NAME.match(name):
            return Rate(Frequency.PER_CHARACTER, False, function.name)
        if names.REPEATING.match(name):
            return Rate(Frequency.PER_CALL, True, function.name)
        if names.CONSTRUCTOR.match(name) or names.LIFECYCLE.match(name) or names.PREPARING.match(name):
            return ONCE
        return Rate(Frequency.PER_CALL, False, function.name)

    def _unused(self, function: Function) -> Rate:
        """A function that nothing in this file uses: other files may say, else its name."""
        name = function.short_name or self.facts.field_function.get(function.start, "")
        elsewhere = self._rate_elsewhere(function)
        if elsewhere is not None:
            return elsewhere
        if names.PER_CHARACTER_NAME.match(name):
            return Rate(Frequency.PER_CHARACTER, True, function.name)
        if names.PER_PLAYER_NAME.match(name):
            return Rate(Frequency.PER_PLAYER, True, function.name)
        if names.LIFECYCLE.match(name):
            return ONCE
        if not name:
            return self._anonymous(function)
        return Rate(Frequency.PER_CALL, bool(names.REPEATING.match(name)), function.name or name)

    def _anonymous(self, function: Function) -> Rate:
        """A function without a name that no call is given: one that is returned, most often a plug-in's whole body."""
        outer = function.outer
        if outer is not None and outer.kind == "chunk":
            return ONCE
        return Rate(Frequency.PER_CALL, False, "the function") if outer is None else self.rate(outer)

    def _is_exported(self, function: Function) -> bool:
        return function.variable is None

    def _rate_elsewhere(self, function: Function) -> Rate | None:
        if self.modules is None:
            return None
        return self.modules.rates.get(function.short_name)


def _around(base: Region, region: Region) -> Region | None:
    """The base, when it is around the region of a use; a use outside it counts from the chunk."""
    return base if region.within(base) else None


def is_client(facts: Facts) -> bool:
    """Whether a file is code of a client, by its path, else by what it uses."""
    source = facts.syntax.source
    if names.CLIENT_PATH.search(source.path):
        return True
    if names.SERVER_PATH.search(source.path) or names.SERVER_WORDS.search(source.text):
        return False
    return bool(names.CLIENT_WORDS.search(source.text))
