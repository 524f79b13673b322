"""Agents that keep to the protocol, sockets that do not, and processes that are killed between two statements."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection

from connmon.wire import v1
from tests.cleanup.web import Web


class Agent:
    """A game server that keeps to the protocol: an id once, only what is the same, outcomes until they arrive."""

    def __init__(self, key: int) -> None:
        self.key = key
        self.live: dict[int, float] = {}
        self.essential: set[int] = set()
        self.executed: Counter[str] = Counter()
        self.closed: Counter[int] = Counter()
        self.outcomes: list[dict[str, Any]] = []

    def execute(self, order: v1.Order) -> None:
        if order.id in self.executed:
            return
        self.executed[order.id] += 1
        lists: dict[str, list[int]] = {"closed": [], "gone": [], "changed": []}
        for number, opened_at in order.connections:
            if number not in self.live:
                lists["gone"].append(number)
            elif self.live[number] != opened_at:
                lists["changed"].append(number)
            else:
                del self.live[number]
                self.closed[number] += 1
                lists["closed"].append(number)
        self.outcomes.append({"order_id": order.id, "status": "done", **lists})


class Line:
    """An agent's socket to a web process, which may lose what is sent, and may say so."""

    def __init__(self, agent: Agent, web: Web) -> None:
        self.agent = agent
        self.web = web
        self.fate = "well"
        web.desk.attach(agent.key, self.push)

    async def push(self, orders: list[v1.Order]) -> None:
        if self.fate == "breaks":
            raise RuntimeError("the socket is gone")
        for order in orders if self.fate == "well" else []:
            self.agent.execute(order)

    def hang_up(self) -> None:
        self.web.desk.detach(self.agent.key, self.push)


class Died(BaseException):
    """A process was killed."""


@contextmanager
def dying_at(statement: int) -> Iterator[None]:
    """Whoever works inside is killed before its `statement`th statement: what it had not committed is undone."""
    left = statement

    def count(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
        nonlocal left
        left -= 1
        if left < 0:
            raise Died
        return execute(sql, params, many, context)

    try:
        with connection.execute_wrapper(count):
            yield
    except Died:
        pass
