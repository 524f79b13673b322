"""connmon: every event connection of a game server registered under its owner, cleaned up when the owner goes,
reported.

Example::

    players = Players()
    manager = ConnectionManager(Host(ServerInfo("lobby-1"), players=players, heartbeat=loop.on_tick))
    agent = Agent(manager, HttpTransport("https://connmon.example.com", key))
    manager.connect_player_event("PlayerAdded", on_player_added, "service:LobbyService")
"""

from connmon_agent.agent import Agent, Status
from connmon_agent.cleanup import Cleaned, CleanupResult
from connmon_agent.configuration import Change, ConfigurationManager
from connmon_agent.errors import RefusedCall
from connmon_agent.host import Host, Identity, ServerInfo, steady_clock
from connmon_agent.manager import ConnectionManager
from connmon_agent.players import Players
from connmon_agent.pools import PooledConnection, PoolStats
from connmon_agent.profiles import CallbackProfile
from connmon_agent.signals import Connection, ConnectionLike, Signal, SignalLike
from connmon_agent.stats import ConnectionStats, ServiceStats
from connmon_agent.transports.aio import AsyncHttpTransport
from connmon_agent.transports.threads import HttpTransport
from connmon_agent.utils import ConnectionUtils, RemoteEventDefinition
from connmon_agent.version import VERSION

__version__ = VERSION

__all__ = [
    "Agent",
    "AsyncHttpTransport",
    "CallbackProfile",
    "Change",
    "Cleaned",
    "CleanupResult",
    "ConfigurationManager",
    "Connection",
    "ConnectionLike",
    "ConnectionManager",
    "ConnectionStats",
    "ConnectionUtils",
    "Host",
    "HttpTransport",
    "Identity",
    "Players",
    "PoolStats",
    "PooledConnection",
    "RefusedCall",
    "RemoteEventDefinition",
    "ServerInfo",
    "ServiceStats",
    "Signal",
    "SignalLike",
    "Status",
    "__version__",
    "steady_clock",
]
