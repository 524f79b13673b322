"""What a callback keeps alive: the locals of functions around it."""

from bisect import bisect_left

from tree_sitter import Node

from migrator.facts import Facts, Function, Variable
from migrator.grammar import FUNCTION, chain, strip
from migrator.sites import Connect


class Captures:
    """The captures of one file's callbacks."""

    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self.positions = sorted(position for position in facts.variable_at if position >= 0)

    def of(self, connect: Connect) -> tuple[Variable, ...]:
        """Locals that live shorter than the script and that the callback of a site uses, in order of use."""
        callback = connect.callback
        if callback is None:
            return ()
        node = strip(callback)
        function = self.facts.function_at.get(node.start_byte) if node.kind_id in FUNCTION else self._named(node)
        if function is None:
            root = chain(self.facts, node).root
            return (root,) if root is not None and self._is_short_lived(root) else ()
        return self._inside(function)

    def _named(self, node: Node) -> Function | None:
        found = chain(self.facts, node)
        return found.root.function if found.root is not None and not found.path else None

    def _inside(self, function: Function) -> tuple[Variable, ...]:
        found: dict[Variable, None] = {}
        first = bisect_left(self.positions, function.start)
        for position in self.positions[first:]:
            if position >= function.end:
                break
            variable = self.facts.variable_at[position]
            if self._is_short_lived(variable) and not variable.region.within(function):
                found[variable] = None
        return tuple(found)

    def _is_short_lived(self, variable: Variable) -> bool:
        return variable.kind != "global" and (variable.region.function.kind != "chunk" or variable.kind == "for")
