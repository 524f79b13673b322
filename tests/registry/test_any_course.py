"""Whatever is lost on the way, a registry ends as its agent's: a model of an agent against the site over HTTP."""

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.machine import Json, Machine, changed, closed, opened

STATES = ("live", "idle", "stale", "orphaned")
names = (f"server-{number}" for number in count())


@dataclass
class Agent:
    """As docs/protocol.md wants it: a report carries what is new since the last acknowledged one."""

    machine: Machine
    part_size: int
    registry: dict[int, str] = field(default_factory=dict)
    sent_ids: set[int] = field(default_factory=set)  # whose opening was ever sent: they need an explicit close
    opened: list[int] = field(default_factory=list)
    closed: list[int] = field(default_factory=list)
    changed: dict[int, str] = field(default_factory=dict)
    snapshot: list[list[int]] = field(default_factory=list)  # parts that are still to be sent
    parts: int = 0
    last_id: int = 0
    waiting: Json | None = None  # sent, but not acknowledged: to be sent again as it is

    def open(self) -> None:
        self.last_id += 1
        self.registry[self.last_id] = "live"
        self.opened.append(self.last_id)

    def close(self, pick: int) -> None:
        if self.registry:
            number = sorted(self.registry)[pick % len(self.registry)]
            del self.registry[number]
            self.closed.append(number)

    def change(self, pick: int, state: str) -> None:
        if self.registry:
            number = sorted(self.registry)[pick % len(self.registry)]
            self.registry[number] = self.changed[number] = state

    def begin_snapshot(self) -> None:
        """All that is registered, in parts of `part_size`."""
        ids = sorted(self.registry)
        self.snapshot = [ids[at : at + self.part_size] for at in range(0, len(ids), self.part_size)] or [[]]
        self.parts = len(self.snapshot)

    def make_report(self) -> Json:
        part = None
        ids = list(self.opened)
        if self.snapshot:
            part = {"part": self.parts - len(self.snapshot) + 1, "of": self.parts}
            ids = sorted({*ids, *self.snapshot.pop(0)})
        alive = [number for number in ids if number in self.registry]
        gone = [number for number in self.closed if number in self.sent_ids or number in ids]
        report = self.machine.report(
            snapshot=part,
            opened=[opened(number, state=self.registry[number]) for number in alive],
            closed=[closed(number) for number in gone],
            changed=[changed(number, state) for number, state in self.changed.items() if number in self.registry],
        )
        self.sent_ids.update(alive)
        self.opened, self.closed, self.changed = [], [], {}
        return report

    def tick(self, fate: str) -> None:
        """One report with its fate: it arrives, it or its answer is lost, or the agent itself had to drop it."""
        report = self.waiting or self.make_report()
        self.waiting = report
        if fate == "dropped":
            self.waiting = None
            return
        if fate == "request lost":
            return
        answer = self.machine.site.post(report, key=self.machine.key)
        assert answer.status == 200, answer
        if fate == "answer lost":
            return
        self.waiting = None
        if answer.body["resync"]:
            self.begin_snapshot()


FATES = st.sampled_from(["arrives", "arrives", "arrives", "request lost", "answer lost", "dropped"])
EVENTS = st.one_of(
    st.tuples(st.just("open")),
    st.tuples(st.just("close"), st.integers(0, 9)),
    st.tuples(st.just("change"), st.integers(0, 9), st.sampled_from(STATES)),
)
TICKS = st.lists(st.tuples(st.lists(EVENTS, max_size=4), FATES), min_size=1, max_size=15)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(course=TICKS, part_size=st.integers(1, 4))
def test_the_registry_ends_as_the_agents_whatever_was_lost(
    make_server: Callable[..., Machine], course: list[tuple[list[tuple[str, ...]], str]], part_size: int
) -> None:
    agent = Agent(make_server(next(names)), part_size)
    agent.begin_snapshot()
    for events, fate in course:
        for name, *values in events:
            getattr(agent, name)(*values)
        agent.tick(fate)
    agent.tick("arrives")
    agent.tick("arrives")
    while agent.snapshot:
        agent.tick("arrives")
    rows = agent.machine.connections()
    assert {number: STATES[row.state] for number, row in rows.items()} == agent.registry
    assert agent.machine.state.synced
