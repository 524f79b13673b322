"""Runs the scenarios of agents/conformance, whose README says what each step means, against the Python agent."""

from collections import Counter
from collections.abc import Callable
from typing import Any, Final

import pytest

from connmon.wire import v1
from connmon_agent import RefusedCall, Signal
from tests.agents.python.backend import Canned
from tests.agents.python.comparison import matches, report_matches
from tests.agents.python.game import Entity, Game, Named, Player, Remote, RemoteFunction

Step = dict[str, Any]
OWN: Final = "connmon"  # the service of the agent's own connections


class Service:
    """A service as a game writes it."""


class Meddling:
    """A connection of the game's own that does more when it is disconnected."""

    def __init__(self, inner: Any, after: Callable[[], None]) -> None:
        self._inner = inner
        self._after = after

    @property
    def connected(self) -> bool:
        return bool(self._inner.connected)

    def disconnect(self) -> None:
        if self._inner.connected:
            self._inner.disconnect()
            self._after()


class World:
    """One scenario's server."""

    def __init__(self, scenario: Step) -> None:
        self.game = Game(interval=10)
        self.manager, self.utils = self.game.manager, self.game.utils
        self.described: dict[str, Step] = scenario.get("callbacks", {})
        self.calls: Counter[str] = Counter()
        self.signals: dict[str, Signal] = {"heartbeat": self.game.heartbeat}
        self.connections: dict[str, Any] = {}
        self.names: dict[str, str] = {}  # by label, of what registered under a name made up
        self.ids: dict[str, int] = {}  # by label
        self.players: dict[int, Player] = {}
        self.things: dict[str, Any] = {}  # objects, entities, remotes and services by label
        self.failures: list[str] = []
        self.last: v1.Report | None = None

    def run(self, step: Step) -> None:
        """Does one step and checks what it says."""
        step = dict(step)
        wanted, returns, refused = step.pop("expect", {}), step.pop("returns", ...), step.pop("refused", False)
        if "do" in step:
            do = getattr(self, f"do_{step.pop('do')}")
            if refused:
                with pytest.raises((RefusedCall, ValueError, KeyError, OSError)):
                    do(**step)
            else:
                result = do(**step)
                assert returns is ... or matches(result, returns), f"returned {result!r}"
        for name, value in wanted.items():
            getattr(self, f"expect_{name}")(value)
        assert self.failures == []

    def run_inside(self, steps: list[Step]) -> None:
        """Does steps inside a callback, where a signal would swallow what fails."""
        for step in steps:
            try:
                self.run(step)
            except AssertionError as failure:
                self.failures.append(f"{step}: {failure}")

    def callback(self, name: Any) -> Any:
        """A callback by name; what is no text is passed as it is."""
        if not isinstance(name, str):
            return name
        described = self.described.get(name, {})

        def called(*_: object) -> None:
            self.calls[name] += 1
            self.game.clock.time += described.get("takes", 0)
            self.run_inside(described.get("steps", []))
            if described.get("raises"):
                raise OSError(f"{name} raises")

        return called

    def owner(self, owner: Any) -> Any:
        """An owner as the scenario writes it."""
        if not isinstance(owner, dict):
            return owner
        if "player" in owner:
            return self.players[owner["player"]]
        if "object" in owner:
            return self.things.setdefault(owner["object"], Named(str(owner.get("named", owner["object"]))))
        if "entity" in owner:
            return self.things.setdefault(owner["entity"], Entity(str(owner.get("named", owner["entity"]))))
        return self.things[owner["service"]]

    def signal(self, name: str) -> Signal:
        """A signal of the game's own."""
        return self.signals.setdefault(name, self.game.signal())

    def remote(self, remote: Any) -> Any:
        """A remote event or function."""
        if isinstance(remote, dict):
            return self.things.setdefault(remote["function"], RemoteFunction())
        return self.things.setdefault(f"remote {remote}", Remote())

    def keep(self, label: str | None, made: tuple[Any, str]) -> None:
        """Remembers a connection and its name by the step's label."""
        if label is not None:
            self.connections[label], self.names[label] = made

    # Steps of the world

    def do_join(self, player: int) -> None:
        self.players[player] = self.game.join(player)

    def do_leave(self, player: int) -> None:
        self.game.players.leave(self.players[player])

    def do_spawn(self, player: int) -> None:
        self.players[player].character = Named("Character")
        self.players[player].character_added.fire(self.players[player].character)

    def do_despawn(self, player: int) -> None:
        character, self.players[player].character = self.players[player].character, None
        self.players[player].character_removing.fire(character)

    def do_connect_raw(
        self,
        signal: str,
        callback: str = "",
        on_disconnect: list[Step] | None = None,
        disconnect_raises: bool = False,
        **label: str,
    ) -> None:
        connection: Any = self.signal(signal).connect(self.callback(callback))

        def after() -> None:
            self.run_inside(on_disconnect or [])
            if disconnect_raises:
                raise OSError("disconnect raises")

        self.connections[label["as"]] = (
            Meddling(connection, after) if on_disconnect or disconnect_raises else connection
        )

    def do_disconnect_raw(self, connection: str) -> None:
        self.connections[connection].disconnect()

    def do_fire(self, signal: str, times: int = 1) -> None:
        for _ in range(times):
            self.signal(signal).fire()

    def do_fire_remote(self, remote: str, times: int = 1) -> None:
        for _ in range(times):
            self.remote(remote).on_server_event.fire()

    def do_destroy(self, entity: str) -> None:
        self.things[entity].destroying.fire()

    def do_make_service(self, stop: str = "", **label: str) -> None:
        name = label["as"]
        self.things[name] = service = Service()
        if stop != "none":
            self.described[f"{name}.stop"] = {"raises": stop == "raises"}
            setattr(service, "stop", self.callback(f"{name}.stop"))  # noqa: B010

    def do_stop(self, service: str) -> None:
        self.things[service].stop()

    def do_tick(self, delta: float, times: int = 1) -> None:
        self.game.tick(delta, times)

    def do_advance(self, seconds: float) -> None:
        self.game.pass_time(seconds)

    # Steps of the agent

    def do_register(self, owner: Any, name: Any, connection: str, type: str = "Custom", **terms: Any) -> None:
        self.ids[connection] = self.manager.register_connection(
            self.owner(owner), name, self.connections[connection], type, **terms
        )

    def do_unregister(self, owner: Any, name: Any) -> bool:
        known = self.names[name["of"]] if isinstance(name, dict) else name
        return self.manager.unregister_connection(self.owner(owner), known)

    def do_disconnect_all(self, owner: Any) -> int:
        return self.manager.disconnect_all_for_owner(self.owner(owner))

    def do_connect_player_event(self, event: str, callback: str, owner: Any, **label: str) -> None:
        made = self.manager.connect_player_event(event, self.callback(callback), self.owner(owner))
        self.keep(label.get("as"), made)

    def do_connect_remote_event(self, remote: Any, callback: str, owner: Any, **label: str) -> None:
        made = self.manager.connect_remote_event(self.remote(remote), self.callback(callback), self.owner(owner))
        self.keep(label.get("as"), made)

    def do_connect_heartbeat(self, callback: str, interval: Any, owner: Any, **label: str) -> None:
        self.keep(label.get("as"), self.manager.connect_heartbeat(self.callback(callback), interval, self.owner(owner)))

    def do_get_pooled(self, type: str, signal: str, callback: str, **label: str) -> None:
        made = self.manager.get_pooled_connection(type, self.signal(signal), self.callback(callback))
        self.connections[label["as"]] = made

    def do_return_pooled(self, type: str, connection: str) -> bool:
        return self.manager.return_connection_to_pool(type, self.connections.pop(connection))

    def do_emergency_cleanup(self, owner: Any = None, **scope: Any) -> Any:
        return self.manager.emergency_cleanup(owner=self.owner(owner), **scope)

    def do_cleanup_stale(self) -> int:
        return self.manager.cleanup_stale_connections()

    def do_connect(self, signal: str, callback: str, owner: Any, name: str, type: str = "Custom", **label: str) -> None:
        made = self.utils.connect(self.signal(signal), self.callback(callback), self.owner(owner), name, type)
        self.connections[label["as"]] = made

    def do_wrap_service(self, service: str, name: str) -> None:
        assert self.utils.wrap_service(self.things[service], name) is self.things[service]

    def do_cleanup_connections(self, service: str) -> Any:
        return self.things[service].cleanup_connections()

    def do_enhance_controller(self, service: str, name: str) -> None:
        assert self.utils.enhance_controller(self.things[service], name) is self.things[service]

    def do_add_connection(self, service: str, name: str, connection: str, type: str = "Custom") -> None:
        self.things[service].add_connection(name, self.connections[connection], type)

    def do_setup_player_management(self, service: Any, added: str, removing: str | None = None) -> None:
        self.utils.setup_player_management(self.owner(service), self.callback(added), self.callback(removing))

    def do_setup_character_management(self, service: Any, player: int, added: str, removing: str | None = None) -> None:
        callbacks = self.callback(added), self.callback(removing)
        self.utils.setup_character_management(self.owner(service), self.players[player], *callbacks)

    def do_setup_remote_events(self, service: Any, events: dict[str, Any]) -> None:
        known = {name: (self.remote(remote), self.callback(callback)) for name, (remote, callback) in events.items()}
        self.utils.setup_remote_events(self.owner(service), known)

    def do_setup_remote_events_batch(self, service: Any, events: list[Any]) -> None:
        known: Any = [
            {**entry, "event": self.remote(entry["event"]), "callback": self.callback(entry["callback"])}
            for entry in events
        ]
        self.utils.setup_remote_events_batch(self.owner(service), known)

    def do_setup_heartbeat(
        self, service: Any, callback: str, interval: Any, max_execution_time: Any = None, **label: str
    ) -> None:
        owner, called = self.owner(service), self.callback(callback)
        self.keep(label.get("as"), self.utils.setup_heartbeat(owner, called, interval, max_execution_time))

    def do_connect_batch(self, service: Any, pairs: list[list[str]]) -> None:
        known = [(self.signal(signal), self.callback(callback), *rest) for signal, callback, *rest in pairs]
        self.utils.connect_batch(self.owner(service), known)

    def do_set_config(self, section: str, key: str, value: Any, service: str | None = None) -> None:
        self.manager.configuration.set(section, key, value, service=service)

    def do_watch_config(self, callback: str) -> None:
        self.manager.configuration.on_changed(self.callback(callback))

    # Reporting

    def do_start(self) -> None:
        self.game.start()

    def do_report(
        self,
        sent: Step | None = None,
        answer: Step | None = None,
        status: int | None = None,
        retry_after: float | None = None,
        fails: bool = False,
    ) -> None:
        backend, transport = self.game.backend, self.game.transport
        assert self.game.agent is not None
        for _ in range(240):
            if transport.requests:
                break
            self.game.clock.time += 0.5
            self.game.agent.step()
        else:
            pytest.fail("no report came within 120 s")
        report = backend.peek(transport.requests[0].body)
        labels = {number: label for label, number in self.ids.items()}
        before = backend.bodies[-1] if backend.bodies else b""
        report_matches(report, sent or {}, labels, again=transport.requests[0].body == before, last=self.last)
        self.last = report
        if status is not None or fails:
            text = None if retry_after is None else str(retry_after)
            backend.canned.append(Canned(status or 0, retry_after=text, fails=fails))
        backend.extra = self.written(answer or {})
        backend.serve(transport)
        self.game.agent.step()

    def do_close(self, sent: Step | None = None) -> None:
        before = len(self.game.backend.received)
        assert self.game.close()
        reports = self.game.backend.received[before:]
        assert [report.closing for report in reports] == [False] * (len(reports) - 1) + [True]
        labels = {number: label for label, number in self.ids.items()}
        report_matches(reports[-1], sent or {}, labels, again=False, last=self.last)

    def written(self, answer: Step) -> Step:
        """An answer with the connections of its orders as the backend knows them."""
        orders = answer.get("orders")
        if not isinstance(orders, list):
            return answer
        return {**answer, "orders": [self.order(order) for order in orders]}

    def order(self, order: Any) -> Any:
        """One order."""
        if not isinstance(order, dict) or not isinstance(order.get("connections"), list):
            return order
        return {**order, "connections": [self.named(connection) for connection in order["connections"]]}

    def named(self, connection: Any) -> list[Any]:
        """[id, opened_at] of a connection in an order."""
        if isinstance(connection, str):
            connection = {"connection": connection}
        if "id" in connection:
            return [connection["id"], connection["opened_at"]]
        event = self.game.backend.ever[self.ids[connection["connection"]]]
        return [event.id, event.at - connection.get("earlier", 0)]

    # What is expected

    def expect_connected(self, wanted: dict[str, bool]) -> None:
        assert {label: self.connections[label].connected for label in wanted} == wanted

    def expect_services(self, wanted: dict[str, Any]) -> None:
        services = self.manager.get_connection_stats().services
        for name, counters in wanted.items():
            if counters is None:
                assert name not in services or services[name].live == 0, name
            else:
                assert matches(services.get(name), counters), f"{name} is {services.get(name)}"

    def expect_types(self, wanted: dict[str, int]) -> None:
        types = self.manager.get_connection_stats().types
        assert {kind: types.get(kind, 0) for kind in wanted} == wanted

    def expect_calls(self, wanted: dict[str, int]) -> None:
        assert {name: self.calls[name] for name in wanted} == wanted

    def expect_raw(self, wanted: dict[str, int]) -> None:
        assert {name: len(self.signal(name)) for name in wanted} == wanted

    def expect_pools(self, wanted: dict[str, Any]) -> None:
        pools = self.manager.get_connection_stats().pools
        for kind, counters in wanted.items():
            assert matches(pools.get(kind), counters), f"{kind} is {pools.get(kind)}"

    def expect_backend(self, wanted: dict[str, str | None]) -> None:
        registry = self.game.backend.known.registry
        events = {label: registry.get(self.ids[label]) for label in wanted}
        assert {label: event and event.state for label, event in events.items()} == wanted

    def expect_config(self, wanted: dict[str, Any]) -> None:
        for path, value in wanted.items():
            setting, _, service = path.partition("@")
            section, key = setting.split(".")
            assert self.manager.configuration.get(section, key, service or None) == value, path

    def expect_logged(self, wanted: bool) -> None:
        assert bool(self.game.log) is wanted, self.game.log
