"""A game server with the Luau agent: a VM with the agent and the services of agents/luau/demo, driven by hand.

Tests compare what the backend and its pages say with `stats()`, which counts the VM's own engine connections and asks
no registry.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from luauvm import VM, HttpRequest, VMOptions
from tests.luau.http_client import HttpAnswer

AGENTS: Final = Path(__file__).parents[2] / "agents" / "luau"
AGENT_SCRIPT: Final = "ServerScriptService.connmon"
GAME_SCRIPT: Final = "ServerScriptService.Game"
AGENT_SERVICE: Final = "connmon"  # under which the agent counts its own connections
PLACE_ID: Final = 1818
FIRST_VERSION: Final = 142
SMALL_STEP: Final = 0.25  # seconds of the server's time while it is driven faster than the clock
PATIENCE: Final = 120.0  # seconds of the server's time in which a report must get out

Send = Callable[[HttpRequest], HttpAnswer]


@dataclass(frozen=True)
class ServerOptions:
    """A server. `leak_share`: the share of leaving players that CombatService forgets (0 to 1).

    `epoch`: Unix seconds at its start. `interval`: seconds between reports; the backend's wish counts up to it.
    `players`: with a crowd, about how many come and go by themselves; 0 leaves that to `join` and `leave`.
    """

    url: str
    key: str
    epoch: float
    seed: int = 1
    job_id: str = field(default_factory=lambda: str(uuid4()))
    place_version: int = FIRST_VERSION
    interval: float = 2.0
    leak_share: float = 0.25
    players: int = 0


class GameServerVM:
    """A server. Its time moves by `step`, never by itself; HTTP waits until somebody carries it.

    Either a caller carries it (`take_requests`, `answer`), or `report` does with the `send` given here.
    """

    def __init__(self, options: ServerOptions, send: Send | None = None) -> None:
        self.options = options
        self._send = send
        self.vm = VM(
            VMOptions(
                epoch=options.epoch,
                seed=options.seed,
                job_id=options.job_id,
                place_id=PLACE_ID,
                place_version=options.place_version,
            )
        )
        self.vm.mount(AGENTS / "src", AGENT_SCRIPT)
        self.vm.mount(AGENTS / "demo", GAME_SCRIPT)
        self.vm.forward_for(f"{AGENT_SCRIPT}.ConnectionManager")
        self._game = self.vm.require(GAME_SCRIPT)
        self._crowd = self._game.get("Crowd")
        self.vm.call(self._game.get("start"), self._start_options())
        if options.players:
            self.vm.call(self._crowd.get("play"), options.players)

    def _start_options(self) -> dict[str, Any]:
        options = self.options
        return {
            "Url": options.url,
            "Key": options.key,
            "Interval": options.interval,
            "MaxInterval": options.interval,
            "LeakShare": options.leak_share,
        }

    def step(self, seconds: float) -> None:
        """One frame that took `seconds`: events, sleepers, heartbeats, the agent's sweep and report when due."""
        self.vm.frame(seconds)

    def pass_time(self, seconds: float) -> None:
        """Lets `seconds` of the server's time pass at once, in small steps. Requests wait meanwhile."""
        self.vm.advance(seconds, fps=round(1 / SMALL_STEP))

    def join(self, count: int) -> None:
        """`count` players join and get characters."""
        self.vm.call(self._crowd.get("join"), count)

    def leave(self, count: int, *, leaking: bool | None = None) -> int:
        """The `count` longest-present players leave; returns how many did.

        `leaking` True or False: CombatService forgets all of them, or none; None leaves it to `leak_share`.
        """
        if leaking is not None:
            self.vm.call(self._game.get("leak"), 1.0 if leaking else 0.0)
        left = int(self.vm.call(self._crowd.get("leave"), count)[0])
        self.vm.call(self._game.get("leak"), self.options.leak_share)
        return left

    @property
    def players(self) -> int:
        """Players on the server now."""
        return int(self.vm.call(self._crowd.get("count"))[0])

    def stats(self) -> dict[str, int]:
        """Live engine connections per service by the VM's own ledger, the agent's own under "connmon"."""
        counts: Counter[str] = Counter()
        for site, count in self.vm.connections_by_site().items():
            script = site.rpartition(":")[0]
            own = script == AGENT_SCRIPT or script.startswith(f"{AGENT_SCRIPT}.")
            counts[AGENT_SERVICE if own else script.rpartition(".")[2]] += count
        return dict(counts)

    def registered(self) -> dict[str, Any]:
        """What the agent's registry says: GetConnectionStats()."""
        return dict(self.vm.call(self._game.get("registered"))[0])

    def report(self) -> int:
        """Reports what is so now and takes in the answer; returns its HTTP status, 0 when nobody answered.

        A report made earlier that still waits is carried first. Raises RuntimeError without a `send`, or when no report
        gets out (the backend asked for patience).
        """
        if self._send is None:
            raise RuntimeError("GameServerVM.report needs a `send`; give it one when the server is made.")
        for request in self.take_requests():
            self.answer(request, self._send(request))
        self.vm.call(self._game.get("reportNow"))
        for _ in range(int(PATIENCE / SMALL_STEP)):
            for request in self.take_requests():
                answer = self._send(request)
                self.answer(request, answer)
                return answer.status
            self.step(SMALL_STEP)
        raise RuntimeError(f"No report got out within {PATIENCE} s of the server's time: {self.status()}")

    def status(self) -> dict[str, Any]:
        """How reporting goes: sent, acknowledged, retried, dropped, refused, inFlight."""
        return dict(self.vm.call(self._game.get("status"))[0])

    def take_requests(self) -> list[HttpRequest]:
        """HTTP requests that wait to be carried; each wants an `answer`."""
        found = list(self.vm.requests)
        self.vm.requests.clear()
        return found

    def answer(self, request: HttpRequest, answer: HttpAnswer) -> None:
        """Brings the answer of a request."""
        if answer.error:
            self.vm.fail(request, answer.error)
        else:
            self.vm.respond(request, answer.status, answer.body, answer.headers)

    def stop(self) -> None:
        """The server shuts down: all is disconnected, and the last report waits to be carried."""
        self.vm.call(self._game.get("stop"))
        self.vm.close()
