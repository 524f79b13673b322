"""Finding the calls that connect, and telling them from what only looks like it."""

from dataclasses import dataclass

from tree_sitter import Node

from migrator import names
from migrator.facts import Call, Chain, Facts, Region
from migrator.grammar import CALL, DOT, FUNCTION, IDENTIFIER, LITERALS, METHOD, TABLE, chain, kinds, literal, strip
from migrator.model import CallbackForm

NIL = frozenset(kinds("nil"))
_UNARY = frozenset(kinds("unary_expression"))
_BINARY = frozenset(kinds("binary_expression"))


@dataclass(slots=True, eq=False)
class Connect:
    """A call that connects. `manager`: what keeps the connection, for manager:Connect(signal, callback)."""

    call: Call
    signal: Node | None  # None for BindToRenderStep and SubscribeAsync
    chain: Chain  # of the signal
    callback: Node | None
    manager: Chain | None = None

    @property
    def region(self) -> Region:
        """Where it runs."""
        return self.call.region

    @property
    def event(self) -> str:
        """The last name of the signal: "Heartbeat"."""
        return self.chain.last


def find_connects(facts: Facts) -> list[Connect]:
    """All sites of a file, in the order of the source."""
    found = [connect for call in facts.calls if (connect := connect_of(facts, call)) is not None]
    found.sort(key=lambda connect: connect.call.node.end_byte)
    found.sort(key=lambda connect: connect.call.start)
    return found


def connect_of(facts: Facts, call: Call) -> Connect | None:
    """The site that a call is, or None."""
    if call.name in names.BINDING:
        return _binding(call)
    if call.name not in names.CONNECTING or call.receiver is None or not call.arguments:
        return None
    if call.method:
        return _method(facts, call)
    return _dotted(facts, call)


def _binding(call: Call) -> Connect | None:
    if not call.method or call.receiver is None or len(call.arguments) < 2:
        return None
    return Connect(call, None, Chain(call.receiver.root, (*call.receiver.path, call.name)), call.arguments[-1])


def _method(facts: Facts, call: Call) -> Connect | None:
    receiver, arguments = call.receiver, call.arguments
    assert receiver is not None
    signal = _receiver_node(call)
    if len(arguments) >= 2 and _is_manager(facts, receiver, arguments):
        return Connect(call, arguments[0], chain(facts, arguments[0]), arguments[1], manager=receiver)
    if len(arguments) != 1 and not _callable(facts, arguments[0]):
        return None
    if not _callable(facts, arguments[0]) or receiver.last == "OnServerInvoke" or receiver.last == "OnClientInvoke":
        return None
    if call.name in ("once", "Once") and receiver.last in ("self", "emitter"):
        return None
    if receiver.root is not None and receiver.root.name in ("game",) and not receiver.path:
        return None
    return Connect(call, signal, receiver, arguments[0])


def _dotted(facts: Facts, call: Call) -> Connect | None:
    """signal.Connect(signal, callback)"""
    signal = _receiver_node(call)
    if len(call.arguments) != 2 or signal is None or call.receiver is None:
        return None
    if facts.raw(call.arguments[0]) != facts.raw(signal) or not _callable(facts, call.arguments[1]):
        return None
    return Connect(call, signal, call.receiver, call.arguments[1])


def _receiver_node(call: Call) -> Node | None:
    callee = call.node.child_by_field_name("name")
    return callee.child_by_field_name("table") if callee is not None else None


def _is_manager(facts: Facts, receiver: Chain, arguments: list[Node]) -> bool:
    """manager:Connect(signal, callback): a signal first, a function second."""
    first = strip(arguments[0])
    if first.kind_id in LITERALS or first.kind_id in FUNCTION or not _callable(facts, arguments[1]):
        return False
    event = chain(facts, first).last
    if event in names.EVENT_KIND or event in names.SIGNAL_METHODS:
        return True
    return bool(names.MANAGER_NAME.search(receiver.last)) or receiver.last in names.CONNMON


def _callable(facts: Facts, node: Node) -> bool:
    """Whether an argument can be a callback: neither a literal nor a number, text, table or connection."""
    inner = strip(node)
    if inner.kind_id in CALL:
        call = facts.call_at.get((inner.start_byte, inner.end_byte))
        return call is None or call.name not in names.CONNECTING
    if inner.kind_id in LITERALS or inner.kind_id in _UNARY:
        return False
    if inner.kind_id in _BINARY:
        return any(child.type in ("or", "and") for child in inner.children)
    if inner.kind_id in IDENTIFIER:
        variable = facts.variable_at.get(inner.start_byte)
        if variable is not None and variable.kind == "local" and variable.values and variable.function is None:
            return not all(strip(value.node).kind_id in LITERALS - NIL for value in variable.values)
    return inner.kind_id not in TABLE


def callback_form(node: Node | None) -> CallbackForm:
    """How a callback is written."""
    if node is None:
        return CallbackForm.NONE
    kind = strip(node).kind_id
    if kind in FUNCTION:
        return CallbackForm.INLINE
    if kind in IDENTIFIER:
        return CallbackForm.NAME
    if kind in DOT or kind in METHOD:
        return CallbackForm.METHOD
    return CallbackForm.MADE if kind in CALL else CallbackForm.METHOD


def topic(facts: Facts, connect: Connect) -> str | None:
    """The name that BindToRenderStep is given, when it is a literal."""
    return literal(facts, connect.call.arguments[0]) if connect.call.arguments else None


def kind_of(facts: Facts, connect: Connect) -> str:
    """The connection type: "RunService.Heartbeat", "Custom" when it is not known."""
    if connect.event == "Activated" and "ool" in facts.text:
        return "Tool.Activated"
    if connect.call.name == "BindToRenderStep":
        return "RunService.BindToRenderStep"
    if connect.call.name == "SubscribeAsync":
        return "MessagingService.SubscribeAsync"
    known = names.kind_of(connect.event)
    if known == names.CUSTOM and connect.signal is not None and len(connect.chain.path) == 1:
        service = _service(facts, connect.chain)
        return f"{service}.{connect.event}" if service else known
    return known


def _service(facts: Facts, chain_: Chain) -> str:
    """The service that a name stands for: "Lighting" of `local light = game:GetService("Lighting")`, else ""."""
    root = chain_.root
    if root is None or not root.values:
        return "Workspace" if root is not None and root.name == "workspace" and root.kind == "global" else ""
    held = chain(facts, strip(root.values[0].node))
    if held.root is not None and held.root.name == "game" and len(held.path) == 1:
        return held.path[0].partition("=")[2]
    return ""
