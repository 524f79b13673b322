"""An order's life under any course of events: lost answers, repeated outcomes, crashes, deaths, changes of mind.

Whatever happens, the agent closes only what was ordered and still is the same, each once; nothing is lost; and in the
end every order says what became of each of its connections.
"""

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from connmon.accounts.actions import create_game_without_members
from connmon.cleanup import statements as sql
from connmon.cleanup import steps
from connmon.cleanup.actions import abort_plan, execute_plan, make_plan, undo_plan
from connmon.cleanup.desk import AGAIN_AFTER, AT_ONCE
from connmon.cleanup.models import Order, Plan
from connmon.cleanup.queries import order_outcomes
from connmon.cleanup.scope import EVERYTHING
from connmon.core.errors import DomainError
from connmon.core.ids import server_key
from connmon.registry.models import Connection, GameServer, OrderOutcome, ServerState, Service
from tests.cleanup.steering import BY
from tests.conftest import NOW

SERVERS = 3
LISTS = ("service_ids", "live", "opened", "closed", "idle", "orphaned", "stale", "pool_types", "pool_size",
         "pool_in_use", "pool_hits", "pool_misses")  # fmt: skip
OPEN = {"waiting", "pending", "sent"}


class Agent:
    """A game server that keeps to the protocol: an id once, only what is the same, outcomes until they arrive."""

    def __init__(self, key: int) -> None:
        self.key = key
        self.live: dict[int, float] = {}
        self.essential: set[int] = set()
        self.executed: Counter[str] = Counter()
        self.closed: Counter[int] = Counter()
        self.outcomes: list[dict[str, Any]] = []

    def execute(self, order_id: str, ids: list[int], moments: list[float]) -> None:
        if order_id in self.executed:
            return
        self.executed[order_id] += 1
        lists: dict[str, list[int]] = {"closed": [], "gone": [], "changed": []}
        for number, opened_at in zip(ids, moments, strict=True):
            if number not in self.live:
                lists["gone"].append(number)
            elif self.live[number] != opened_at:
                lists["changed"].append(number)
            else:
                del self.live[number]
                self.closed[number] += 1
                lists["closed"].append(number)
        self.outcomes.append({"order_id": order_id, "status": "done", **lists})


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

    def _start(self, name: str) -> Agent:
        agent = Agent(server_key(self.game.pk, name, str(self.next_id)))
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

    @rule(canary=st.booleans())
    def plan(self, canary: bool) -> None:
        make_plan(self.game, EVERYTHING, reason="x", by=BY, now=self.now, canary=canary, servers_per_second=1)

    @rule(hold=st.sampled_from([0, 10]))
    def execute(self, hold: int) -> None:
        for made in self._plans("planned")[:1]:
            self._try(execute_plan, made, hold=timedelta(seconds=hold))

    @rule()
    def undo(self) -> None:
        for made in self._plans("held", "running")[:1]:
            self._try(undo_plan, made)

    @rule()
    def abort(self) -> None:
        for made in self._plans("held", "running")[:1]:
            self._try(abort_plan, made)

    def _try(self, act: Any, made: Plan, **more: Any) -> None:
        try:
            act(self.game, made.pk, by=BY, now=self.now, **more)
        except DomainError:
            assert act is not execute_plan or made.next_at <= self.now

    @rule(seconds=st.sampled_from([0.5, 1, 2, 11, AGAIN_AFTER + 1, 100]))
    def time_passes(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        steps.step(now=self.now)

    @rule()
    def worker_dies_before_its_commit(self) -> None:
        before = list(Order.objects.filter(plan__game=self.game).order_by("id").values())
        with transaction.atomic():
            steps.step(now=self.now)
            transaction.set_rollback(True)
        assert list(Order.objects.filter(plan__game=self.game).order_by("id").values()) == before

    @rule(number=agent_numbers, lost=st.booleans(), again=st.booleans())
    def agent_fetches(self, number: int, lost: bool, again: bool) -> None:
        """`lost`: the web process dies after its commit, before the answer is out."""
        agent = self.agents[number]
        values: dict[str, Any] = {
            "now": self.now,
            "servers": [agent.key],
            "again": again,
            "again_after": AGAIN_AFTER,
            "most": AT_ONCE,
        }
        with connection.cursor() as cursor:
            cursor.execute(sql.CLAIM, values)
            claimed = cursor.fetchall()
        for server_id, order_id, ids, moments in claimed:
            assert server_id == agent.key
            if not lost:
                agent.execute(order_id, ids, moments)

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
        GameServer.objects.filter(pk=self.agents[number].key).update(ended_at=self.now)
        Connection.objects.filter(server_id=self.agents[number].key).delete()
        self.agents[number] = self._start(f"s-{number}")

    @invariant()
    def no_order_is_executed_twice_and_no_connection_closed_twice(self) -> None:
        for agent in self.agents:
            assert all(count == 1 for count in (*agent.executed.values(), *agent.closed.values()))

    @invariant()
    def nothing_essential_or_changed_is_closed(self) -> None:
        for agent in self.agents:
            assert agent.essential <= agent.live.keys()
            assert not {number for key, number in self.changed if key == agent.key} & agent.closed.keys()

    @invariant()
    def what_was_not_executed_sent_nothing(self) -> None:
        quiet = Plan.objects.filter(game=self.game, state__in=["planned", "held", "undone", "expired"])
        assert not Order.objects.filter(plan__in=quiet).exists()

    def teardown(self) -> None:
        """Everything comes to its end, and the end accounts for every connection."""
        for _ in range(3):
            for number, agent in enumerate(self.agents):
                self.agent_fetches(number, False, True)
                if agent.outcomes:
                    self.agent_reports(number, False, False)
            self.now += timedelta(seconds=310)
            while steps.step(now=self.now):
                self.now += timedelta(seconds=1)
        self.now += timedelta(hours=1)
        while steps.step(now=self.now):
            self.now += timedelta(seconds=60)
        assert not self._plans("planned", "held", "running", "watching")
        told_by = {agent.key: agent.closed for agent in self.agents}
        for order in self._orders():
            assert order.state not in OPEN
            outcomes = {one["id"]: one["outcome"] for one in order_outcomes(order)}
            assert set(outcomes) == set(order.connection_ids)
            assert "open" not in outcomes.values()
            for number, outcome in outcomes.items():
                if order.server_id in told_by and outcome == "closed":
                    assert told_by[order.server_id][number] == 1
        self._nothing_was_lost()
        self.no_order_is_executed_twice_and_no_connection_closed_twice()
        self.nothing_essential_or_changed_is_closed()

    def _nothing_was_lost(self) -> None:
        """What a living agent closed is known as closed."""
        known = {(o.server_id, number) for o in self._orders() for number in o.closed}
        for agent in self.agents:
            assert {(agent.key, number) for number in agent.closed} <= known


@pytest.mark.usefixtures("transactional_db")
def test_an_order_holds_what_it_promises_under_any_course_of_events() -> None:
    run_state_machine_as_test(
        Life,
        settings=settings(
            max_examples=12, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
