"""`VM`: one Luau VM with a mocked Roblox server inside, driven from Python."""

import json
import os
import sys
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from luauvm._load import extension
from luauvm.errors import LuauCompileError, LuauError, LuauYielded
from luauvm.values import to_luau, to_python

MOCK = Path(__file__).parent / "mock"
MEBIBYTE = 2**20
# Every script starts with these as locals: `script` is its own instance; `typeof` and `type` know the mock's objects,
# which a global could not teach the compiler's built-in fast path.
PROLOGUE = "local script, typeof, type = ...; "
UNMASKED_PROLOGUE = "local script, typeof = ...; "
NATIVE_PROLOGUE = "local script = ...; "


@contextmanager
def silent() -> Iterator[None]:
    """Nothing that is printed on descriptor 1 gets out: the extension says there that it closes a VM."""
    kept = os.dup(1)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 1)
        yield
    finally:
        os.dup2(kept, 1)
        os.close(nowhere)
        os.close(kept)


def _prologue(options: "VMOptions") -> str:
    if options.native_typeof:
        return NATIVE_PROLOGUE
    return PROLOGUE if options.mask_types else UNMASKED_PROLOGUE


@dataclass(frozen=True)
class HttpRequest:
    """What a script asked of HttpService:RequestAsync; answer it with VM.respond or VM.fail."""

    id: int
    url: str
    method: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class ScriptError:
    """An error that ended a thread: in Roblox it would stand in the server's log."""

    message: str
    traceback: str


@dataclass(frozen=True)
class VMOptions:
    """The server that is mocked. `signals`: how events are delivered. `epoch`: Unix seconds at the VM's start.

    `seed`: of all that is random, GUIDs included.

    `optimization`: 0-2, of the compiler. `mask_types`: whether type() says "userdata" of mocked objects, as the engine
    does; it costs a call where the engine has an instruction, so benchmarks leave it off. `native_typeof`
    leaves off the same of typeof(): then it knows real userdata alone, none of the mock's objects.

    `memory_limit`: bytes the VM may hold; past it scripts fail with "not enough memory". `loose`: globals and libraries
    may be replaced for scripts, which makes them slower.
    """

    signals: Literal["Deferred", "Immediate"] = "Deferred"
    epoch: float = 1_763_870_000.0
    job_id: str = "7b1c9c1e-6a54-4a7b-9a3e-0d7d0f6a2f10"
    place_id: int = 1818
    place_version: int = 142
    secrets: Mapping[str, str] = field(default_factory=dict)
    seed: int = 1
    optimization: int = 1
    mask_types: bool = True
    native_typeof: bool = False
    memory_limit: int | None = None
    loose: bool = False


class VM:
    """One Luau VM. Time stands still but for `advance` and `frame`; HTTP requests wait in `requests` for an answer."""

    def __init__(self, options: VMOptions | None = None) -> None:
        self.options = options or VMOptions()
        pluau = extension()
        self._lua = pluau.Lua()
        self._lua.set_compiler(pluau.Compiler(self.options.optimization, 1, 0, 0))
        self._prologue = _prologue(self.options)
        self.requests: deque[HttpRequest] = deque()
        self._control = self._boot()
        self._env = self._control.get("env")
        self._env.set_safeenv(not self.options.loose)
        if self.options.memory_limit is not None:
            self._lua.set_memory_limit(self.options.memory_limit)

    def __del__(self) -> None:
        """Frees the VM, silently."""
        if sys.is_finalizing():
            return
        with silent():
            self.__dict__.clear()

    def _boot(self) -> Any:
        """Loads the mock's modules; their own `require("./name")` finds their siblings."""
        lua = self._lua
        loaded: dict[str, Any] = {}
        env = lua.create_table()
        for key, value in lua.globals():
            env.set(key, value)
        env.set_safeenv(True)
        chunks = {
            path.stem: self._compile_in(env, path.read_text(), f"[mock]{path.stem}") for path in MOCK.glob("*.luau")
        }

        def require(_lua: Any, args: list[Any]) -> list[Any]:
            return [loaded[str(args[0]).removeprefix("./")]]

        env.set("require", lua.create_function(require))
        env.set_safeenv(True)
        for name in ("json", "scheduler", "signal", "instance", "services", "init"):
            loaded[name] = chunks[name]()[0]
        control = loaded["init"](lua.globals(), self._host_table())[0]
        loaded.clear()  # `require` would hold the VM alive through these handles
        return control

    def _host_table(self) -> Any:
        # The functions hold the queue, not this object: a callback that holds its VM would keep it alive for ever.
        requests, lua, options = self.requests, self._lua, self.options

        def send(_lua: Any, args: list[Any]) -> None:
            number, url, method, headers, body = args
            requests.append(
                HttpRequest(number, str(url), str(method), dict(json.loads(headers.as_bytes()) or {}), body.as_bytes())
            )

        def used(own: Any, _args: list[Any]) -> list[float]:
            return [own.used_memory() / MEBIBYTE]

        host = lua.create_table()
        host.set("sendRequest", lua.create_function(send))
        host.set("usedMegabytes", lua.create_function(used))
        host.set(
            "options",
            to_luau(
                lua,
                {
                    "deferred": options.signals == "Deferred",
                    "epoch": options.epoch,
                    "jobId": options.job_id,
                    "placeId": options.place_id,
                    "placeVersion": options.place_version,
                    "secrets": options.secrets,
                    "seed": options.seed,
                },
            ),
        )
        return host

    def _compile_in(self, env: Any, source: str, name: str) -> Any:
        try:
            code = self._lua.create_string(source.encode("utf-8", "surrogateescape"))
            return self._lua.load_chunk(code, name=f"={name}", env=env)
        except RuntimeError as error:
            raise LuauCompileError(str(error).removeprefix("syntax error: ")) from None

    # --- scripts ---------------------------------------------------------------------------------------------------

    def compile(self, source: str, name: str) -> Any:
        """A chunk that takes (script, typeof, type). Raises LuauCompileError; lines are counted as in `source`."""
        return self._compile_in(self._env, self._prologue + source, name)

    def add_script(self, path: str, source: str, class_name: str = "ModuleScript") -> Any:
        """Puts a script at `path` ("ServerScriptService.Combat"), with folders where needed; returns its instance."""
        parent_path, _, name = path.rpartition(".")
        parent = self.instance(parent_path)
        return self._control.get("addScript")(parent, class_name, name, self.compile(source, path))[0]

    def mount(self, folder: Path, path: str) -> Any:
        """Puts a folder of .luau files at `path` as Rojo would: `init.luau` is the folder itself, others are within."""
        init = folder / "init.luau"
        root = self.add_script(path, init.read_text()) if init.exists() else self.instance(path)
        for entry in sorted(folder.iterdir()):
            if entry.is_dir():
                self.mount(entry, f"{path}.{entry.name}")
            elif entry.suffix == ".luau" and entry != init:
                self.add_script(f"{path}.{entry.stem}", entry.read_text())
        return root

    def instance(self, path: str) -> Any:
        """The instance at a dotted path below `game`; what is missing becomes a Folder. Raises LuauError."""
        return self._helper("instance")(to_luau(self._lua, path))[0]

    def require(self, path: str) -> Any:
        """The value of the ModuleScript at `path`, as a handle. Raises LuauError."""
        return self._run(self._env.get("require"), self.instance(path))[0]

    def run(self, source: str, *args: Any, name: str = "ServerScriptService.Script") -> list[Any]:
        """Runs `source` as the script `name` (its `...` are `args`) and returns its results as Python values.

        Raises LuauCompileError, LuauError, LuauYielded (it went to sleep; it goes on when time advances).
        """
        folder, _, own_name = name.rpartition(".")
        chunk = self.compile(f"return function(...) {source}\nend", name)
        script = self._control.get("addScript")(self.instance(folder), "Script", own_name, chunk)[0]
        body = chunk(script, self._control.get("typeof"), self._control.get("type"))[0]
        return [to_python(value) for value in self._run(body, *args)]

    def call(self, function: Any, *args: Any) -> list[Any]:
        """Calls a Luau function (a handle) and returns its results as Python values. Raises LuauError, LuauYielded."""
        return [to_python(value) for value in self._run(function, *args)]

    def start(self, function: Any, *args: Any) -> None:
        """Calls a function that may yield; errors it raises later stand in `errors`. Raises LuauError if it fails now.

        To wait for its result, let it leave that somewhere and advance the time.
        """
        try:
            self._run(function, *args)
        except LuauYielded:
            return

    def _run(self, function: Any, *args: Any) -> list[Any]:
        results: list[Any] = self._control.get("call")(function, *(to_luau(self._lua, value) for value in args))
        match str(results.pop(0)):
            case "done":
                return results
            case "failed":
                raise LuauError(to_python(results[0]), to_python(results[1]))
            case _:
                raise LuauYielded

    def _helper(self, name: str) -> Any:
        return self._control.get("helpers").get(name)

    # --- the world -------------------------------------------------------------------------------------------------

    def advance(self, seconds: float, fps: int = 60) -> None:
        """Lets `seconds` pass in about `fps` frames a second: Stepped, sleepers that are due, Heartbeat."""
        self._control.get("advance")(seconds, fps)

    def frame(self, seconds: float) -> None:
        """One frame that took `seconds`."""
        self._control.get("world").get("frame")(seconds)

    @property
    def now(self) -> float:
        """Unix seconds in the mocked server."""
        return float(self.options.epoch + self._control.get("scheduler").get("now"))

    def join(self, name: str, user_id: int, *, spawn: bool = True) -> Any:
        """A player joins (PlayerAdded) and, with `spawn`, gets a character; returns the Player."""
        return self._helper("join")(to_luau(self._lua, name), user_id, spawn)[0]

    def respawn(self, user_id: int) -> None:
        """The player gets a new character (CharacterRemoving, CharacterAdded). Raises LuauError without the player."""
        self._run(self._helper("respawn"), user_id)

    def leave(self, user_id: int) -> bool:
        """The player leaves (PlayerRemoving, then destroyed); False when there is none."""
        return bool(self._helper("leave")(user_id)[0])

    def close(self) -> None:
        """The server shuts down: BindToClose callbacks start. Advance the time for those that yield."""
        self._control.get("world").get("close")()
        self._control.get("scheduler").get("drain")()

    def respond(
        self, request: HttpRequest, status: int, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> None:
        """Answers a request; the script that waits for it goes on."""
        response = {"StatusCode": status, "Success": 200 <= status < 300, "Body": body, "Headers": headers or {}}
        self._complete(request.id, to_luau(self._lua, response), None)

    def fail(self, request: HttpRequest, message: str = "HttpError: ConnectFail") -> None:
        """Lets a request raise `message`, as RequestAsync does on time-out or refusal."""
        self._complete(request.id, None, to_luau(self._lua, message))

    def _complete(self, number: int, response: Any, failure: Any) -> None:
        self._control.get("world").get("complete")(number, response, failure)
        self._control.get("scheduler").get("drain")()

    # --- what happened ---------------------------------------------------------------------------------------------

    @property
    def errors(self) -> list[ScriptError]:
        """Errors that ended threads, oldest first, at most 1,000."""
        return [ScriptError(*pair) for pair in to_python(self._control.get("errors")) or []]

    def clear_errors(self) -> None:
        """Forgets the errors so far."""
        self._control.get("errors").clear()

    @property
    def output(self) -> list[tuple[str, str]]:
        """What scripts printed: ("print" or "warn", text), oldest first, at most 1,000."""
        return [(level, text) for level, text in to_python(self._control.get("output")) or []]

    def live_connections(self) -> int:
        """The ledger's count of live engine connections."""
        return int(self._control.get("signals").get("ledger").get("count"))

    def connections_by_site(self) -> dict[str, int]:
        """Live engine connections by the "script:line" that made them."""
        return dict(to_python(self._control.get("signals").get("bySite")()[0]))

    def forward_for(self, script: str) -> None:
        """The script named so connects for its callers: the ledger then names the caller's line."""
        self._control.get("signals").get("ledger").get("forwarders").set(script, True)

    def used_memory(self) -> int:
        """Bytes the VM holds after a full collection."""
        self._lua.globals().get("collectgarbage")("collect")
        return int(self._lua.used_memory())

    def heap_bytes(self) -> int:
        """Bytes the VM holds now, garbage included."""
        return int(self._lua.used_memory())

    def expose(self, name: str) -> None:
        """Gives scripts a global of plain Luau that Roblox withholds or changes (for instance collectgarbage)."""
        self._env.set(name, self._lua.globals().get(name))

    def function(self, callback: Callable[..., Any]) -> Any:
        """A Luau function that calls `callback` with Python values and returns its result.

        Let `callback` hold the VM weakly if at all: held strongly, neither is ever freed.
        """

        def call(lua: Any, args: list[Any]) -> list[Any]:
            return [to_luau(lua, callback(*(to_python(value) for value in args)))]

        return self._lua.create_function(call)

    def extend(self, source: str, *args: Any, name: str = "[extension]") -> list[Any]:
        """Runs `source` with the mock's control table as its first argument: for more classes, services, globals."""
        chunk = self._compile_in(self._lua.globals(), source, name)
        return [to_python(value) for value in self._run(chunk, self._control, *args)]
