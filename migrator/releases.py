"""Whether and where a connection is released: every dialect there is, by one index of what a file disconnects."""

from collections import defaultdict
from dataclasses import dataclass
from typing import NamedTuple

from migrator import names
from migrator.facts import Call, Chain, Facts, Region, Variable
from migrator.flow import Flow
from migrator.grammar import DOT, FUNCTION, IDENTIFIER, METHOD, TABLE, chain, strip
from migrator.handles import Keeper, keeper_of_node, references
from migrator.model import Handle, Release
from migrator.origins import iterated
from migrator.sites import Connect, topic

ITS_INSTANCE = "its instance is destroyed"
MAX_STEPS = 6  # aliases that are followed
MAX_ALIASES = 60

# Functions that look at a value and keep nothing of it.
NEUTRAL = frozenset(
    [
        "print",
        "warn",
        "typeof",
        "type",
        "tostring",
        "assert",
        "pairs",
        "ipairs",
        "next",
        "rawequal",
        "rawget",
        "find",
        "remove",
        "clear",
        "clone",
        "freeze",
        "select",
        "unpack",
        "len",
        "error",
        "isfrozen",
        "getmetatable",
        "format",
        "concat",
        "tick",
    ]
)
_KEEPS_FIRST = frozenset({"insert", "rawset", "setmetatable"})


class Ended(NamedTuple):
    """Something a file disconnects, destroys, cleans or hands on. `path` without the root when that is an object."""

    root: Variable | None
    path: tuple[str, ...]
    how: str
    call: Call
    sure: bool  # disconnected, not merely handed on


@dataclass(slots=True)
class Found:
    """A release and where it stands."""

    release: Release
    region: Region | None = None
    sure: bool = True


class Releases:
    """What a file releases."""

    def __init__(self, facts: Facts, flow: Flow, elsewhere: frozenset[str] = frozenset()) -> None:
        self.facts = facts
        self.objects = {
            function.path.root
            for function in facts.functions
            if function.path is not None and function.path.path and function.path.root is not None
        }
        self.flow = flow
        self.elsewhere = elsewhere  # names of fields that other modules of the project release
        self.by_root: dict[Variable, list[Ended]] = defaultdict(list)
        self.by_name: dict[str, list[Ended]] = defaultdict(list)
        self.unbound: list[Call] = []
        for call in facts.calls:
            self._index(call)

    # --- the index ---------------------------------------------------------------------------------------------------

    def _index(self, call: Call) -> None:
        name = call.name
        if name == "UnbindFromRenderStep":
            self.unbound.append(call)
        if call.receiver is not None and (name in names.RELEASING or name in names.CLEANING):
            how = "disconnected" if name.lower().startswith("disconnect") else "destroyed"
            self._note(call.receiver, how if name in names.RELEASING else "cleaned", call, sure=True)
        if name == "AddItem" and call.arguments:
            self._note(chain(self.facts, call.arguments[0]), "destroyed", call, sure=True)
            return
        if name in NEUTRAL or (name in _KEEPS_FIRST and call.receiver is not None):
            return
        for argument in call.arguments:
            kind = argument.kind_id
            if kind in DOT and chain(self.facts, argument).last in names.RELEASING | names.CLEANING:
                path = chain(self.facts, argument)
                self._note(Chain(path.root, path.path[:-1]), "disconnected", call, sure=True)
            elif kind in IDENTIFIER or kind in DOT:
                self._note(chain(self.facts, argument), f"given to {name}", call, sure=False)

    def _note(self, path: Chain, how: str, call: Call, *, sure: bool) -> None:
        for expanded in self.expand(path):
            steps = tuple(step for step in expanded.path if not step.startswith(":") or step in ("[]",))
            ended = Ended(expanded.root, steps, how, call, sure)
            if expanded.root is not None:
                self.by_root[expanded.root].append(ended)
            named = next((step for step in reversed(steps) if step not in ("[]", "()")), None)
            if named is not None:
                self.by_name[named].append(ended)

    def expand(self, path: Chain) -> list[Chain]:
        """A path and what its root stands for, by the values of locals and the sources of loops."""
        found = [path]
        seen = {path.root}
        for current in found:
            root = current.root
            if root is None or len(found) > MAX_STEPS * 2:
                continue
            for inner in self._stands_for(root):
                if inner.root is not None and inner.root not in seen:
                    seen.add(inner.root)
                    found.append(Chain(inner.root, (*inner.path, *current.path)))
                elif inner.root is not None and inner.root is not root and inner.path:
                    found.append(Chain(inner.root, (*inner.path, *current.path)))
        return found

    def _stands_for(self, root: Variable) -> list[Chain]:
        if root.kind == "for":
            if root.source is None:
                return []
            source = iterated(self.facts, root.source)
            return [Chain(source.root, (*source.path, "[]"))]
        found = []
        for value in root.values[:4]:
            node = strip(value.node)
            if node.kind_id in FUNCTION or node.kind_id in TABLE:
                continue
            inner = chain(self.facts, node)
            if inner.root is not None and not _makes_something(inner):
                found.append(inner)
        return found

    def _is_object(self, root: Variable) -> bool:
        """self, a class, a module: to hand on the whole of it says nothing about a connection in it."""
        return root.name == "self" or root in self.objects

    # --- looking up --------------------------------------------------------------------------------------------------

    def matches(self, path: Chain) -> list[Ended]:
        """All that ends what stands at `path`, or a table or object around it."""
        found: list[Ended] = []
        for expanded in self.expand(path):
            root, steps = expanded.root, _plain(expanded.path)
            if root is not None:
                whole = not self._is_object(root)
                mine = self.by_root.get(root, ())
                found += [one for one in mine if (one.path or whole) and _covers(one.path, steps)]
            for number in range(len(steps), 0, -1):
                step = steps[number - 1]
                if step in ("[]", "()"):
                    continue
                for ended in self.by_name.get(step, ()):
                    if ended not in found and _tail_covers(ended.path, steps):
                        found.append(ended)
        return found

    def of_keeper(self, keeper: Keeper, depth: int = 0) -> list[Found]:
        """Releases of what a keeper holds."""
        if depth > MAX_STEPS:
            return []
        if keeper.handle is Handle.RETURNED:
            return [Found(Release("returned", 0), None, sure=False)]
        if keeper.handle is Handle.ARGUMENT:
            name = keeper.call.name if keeper.call is not None else "a function"
            if keeper.call is not None and name in names.RELEASING:
                return [Found(self._at("disconnected", keeper.call), keeper.call.region)]
            if name in NEUTRAL:
                return []
            return [Found(Release(f"given to {name}", self._line(keeper.call)), None, sure=False)]
        found = [
            Found(self._at(ended.how, ended.call), ended.call.region, ended.sure) for ended in self.matches(keeper.path)
        ]
        if keeper.handle is Handle.LOCAL and keeper.path.root is not None:
            found += self._aliases(keeper.path.root, depth)
        elif keeper.path.root is not None and _is_local_table(keeper.path.root):
            found += self._aliases(keeper.path.root, depth, inside=True)
        named = _last_name(keeper.path)
        if not found and named in self.elsewhere:
            found.append(Found(Release("released in another module", 0), None, sure=False))
        return found

    def _aliases(self, variable: Variable, depth: int, *, inside: bool = False) -> list[Found]:
        """What becomes of a local: stored, returned, handed on."""
        found: list[Found] = []
        for node in references(self.facts, variable)[:MAX_ALIASES]:
            parent = node.parent
            if parent is None or parent.kind_id in METHOD or parent.kind_id in DOT:
                continue
            keeper = keeper_of_node(self.facts, node)
            if keeper.handle is Handle.DISCARDED:
                continue
            if (
                keeper.handle is Handle.ARGUMENT
                and inside
                and keeper.call is not None
                and keeper.call.name in _KEEPS_FIRST
            ):
                continue
            if keeper.handle is Handle.LOCAL and keeper.path.root is variable:
                continue
            if keeper.handle is Handle.TABLE and keeper.call is not None and keeper.position == 0:
                continue  # table.insert(variable, …): it is the table
            if keeper.handle is Handle.MANAGER:
                found.append(Found(Release("given to a manager", node.start_point.row + 1), None, sure=False))
                continue
            found += self.of_keeper(keeper, depth + 1)
            if keeper.handle in (Handle.FIELD, Handle.TABLE) and inside and not found:
                found.append(Found(Release("kept in a table", node.start_point.row + 1), None, sure=False))
        found += self._by_key(variable, depth)
        return found

    def _by_key(self, variable: Variable, depth: int) -> list[Found]:
        """connections[connection] = true keeps it as a key."""
        found: list[Found] = []
        if depth > MAX_STEPS:
            return found
        for assignment in self.facts.assignments:
            target = assignment.target_node
            if assignment.target.path[-1:] == ("[]",):
                key = target.child_by_field_name("field")
                if (
                    key is not None
                    and key.kind_id in IDENTIFIER
                    and self.facts.variable_at.get(key.start_byte) is variable
                ):
                    found += self.of_keeper(Keeper(Handle.TABLE, assignment.target), depth + 1)
        return found

    def of_manager(self, keeper: Keeper) -> list[Found]:
        """Where a manager that holds a connection is cleaned, handed on or kept."""
        root, path = keeper.path
        found = [
            Found(self._at(ended.how, ended.call), ended.call.region, ended.sure)
            for ended in self.matches(keeper.path)
            if ended.how in ("cleaned", "destroyed", "disconnected") or not ended.sure
        ]
        if not path and root is not None and root.kind in ("local", "parameter"):
            found += [item for item in self._aliases(root, 1) if item.release.how != "kept in a table"]
        named = _last_name(keeper.path)
        if not found and named in self.elsewhere:
            found.append(Found(Release("released in another module", 0), None, sure=False))
        return found

    def is_handed_on(self, variable: Variable) -> bool:
        """Whether a local is stored, returned or given to a function, so that others may end it."""
        for node in references(self.facts, variable)[:MAX_ALIASES]:
            parent = node.parent
            if parent is None or parent.kind_id in METHOD or parent.kind_id in DOT:
                continue
            keeper = keeper_of_node(self.facts, node)
            given = keeper.call.name if keeper.call is not None else ""
            if keeper.handle is not Handle.DISCARDED and given not in NEUTRAL:
                return True
        return False

    def of_instance(self, path: Chain) -> list[Found]:
        """Where the owner of a signal is destroyed."""
        return [
            Found(self._at(ITS_INSTANCE, ended.call), ended.call.region, ended.sure)
            for ended in self.matches(path)
            if ended.how == "destroyed" and ended.call.name != "Disconnect"
        ]

    def of_binding(self, connect: Connect) -> list[Found]:
        """UnbindFromRenderStep for a BindToRenderStep: of its name, or of a name that is not written out."""
        own = topic(self.facts, connect)
        key = self.facts.raw(connect.call.arguments[0])
        for call in self.unbound:
            if not call.arguments:
                continue
            other = call.arguments[0]
            if self.facts.raw(other) == key or own is None:
                return [Found(self._at("unbound", call), call.region)]
        return []

    def _at(self, how: str, call: Call) -> Release:
        return Release(how, self._line(call))

    def _line(self, call: Call | None) -> int:
        return call.node.start_point.row + 1 if call is not None else 0


def _makes_something(path: Chain) -> bool:
    """Whether a chain ends in a call whose result is another thing than what it stands on: a connection, an object."""
    last = path.path[-1] if path.path else ""
    return last == "()" or (last.startswith(":") and not names.NAVIGATES.match(last[1:]))


def _plain(path: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(step for step in path if not step.startswith(":"))


def _is_local_table(root: Variable) -> bool:
    return root.kind == "local" and any(strip(value.node).kind_id in TABLE for value in root.values)


def _last_name(path: Chain) -> str:
    return next((step for step in reversed(path.path) if step not in ("[]", "()") and not step.startswith(":")), "")


def _same(left: str, right: str) -> bool:
    return left == right or left in ("[]",) or right in ("[]",)


def _covers(ended: tuple[str, ...], held: tuple[str, ...]) -> bool:
    """Whether ending `ended` ends `held`: the same place, or a table around it."""
    if len(ended) > len(held):
        return False
    return all(_same(one, other) for one, other in zip(ended, held, strict=False))


def _tail_covers(ended: tuple[str, ...], held: tuple[str, ...]) -> bool:
    """The same for paths whose roots are unknown: one may begin deeper than the other."""
    named = next((n for n, step in enumerate(held) if step in ended and step not in ("[]", "()")), None)
    if named is None:
        return False
    at = ended.index(held[named])
    left, right = ended[at:], held[named:]
    if len(left) > len(right):
        return False
    before = zip(reversed(ended[:at]), reversed(held[:named]), strict=False)
    return all(_same(one, other) for one, other in zip(left, right, strict=False)) and all(
        _same(a, b) for a, b in before
    )
