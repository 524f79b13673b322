"""What the parts of the agent share: the registry, its owners, the settings and the host."""

from connmon_agent.configuration import ConfigurationManager
from connmon_agent.habits import Habits
from connmon_agent.host import Host
from connmon_agent.owners import Owners
from connmon_agent.profiles import Profiler
from connmon_agent.registry import Registry
from connmon_agent.signals import Signal


class Core:
    """One agent's shared state. `on_problem` fires with a sentence for each thing somebody should look into."""

    __slots__ = ("configuration", "habits", "host", "on_problem", "owners", "profiler", "registry")

    def __init__(self, host: Host, configuration: ConfigurationManager) -> None:
        self.host = host
        self.configuration = configuration
        self.registry = Registry()
        self.owners = Owners(host, self.registry)
        self.habits = Habits()
        services = self.registry.services
        self.profiler = Profiler(host.clock, host.random, self.registry.classes, configuration, services.names)
        self.on_problem = Signal(on_error=lambda error: self.log(f"a callback of on_problem failed: {error!r}"))
        configuration.on_refused.connect(self.problem)

    def log(self, message: str) -> None:
        """Writes a line to the host's log. A log that fails is no reason for the game to."""
        try:
            self.host.log(message)
        except Exception:  # there is nobody left to tell
            return

    def problem(self, message: str) -> None:
        """Logs something that somebody should look into, and tells whoever listens."""
        self.log(message)
        self.on_problem.fire(message)
