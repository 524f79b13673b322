"""Loads pluau's extension module, which carries the Luau VM.

On Python 3.11 `import pluau` itself fails: its args.py uses the `type X =` statement of 3.12. Nothing here needs that
file, so the package and the file get empty stand-ins and the extension inside is imported directly.
"""

import importlib
import importlib.util
import sys
from functools import cache
from types import ModuleType
from typing import Any


class LuauUnavailable(RuntimeError):
    """The Luau VM cannot be loaded; the message says what to install."""


@cache
def extension() -> Any:
    """The module `pluau._pluau`. Raises LuauUnavailable when the package is not installed."""
    spec = importlib.util.find_spec("pluau")
    if spec is None or spec.submodule_search_locations is None:
        raise LuauUnavailable("The Luau VM comes with pluau: pip install -r requirements.txt.")
    if "pluau" not in sys.modules:
        package = ModuleType("pluau")
        package.__path__ = list(spec.submodule_search_locations)
        sys.modules["pluau"] = package
        sys.modules["pluau.args"] = ModuleType("pluau.args")
    return importlib.import_module("pluau._pluau")
