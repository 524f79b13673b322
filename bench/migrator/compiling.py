"""Whether a source compiles on the Luau VM, beside what its original does."""

from luauvm import VM, LuauCompileError


class Compiler:
    """Compiles and forgets. The VM's Luau is older than the newest syntax: some originals do not compile."""

    def __init__(self) -> None:
        self._vm = VM()

    def compiles(self, text: bytes) -> bool:
        """Whether `text` compiles."""
        try:
            self._vm.compile(text.decode("latin-1"), "Migrated")
        except LuauCompileError:
            return False
        return True
