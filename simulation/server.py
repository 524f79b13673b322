"""One simulated game server: a world with players and services, and the agent's manager in it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from connmon_agent import ConnectionStats
from simulation.crowd import Crowd
from simulation.leaks import KINDS, Planted
from simulation.leaks.plot import Plot
from simulation.services import make_services
from simulation.timeline import Era, EventClock, Timeline, WorkClock
from simulation.world import HEARTBEAT, Surroundings, World

FIRST_VERSION: Final = 142


def ignore(message: str) -> None:
    """Nobody reads the log."""


@dataclass(frozen=True, slots=True)
class ServerSpec:
    """A server. All its chance follows from `seed`; it was `born` at that moment of the world."""

    server_id: str
    seed: str
    born: float = 0.0
    place_version: int = FIRST_VERSION
    leaks: tuple[Planted, ...] = ()


class SimulatedServer:
    """A server whose time passes by `advance` and by nothing else.

    `clock` gives Unix seconds between events; during an event it is that event's time, as `era` says.
    """

    def __init__(
        self, spec: ServerSpec, era: Era, clock: Callable[[], float], log: Callable[[str], object] = ignore
    ) -> None:
        self.spec = spec
        self._era = era
        self._clock = EventClock(clock, pinned=era.unix(spec.born))
        self._timeline = Timeline(spec.born)
        given = Surroundings(spec.server_id, spec.place_version, spec.seed, self._clock, WorkClock(), log)
        self.world = World(given, self._timeline)
        self.crowd = Crowd(self.world)
        self.services = make_services(self.world)
        for leak in spec.leaks:
            chance = self.world.chance(f"leak {leak.kind} {leak.service}")
            KINDS[leak.kind].plant(Plot(self.world, self.crowd, leak.service, chance))
        self.crowd.start()
        self._timeline.every(lambda: HEARTBEAT, self._beat)
        self._clock.pinned = None

    def advance(self, unix: float) -> None:
        """Lets everything happen that is due by that Unix time."""
        self._timeline.run_until(self._era.moment(unix), self._pin)
        self._clock.pinned = None

    @property
    def moment(self) -> float:
        """The world's moment that it has come to."""
        return self._timeline.now

    @property
    def stats(self) -> ConnectionStats:
        """What the registry says."""
        return self.world.manager.get_connection_stats()

    def stop(self) -> None:
        """The server shuts down: players go, services stop, and what is left in the registry is closed."""
        self.crowd.send_home()
        for service in self.services:
            service.stop()
        self.world.manager.destroy()

    def _beat(self) -> None:
        self.world.heartbeat.fire(HEARTBEAT)
        self.world.manager.step()

    def _pin(self, moment: float) -> None:
        self._clock.pinned = self._era.unix(moment)
