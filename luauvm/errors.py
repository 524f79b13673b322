"""What can go wrong in a Luau VM, as Python exceptions."""


class LuauError(RuntimeError):
    """An error raised by Luau code: `message` as Luau says it ("script:line: text"), `traceback` of the Luau stack."""

    def __init__(self, message: str, traceback: str = "") -> None:
        super().__init__(f"{message}\n{traceback}".rstrip())
        self.message = message
        self.traceback = traceback


class LuauCompileError(LuauError):
    """Source that does not compile; `message` names the script, the line and what the compiler expected."""


class LuauYielded(LuauError):
    """A function that was called for its result went to sleep instead; run it with `VM.start` and advance the time."""

    def __init__(self) -> None:
        super().__init__("The function yielded; start it with VM.start and advance the VM until it is done.")
