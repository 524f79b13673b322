"""Runs the scenarios of agents/conformance, whose README says what each step means, against the Luau agent."""

import json
from pathlib import Path
from typing import Any, Final, Literal

import pytest

from connmon.wire import codec, v1
from luauvm import VM, LuauError, VMOptions
from tests.agents.python.comparison import matches, report_matches
from tests.luau.backend import Backend, Canned
from tests.luau.conftest import AGENT, SOURCE

Step = dict[str, Any]
COUNTERS: Final = {"live": "Live", "opened": "Opened", "closed": "Closed", "idle": "Idle", "orphaned": "Orphaned"} | {
    "stale": "Stale"
}
POOL_COUNTERS: Final = {"size": "Size", "in_use": "InUse", "hits": "Hits", "misses": "Misses"}
CALLBACK: Final = {"steps", "raises", "takes"}
PATIENCE: Final = 120.0  # seconds of the server's time until a report must come
STEP: Final = 0.5
FLUSH: Final = 10.0  # seconds in which a server that ends has said all
FIRE: Final = """
    local control = ...
    control.env.shared.fire = control.instances.fire
"""
WORLD: Final = Path(__file__).with_suffix(".luau")


class World:
    """One scenario's server."""

    def __init__(self, scenario: Step, signals: Literal["Immediate", "Deferred"]) -> None:
        self.vm = VM(VMOptions(signals=signals))
        self.vm.mount(SOURCE, AGENT)
        self.vm.extend(FIRE)
        self.vm.add_script("ServerScriptService.World", f"return function(...) {WORLD.read_text()}\nend")
        make = self.vm.require("ServerScriptService.World")
        self.vm.run(
            "local make, described = ... shared.world = make(shared.fire) shared.world.described = described",
            make,
            scenario.get("callbacks", {}),
        )
        assert all(described.keys() <= CALLBACK for described in scenario.get("callbacks", {}).values())
        self.backend = Backend()
        self.backend.interval = 10
        self.last: v1.Report | None = None

    def run(self, step: Step) -> None:
        """Does one step and checks what it says."""
        step = dict(step)
        wanted, returns, refused = step.pop("expect", {}), step.pop("returns", ...), step.pop("refused", False)
        if "do" in step:
            own = getattr(self, f"do_{step['do']}", None)
            if own is not None:
                own(**{name: value for name, value in step.items() if name != "do"})
            elif refused:
                with pytest.raises(LuauError):
                    self.ask("run", step)
            else:
                result = self.ask("run", step)
                assert returns is ... or matches(result, returns), f"returned {result!r}"
        for name, value in wanted.items():
            getattr(self, f"expect_{name}")(value)
        assert not self.vm.run("return shared.world.failures")[0]

    def ask(self, function: str, *args: Any) -> Any:
        """Calls a function of scenario.luau."""
        results = self.vm.run(f"return shared.world.{function}(...)", *args)
        return results[0] if results else None

    # Steps that move time

    def do_tick(self, delta: float, times: int = 1) -> None:
        for _ in range(times):
            self.vm.frame(delta)

    def do_advance(self, seconds: float) -> None:
        for _ in range(round(seconds / STEP)):
            self.vm.advance(STEP, fps=2)
            self.backend.serve(self.vm)

    def do_report(
        self,
        sent: Step | None = None,
        answer: Step | None = None,
        status: int | None = None,
        retry_after: float | None = None,
        fails: bool = False,
    ) -> None:
        for _ in range(int(PATIENCE / STEP)):
            if self.vm.requests:
                break
            self.vm.advance(STEP, fps=2)
        else:
            pytest.fail(f"no report came within {PATIENCE} s")
        body = self.vm.requests[0].body
        report = codec.decode_report(body)
        again = bool(self.backend.bodies) and self.backend.bodies[-1] == body
        labels = {int(number): label for label, number in (self.ask("ids") or {}).items()}
        report_matches(report, sent or {}, labels, again=again, last=self.last)
        self.last = report
        if status is not None or fails:
            headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
            self.backend.canned.append(Canned(status or 0, headers=headers, fails=fails))
        self.backend.extra = self._written(answer or {})
        self.backend.serve(self.vm)

    def do_close(self, sent: Step | None = None) -> None:
        self.vm.close()
        before = len(self.backend.received)
        for _ in range(int(FLUSH / STEP)):
            self.backend.serve(self.vm)
            self.vm.advance(STEP, fps=2)
        reports = self.backend.received[before:]
        assert [report.closing for report in reports] == [False] * (len(reports) - 1) + [True]
        labels = {int(number): label for label, number in (self.ask("ids") or {}).items()}
        report_matches(reports[-1], sent or {}, labels, again=False, last=self.last)

    def _written(self, answer: Step) -> Step:
        orders = answer.get("orders")
        if not isinstance(orders, list):
            return answer
        return {**answer, "orders": [self._order(order) for order in orders]}

    def _order(self, order: Any) -> Any:
        if not isinstance(order, dict) or not isinstance(order.get("connections"), list):
            return order
        return {**order, "connections": [self._named(connection) for connection in order["connections"]]}

    def _named(self, connection: Any) -> list[Any]:
        if isinstance(connection, str):
            connection = {"connection": connection}
        if "id" in connection:
            return [connection["id"], connection["opened_at"]]
        event = self.backend.ever[int(self.ask("ids")[connection["connection"]])]
        return [event.id, event.at - connection.get("earlier", 0)]

    # What is expected

    def expect_connected(self, wanted: dict[str, bool]) -> None:
        assert {label: self.ask("connected", label) for label in wanted} == wanted

    def expect_services(self, wanted: dict[str, Any]) -> None:
        services = self.ask("stats")["Services"]
        for name, counters in wanted.items():
            found = {word: services[name][own] for word, own in COUNTERS.items()} if name in services else None
            if counters is None:
                assert found is None or found["live"] == 0, name
            else:
                assert matches(found, counters), f"{name} is {found}"

    def expect_types(self, wanted: dict[str, int]) -> None:
        types = self.ask("stats")["Types"]
        assert {kind: types.get(kind, 0) for kind in wanted} == wanted

    def expect_calls(self, wanted: dict[str, int]) -> None:
        calls = self.ask("calls") or {}
        assert {name: calls.get(name, 0) for name in wanted} == wanted

    def expect_raw(self, wanted: dict[str, int]) -> None:
        assert {name: self.ask("raw", name) for name in wanted} == wanted

    def expect_pools(self, wanted: dict[str, Any]) -> None:
        pools = self.ask("stats")["Pools"]
        for kind, counters in wanted.items():
            found = {word: pools[kind][own] for word, own in POOL_COUNTERS.items()} if kind in pools else None
            assert matches(found, counters), f"{kind} is {found}"

    def expect_backend(self, wanted: dict[str, str | None]) -> None:
        registry = list(self.backend.servers.values())[-1].registry
        events = {label: registry.get(int(self.ask("ids")[label])) for label in wanted}
        assert {label: event and event.state for label, event in events.items()} == wanted

    def expect_config(self, wanted: dict[str, Any]) -> None:
        for path, value in wanted.items():
            setting, _, service = path.partition("@")
            section, key = setting.split(".")
            assert self.ask("config", section, key, service or None) == value, path

    def expect_logged(self, wanted: bool) -> None:
        said = [text for level, text in self.vm.output if level == "warn"] + self.vm.errors
        assert bool(said) is wanted, said


def load(folder: Path) -> list[Any]:
    """Every scenario as a pytest parameter."""
    return [
        pytest.param(scenario, id=f"{path.stem}: {scenario['name']}")
        for path in sorted(folder.glob("*.json"))
        for scenario in json.loads(path.read_text())["scenarios"]
    ]
