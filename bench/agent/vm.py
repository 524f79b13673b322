"""A VM with the agent in it, in which engine connections are light and what the agent costs shows."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.agent.peers import PEERS
from luauvm import VM, VMOptions
from luauvm.host import silent

HERE = Path(__file__).parent
AGENT = "ServerScriptService.connmon"
AGENT_SOURCE = HERE.parents[1] / "agents" / "luau" / "src"
# Live servers compile so; Studio and the tests of this project compile with 1.
OPTIMIZATION = 2


class BenchVM:
    """The agent mounted, and `host` for the scripts of this folder.

    `host`: clock() CPU seconds, memory() bytes after a collection, connection() a new userdata that `typeof` calls
    RBXScriptConnection, as the engine's are, and their metatable `meta`, to be given an __index.
    """

    def __init__(self) -> None:
        options = VMOptions(signals="Immediate", mask_types=False, native_typeof=True, optimization=OPTIMIZATION)
        self.vm = VM(options)
        self.vm.mount(AGENT_SOURCE, AGENT)
        self._lua = self.vm._lua
        self.host = self._host()

    def __del__(self) -> None:
        """The VM's last handles are here: let go of them where VM silences what the extension prints."""
        if not sys.is_finalizing():
            with silent():
                self.__dict__.clear()

    def run(self, script: str, *args: Any) -> Any:
        """The only result of a script of this folder, given `host` and `args`."""
        (result,) = self.vm.run((HERE / script).read_text(encoding="utf-8"), self.host, *args, name=f"bench.{script}")
        return result

    def load_peers(self, sources: Mapping[str, bytes]) -> Any:
        """A table of the peers' classes; each module runs with the globals of plain Luau and nothing to require."""
        classes = self._lua.create_table()
        for name, text in sources.items():
            module = self._load(name, text)
            member = PEERS[name].member
            classes.set(name, module.get(member) if member else module)
        return classes

    def _host(self) -> Any:
        lua, meta = self._lua, self._lua.create_table()
        meta.set("__type", "RBXScriptConnection")

        def connection(own: Any, _args: list[Any]) -> list[Any]:
            return [own.create_userdata(None, meta)]

        def memory(own: Any, _args: list[Any]) -> list[float]:
            own.globals().get("collectgarbage")("collect")
            return [float(own.used_memory())]

        host = lua.create_table()
        host.set("meta", meta)
        host.set("connection", lua.create_function(connection))
        host.set("memory", lua.create_function(memory))
        host.set("clock", self.vm.function(time.thread_time))
        return host

    def _load(self, name: str, text: bytes) -> Any:
        lua = self._lua
        env = lua.create_table()
        for key, value in lua.globals():
            env.set(key, value)
        script, runtime = lua.create_table(), lua.create_table()
        runtime.set(script, lua.create_table())  # roblox-ts looks up its runtime by script
        env.set("script", script)
        env.set("_G", runtime)
        scheduler = lua.create_table()  # what Janitor requires and, for connections, never calls
        env.set("require", lua.create_function(lambda _lua, _args: [scheduler]))
        env.set_safeenv(True)
        return lua.load_chunk(lua.create_string(text), name=f"={name}", env=env)()[0]
