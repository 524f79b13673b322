"""The statistics that get_connection_stats returns."""

from dataclasses import dataclass

from connmon_agent.core import Core
from connmon_agent.pools import PoolStats


@dataclass(frozen=True, slots=True)
class ServiceStats:
    """`live` counts every registered connection; the idle, orphaned and stale ones are among them. The others
    since boot.
    """

    live: int
    opened: int
    closed: int
    idle: int
    orphaned: int
    stale: int


@dataclass(frozen=True, slots=True)
class ConnectionStats(ServiceStats):
    """The whole server, and the same by service; live connections by type; pools by type."""

    services: dict[str, ServiceStats]
    types: dict[str, int]
    pools: dict[str, PoolStats]


def read(core: Core, pools: dict[str, PoolStats]) -> ConnectionStats:
    """The statistics as the counters stand."""
    services, classes = core.registry.services, core.registry.classes
    opened, closed = classes.totals()
    rows = zip(opened, closed, services.idle, services.orphaned, services.stale, strict=True)
    counters = [ServiceStats(o - c, o, c, idle, orphaned, stale) for o, c, idle, orphaned, stale in rows]
    return ConnectionStats(
        live=sum(opened) - sum(closed),
        opened=sum(opened),
        closed=sum(closed),
        idle=sum(services.idle),
        orphaned=sum(services.orphaned),
        stale=sum(services.stale),
        services=dict(list(zip(services.names, counters, strict=True))[1:]),
        types=classes.live_by_type(),
        pools=pools,
    )
