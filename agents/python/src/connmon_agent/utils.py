"""ConnectionUtils: managed connections with a few lines of change to a game's code."""

import sys
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NotRequired, Required, TypedDict, TypeVar

from connmon_agent import adoption, cleanup, registration
from connmon_agent.callbacks import STRIKES, LimitedCallback
from connmon_agent.cleanup import Cleaned
from connmon_agent.connector import is_seconds
from connmon_agent.errors import Caller
from connmon_agent.manager import ConnectionManager
from connmon_agent.registration import PLAIN, Terms
from connmon_agent.signals import Callback, ConnectionLike, SignalLike

Instance = TypeVar("Instance")


class RemoteEventDefinition(TypedDict):
    """One entry of setup_remote_events_batch."""

    event: Required[object]
    callback: Required[Callback]
    name: NotRequired[str]
    essential: NotRequired[bool]


# What is checked before anything is connected: signal, callback, name, type, terms.
_Planned = tuple[SignalLike, Callback, str | None, str, Terms]


class ConnectionUtils:
    """Helpers on top of a ConnectionManager. A `service` is a wrapped object, or any other owner.

    Example::

        utils = ConnectionUtils(manager)
        combat = utils.wrap_service(CombatService(), "CombatService")
        utils.setup_player_management(combat, combat.on_player_added, combat.on_player_removing)
    """

    def __init__(self, manager: ConnectionManager) -> None:
        self._manager = manager
        self._core = manager.core
        self._connector = manager.connector

    def connect(
        self,
        signal: SignalLike,
        callback: Callback,
        owner: object,
        connection_name: str,
        connection_type: str = "Custom",
    ) -> ConnectionLike:
        """Connects a signal and registers the connection under its owner. Raises RefusedCall.

        Example::

            utils.connect(door.touched, on_touched, door_service, "DoorTouched", "BasePart.Touched")
        """
        caller = Caller("connect", sys._getframe(1))
        registration.check_names(caller, connection_name, connection_type, None)
        return self._connector.connect(
            caller, signal, callback, owner, connection_type, name=connection_name
        ).connection

    def wrap_service(self, service_instance: Instance, service_name: str) -> Instance:
        """Makes an object known as a service and returns it: its own `stop` now cleans up, and it gains
        `cleanup_connections()`, which returns what it closed (Cleaned). A second call changes nothing.

        Example::

            combat = utils.wrap_service(CombatService(), "CombatService")
            combat.cleanup_connections().by_type  # {"RunService.Heartbeat": 2}
        """
        caller = Caller("wrap_service", sys._getframe(1))
        if adoption.manage(self._core, caller, service_instance, service_name, "service"):
            reference = weakref.ref(service_instance)

            def cleanup_connections() -> Cleaned:
                return adoption.cleanup_owner(self._core, reference())

            instead = f'disconnect_all_for_owner("service:{service_name}")'
            adoption.give(self._core, service_instance, "cleanup_connections", cleanup_connections, instead)
        return service_instance

    def enhance_controller(self, controller_instance: Instance, controller_name: str) -> Instance:
        """Makes an object known as a controller and returns it: its own `stop` now cleans up, and it gains
        `add_connection(name, connection, connection_type)`, which returns the connection. A second call changes
        nothing.

        Example::

            camera = utils.enhance_controller(CameraController(), "CameraController")
            camera.add_connection("Moved", viewport.moved.connect(camera.on_moved), "Custom")
        """
        caller = Caller("enhance_controller", sys._getframe(1))
        if adoption.manage(self._core, caller, controller_instance, controller_name, "controller"):
            reference = weakref.ref(controller_instance)

            def add_connection(
                name: str, connection: ConnectionLike, connection_type: str = "Custom"
            ) -> ConnectionLike:
                adder = Caller("add_connection", sys._getframe(1))
                registration.register(self._core, adder, reference(), name, connection, connection_type)
                return connection

            instead = f'register_connection("controller:{controller_name}", …)'
            adoption.give(self._core, controller_instance, "add_connection", add_connection, instead)
        return controller_instance

    def setup_player_management(
        self, service: object, on_player_added: Callback, on_player_removing: Callback | None = None
    ) -> dict[str, ConnectionLike]:
        """Has a service hear of players that come and, if it likes, go; it hears at once of those who are here.

        Returns the connections by the names they are registered by. A second call replaces the first.

        Example::

            utils.setup_player_management(lobby, lobby.on_player_added, lobby.on_player_removing)
        """
        caller = Caller("setup_player_management", sys._getframe(1))
        if not callable(on_player_added):
            caller.refuse("on_player_added takes a function")
        callbacks = {"PlayerAdded": on_player_added, "PlayerRemoving": on_player_removing}
        plan: list[_Planned] = []
        for event, callback in callbacks.items():
            if callback is not None:
                signal = self._connector.player_signal(caller, event)
                plan.append((signal, callback, event, f"Players.{event}", PLAIN))
        made = self._connect_all(caller, service, plan)
        for player in self._core.host.all_players():
            self._call(on_player_added, player)
        return made

    def setup_character_management(
        self,
        service: object,
        player: object,
        on_character_added: Callback,
        on_character_removing: Callback | None = None,
    ) -> dict[str, ConnectionLike]:
        """Has a service hear of a player's characters; of the present one at once. It ends when the player
        leaves, or with a wrapped service's stop.

        The player owns the connections; they count under the service. Returns them by name. A second call for
        the same player replaces the first.

        Example::

            utils.setup_character_management(combat, player, combat.on_character_added)
        """
        caller = Caller("setup_character_management", sys._getframe(1))
        if not callable(on_character_added):
            caller.refuse("on_character_added takes a function")
        core = self._core
        number = registration.owner_number(core, caller, service)
        name = core.owners.table[number].name
        core.owners.release(number)
        plan: list[_Planned] = []
        for event, callback in zip(adoption.CHARACTER_EVENTS, (on_character_added, on_character_removing), strict=True):
            if callback is None:
                continue
            try:
                signal = core.host.character_signal(player, event)
            except LookupError:
                caller.refuse(f"the player has no event {event}")
            plan.append((signal, callback, f"{name}.{event}", f"Player.{event}", Terms(service=name)))
        made = self._connect_all(caller, player, plan)
        character = core.host.character(player)
        if character is not None:
            self._call(on_character_added, character)
        return made

    def setup_remote_events(
        self, service: object, remote_events: Mapping[str, tuple[object, Callback]]
    ) -> dict[str, ConnectionLike]:
        """Connects remote events, given as name: (event, callback). All are checked first: one that is none, or
        a remote function, and nothing is connected (RefusedCall). Returns the connections by name.

        Example::

            utils.setup_remote_events(combat, {"Attack": (remotes.attack, combat.on_attack)})
        """
        caller = Caller("setup_remote_events", sys._getframe(1))
        if not isinstance(remote_events, Mapping) or not all(_is_pair(entry) for entry in remote_events.values()):
            caller.refuse("remote_events takes {name: (remote event, callback)}")
        definitions: list[RemoteEventDefinition] = [
            {"event": event, "callback": callback, "name": name} for name, (event, callback) in remote_events.items()
        ]
        return self._setup_remotes(caller, service, definitions)

    def setup_remote_events_batch(
        self, service: object, event_definitions: Iterable[RemoteEventDefinition]
    ) -> dict[str, ConnectionLike]:
        """setup_remote_events from definitions, each {"event", "callback"} and, if wanted, "name" and
        "essential".

        Example::

            utils.setup_remote_events_batch(shop, [{"event": remotes.buy, "callback": shop.on_buy, "name": "Buy"}])
        """
        caller = Caller("setup_remote_events_batch", sys._getframe(1))
        definitions = list(event_definitions) if isinstance(event_definitions, Iterable) else [None]
        if not all(isinstance(entry, Mapping) and {"event", "callback"} <= entry.keys() for entry in definitions):
            caller.refuse('event_definitions takes a list of {"event": …, "callback": …}')
        return self._setup_remotes(caller, service, definitions)

    def setup_heartbeat(
        self,
        service: object,
        callback: Callable[[float], Any],
        interval: float,
        max_execution_time: float | None = None,
    ) -> tuple[ConnectionLike, str]:
        """Calls `callback(elapsed)` every `interval` seconds, without drift. Returns the connection and its
        name.

        One that takes longer than `max_execution_time` seconds three times in a row is stopped, and that is
        reported.

        Example::

            utils.setup_heartbeat(spawner, spawner.spawn, interval=2.5, max_execution_time=0.01)
        """
        caller = Caller("setup_heartbeat", sys._getframe(1))
        if max_execution_time is None or not callable(callback):
            made = self._connector.heartbeat(caller, callback, interval, service)
            return made.connection, made.name
        if not is_seconds(max_execution_time) or max_execution_time == 0:
            caller.refuse("max_execution_time takes seconds above 0")

        def stop(seconds: float) -> None:
            self._manager.core.problem(
                f"the heartbeat callback {name} took {seconds:.3g} s, more than its {max_execution_time:g} s "
                f"{STRIKES} times in a row, and was stopped; make it shorter or raise max_execution_time"
            )
            connection.disconnect()
            registry = self._core.registry
            slot = registry.by_name[owner].get(name)
            if slot is not None and registry.connections[slot] is connection:
                cleanup.close(self._core, slot)

        limited = LimitedCallback(callback, max_execution_time, self._core.host.clock, stop)
        made = self._connector.heartbeat(caller, limited, interval, service)
        connection, owner, name = made.connection, made.owner, made.name
        return connection, name

    def connect_batch(
        self, service: object, signal_callback_pairs: Iterable[Sequence[Any]]
    ) -> dict[str, ConnectionLike]:
        """Connects many signals: each entry (signal, callback), and if wanted a name and a type. Returns them
        by name.

        All are checked first; if one is of no use, or its signal fails, none is connected.

        Example::

            utils.connect_batch(round, [(round.started, on_started), (round.ended, on_ended, "Ended", "Round.Ended")])
        """
        caller = Caller("connect_batch", sys._getframe(1))
        entries = list(signal_callback_pairs) if isinstance(signal_callback_pairs, Iterable) else [None]
        if not all(isinstance(entry, Sequence) and 2 <= len(entry) <= 4 for entry in entries):
            caller.refuse("signal_callback_pairs takes a list of (signal, callback[, name[, type]])")
        plan: list[_Planned] = []
        for signal, callback, *rest in entries:
            name = rest[0] if rest else None
            plan.append((signal, callback, name, rest[1] if len(rest) == 2 else "Custom", PLAIN))
        return self._connect_all(caller, service, plan)

    def _setup_remotes(
        self, caller: Caller, service: object, definitions: list[RemoteEventDefinition]
    ) -> dict[str, ConnectionLike]:
        plan: list[_Planned] = []
        for definition in definitions:
            signal, kind = self._connector.remote_signal(caller, definition["event"])
            terms = Terms(essential=definition.get("essential", False))
            plan.append((signal, definition["callback"], definition.get("name"), kind, terms))
        return self._connect_all(caller, service, plan)

    def _connect_all(self, caller: Caller, owner: object, plan: list[_Planned]) -> dict[str, ConnectionLike]:
        """Connects everything or nothing."""
        names = [name for _, _, name, _, _ in plan if name is not None]
        if len(set(names)) < len(names):
            caller.refuse("the same name stands there twice; each connection needs its own")
        for signal, callback, name, kind, _ in plan:
            registration.check_names(caller, "-" if name is None else name, kind, None)
            registration.check_signal(caller, signal, callback)
        made: dict[str, ConnectionLike] = {}
        try:
            for signal, callback, name, kind, terms in plan:
                one = self._connector.connect(caller, signal, callback, owner, kind, name=name, terms=terms)
                made[one.name] = one.connection
        except BaseException:
            for name in made:
                self._manager.unregister_connection(owner, name)
            raise
        return made

    def _call(self, callback: Callback, argument: object) -> None:
        """One callback's error stops no other, just as if its signal had fired."""
        try:
            callback(argument)
        except Exception as error:  # the others must be called all the same
            self._core.log(f"a callback failed: {error!r}")


def _is_pair(entry: object) -> bool:
    return isinstance(entry, Sequence) and not isinstance(entry, str) and len(entry) == 2
