"""What the walk over a syntax tree finds: names with their scopes, functions, calls, assignments, returns.

Names are slices of the code read as Latin-1, so that an offset in bytes is an offset in text.
"""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, NamedTuple

from tree_sitter import Node

from migrator.syntax import Syntax

RegionKind = Literal["chunk", "function", "for", "while", "if"]
VariableKind = Literal["local", "parameter", "for", "global"]
Leaving = Literal["break", "return"]


class Region:
    """A stretch of code that runs as a whole: the chunk, a function's body, a loop, a branch of an if.

    `leaves`: the statement that ends it, if that leaves the loop or function around it.
    """

    __slots__ = ("end", "function", "kind", "leaves", "parent", "start")

    def __init__(self, kind: RegionKind, start: int, end: int, parent: "Region | None") -> None:
        self.kind = kind
        self.start = start
        self.end = end
        self.parent = parent
        self.leaves: Leaving | None = None
        self.function: Function = self if isinstance(self, Function) else parent.function  # type: ignore[union-attr]

    def within(self, other: "Region") -> bool:
        """Whether `other` is this region or one around it."""
        region: Region | None = self
        while region is not None:
            if region is other:
                return True
            region = region.parent
        return False


class Function(Region):
    """A function, or the chunk itself. `path` is what it is assigned to: ("Service", "Start")."""

    __slots__ = ("body", "is_method", "name", "node", "parameters", "path", "returns", "self_variable", "variable")

    def __init__(self, node: Node, parent: Region | None, kind: RegionKind = "function") -> None:
        super().__init__(kind, node.start_byte, node.end_byte, parent)
        self.node = node
        self.name = ""
        self.path: Chain | None = None
        self.is_method = False
        self.self_variable: Variable | None = None
        self.variable: Variable | None = None  # that holds it: local function f, local f = function
        self.parameters: list[Variable] = []
        self.returns: list[Return] = []

    @property
    def outer(self) -> "Function | None":
        """The function around it."""
        return self.parent.function if self.parent is not None else None

    @property
    def short_name(self) -> str:
        """The last part of its name: "Start" of "Service:Start"."""
        return self.name.replace(":", ".").rpartition(".")[2]


class Variable:
    """A name in its scope. `values` are the expressions it is given, `refs` where it is read or written."""

    __slots__ = ("function", "kind", "name", "position", "refs", "region", "source", "values")

    def __init__(self, name: str, kind: VariableKind, region: Region, position: int) -> None:
        self.name = name
        self.kind = kind
        self.region = region
        self.position = position
        self.refs: list[tuple[int, Region]] = []
        self.values: list[Value] = []
        self.function: Function | None = None
        self.source: Node | None = None  # of a loop's variable: what is iterated


class Value(NamedTuple):
    """An expression that a name or field is given."""

    node: Node
    region: Region


class Chain(NamedTuple):
    """`a.b[c]:d("e").f` as root a and path ("b", "[]", ":d=e", "f"). Without root: it begins with something else."""

    root: Variable | None
    path: tuple[str, ...]

    @property
    def last(self) -> str:
        """The last name, without the mark of a call: "d" of `a:d("e")`."""
        if not self.path:
            return self.root.name if self.root else ""
        return self.path[-1].lstrip(":").partition("=")[0]


@dataclass(slots=True)
class Call:
    """A call. `callee` without the method; `name` the method or function called last."""

    node: Node
    region: Region
    name: str
    method: bool
    receiver: Chain | None  # of a:b() and a.b(): a; of f(): None
    target: Chain  # the whole of what is called
    arguments: list[Node]

    @property
    def start(self) -> int:
        """Its first byte."""
        return self.node.start_byte


@dataclass(slots=True)
class Assignment:
    """`target = value`, for each pair of a statement."""

    target: Chain
    target_node: Node
    value: Node
    region: Region
    position: int


@dataclass(slots=True)
class Return:
    """A return with its expressions."""

    values: list[Node]
    region: Region


@dataclass
class Facts:
    """All of one file."""

    syntax: Syntax
    text: str
    chunk: Function
    functions: list[Function] = field(default_factory=list)
    function_at: dict[int, Function] = field(default_factory=dict)  # by first byte of the definition
    variable_at: dict[int, Variable] = field(default_factory=dict)  # by first byte of the identifier
    globals: dict[str, Variable] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    call_at: dict[tuple[int, int], Call] = field(default_factory=dict)  # by span
    assignments: list[Assignment] = field(default_factory=list)
    argument_of: dict[int, tuple[Call, int]] = field(default_factory=dict)  # function's first byte → call, position
    field_function: dict[int, str] = field(default_factory=dict)  # function's first byte → key in a constructor

    def raw(self, node: Node) -> str:
        """The text of a node as Latin-1."""
        return self.text[node.start_byte : node.end_byte]

    @cached_property
    def declared(self) -> dict[str, list[Variable]]:
        """The variables that are declared in the file, by name, in the order of the source."""
        found: dict[str, list[Variable]] = {}
        for position, variable in self.variable_at.items():
            if variable.position == position:
                found.setdefault(variable.name, []).append(variable)
        return found

    @cached_property
    def chunk_locals(self) -> list[Variable]:
        """The locals of the chunk that are given a value."""
        return [
            variable
            for variables in self.declared.values()
            for variable in variables
            if variable.region is self.chunk and variable.values
        ]
