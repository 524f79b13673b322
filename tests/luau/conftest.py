"""A mocked Roblox server with the agent in it, for events delivered at once (Immediate) and later (Deferred)."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import pytest

from luauvm import VM, VMOptions
from tests.luau.backend import Backend

SOURCE = Path(__file__).parents[2] / "agents" / "luau" / "src"
AGENT = "ServerScriptService.connmon"
# One line, so that lines count as in the test's own source.
PRELUDE = (
    "local connmon = require(game:GetService('ServerScriptService').connmon); local CM = connmon.ConnectionManager; "
    "local Players = game:GetService('Players'); local RunService = game:GetService('RunService'); "
    "local Quiet = shared.quiet; "
)


class Server:
    """One game server with the agent mounted; its scripts know connmon, CM, Players, RunService and Quiet.

    Quiet is a signal that never fires.
    """

    def __init__(self, options: VMOptions) -> None:
        self.vm = VM(options)
        self.vm.mount(SOURCE, AGENT)
        for module in ("ConnectionManager", "ConnectionUtils", "Pools"):
            self.vm.forward_for(f"{AGENT}.{module}")
        self.vm.run("shared.quiet = Instance.new('BindableEvent').Event")
        self.backend = Backend()

    def lua(self, source: str, *args: Any, name: str = "ServerScriptService.Script") -> Any:
        """Runs `source`; returns its only result, a list of several, or None."""
        results = self.vm.run(PRELUDE + source, *args, name=name)
        return results[0] if len(results) == 1 else (results or None)

    def start(self) -> None:
        """Starts reporting."""
        self.lua("connmon.start({ Url = 'http://backend/', Key = 'cm_1_secret' })")

    def live(self) -> int:
        """Live engine connections made by anyone but the agent for itself."""
        sites = self.vm.connections_by_site()
        return sum(count for site, count in sites.items() if not site.startswith(AGENT))

    def pass_time(self, seconds: float, *, fps: int = 10) -> None:
        """Lets time pass, with the backend answering four times a second."""
        for _ in range(int(seconds * 4)):
            self.vm.advance(0.25, fps)
            self.backend.serve(self.vm)

    def wait_for(self, what: Callable[[], bool], seconds: float = 300) -> None:
        """Lets time pass until `what` holds; fails when it does not within `seconds` of the server's time."""
        for _ in range(int(seconds * 4)):
            if what():
                return
            self.pass_time(0.25)
        pytest.fail(f"did not come true within {seconds} s")

    def stats(self) -> dict[str, Any]:
        """GetConnectionStats()."""
        result = self.lua("return CM:GetConnectionStats()")
        assert isinstance(result, dict)
        return result

    def check_quiet(self) -> None:
        """No thread of any script ended with an error."""
        assert self.vm.errors == []


@pytest.fixture(params=["Immediate", "Deferred"])
def delivery(request: pytest.FixtureRequest) -> Literal["Immediate", "Deferred"]:
    """How the engine delivers events."""
    mode: Literal["Immediate", "Deferred"] = request.param
    return mode


@pytest.fixture
def server(delivery: Literal["Immediate", "Deferred"]) -> Iterator[Server]:
    """A server whose scripts must not end with an error; a test that wants one empties the list."""
    game = Server(VMOptions(signals=delivery))
    yield game
    game.check_quiet()


@pytest.fixture
def reporting() -> Iterator[Server]:
    """A server (Deferred) that reports to the stand-in."""
    game = Server(VMOptions())
    game.start()
    yield game
    game.check_quiet()
