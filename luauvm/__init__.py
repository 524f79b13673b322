"""A real Luau VM inside Python, with a mock of the Roblox services a server script meets.

`VM` runs trusted code: the agent, its tests, the demo. A loop without an end cannot be stopped from Python (the call
holds the GIL), so foreign code belongs in a child process with limits of its own.
"""

from luauvm.errors import LuauCompileError, LuauError, LuauYielded
from luauvm.host import VM, HttpRequest, ScriptError, VMOptions

__all__ = ["VM", "HttpRequest", "LuauCompileError", "LuauError", "LuauYielded", "ScriptError", "VMOptions"]
