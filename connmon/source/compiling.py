"""Edited sources are given to the compiler of the VM: in a child process, a few at a time."""

from threading import BoundedSemaphore
from typing import Final

from connmon.core.errors import Conflict, Invalid
from connmon.source.texts import printable
from migrator.model import Source, SourceRefused
from migrator.validate import Limits
from migrator.validate.compiling import compile_problem

LIMITS: Final = Limits(memory_mb=512, cpu_seconds=5, wall_seconds=15.0)  # a source of 1 MiB takes 0.3 s
AT_ONCE: Final = 2  # children of one web process
PATIENCE: Final = 15.0  # seconds until one of them has ended
_room: Final = BoundedSemaphore(AT_ONCE)


def refuse_what_does_not_compile(path: str, original: bytes, text: bytes) -> None:
    """Raises Invalid with the compiler's words; Conflict when too many sources wait for it."""
    problem = ask_compiler(path, text)
    if not problem:
        return
    if ask_compiler(path, original):
        raise Invalid(
            f"The file does not compile as it was uploaded, so an edit cannot be judged ({problem}). "
            "Accept the change as it is, and edit the file itself."
        )
    raise Invalid(f"With this the file does not compile. {problem}")


def ask_compiler(path: str, text: bytes) -> str:
    """What is wrong, in one line; "" if it compiles. Raises Invalid for what is too large to ask, and Conflict."""
    if not _room.acquire(timeout=PATIENCE):
        raise Conflict("Other edits are being compiled; send this one again in a moment.")
    try:
        return printable(compile_problem(Source(path, text), LIMITS), 400)
    except SourceRefused as refused:
        raise Invalid(f"{printable(str(refused), 300)} Accept the change as it is, and edit the file itself.") from None
    finally:
        _room.release()
