"""ConnectionManager: one registry for every connection of a game server: whose it is, what it is, where it was
made; cleaned up when its owner goes.
"""

import sys
from collections.abc import Callable, Collection
from typing import Any, Final

from connmon_agent import cleanup, registration, stats
from connmon_agent.classes import ALL_MARKS
from connmon_agent.cleanup import CleanupResult, Scope
from connmon_agent.configuration import ConfigurationManager
from connmon_agent.connector import Connector
from connmon_agent.core import Core
from connmon_agent.errors import Caller
from connmon_agent.host import ConnectionState, Host
from connmon_agent.lifecycle import Lifecycle
from connmon_agent.pools import Pools
from connmon_agent.profiles import CallbackProfile
from connmon_agent.registration import Terms
from connmon_agent.signals import Callback, ConnectionLike, SignalLike
from connmon_agent.stats import ConnectionStats
from connmon_agent.sweeper import Sweeper

KNOWN_CLASSES: Final = 100  # of connections, kept for speed


class ConnectionManager:
    """The registry of one server and what keeps it in order. Use it from one thread.

    `step(now)` belongs into the server's loop; an `Agent` calls it by itself.

    Example::

        manager = ConnectionManager(Host(ServerInfo("lobby-1"), players=players, heartbeat=loop.on_tick))
        manager.register_connection(player, "Died", character.died.connect(on_died), "Humanoid.Died")
    """

    def __init__(self, host: Host | None = None, configuration: ConfigurationManager | None = None) -> None:
        self.core = Core(host or Host(), configuration or ConfigurationManager())
        self.pools = Pools(self.core)
        self.connector = Connector(self.core, self.pools)
        self._sweeper = Sweeper(self.core, self.pools, self.core.host.now())
        Lifecycle(self.core)
        # Held for register_connection, which is what must be quick.
        registry, owners = self.core.registry, self.core.owners
        self._registry, self._add, self._names_by_owner = registry, registry.add, registry.by_name
        self._owners, self._owner_index = owners.table, owners.index
        self._classes_by_code = registry.classes.by_code
        self._class_keys, self._class_kinds = registry.classes.key, registry.classes.kind
        self._connection_classes: set[type] = set()  # of connections that were taken, and so have what it takes
        self._now = self.core.host.now

    @property
    def configuration(self) -> ConfigurationManager:
        """The settings of this manager."""
        return self.core.configuration

    def register_connection(
        self,
        owner: object,
        connection_name: str,
        connection: ConnectionLike,
        connection_type: str = "Custom",
        *,
        service: str | None = None,
        essential: bool = False,
        watch: bool = False,
    ) -> int:
        """Puts a connection under an owner: a player, a service (its object or name), an entity. Returns its
        id.

        A name the owner already has gives way: its old connection is disconnected. `service` counts it under
        another service than the owner's or the calling module's; `essential` ones are never closed by emergency
        cleanup and orders; those only watched (`watch`) are not disconnected when their owner goes, but
        reported. Raises RefusedCall when the connection is already disconnected or an argument is of no use;
        the message names the caller.

        Example::

            manager.register_connection(player, "Died", character.died.connect(on_died), "Humanoid.Died")
        """
        # What a game calls most: the ordinary case is settled here without another call or object.
        frame = sys._getframe(1)
        number = self._owner_index.get(owner if isinstance(owner, str) else id(owner))
        if number is None:
            number = self.core.owners.resolve(owner, frame)
        known = self._classes_by_code.get(id(frame.f_code))
        if known is not None and number is not None and service is None and not essential and not watch:
            cls = known.get(frame.f_lasti, -1)
            if (
                cls >= 0
                and connection_name.__class__ is str
                and connection_name
                and connection_name not in self._names_by_owner[number]
                and self._class_keys[cls] == self._owners[number].service * ALL_MARKS
                and self._class_kinds[cls] == connection_type
                and connection.__class__ in self._connection_classes
                and connection.connected is True
            ):
                self._add(number, connection_name, connection, cls, self._now())
                return self._registry.last_id
        caller, terms = Caller("register_connection", frame), Terms(service, essential, watch)
        number = registration.register(self.core, caller, owner, connection_name, connection, connection_type, terms)
        if hasattr(connection.__class__, "disconnect") and len(self._connection_classes) < KNOWN_CLASSES:
            self._connection_classes.add(connection.__class__)
        return number

    def unregister_connection(self, owner: object, connection_name: str) -> bool:
        """Disconnects and forgets one connection. False when the owner has none of that name.

        Example::

            manager.unregister_connection(player, "Died")
        """
        number = self.core.owners.lookup(owner)
        slot = None if number is None else self.core.registry.by_name[number].get(connection_name)
        if slot is None:
            return False
        cleanup.close(self.core, slot)
        return True

    def disconnect_all_for_owner(self, owner: object) -> int:
        """Disconnects and forgets all of an owner's connections, those only watched as well. Returns how many.

        Example::

            manager.disconnect_all_for_owner("service:CombatService")
        """
        number = self.core.owners.lookup(owner)
        return 0 if number is None else cleanup.drain(self.core, number)

    def get_pooled_connection(self, connection_type: str, signal: SignalLike, callback: Callback) -> ConnectionLike:
        """Connects `callback` to `signal` through the pool of that type; where pooling is off, directly.

        All callbacks pooled on one signal share one connection to it; an error of one stops no other.
        Disconnecting the connection gives it back to the pool. Raises RefusedCall for arguments of no use.

        Example::

            connection = manager.get_pooled_connection("RunService.Heartbeat", loop.on_tick, on_tick)
        """
        caller = Caller("get_pooled_connection", sys._getframe(1))
        registration.check_names(caller, "-", connection_type, None)
        registration.check_signal(caller, signal, callback)
        return self.pools.connect(connection_type, signal, callback)

    def return_connection_to_pool(self, connection_type: str, connection: ConnectionLike) -> bool:
        """Disconnects a pooled connection and gives it back for reuse. False when it was given back before, or
        is of another type. Forget the connection afterwards: it is used again only once nobody holds it.

        Example::

            manager.return_connection_to_pool("RunService.Heartbeat", connection)
        """
        caller = Caller("return_connection_to_pool", sys._getframe(1))
        registration.check_names(caller, "-", connection_type, None)
        if not callable(getattr(connection, "disconnect", None)):
            caller.refuse("takes what get_pooled_connection returned")
        return self.pools.give_back(connection_type, connection)

    def connect_player_event(
        self,
        event_name: str,
        callback: Callback,
        owner: object,
        *,
        service: str | None = None,
        essential: bool = False,
    ) -> tuple[ConnectionLike, str]:
        """Connects an event of the players ("PlayerAdded", "PlayerRemoving") and registers the connection.

        Returns it and the name it is registered by. Raises RefusedCall for an event that does not exist.

        Example::

            manager.connect_player_event("PlayerAdded", on_player_added, "service:LobbyService")
        """
        caller = Caller("connect_player_event", sys._getframe(1))
        signal = self.connector.player_signal(caller, event_name)
        kind = f"Players.{event_name}"
        made = self.connector.connect(caller, signal, callback, owner, kind, terms=Terms(service, essential))
        return made.connection, made.name

    def connect_remote_event(
        self,
        remote_event: object,
        callback: Callback,
        owner: object,
        *,
        service: str | None = None,
        essential: bool = False,
    ) -> tuple[ConnectionLike, str]:
        """Connects a remote event on the server and registers the connection.

        Returns it and the name it is registered by. A remote function is refused (RefusedCall): what it invokes
        is a callback to assign, not an event.

        Example::

            manager.connect_remote_event(remotes.attack, on_attack, "service:CombatService")
        """
        caller = Caller("connect_remote_event", sys._getframe(1))
        signal, kind = self.connector.remote_signal(caller, remote_event)
        made = self.connector.connect(caller, signal, callback, owner, kind, terms=Terms(service, essential))
        return made.connection, made.name

    def connect_heartbeat(
        self,
        callback: Callable[[float], Any],
        interval: float,
        owner: object,
        *,
        service: str | None = None,
        essential: bool = False,
    ) -> tuple[ConnectionLike, str]:
        """Calls `callback(elapsed)` on the heartbeat once `interval` seconds have passed since the last call
        (0: always).

        A late tick makes one call, never several. The connection comes from the heartbeat's pool. Returns it
        and the name it is registered by. Raises RefusedCall for arguments of no use.

        Example::

            manager.connect_heartbeat(spawn_obstacle, 2.5, "service:ObstacleSpawnerService")
        """
        caller = Caller("connect_heartbeat", sys._getframe(1))
        made = self.connector.heartbeat(caller, callback, interval, owner, terms=Terms(service, essential))
        return made.connection, made.name

    def emergency_cleanup(
        self,
        *,
        services: Collection[str] | None = None,
        types: Collection[str] | None = None,
        states: Collection[ConnectionState] | None = None,
        owner: object | None = None,
        dry_run: bool = False,
    ) -> CleanupResult:
        """Disconnects everything in the scope except what is essential, and says what it did.

        The scope is what matches everything given; nothing given means the whole server: a last resort. A dry
        run only counts.

        Example::

            manager.emergency_cleanup(services=["CombatService"], states=["orphaned"], dry_run=True).closed
        """
        for given in (services, types, states):
            if isinstance(given, str) or not (given is None or isinstance(given, Collection)):
                caller = Caller("emergency_cleanup", sys._getframe(1))
                caller.refuse("services, types and states take lists of texts")
        result = cleanup.run(self.core, Scope(services, types, states, owner), dry_run=bool(dry_run))
        if not result.dry_run:
            self.core.log(f"emergency cleanup closed {result.closed} connections, kept {result.essential} essential")
        return result

    def cleanup_stale_connections(self) -> int:
        """Looks at every connection now and removes the stale ones; returns how many.

        Stale are those disconnected though registered, or whose owner has been gone for longer than
        STALE_CONNECTION_THRESHOLD; never by age. It also happens by itself, every 5 minutes.

        Example::

            print(manager.cleanup_stale_connections(), "stale connections removed")
        """
        return self._sweeper.clean_now(self.core.host.now())

    def get_connection_stats(self) -> ConnectionStats:
        """The statistics as they stand, kept by counters: the number of connections does not matter to their
        cost.

        Example::

            stats = manager.get_connection_stats()
            print(stats.live, stats.services["CombatService"].orphaned, stats.pools["RunService.Heartbeat"].hits)
        """
        return stats.read(self.core, self.pools.stats())

    def get_callback_profiles(self) -> list[CallbackProfile]:
        """What callbacks cost, by service, type and creation site, the largest total first.

        Measured are callbacks connected through the manager or ConnectionUtils, while ENABLE_PROFILING is on.

        Example::

            for profile in manager.get_callback_profiles()[:10]:
                print(profile.site, profile.total)
        """
        return self.core.profiler.results()

    def step(self, now: float | None = None) -> None:
        """Does a share of the sweep when it is due; call it at least once a second. `now` in Unix seconds.

        Example::

            manager.step()
        """
        self._sweeper.step(self.core.host.now() if now is None else now)

    def destroy(self) -> None:
        """Disconnects every connection, the manager's own too. For the end of a server or a test.

        Example::

            manager.destroy()
        """
        registry = self.core.registry
        for slot in range(registry.top):
            if registry.connections[slot] is not None:
                cleanup.close(self.core, slot)
