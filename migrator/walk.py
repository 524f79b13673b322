"""One walk over the tree that gathers the facts. It keeps its own stack: a file can be 100,000 levels deep."""

from collections.abc import Callable
from typing import Any

from tree_sitter import Node

from migrator.facts import Assignment, Call, Chain, Facts, Function, Region, Return, Value, Variable, VariableKind
from migrator.grammar import (
    ASSIGNMENT,
    BLOCK,
    DOT,
    EXPRESSION_LIST,
    F_ARGUMENTS,
    F_BODY,
    F_CLAUSE,
    F_FIELD,
    F_METHOD,
    F_NAME,
    F_PARAMETERS,
    F_TABLE,
    F_VALUE,
    FUNCTION,
    IDENTIFIER,
    METHOD,
    PARAMETER,
    VARIABLE_LIST,
    chain,
    kinds,
    strip,
    targets,
    without_comments,
)
from migrator.model import SourceRefused
from migrator.syntax import Syntax

MAX_NESTING = 250  # of functions, loops and ifs; the compiler itself gives up at about 200

_Scope = dict[str, Variable]
_Step = tuple[Callable[..., None], tuple[Any, ...]]


def gather(syntax: Syntax) -> Facts:
    """Walks a parsed source."""
    return _Walk(syntax).run()


class _Walk:
    def __init__(self, syntax: Syntax) -> None:
        root = syntax.tree.root_node
        chunk = Function(root, None, "chunk")
        self.facts = Facts(syntax, syntax.code.decode("latin-1"), chunk)
        self.text = self.facts.text
        self.region: Region = chunk
        self.depth = 0
        self.scopes: list[_Scope] = [{}]
        self.stack: list[Node | _Step] = [root]

    def run(self) -> Facts:
        stack, visitors = self.stack, _VISITORS
        while stack:
            item = stack.pop()
            if item.__class__ is tuple:
                item[0](*item[1])  # type: ignore[index]
                continue
            visit = visitors.get(item.kind_id)  # type: ignore[union-attr]
            if visit is not None:
                visit(self, item)  # type: ignore[arg-type]
            else:
                children = item.named_children  # type: ignore[union-attr]
                children.reverse()
                stack += children
        return self.facts

    # --- scopes ----------------------------------------------------------------------------------------------------

    def push_all(self, nodes: list[Node]) -> None:
        self.stack += reversed(nodes)

    def leave_scope(self) -> None:
        self.scopes.pop()

    def enter(self, region: Region) -> None:
        """A region with a scope of its own; whatever is pushed after this runs inside it."""
        self.depth += 1
        if self.depth > MAX_NESTING:
            raise SourceRefused(f"{self.facts.syntax.source.path}: functions and loops nest deeper than {MAX_NESTING}.")
        self.region = region
        self.scopes.append({})
        self.stack.append((self.leave, (region.parent,)))

    def leave(self, outer: Region) -> None:
        self.region = outer
        self.depth -= 1
        self.scopes.pop()

    def declare(self, name: str, kind: VariableKind, position: int) -> Variable:
        variable = Variable(name, kind, self.region, position)
        self.scopes[-1][name] = variable
        self.facts.variable_at[position] = variable
        return variable

    def resolve(self, name: str) -> Variable:
        for scope in reversed(self.scopes):
            variable = scope.get(name)
            if variable is not None:
                return variable
        variable = self.facts.globals.get(name)
        if variable is None:
            variable = self.facts.globals[name] = Variable(name, "global", self.facts.chunk, -1)
        return variable

    # --- statements ------------------------------------------------------------------------------------------------

    def skip(self, node: Node) -> None:
        pass

    def block(self, node: Node) -> None:
        self.scopes.append({})
        self.stack.append((self.leave_scope, ()))
        self.push_all(node.named_children)

    def body(self, node: Node) -> None:
        """The statements of a node's body, in the scope that is open."""
        body = node.child_by_field_id(F_BODY)
        if body is not None:
            self.push_all(body.named_children)

    def declaration(self, node: Node) -> None:
        inner = node.named_child(0)
        if inner is None:
            return
        if inner.kind_id in ASSIGNMENT:
            names, values = self.sides(inner)
        else:
            names, values = targets(inner), []
        self.stack.append((self.declare_all, (names, values)))
        self.push_all(values)

    def declare_all(self, names: list[Node], values: list[Node]) -> None:
        for number, name in enumerate(names):
            if name.kind_id not in IDENTIFIER:
                continue
            variable = self.declare(self.facts.raw(name), "local", name.start_byte)
            if values:
                value = values[min(number, len(values) - 1)]
                variable.values.append(Value(value, self.region))
                if number < len(values):
                    self.bind(value, variable.name, Chain(variable, ()))

    def sides(self, node: Node) -> tuple[list[Node], list[Node]]:
        names: list[Node] = []
        values: list[Node] = []
        for child in node.named_children:
            if child.kind_id in VARIABLE_LIST:
                names = targets(child)
            elif child.kind_id in EXPRESSION_LIST:
                values = without_comments(child)
        return names, values

    def bind(self, value: Node, name: str, path: Chain) -> None:
        """A function that is assigned has a name."""
        function = self.facts.function_at.get(strip(value).start_byte) if strip(value).kind_id in FUNCTION else None
        if function is not None:
            function.name = name
            function.path = path
            if not path.path and path.root is not None:
                path.root.function = function
                function.variable = path.root

    def assignment(self, node: Node) -> None:
        targets, values = self.sides(node)
        self.stack.append((self.assign_all, (targets, values)))
        self.push_all(values)
        self.push_all(targets)

    def assign_all(self, targets: list[Node], values: list[Node]) -> None:
        for number, target in enumerate(targets):
            if not values:
                return
            value = values[min(number, len(values) - 1)]
            path = self.chain(target)
            self.facts.assignments.append(Assignment(path, target, value, self.region, target.start_byte))
            if path.root is not None and not path.path:
                path.root.values.append(Value(value, self.region))
            if number < len(values):
                self.bind(value, self.facts.raw(target), path)

    def function_declaration(self, node: Node) -> None:
        name = node.child_by_field_id(F_NAME)
        is_local = node.child_count > 0 and node.child(0).type == "local"
        function = Function(node, self.region)
        if name is not None:
            function.name = self.facts.raw(name)
            if name.kind_id in IDENTIFIER:
                variable = self.declare(function.name, "local", name.start_byte) if is_local else self.written(name)
                variable.function = function
                function.variable = variable
                function.path = Chain(variable, ())
            else:
                self.stack.append(name)
                table = name.child_by_field_id(F_TABLE)
                function.is_method = name.kind_id in METHOD
                if table is not None:  # its root is resolved now, in this scope
                    function.path = self.chain(name)
        self.open_function(function)

    def written(self, name: Node) -> Variable:
        variable = self.resolve(self.facts.raw(name))
        self.facts.variable_at[name.start_byte] = variable
        return variable

    def function_definition(self, node: Node) -> None:
        self.open_function(Function(node, self.region))

    def open_function(self, function: Function) -> None:
        self.facts.functions.append(function)
        self.facts.function_at[function.start] = function
        self.enter(function)
        if function.is_method:
            function.self_variable = self.declare("self", "parameter", -function.start - 1)
        parameters = function.node.child_by_field_id(F_PARAMETERS)
        if parameters is not None:
            for parameter in parameters.named_children:
                name = parameter.named_child(0) if parameter.kind_id in PARAMETER else None
                if name is not None and name.kind_id in IDENTIFIER:
                    text = self.facts.raw(name)
                    function.parameters.append(self.declare(text, "parameter", name.start_byte))
                    if text == "self":
                        function.self_variable = function.parameters[-1]
                        function.is_method = True
        self.body(function.node)

    def for_loop(self, node: Node) -> None:
        clause = node.child_by_field_id(F_CLAUSE)
        names: list[Node] = []
        values: list[Node] = []
        if clause is not None:
            for child in clause.named_children:
                if child.kind_id in VARIABLE_LIST:
                    names = targets(child)
                elif child.kind_id in EXPRESSION_LIST:
                    values = without_comments(child)
                elif child.kind_id in IDENTIFIER and not names:
                    names = [child]
                else:
                    values.append(child)
        self.stack.append((self.loop_body, (node, names, values)))
        self.push_all(values)

    def loop_body(self, node: Node, names: list[Node], values: list[Node]) -> None:
        self.enter(Region("for", node.start_byte, node.end_byte, self.region))
        for name in names:
            if name.kind_id in IDENTIFIER:
                variable = self.declare(self.facts.raw(name), "for", name.start_byte)
                variable.source = values[0] if values else None
        self.body(node)

    def while_loop(self, node: Node) -> None:
        """A `while` or `repeat`: body and condition in the order of the source, in one scope."""
        self.enter(Region("while", node.start_byte, node.end_byte, self.region))
        parts = [child.named_children if child.kind_id in BLOCK else [child] for child in node.named_children]
        self.push_all([node for part in parts for node in part])

    def condition(self, node: Node) -> None:
        """An `if`, `elseif` or `else`: its condition is asked outside the branch."""
        for child in reversed(node.named_children):
            is_branch = child.kind_id in BLOCK
            self.stack.append((self.branch, (node.start_byte, child)) if is_branch else child)

    def branch(self, start: int, block: Node) -> None:
        self.enter(Region("if", start, block.end_byte, self.region))
        self.push_all(block.named_children)

    def broken(self, node: Node) -> None:
        self.region.leaves = "break"

    def returned(self, node: Node) -> None:
        self.region.leaves = "return"
        values = [value for child in node.named_children for value in without_comments(child)]
        self.region.function.returns.append(Return(values, self.region))
        self.push_all(values)

    # --- expressions -----------------------------------------------------------------------------------------------

    def identifier(self, node: Node) -> None:
        start = node.start_byte
        variable = self.resolve(self.text[start : node.end_byte])
        variable.refs.append((start, self.region))
        self.facts.variable_at[start] = variable

    def index(self, node: Node) -> None:
        table = node.child_by_field_id(F_TABLE)
        if table is not None:
            self.stack.append(table)

    def cast(self, node: Node) -> None:
        inner = node.named_child(0)
        if inner is not None:
            self.stack.append(inner)

    def table_field(self, node: Node) -> None:
        name = node.child_by_field_id(F_NAME)
        value = node.child_by_field_id(F_VALUE)
        if value is None:
            return
        self.stack.append(value)
        if name is None:
            return
        if node.child_count and node.child(0).type == "[":
            self.stack.append(name)
        elif value.kind_id in FUNCTION:
            self.facts.field_function[value.start_byte] = self.facts.raw(name)

    def call(self, node: Node) -> None:
        callee = node.child_by_field_id(F_NAME)
        arguments = node.child_by_field_id(F_ARGUMENTS)
        values = without_comments(arguments) if arguments is not None else []
        if callee is None:
            self.push_all(values)
            return
        self.stack.append((self.called, (node, callee, values)))
        self.push_all(values)
        self.stack.append(callee)

    def called(self, node: Node, callee: Node, values: list[Node]) -> None:
        kind = callee.kind_id
        name_node = callee
        receiver: Chain | None = None
        method = kind in METHOD
        if method:
            name_node = callee.child_by_field_id(F_METHOD) or callee
        elif kind in DOT:
            name_node = callee.child_by_field_id(F_FIELD) or callee
        if method or kind in DOT:
            table = callee.child_by_field_id(F_TABLE)
            receiver = self.chain(table) if table is not None else None
        name = self.facts.raw(name_node) if name_node.kind_id in IDENTIFIER else ""
        target = self.chain(callee) if receiver is None else Chain(receiver.root, (*receiver.path, name))
        call = Call(node, self.region, name, method, receiver, target, values)
        facts = self.facts
        facts.calls.append(call)
        facts.call_at[(node.start_byte, node.end_byte)] = call
        for number, value in enumerate(values):
            if value.kind_id in FUNCTION:
                facts.argument_of[value.start_byte] = (call, number)

    def chain(self, node: Node) -> Chain:
        return chain(self.facts, node, self.resolve)


_SKIPPED = (
    "comment",
    "number",
    "string_content",
    "type_definition",
    "builtin_type",
    "parameters",
    "generic_type_list",
    "attribute",
    "escape_sequence",
    "vararg_expression",
    "true",
    "false",
    "nil",
    "hash_bang_line",
)
_VISITORS: dict[int, Callable[[_Walk, Node], None]] = {
    kind: visit
    for name, visit in (
        ("identifier", _Walk.identifier),
        ("block", _Walk.block),
        ("do_statement", _Walk.block),
        ("variable_declaration", _Walk.declaration),
        ("assignment_statement", _Walk.assignment),
        ("function_declaration", _Walk.function_declaration),
        ("function_definition", _Walk.function_definition),
        ("function_call", _Walk.call),
        ("dot_index_expression", _Walk.index),
        ("method_index_expression", _Walk.index),
        ("field", _Walk.table_field),
        ("cast_expression", _Walk.cast),
        ("for_statement", _Walk.for_loop),
        ("while_statement", _Walk.while_loop),
        ("repeat_statement", _Walk.while_loop),
        ("if_statement", _Walk.condition),
        ("elseif_statement", _Walk.condition),
        ("else_statement", _Walk.condition),
        ("break_statement", _Walk.broken),
        ("return_statement", _Walk.returned),
        *((name, _Walk.skip) for name in _SKIPPED),
    )
    for kind in kinds(name)
}
