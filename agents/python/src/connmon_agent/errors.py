"""Who called, and what a call of no use raises."""

from dataclasses import dataclass
from types import FrameType
from typing import NoReturn


class RefusedCall(ValueError):
    """A call that was refused; nothing has changed. The message says why, and where the call stands."""


@dataclass(slots=True, eq=False)
class Caller:
    """A call of the public function `call`, and the frame of the game's code that made it."""

    call: str
    frame: FrameType

    def refuse(self, problem: str) -> NoReturn:
        """Raises RefusedCall, naming the caller."""
        place = f"{module_of(self.frame)}:{self.frame.f_lineno}"
        raise RefusedCall(f"{self.call}: {problem} (called at {place})") from None


def module_of(frame: FrameType) -> str:
    """The dotted name of the frame's module; the file's name for what runs as a script."""
    name = frame.f_globals.get("__name__")
    if isinstance(name, str) and name and name != "__main__":
        return name
    file = frame.f_code.co_filename.replace("\\", "/").rpartition("/")[2]
    return file.removesuffix(".py") or "unknown"
