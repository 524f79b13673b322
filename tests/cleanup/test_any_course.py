"""An order's life under any course of events: processes that die between any two statements, answers and sockets that
are lost, outcomes told twice, servers that end, people who change their minds.

Whatever happens, the agent closes only what was ordered and still is the same, each once; nothing is lost; what was
stopped in time never goes out; and in the end every order says what became of each of its connections.
"""

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from connmon.accounts.actions import create_game_without_members
from connmon.cleanup import steps
from connmon.cleanup.actions import abort_plan, declare_emergency, execute_plan, make_plan, once, undo_plan
from connmon.cleanup.desk import AGAIN_AFTER
from connmon.cleanup.models import Order, Plan
from connmon.cleanup.queries import order_outcomes
from connmon.cleanup.scope import EVERYTHING
from connmon.core.errors import DomainError
from connmon.registry.models import Connection, GameServer, OrderOutcome, ServerState, Service
from tests.cleanup.faults import Agent, Line, dying_at
from tests.cleanup.steering import BY
from tests.cleanup.web import Web
from tests.conftest import NOW

SERVERS = 3
WEBS = 2
LISTS = ("service_ids", "live", "opened", "closed", "idle", "orphaned", "stale", "pool_types", "pool_size",
         "pool_in_use", "pool_hits", "pool_misses")  # fmt: skip
OPEN = {"waiting", "pending", "sent"}


class Life(RuleBasedStateMachine):
    """A game with a few servers."""

    def __init__(self) -> None:
        super().__init__()
        self.now = NOW
        self.game = create_game_without_members(name="Any", now=NOW)
        self.service = Service.objects.create(game=self.game, name="S", first_seen_at=NOW)
        self.next_id = 1
        self.agents = [self._start(f"s-{number}") for number in range(SERVERS)]
        self.changed: set[tuple[int, int]] = set()  # not the connections that were ordered any more
        self.dead: list[Agent] = []
        self.webs = [Web(self._clock) for _ in range(WEBS)]
        self.lines: dict[int, Line] = {}

    def _clock(self) -> datetime:
        return self.now

    def _start(self, name: str) -> Agent:
        agent = Agent(self.game.pk * 1_000_000 + self.next_id)  # in order, so that a course can be taken again
        GameServer.objects.create(
            id=agent.key, game=self.game, name=name, boot=str(self.next_id), agent="t", first_seen_at=NOW
        )
        ServerState.objects.create(
            server_id=agent.key, game_id=self.game.pk, last_seq=1, last_digest=1, snapshot=1, snapshot_part=0,
            synced=True, received_at=self.now, due_at=NOW + timedelta(days=900), clock_skew=0,
            players=3, config_revision=0, dropped=0, **{name: [] for name in LISTS},
        )  # fmt: skip
        self._open(agent, essential=True)
        for _ in range(3):
            self._open(agent)
        return agent

    def _open(self, agent: Agent, *, essential: bool = False) -> None:
        number, self.next_id = self.next_id, self.next_id + 1
        agent.live[number] = NOW.timestamp() + number / 3
        if essential:
            agent.essential.add(number)
        Connection.objects.create(
            server_id=agent.key, service_id=self.service.pk, connection_id=number, opened_at=agent.live[number],
            state=0, owner_kind=2, snapshot=1, essential=essential, owner="player:1", name="n",
            type="Custom", site="x:1",
        )  # fmt: skip

    def _plans(self, *states: str) -> list[Plan]:
        return list(Plan.objects.filter(game=self.game, state__in=states).order_by("id"))

    def _orders(self) -> list[Order]:
        return list(Order.objects.filter(plan__game=self.game))

    agent_numbers = st.integers(0, SERVERS - 1)
    web_numbers = st.integers(0, WEBS - 1)
    statements = st.integers(0, 30)  # more than any of these acts has

    @initialize(canary=st.booleans())
    def something_runs(self, canary: bool) -> None:
        self.plan(canary, dies_at=99)
        self.execute(0, dies_at=99)
        for _ in range(2):
            steps.step(now=self.now)

    @precondition(lambda self: len(self._plans("planned")) < 2)
    @rule(canary=st.booleans(), dies_at=statements)
    def plan(self, canary: bool, dies_at: int) -> None:
        with dying_at(dies_at):
            make_plan(self.game, EVERYTHING, reason="x", by=BY, now=self.now, canary=canary, servers_per_second=2)

    @precondition(lambda self: self._plans("planned"))
    @rule(hold=st.sampled_from([0, 0, 10]), dies_at=statements)
    def execute(self, hold: int, dies_at: int) -> None:
        for made in self._plans("planned")[:1]:
            self._try(execute_plan, made, dies_at, hold=timedelta(seconds=hold))

    @rule(key=st.sampled_from(["a", "b"]), dies_at=statements)
    def declare_an_emergency_until_it_is_answered(self, key: str, dies_at: int) -> None:
        """The web process dies under way; ops ask again with the same Idempotency-Key."""
        with dying_at(dies_at):
            self._declare(key)
        assert self._declare(key) == self._declare(key)
        assert Plan.objects.filter(game=self.game, origin="emergency", reason=key).count() == 1

    def _declare(self, key: str) -> int:
        def act() -> Plan:
            return declare_emergency(self.game, reason=key, by=BY, now=self.now, hold=timedelta(0))

        return once(self.game, key=key, asked={"reason": key}, now=self.now, act=act).pk

    @precondition(lambda self: self._plans("held", "running"))
    @rule(dies_at=statements)
    def somebody_changes_their_mind(self, dies_at: int) -> None:
        for made in self._plans("held", "running")[:1]:
            self._try(undo_plan if made.state == "held" else abort_plan, made, dies_at)

    def _try(self, act: Any, made: Plan, dies_at: int, **more: Any) -> None:
        try:
            with dying_at(dies_at):
                act(self.game, made.pk, by=BY, now=self.now, **more)
        except DomainError:
            assert act is not execute_plan or made.next_at <= self.now

    @rule(seconds=st.sampled_from([0, 0.5, 1, 2, 11, AGAIN_AFTER + 1, 100]), dies_at=statements)
    def a_worker_takes_a_step(self, seconds: float, dies_at: int) -> None:
        self.now += timedelta(seconds=seconds)
        with dying_at(dies_at):
            steps.step(now=self.now)

    @rule(number=agent_numbers, web=web_numbers, clean=st.booleans())
    def agent_connects(self, number: int, web: int, clean: bool) -> None:
        """`clean`: the web process hears of the end of the socket before."""
        agent = self.agents[number]
        before = self.lines.get(agent.key)
        if before:
            before.fate = "silent"
            if clean:
                before.hang_up()
        self.lines[agent.key] = Line(agent, self.webs[web])

    @precondition(lambda self: self.lines)
    @rule(number=agent_numbers, fate=st.sampled_from(["well", "silent", "breaks"]))
    def a_socket_changes_its_fate(self, number: int, fate: str) -> None:
        line = self.lines.get(self.agents[number].key)
        if line:
            line.fate = fate

    @rule()
    def a_second_goes_well(self) -> None:
        self.now += timedelta(seconds=1)
        while steps.step(now=self.now):
            pass
        for web in self.webs:
            web.push_all()
        for number, agent in enumerate(self.agents):
            if agent.key not in self.lines:
                self.agent_fetches(number, 0, lost=False, again=False)
            self.agent_reports(number, lost=False, twice=False)

    @rule(web=web_numbers)
    def a_web_process_looks_for_orders(self, web: int) -> None:
        self.webs[web].push_all()

    @rule(web=web_numbers)
    def a_web_process_dies(self, web: int) -> None:
        """With its sockets, and with all that it knew."""
        self.webs[web].die()
        self.lines = {key: line for key, line in self.lines.items() if line.web is not self.webs[web]}
        self.webs[web] = Web(self._clock)

    @rule(web=web_numbers)
    def the_database_drops_a_web_process(self, web: int) -> None:
        self.webs[web].lose_its_connections()

    @rule(number=agent_numbers, web=web_numbers, lost=st.booleans(), again=st.booleans())
    def agent_fetches(self, number: int, web: int, lost: bool, again: bool) -> None:
        """`lost`: the web process dies after its commit, before the answer is out."""
        agent = self.agents[number]
        for order in self.webs[web].fetch(agent.key, again=again):
            if not lost:
                agent.execute(order)

    @precondition(lambda self: any(agent.outcomes for agent in self.agents))
    @rule(number=agent_numbers, lost=st.booleans(), twice=st.booleans())
    def agent_reports(self, number: int, lost: bool, twice: bool) -> None:
        """`lost`: the answer to the report is, so the agent tells everything once more later."""
        agent = self.agents[number]
        for _ in range(1 + twice):
            for outcome in agent.outcomes:
                OrderOutcome.objects.create(
                    server_id=agent.key, game=self.game, detail="", received_at=self.now, **outcome
                )
        if not lost:
            agent.outcomes = []

    @rule(number=agent_numbers, other=agent_numbers)
    def somebody_tells_another_servers_outcome(self, number: int, other: int) -> None:
        if number != other:
            for order in Order.objects.filter(plan__game=self.game, server_id=self.agents[other].key)[:1]:
                OrderOutcome.objects.create(
                    server_id=self.agents[number].key, game=self.game, order_id=order.pk, status="done", detail="",
                    closed=order.connection_ids, gone=[], changed=[], received_at=self.now,
                )  # fmt: skip

    @rule(number=agent_numbers)
    def a_connection_becomes_another_one(self, number: int) -> None:
        agent = self.agents[number]
        for connection_id in list(agent.live)[:1]:
            agent.live[connection_id] += 0.25
            self.changed.add((agent.key, connection_id))

    @rule(number=agent_numbers)
    def server_dies(self, number: int) -> None:
        agent = self.agents[number]
        GameServer.objects.filter(pk=agent.key).update(ended_at=self.now)
        Connection.objects.filter(server_id=agent.key).delete()
        line = self.lines.pop(agent.key, None)
        if line:
            line.hang_up()
        self.dead.append(agent)
        self.agents[number] = self._start(f"s-{number}")

    @invariant()
    def no_order_is_executed_twice_and_no_connection_closed_twice(self) -> None:
        for agent in self.agents + self.dead:
            assert all(count == 1 for count in (*agent.executed.values(), *agent.closed.values()))

    @invariant()
    def nothing_essential_or_changed_is_closed(self) -> None:
        for agent in self.agents + self.dead:
            assert agent.essential <= agent.live.keys()
            assert not {number for key, number in self.changed if key == agent.key} & agent.closed.keys()

    @invariant()
    def what_was_not_executed_sent_nothing(self) -> None:
        quiet = Plan.objects.filter(game=self.game, state__in=["planned", "held", "undone", "expired"])
        assert not Order.objects.filter(plan__in=quiet).exists()

    def teardown(self) -> None:
        """Everything comes to its end, and the end accounts for every connection."""
        try:
            self._come_to_an_end()
        finally:
            for web in self.webs:
                web.die()
        assert not self._plans("planned", "held", "running", "watching")
        for made in self._plans("aborted", "expired", "undone"):
            assert made.detail
        for order in self._orders():
            self._order_is_explained(order)
        self._nothing_was_lost()
        self.no_order_is_executed_twice_and_no_connection_closed_twice()
        self.nothing_essential_or_changed_is_closed()

    def _come_to_an_end(self) -> None:
        for line in self.lines.values():
            line.hang_up()
        for _ in range(3):
            for number in range(SERVERS):
                for again in (True, False, False):
                    self.agent_fetches(number, 0, lost=False, again=again)
                self.agent_reports(number, lost=False, twice=False)
            self.now += timedelta(seconds=310)
            while steps.step(now=self.now):
                self.now += timedelta(seconds=1)
        self.now += timedelta(hours=1)
        while steps.step(now=self.now):
            self.now += timedelta(seconds=60)

    def _order_is_explained(self, order: Order) -> None:
        assert order.state not in OPEN
        assert order.detail or order.state in {"done", "refused", "cancelled"}
        outcomes = {one["id"]: one["outcome"] for one in order_outcomes(order)}
        assert set(outcomes) == set(order.connection_ids)
        assert "open" not in outcomes.values()
        (agent,) = (agent for agent in self.agents + self.dead if agent.key == order.server_id)
        assert order.state != "cancelled" or order.id not in agent.executed
        assert not order.detail.startswith("The server ended") or agent in self.dead
        assert not order.detail.startswith("Its server never fetched") or order.id not in agent.executed
        for number, outcome in outcomes.items():
            if outcome == "closed":
                assert agent.closed[number] == 1

    def _nothing_was_lost(self) -> None:
        """What a living agent closed is known as closed."""
        known = {(o.server_id, number) for o in self._orders() for number in o.closed}
        for agent in self.agents:
            assert {(agent.key, number) for number in agent.closed} <= known


@pytest.mark.usefixtures("transactional_db")
def test_an_order_holds_what_it_promises_under_any_course_of_events(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connmon.cleanup.steps.CHUNK", 1)  # each server has three orders,
    monkeypatch.setattr("connmon.cleanup.desk.AT_ONCE", 2)  # which is more than go out at once
    run_state_machine_as_test(
        Life,
        settings=settings(
            max_examples=16, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
