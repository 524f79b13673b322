"""Puts probes into a source: one at the start of each function, one at the first argument of each connect call.

Lines stay as they are. The probes are globals of the mocked server (world/trace.luau).
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

from tree_sitter import Node, Query, QueryCursor

from migrator.model import Site, Span
from migrator.syntax import LANGUAGE, Syntax

ENTER, SITE = "__connmon_enter", "__connmon_site"
CONNECTS = frozenset({b"Connect", b"connect", b"Once", b"once", b"ConnectParallel", b"BindToRenderStep"})
CONNMON = frozenset({"ConnectionUtils", "ConnectionManager"})

# What stands behind `local`, `local function` and `for`: names, and types perhaps; one name too many does no harm.
LOCALS = re.compile(rb"\b(?:local|for)\s+(?:function\s+)?([^=\n]+?)(?:=|\bin\b|\n|\(|$)")
IDENTIFIER = re.compile(rb"[A-Za-z_]\w*")

KEYWORDS = frozenset(
    b"and break do else elseif end false for function if in local nil not or "
    b"repeat return then true until while".split()
)
MAX_CAPTURED = 40  # values handed to a probe; the VM has 255 registers

FUNCTIONS = "[(function_definition) (function_declaration)] @function"
CALLS = "(function_call name: (_) @name arguments: (arguments)) @call"


@dataclass(frozen=True, slots=True)
class Function:
    """One function of a source; `around` are the numbers of the functions it stands in, the innermost first."""

    number: int
    start: int  # byte of the node
    keyword: int  # byte of the word `function`
    line: int
    name: str
    parameters: tuple[str, ...]
    is_local: bool  # local function name
    method: bool  # its first parameter is self, written or not
    variadic: bool
    body: int  # byte where its body starts
    span: Span
    around: tuple[int, ...]

    @property
    def arity(self) -> int:
        """Parameters as the VM counts them, self included."""
        return len(self.parameters) + self.method


@dataclass(frozen=True, slots=True)
class Connect:
    """One connect call. `around` as of Function.

    `function`: the number of its callback, where that stands inline or in a local function of those around; else 0.
    `captured`: names that this callback may take from around it. Where all have the same values, two callbacks of one
    site are the same.
    """

    number: int
    line: int
    column: int
    span: Span
    signal: str
    argument: Span | None
    function: int
    around: tuple[int, ...]
    captured: tuple[str, ...]


@dataclass(frozen=True)
class Anatomy:
    """The functions and connect calls of a source, in the order of their first bytes."""

    functions: tuple[Function, ...]
    connects: tuple[Connect, ...] = field(default=())


@cache
def _query(text: str) -> Query:
    return Query(LANGUAGE, text)


def _matches(root: Node, text: str) -> Iterator[dict[str, list[Node]]]:
    for _, captures in QueryCursor(_query(text)).matches(root):
        yield captures


def _text(node: Node | None) -> str:
    return (node.text or b"").decode("utf-8", "replace") if node is not None else ""


def anatomy(syntax: Syntax, sites: Sequence[Site] | None = None) -> Anatomy:
    """The functions and connect calls of a source; with `sites`, exactly those, numbered by their place in it."""
    root = syntax.tree.root_node
    nodes = sorted((found["function"][0] for found in _matches(root, FUNCTIONS)), key=lambda node: node.start_byte)
    functions = tuple(_functions(nodes))
    spans = None if sites is None else {site.span: number for number, site in enumerate(sites, 1)}
    return Anatomy(functions, tuple(_connects(syntax, functions, spans)))


def _functions(nodes: Sequence[Node]) -> Iterator[Function]:
    open_ones: list[tuple[int, int]] = []  # number and end of the functions around
    for number, node in enumerate(nodes, 1):
        while open_ones and open_ones[-1][1] <= node.start_byte:
            open_ones.pop()
        yield _function(number, node, tuple(outer for outer, _ in reversed(open_ones)))
        open_ones.append((number, node.end_byte))


def _function(number: int, node: Node, around: tuple[int, ...]) -> Function:
    name = node.child_by_field_name("name")
    parameters, variadic = _parameters(node.child_by_field_name("parameters"))
    colon = name is not None and name.type == "method_index_expression"
    explicit = bool(parameters) and parameters[0] == "self" and not colon
    keyword = next((child for child in node.children if child.type == "function"), node)
    body = node.child_by_field_name("body") or node.children[-1]
    return Function(
        number=number,
        start=node.start_byte,
        keyword=keyword.start_byte,
        line=keyword.start_point[0] + 1,
        name=_text(name).replace(":", ".").rpartition(".")[2],
        parameters=parameters[1:] if explicit else parameters,
        is_local=name is not None and node.children[0].type == "local",
        method=colon or explicit,
        variadic=variadic,
        body=body.start_byte,
        span=(node.start_byte, node.end_byte),
        around=around,
    )


def _parameters(node: Node | None) -> tuple[tuple[str, ...], bool]:
    names: list[str] = []
    variadic = False
    for child in node.named_children if node is not None else ():
        first = child.named_child(0) if child.type == "parameter" else child
        if first is None:
            continue
        if first.type == "vararg_expression":
            variadic = True
        elif first.type == "identifier":
            names.append(_text(first))
    return tuple(names), variadic


def _around(functions: Sequence[Function], span: Span) -> tuple[int, ...]:
    inner = [item for item in functions if item.span[0] <= span[0] and span[1] <= item.span[1]]
    return (inner[-1].number, *inner[-1].around) if inner else ()


def _connects(syntax: Syntax, functions: Sequence[Function], spans: dict[Span, int] | None) -> Iterator[Connect]:
    root = syntax.tree.root_node
    number = 0
    by_span = {function.span: function.number for function in functions}
    for found in sorted(_matches(root, CALLS), key=lambda found: found["call"][0].start_byte):
        call = found["call"][0]
        method = found["name"][0].child_by_field_name("method")
        span = (call.start_byte, call.end_byte)
        if spans is None:
            if method is None or method.text not in CONNECTS or _receiver(call) in CONNMON:
                continue
            number += 1
        elif span in spans:
            number = spans[span]
        else:
            continue
        yield _connect(number, call, syntax.code, functions, by_span)


def _receiver(call: Node) -> str:
    name = call.child_by_field_name("name")
    return _text(name.child_by_field_name("table")) if name is not None else ""


def _connect(number: int, call: Node, code: bytes, functions: Sequence[Function], known: dict[Span, int]) -> Connect:
    span = (call.start_byte, call.end_byte)
    arguments = call.child_by_field_name("arguments")
    given = [child for child in arguments.named_children if child.type != "comment"] if arguments is not None else []
    around = _around(functions, span)
    callback = _inline(given, known) or _named(given, functions, around)
    return Connect(
        number=number,
        line=call.start_point[0] + 1,
        column=call.start_point[1] + 1,
        span=span,
        signal=_receiver(call),
        argument=(given[0].start_byte, given[0].end_byte) if given else None,
        function=callback,
        around=around,
        captured=_captured(code, functions, functions[callback - 1]) if callback else (),
    )


def _inline(given: Sequence[Node], known: dict[Span, int]) -> int:
    return next((known[span] for item in given if (span := (item.start_byte, item.end_byte)) in known), 0)


def _named(given: Sequence[Node], functions: Sequence[Function], around: tuple[int, ...]) -> int:
    """The latest local function of that name among those that the functions around the call make anew each time."""
    names = {_text(item) for item in given if item.type == "identifier"}
    before = given[0].start_byte if given else 0
    found = (
        function.number
        for function in reversed(functions)
        if function.name in names and function.is_local and function.start < before
        if function.around and function.around == around[-len(function.around) :]
    )
    return next(found, 0)


def _captured(code: bytes, functions: Sequence[Function], callback: Function) -> tuple[str, ...]:
    """Names in a callback that something outside of it declares; one that is out of scope there is nil in every run."""
    used = set(IDENTIFIER.findall(code[callback.span[0] : callback.span[1]]))
    outside = code[: callback.span[0]] + b"\n" + code[callback.span[1] :]
    declared = {name for names in LOCALS.findall(outside) for name in IDENTIFIER.findall(names)}
    declared |= {name.encode() for number in callback.around for name in functions[number - 1].parameters}
    if any(functions[number - 1].method for number in callback.around):
        declared.add(b"self")
    return tuple(sorted(name.decode() for name in used & declared - KEYWORDS))


def instrument(text: bytes, functions: Mapping[int, Function], connects: Collection[Connect] = ()) -> bytes:
    """The source with probes for these functions, by the number each is to report, and connects; lines stay."""
    inserts: list[tuple[int, int, str]] = []  # byte, order among equals, text
    for number, function in functions.items():
        values = ["self", *function.parameters] if function.method else [*function.parameters]
        values += ["..."] * function.variadic
        inserts.append((function.body, 1, f" {ENTER}({', '.join([str(number), *values])}); "))
    for connect in connects:
        if connect.argument is not None:
            names = connect.captured[:MAX_CAPTURED]
            told = ", ".join([str(connect.number), str(len(names)), *names])
            inserts.append((connect.argument[0], 0, f"{SITE}({told}, "))
            inserts.append((connect.argument[1], 0, ")"))
    parts: list[bytes] = []
    end = 0
    for at, _, added in sorted(inserts):
        parts += (text[end:at], added.encode())
        end = at
    return b"".join((*parts, text[end:]))
