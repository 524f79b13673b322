"""Which variables hold an Instance for certain, and what a class or service is cleaned up by."""

from migrator import names
from migrator.analyze import Study
from migrator.facts import Chain, Function, Variable
from migrator.grammar import CALL, strip

_INSTANCE_METHODS = (
    "IsA", "GetAttribute", "SetAttribute", "FindFirstChild", "WaitForChild", "GetChildren", "GetDescendants", "PivotTo",
    "FindFirstChildOfClass", "FindFirstChildWhichIsA", "GetPropertyChangedSignal", "IsDescendantOf", "ClearAllChildren",
)  # fmt: skip
_LISTING = frozenset({"GetChildren", "GetDescendants", "GetTagged", "GetPlayers"})
_FINDING = ("FindFirst", "GetPlayerFromCharacter", "GetPlayerByUserId", "find", "get")
_CLEANUPS = ("destroy", "cleanup", "clean", "dispose", "stop", "disconnect")


class Instances:
    """What is known of the values of variables."""

    def __init__(self, study: Study) -> None:
        self.study = study

    def is_made(self, variable: Variable) -> bool:
        """Whether a local holds an instance made here: Instance.new, a clone."""
        if variable.kind != "local" or len(variable.values) != 1:
            return False
        text = self.study.facts.raw(strip(variable.values[0].node))
        return text.startswith("Instance.new(") or text.endswith((":Clone()", ":clone()"))

    def may_be_nil(self, variable: Variable) -> bool:
        """Whether a local comes from a search that can fail, or is given no value."""
        if variable.kind != "local":
            return False
        if not variable.values:
            return True
        node = strip(variable.values[-1].node)
        call = self.study.facts.call_at.get((node.start_byte, node.end_byte)) if node.kind_id in CALL else None
        return node.type in ("nil", "binary_expression") or (call is not None and call.name.startswith(_FINDING))

    def is_instance(self, variable: Variable) -> bool:
        """Whether a variable holds an Instance: by how it is made, where it comes from, or what is asked of it."""
        if self.is_made(variable):
            return True
        if variable.kind == "for" and variable.source is not None:
            text = self.study.facts.raw(variable.source)
            return any(f"{name}(" in text for name in _LISTING)
        if self._is_event_argument(variable):
            return True
        own = Chain(variable, ())
        calls = self.study.flow.calls_by_name
        return any(call.receiver == own for name in _INSTANCE_METHODS for call in calls.get(name, ()))

    def _is_event_argument(self, variable: Variable) -> bool:
        function = variable.region.function
        if function.parameters[:1] != [variable]:
            return False
        uses = self.study.flow.uses(function)
        return any(use.connect is not None and use.connect.event in names.FRESH_ARGUMENT for use in uses)


def cleanup_method(study: Study, owner: Variable) -> Function | None:
    """The method of a class or service that ends it: Destroy, else Cleanup, … Stop."""
    found = [
        function
        for function in study.facts.functions
        if function.path is not None
        and function.path.root is owner
        and len(function.path.path) == 1
        and function.self_variable is not None
        and _plain(function) in _CLEANUPS
    ]
    return min(found, key=lambda function: _CLEANUPS.index(_plain(function)), default=None)


def _plain(function: Function) -> str:
    return function.short_name.lower().lstrip("_")
