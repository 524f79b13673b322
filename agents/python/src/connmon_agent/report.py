"""The body of a report, written straight as JSON: no dictionaries in between, no nan."""

from dataclasses import dataclass
from typing import Final

from connmon_agent.core import Core
from connmon_agent.pools import Pools
from connmon_agent.profile_report import ProfileReport
from connmon_agent.recorder import Events
from connmon_agent.text import number, quote, whole
from connmon_agent.version import VERSION

AGENT: Final = f"connmon-python/{VERSION}"
SERVICES_BYTES: Final = 30 * 1024  # of one report; counters left out differ still from what was sent, so they follow
MAX_BYTES: Final = 250 * 1024  # of a body, which may have 256 KB: what is told of profiles keeps below
MAX_POOLS: Final = 64  # of one report, the protocol's bound; others follow
MAX_MEGABYTES: Final = 1e9
MAX_PLAYERS: Final = 2**31 - 1
MAX_WHOLE: Final = 2**53 - 1


@dataclass(frozen=True, slots=True)
class Context:
    """What the sender knows of the moment. `interval` in seconds, `now` in Unix seconds. `closing`: this is the last
    report, unless something finds no room in it.
    """

    boot: str
    seq: int
    now: float
    interval: float
    config_revision: int
    dropped: int
    outcomes: list[str]
    closing: bool


class ReportWriter:
    """Writes one report after the other; remembers which counters it has sent."""

    def __init__(self, core: Core, pools: Pools) -> None:
        self._core = core
        self._pools = pools
        self._profiles = ProfileReport(core.profiler)
        self._sent_services: dict[int, str] = {}
        self._sent_pools: dict[str, str] = {}
        self.more = False  # counters that found no room in the last report

    def restart(self) -> None:
        """Forgets which counters were sent: the next report names every service, pool and profile."""
        self._sent_services.clear()
        self._sent_pools.clear()
        self._profiles.restart()

    def write(self, context: Context, events: Events) -> bytes:
        """The JSON text of one report, in ASCII."""
        parts = [
            f'{{"kind":"report","v":1,"server":{self._server(context.boot)},"seq":{context.seq}',
            f',"sent_at":{context.now:.3f},"interval":{context.interval:g},"players":{self._players()}{self._memory()}',
        ]
        lists = {
            "services": self._services(),
            "pools": self._pool_counters(),
            "opened": events.opened,
            "closed": events.closed,
            "changed": events.changed,
            "outcomes": ",".join(context.outcomes),
        }
        parts += [f',"{name}":[{inside}]' for name, inside in lists.items() if inside]
        if events.part is not None:
            parts.append(f',"snapshot":{{"part":{events.part},"of":{events.of}}}')
        parts.append(f',"config_revision":{context.config_revision},"dropped":{context.dropped}')
        closing = context.closing and not self.more
        profiles = self._profiles.take(context.now, MAX_BYTES - sum(map(len, parts)), last=closing)
        parts.append(f',"profiles":[{profiles}]' if profiles else "")
        parts.append(',"closing":true}' if closing else "}")
        return "".join(parts).encode("ascii")

    def _server(self, boot: str) -> str:
        info = self._core.host.server
        place_id, place_version = whole(info.place_id, MAX_WHOLE), whole(info.place_version, MAX_WHOLE)
        return (
            f'{{"id":{quote(info.id, 128)},"boot":{quote(boot, 64)},"agent":"{AGENT}"'
            f"{_field('place_id', place_id)}{_field('place_version', place_version)}}}"
        )

    def _players(self) -> str:
        try:
            return whole(self._core.host.player_count(), MAX_PLAYERS) or "0"
        except Exception as error:  # of the host: a report without it is better than none
            self._core.log(f"the host does not say how many players there are: {error!r}")
            return "0"

    def _memory(self) -> str:
        try:
            total, signals = self._core.host.memory()
        except Exception as error:  # of the host: a report without it is better than none
            self._core.log(f"the host does not say how much memory is used: {error!r}")
            return ""
        fields = (
            _field("total_mb", number(total, MAX_MEGABYTES)) + _field("signals_mb", number(signals, MAX_MEGABYTES))
        )[1:]
        return f',"memory":{{{fields}}}' if fields else ""

    def _services(self) -> str:
        services = self._core.registry.services
        opened, closed = self._core.registry.classes.totals()
        sent = self._sent_services
        entries: list[str] = []
        size = 0
        self.more = False
        for service in range(1, len(services.names)):
            counters = (
                f'"live":{opened[service] - closed[service]},"opened":{opened[service]},"closed":{closed[service]},'
                f'"idle":{services.idle[service]},"orphaned":{services.orphaned[service]},'
                f'"stale":{services.stale[service]}}}'
            )
            if sent.get(service) == counters:
                continue
            if size > SERVICES_BYTES:
                self.more = True
                break
            sent[service] = counters
            entries.append(f'{{"name":{quote(services.names[service], 128)},{counters}')
            size += len(entries[-1])
        return ",".join(entries)

    def _pool_counters(self) -> str:
        entries: list[str] = []
        for kind, stats in self._pools.stats().items():
            counters = f'"size":{stats.size},"in_use":{stats.in_use},"hits":{stats.hits},"misses":{stats.misses}}}'
            if self._sent_pools.get(kind) == counters:
                continue
            if len(entries) == MAX_POOLS:
                self.more = True
                break
            self._sent_pools[kind] = counters
            entries.append(f'{{"type":{quote(kind, 64)},{counters}')
        return ",".join(entries)


def _field(name: str, value: str | None) -> str:
    return "" if value is None else f',"{name}":{value}'
