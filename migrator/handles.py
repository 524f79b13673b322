"""Where the connection that a site makes goes: nowhere, into a name, a field, a table, another call, a manager."""

from dataclasses import dataclass

from tree_sitter import Node

from migrator import names
from migrator.facts import Call, Chain, Facts, Variable
from migrator.grammar import CAST, EXPRESSION_LIST, IDENTIFIER, PARENTHESES, TABLE, VARIABLE_LIST, chain, kinds
from migrator.model import Handle
from migrator.sites import Connect

_ARGUMENTS = frozenset(kinds("arguments"))
_ASSIGNMENT = frozenset(kinds("assignment_statement"))
_DECLARATION = frozenset(kinds("variable_declaration"))
_FIELD = frozenset(kinds("field"))
_RETURN = frozenset(kinds("return_statement"))
_THROUGH = PARENTHESES | CAST | frozenset(kinds("binary_expression")) | frozenset(kinds("if_expression"))
_THROUGH |= frozenset(kinds("else_clause")) | frozenset(kinds("elseif_clause"))
_METHOD = frozenset(kinds("method_index_expression"))
_DOT = frozenset(kinds("dot_index_expression"))
MAX_TABLES = 8  # tables in tables around a connect call
MAX_CLIMB = 40  # parentheses, casts and operators around a connect call


@dataclass(slots=True)
class Keeper:
    """What holds a connection. `path` names it: a variable, a field, an element; `call` is what it was given to."""

    handle: Handle
    path: Chain
    call: Call | None = None
    position: int = 0  # of the argument

    @property
    def is_manager(self) -> bool:
        """Whether a Maid, Trove, Janitor or the like holds it."""
        return self.handle is Handle.MANAGER


NOTHING = Chain(None, ())


def keeper_of(facts: Facts, connect: Connect) -> Keeper:
    """Where a site's connection goes first."""
    if connect.manager is not None:
        return Keeper(Handle.MANAGER, connect.manager, connect.call)
    return keeper_of_node(facts, connect.call.node)


def keeper_of_node(facts: Facts, node: Node, depth: int = 0) -> Keeper:
    """What keeps the value of an expression."""
    child, parent = node, node.parent
    for _ in range(MAX_CLIMB):
        if parent is None or parent.kind_id not in _THROUGH:
            break
        child, parent = parent, parent.parent
    if parent is None:
        return Keeper(Handle.DISCARDED, NOTHING)
    kind = parent.kind_id
    if kind in _ARGUMENTS:
        return _given(facts, parent, child)
    if kind in EXPRESSION_LIST:
        return _listed(facts, parent, child)
    if kind in _FIELD:
        return _in_table(facts, parent, depth)
    if kind in _METHOD and parent.parent is not None:
        return Keeper(Handle.ARGUMENT, NOTHING, facts.call_at.get((parent.parent.start_byte, parent.parent.end_byte)))
    return Keeper(Handle.DISCARDED, NOTHING)


def _given(facts: Facts, arguments: Node, child: Node) -> Keeper:
    node = arguments.parent
    call = facts.call_at.get((node.start_byte, node.end_byte)) if node is not None else None
    if call is None:
        return Keeper(Handle.ARGUMENT, NOTHING)
    position = next((n for n, given in enumerate(call.arguments) if given.start_byte == child.start_byte), 0)
    return given_to(facts, call, position)


def given_to(facts: Facts, call: Call, position: int) -> Keeper:
    """What keeps an argument of a call."""
    receiver = call.receiver
    if receiver is not None and receiver.root is not None and receiver.root.name == "table" and call.name == "insert":
        return Keeper(Handle.TABLE, _element(chain(facts, call.arguments[0])), call, position)
    if call.receiver is None and call.name == "rawset" and position == 2:
        return Keeper(Handle.TABLE, _element(chain(facts, call.arguments[0])), call, position)
    if call.method and receiver is not None and (call.name in names.GIVING or names.MANAGER_NAME.search(receiver.last)):
        return Keeper(Handle.MANAGER, receiver, call, position)
    return Keeper(Handle.ARGUMENT, NOTHING, call, position)


def _element(container: Chain) -> Chain:
    return Chain(container.root, (*container.path, "[]"))


def _listed(facts: Facts, values: Node, child: Node) -> Keeper:
    statement = values.parent
    if statement is None:
        return Keeper(Handle.DISCARDED, NOTHING)
    if statement.kind_id in _RETURN:
        return Keeper(Handle.RETURNED, NOTHING)
    if statement.kind_id not in _ASSIGNMENT:
        return Keeper(Handle.DISCARDED, NOTHING)
    given = [value for value in values.named_children if value.type != "comment"]
    number = next((n for n, value in enumerate(given) if value.start_byte == child.start_byte), 0)
    targets = next((part for part in statement.named_children if part.kind_id in VARIABLE_LIST), None)
    named = [target for target in targets.children_by_field_name("name") if target.is_named] if targets else []
    if number >= len(named):
        return Keeper(Handle.DISCARDED, NOTHING)
    return stored_in(facts, named[number])


def stored_in(facts: Facts, target: Node) -> Keeper:
    """What keeps a value assigned to `target`."""
    path = chain(facts, target)
    if target.kind_id in IDENTIFIER:
        if path.root is not None and path.root.name == "_":
            return Keeper(Handle.DISCARDED, NOTHING)
        return Keeper(Handle.LOCAL, path)
    container = path.path[-2] if len(path.path) > 1 else (path.root.name if path.root else "")
    if names.MANAGER_CLASS.search(container) or container.lower() in _MANAGERS:
        return Keeper(Handle.MANAGER, Chain(path.root, path.path[:-1]))
    return Keeper(Handle.TABLE if path.path[-1:] == ("[]",) else Handle.FIELD, path)


_MANAGERS = frozenset({"maid", "_maid", "janitor", "_janitor", "trove", "_trove", "cleaner", "_cleaner"})


def _in_table(facts: Facts, field: Node, depth: int) -> Keeper:
    """In a table constructor: what keeps the table, one step deeper."""
    table = field.parent
    if table is None or table.kind_id not in TABLE or depth > MAX_TABLES:
        return Keeper(Handle.DISCARDED, NOTHING)
    name = field.child_by_field_name("name")
    bracketed = field.child_count > 0 and field.children[0].type == "["
    step = facts.raw(name) if name is not None and not bracketed else "[]"
    outer = keeper_of_node(facts, table, depth + 1)
    if outer.handle in (Handle.MANAGER, Handle.RETURNED, Handle.ARGUMENT):
        return outer
    if outer.handle is Handle.DISCARDED:
        return outer
    return Keeper(Handle.TABLE, Chain(outer.path.root, (*outer.path.path, step)))


def references(facts: Facts, variable: Variable) -> list[Node]:
    """The identifiers that refer to a variable."""
    root = facts.syntax.tree.root_node
    found = []
    for position, _ in variable.refs[:200]:
        node = root.descendant_for_byte_range(position, position + len(variable.name))
        if node is not None:
            found.append(node)
    return found


def name_of(facts: Facts, keeper: Keeper) -> str:
    """How a keeper is written: "self._connections[]"."""
    root, path = keeper.path
    text = root.name if root is not None else ""
    for step in path:
        text += "[]" if step == "[]" else f"{step}()" if step.startswith(":") else f".{step}" if text else step
    return text
