"""The grammar's numbers for what the analysis looks at, and expressions read as chains of names."""

from collections.abc import Callable

from tree_sitter import Node

from migrator.facts import Chain, Facts, Variable
from migrator.syntax import LANGUAGE


def kinds(name: str) -> list[int]:
    """The grammar's numbers for a node type; some types have several."""
    return [
        number
        for number in range(LANGUAGE.node_kind_count)
        if LANGUAGE.node_kind_for_id(number) == name and LANGUAGE.node_kind_is_named(number)
    ]


def field_id(name: str) -> int:
    """The grammar's number for a field."""
    number = LANGUAGE.field_id_for_name(name)
    assert number is not None, name
    return number


F_NAME, F_ARGUMENTS, F_TABLE, F_FIELD = (field_id(name) for name in ("name", "arguments", "table", "field"))
F_METHOD, F_BODY, F_PARAMETERS, F_VALUE = (field_id(name) for name in ("method", "body", "parameters", "value"))
F_CLAUSE = field_id("clause")

IDENTIFIER = frozenset(kinds("identifier"))
DOT = frozenset(kinds("dot_index_expression"))
BRACKET = frozenset(kinds("bracket_index_expression"))
METHOD = frozenset(kinds("method_index_expression"))
CALL = frozenset(kinds("function_call"))
PARENTHESES = frozenset(kinds("parenthesized_expression"))
CAST = frozenset(kinds("cast_expression"))
STRING = frozenset(kinds("string"))
FUNCTION = frozenset(kinds("function_definition"))
ASSIGNMENT = frozenset(kinds("assignment_statement"))
BLOCK = frozenset(kinds("block"))
VARIABLE_LIST = frozenset(kinds("variable_list"))
EXPRESSION_LIST = frozenset(kinds("expression_list"))
PARAMETER = frozenset(kinds("parameter"))
TABLE = frozenset(kinds("table_constructor"))
LITERALS = frozenset(
    k for name in ("string", "number", "true", "false", "nil", "table_constructor") for k in kinds(name)
)
EXPRESSIONS = IDENTIFIER | DOT | BRACKET | METHOD | CALL | PARENTHESES | CAST | FUNCTION | LITERALS
COMMENT = frozenset(kinds("comment"))

MAX_PATH = 40  # links of a chain that are looked at; longer ones have no known root
NAMED_ARGUMENT = {
    "GetService",
    "WaitForChild",
    "FindFirstChild",
    "FindFirstChildOfClass",
    "FindFirstChildWhichIsA",
    "GetPropertyChangedSignal",
    "GetAttributeChangedSignal",
    "GetMarkerReachedSignal",
    "new",
}


def strip(node: Node) -> Node:
    """The expression inside parentheses and casts."""
    while node.kind_id in PARENTHESES or node.kind_id in CAST:
        inner = node.named_child(0)
        if inner is None:
            return node
        node = inner
    return node


def chain(facts: Facts, node: Node, resolve: Callable[[str], Variable] | None = None) -> Chain:
    """The chain of an expression. Its root is looked up among the walked identifiers, else with `resolve`."""
    path: list[str] = []
    inner: Node | None = node
    while inner is not None and len(path) < MAX_PATH:
        node = inner
        kind = node.kind_id
        if kind in IDENTIFIER:
            root = facts.variable_at.get(node.start_byte)
            if root is None and resolve is not None:
                root = resolve(facts.raw(node))
            return Chain(root, tuple(reversed(path)))
        if kind in PARENTHESES or kind in CAST:
            inner = node.named_child(0)
        elif kind in CALL:
            callee = node.child_by_field_id(F_NAME)
            if callee is None:
                break
            if callee.kind_id in METHOD:
                path.append(_called(facts, node, callee, F_METHOD, ":"))
                inner = callee.child_by_field_id(F_TABLE)
            else:
                path.append("()")
                inner = callee
        elif kind in DOT or kind in METHOD:
            name = node.child_by_field_id(F_FIELD if kind in DOT else F_METHOD)
            path.append(facts.raw(name) if name is not None else "")
            inner = node.child_by_field_id(F_TABLE)
        elif kind in BRACKET:
            key = node.child_by_field_id(F_FIELD)
            path.append(literal(facts, key) or "[]" if key is not None else "[]")
            inner = node.child_by_field_id(F_TABLE)
        else:
            break
    return Chain(None, tuple(reversed(path)))


def _called(facts: Facts, node: Node, callee: Node, name_field: int, mark: str) -> str:
    name = callee.child_by_field_id(name_field)
    text = facts.raw(name) if name is not None else ""
    if text in NAMED_ARGUMENT:
        arguments = node.child_by_field_id(F_ARGUMENTS)
        first = arguments.named_child(0) if arguments is not None else None
        argument = literal(facts, first) if first is not None else None
        if argument:
            return f"{mark}{text}={argument}"
    return mark + text


def literal(facts: Facts, node: Node) -> str | None:
    """The content of a plain string literal, else None."""
    if node.kind_id not in STRING or node.named_child_count != 1:
        return None
    content = node.named_child(0)
    return facts.raw(content) if content is not None and content.type == "string_content" else None


def targets(names: Node) -> list[Node]:
    """The targets of a variable list, without their types."""
    return [child for child in names.children_by_field_id(F_NAME) if child.is_named]


def without_comments(node: Node) -> list[Node]:
    """The named children that are no comments."""
    return [child for child in node.named_children if child.kind_id not in COMMENT]
