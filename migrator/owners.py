"""Who shall own a connection that nobody releases, so that it ends when it should and no sooner."""

from dataclasses import dataclass

from migrator import names
from migrator.analyze import Study
from migrator.facts import Chain, Function, Region, Variable
from migrator.flow import Use
from migrator.grammar import chain
from migrator.instances import Instances
from migrator.losses import Judged
from migrator.model import Frequency, Shape
from migrator.origins import Life


@dataclass(frozen=True, slots=True)
class Owner:
    """`text` is the expression; `cleanup` the class or service whose clean-up must end what it owns."""

    text: str
    cleanup: Variable | None = None


class ByHand(Exception):
    """No owner can be told from the code; the sentence says what a person should do."""


_BY_HAND = {
    Shape.TIME_OUT: "Disconnect it also where the wait gives up.",
    Shape.UNBIND: "Call RunService:UnbindFromRenderStep with its name when it is no longer wanted.",
    Shape.UNPARENTED: "Call Destroy on the instance instead of setting Parent to nil, if it is not used again.",
    Shape.MANAGER_NEVER_CLEANED: "Clean the manager when its owner goes, or link it to an instance.",
}


def owner_of(study: Study, judged: Judged) -> Owner:
    """The owner of a leak's connection. Raises ByHand."""
    shape = judged.risk.shape
    if shape in _BY_HAND:
        raise ByHand(_BY_HAND[shape])
    chooser = _Chooser(study, judged)
    owner = chooser.of_loop() or chooser.choose()
    chooser.refuse_loops()
    chooser.refuse_replacing()
    chooser.refuse_calls(owner)
    if owner.cleanup is None and owner.text != "script" and judged.connect.event in names.ENDING:
        raise ByHand(f"{judged.connect.event} tells of the owner's end: disconnect it in its own callback.")
    return owner


class _Chooser:
    def __init__(self, study: Study, judged: Judged) -> None:
        self.study = study
        self.judged = judged
        self.region = judged.connect.region
        self.position = judged.connect.call.start
        self.chosen: Variable | None = None
        self.instances = Instances(study)

    def of_loop(self) -> Owner | None:
        """In a loop over instances each one owns its own connection."""
        variable = self._signal_owner()
        if variable is None or variable.kind != "for" or self.judged.origin.life is Life.PLAYER:
            return None
        return self._of(variable) if self.instances.is_instance(variable) else None

    def choose(self) -> Owner:
        judged = self.judged
        life = judged.origin.life
        if life in (Life.PLAYER, Life.CHARACTER) or judged.rate.frequency in (
            Frequency.PER_PLAYER,
            Frequency.PER_CHARACTER,
        ):
            first, second = self._player, self._character
            if life is Life.SHARED and judged.rate.frequency is Frequency.PER_CHARACTER:
                first, second = second, first  # its callback is about one character, and no other's takes its place
            variable = first() or second() or self._signal_owner()
            if variable is not None:
                return self._of(variable)
        class_ = self._class()
        if class_ is not None and self._self() is not None and life is not Life.FRESH:
            return Owner("self", class_)
        if life in (Life.FRESH, Life.ITEM, Life.UNKNOWN, Life.OWN):
            variable = self._signal_owner()
            if variable is not None:
                return self._of(variable)
            raise ByHand("Keep the connection and disconnect it before connecting again.")
        return self._of_script()

    def _of(self, variable: Variable) -> Owner:
        self.chosen = variable
        return Owner(variable.name)

    def _of_script(self) -> Owner:
        """A connection of the whole script; a second one of its name replaces the first."""
        mine = [variable for variable in self.judged.captures if self._varies(variable)]
        if mine:
            return self._of(self._among(mine))
        service = service_of(self.study)
        if service is not None:
            own = self._self()
            return Owner("self" if own is not None else service.name, service)
        return Owner("script")

    def _among(self, mine: list[Variable]) -> Variable:
        """Which of the things a callback is about owns its connection: one made here, else the only one."""
        fresh = next((one for one in mine if self.instances.is_made(one) and self._visible(one)), None)
        if fresh is not None:
            return fresh
        one = mine[0]
        usable = len(mine) == 1 and self._visible(one) and not self.instances.may_be_nil(one)
        if usable and (names.PLAYER_NAME.match(one.name) or self.instances.is_instance(one)):
            return one
        raise ByHand(f"Decide what owns it: its callback is about {', '.join(v.name for v in mine[:3])}.")

    def _declared_in(self, region: Region) -> list[Variable]:
        return [one for many in self.study.facts.declared.values() for one in many if one.region is region]

    def _varies(self, variable: Variable) -> bool:
        """Whether a captured local can be another thing each time the site runs."""
        return variable.name != "self" and variable.function is None

    # --- candidates --------------------------------------------------------------------------------------------------

    def _player(self) -> Variable | None:
        variable = self.judged.origin.variable if self.judged.origin.life is Life.PLAYER else None
        if variable is not None and names.PLAYER_NAME.match(variable.name) and self._visible(variable):
            return variable
        return self._in_scope(Life.PLAYER)

    def _character(self) -> Variable | None:
        return self._in_scope(Life.CHARACTER)

    def _in_scope(self, life: Life) -> Variable | None:
        """A parameter of a function around the site that is a player (or character), the nearest first."""
        function: Function | None = self.region.function
        expected = names.PLAYER_NAME if life is Life.PLAYER else names.CHARACTER_NAME
        while function is not None and function.kind != "chunk":
            for number, parameter in enumerate(function.parameters):
                if not self._visible(parameter):
                    continue
                if self.instances.may_be_nil(parameter):
                    continue
                if expected.match(parameter.name) or (number == 0 and self._given(function) is life):
                    return parameter
            function = function.outer
        loop: Region | None = self.region
        while loop is not None:
            if loop.kind == "for" and life is Life.PLAYER:
                for variable in self._declared_in(loop):
                    if variable.kind == "for" and expected.match(variable.name) and self._visible(variable):
                        return variable
            loop = loop.parent
        return None

    def _given(self, function: Function) -> Life | None:
        """What the events that call a function hand it first."""
        for use in self.study.flow.uses(function):
            if use.connect is not None and use.connect.event in names.PLAYER_EVENTS:
                return Life.PLAYER
            if use.connect is not None and use.connect.event in names.CHARACTER_EVENTS:
                return Life.CHARACTER
        return None

    def _signal_owner(self) -> Variable | None:
        """The variable that holds the very instance whose signal it is."""
        root, path = self.judged.connect.chain
        if root is None or len(path) != 1 or path[0] not in names.EVENT_KIND or root.name == "self":
            return None
        return root if root.kind != "global" and self._visible(root) else None

    def _class(self) -> Variable | None:
        function: Function | None = self.region.function
        while function is not None:
            class_ = self.study.flow.class_of(function)
            if class_ is not None:
                return class_
            function = function.outer
        return None

    def _self(self) -> Variable | None:
        function: Function | None = self.region.function
        while function is not None:
            if function.self_variable is not None:
                if self._is_given(function) or not self._visible(function.self_variable):
                    raise ByHand("Here self is something else than in the method around it; register it by hand.")
                return function.self_variable
            function = function.outer
        mine = self.study.facts.declared.get("self", ())
        return next((one for one in mine if one.kind == "local" and self._visible(one)), None)

    def _is_given(self, function: Function) -> bool:
        """Whether a function is written where it is handed on: its self is whatever calls it gives it."""
        facts = self.study.facts
        return function.start in facts.argument_of and function.start not in facts.field_function

    def _visible(self, variable: Variable) -> bool:
        """Whether the site sees a variable under its name."""
        if variable.position >= self.position or not self.region.within(variable.region):
            return False
        return not any(
            variable.position < other.position < self.position and self.region.within(other.region)
            for other in self.study.facts.declared.get(variable.name, ())
        )

    def refuse_replacing(self) -> None:
        """Where a second connection takes the first one's name, both must have the same callback."""
        judged = self.judged
        if judged.risk.shape is not Shape.REPEATED:
            return
        others = [one for one in judged.captures if one is not self.chosen and self._varies(one)]
        if others:
            raise ByHand(f"Connect it once: each time it is about another {', '.join(v.name for v in others[:3])}.")

    def refuse_calls(self, owner: Owner) -> None:
        """Where a function runs more than once for one owner, its second connection would end the first."""
        variable = self._self() if owner.text == "self" else self.chosen
        if variable is None or variable.kind != "parameter":
            return
        function = variable.region.function
        others = [
            one
            for one in (*self.judged.captures, self.judged.connect.chain.root)
            if one is not None and one is not variable and self._varies(one) and one.region.function is function
        ]
        uses = [use for use in self.study.flow.uses(function) if use.connect is None]
        callers = [use.region.function for use in uses]
        again = len(callers) > len(set(callers)) or any(self._in_loop(use, variable) for use in uses)
        if others and (again or (not uses and self._takes_callback(variable, others))):
            whom = "object" if owner.text == "self" else owner.text
            raise ByHand(
                f"{function.name} runs more than once for the same {whom}: give each connection a name of its own."
            )

    def _in_loop(self, use: Use, owner: Variable) -> bool:
        """Whether a function is called in a loop that is not over its owners."""
        call, loop = use.call, use.region
        given = [chain(self.study.facts, node).root for node in call.arguments] if call is not None else []
        if call is not None and call.receiver is not None:
            given.append(call.receiver.root)
        while loop.parent is not None and loop is not use.region.function:
            if loop.kind == "for" and not any(
                one is not None and one.region is loop and (one.name == owner.name or names.PLAYER_NAME.match(one.name))
                for one in given
            ):
                return True
            loop = loop.parent
        return False

    def _takes_callback(self, owner: Variable, others: list[Variable]) -> bool:
        """Whether a method that nobody here calls is given what its connection calls."""
        callback = self.judged.connect.callback
        named = chain(self.study.facts, callback).root if callback is not None else None
        return owner.name == "self" and any(
            one is named
            or any(call.target == Chain(one, ()) for call in self.study.flow.calls_by_name.get(one.name, ()))
            for one in others
        )

    def refuse_loops(self) -> None:
        """In a loop inside the owner's scope one name would stand for many connections."""
        region: Region | None = self.region
        end = self.chosen.region if self.chosen is not None else None
        while region is not None and region is not end:
            if region.kind == "for":
                raise ByHand("Give each connection of the loop a name of its own, and an owner.")
            if region.kind == "function":
                return
            region = region.parent


def service_of(study: Study) -> Variable | None:
    """The table a module returns, when it has functions and is no class."""
    for returned in study.facts.chunk.returns:
        for value in returned.values:
            variable = study.facts.variable_at.get(value.start_byte)
            if variable is None or variable.kind != "local" or variable in study.flow.classes:
                continue
            if value.end_byte - value.start_byte == len(variable.name) and variable.region is study.facts.chunk:
                return variable
    return None
