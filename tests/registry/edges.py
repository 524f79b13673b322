"""Web processes' edges without a web server, so that a test can have several of them, or a broken one."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, TypeVar, cast

import httpx

from api.edges import Edges
from connmon.core.ids import NewKey
from tests.machine import REPORTS, Answer, Json, bearer, encode

T = TypeVar("T")

logging.getLogger("httpx").setLevel("WARNING")  # it tells of each request


class Process:
    """One web process's edge, spoken to over ASGI."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def post(self, report: Json, *, key: NewKey | str) -> Answer:
        """One report."""
        headers = {"authorization": bearer(key), "content-type": "application/json"}
        answer = await self._client.post(REPORTS, content=encode(report), headers=headers)
        return Answer(answer.status_code, dict(answer.headers), answer.json())

    async def post_until_taken(self, report: Json, *, key: NewKey | str) -> Answer:
        """One report, sent again for as long as it is answered with 503 (without the wait that is asked for)."""
        while (answer := await self.post(report, key=key)).status == 503:
            assert answer.headers["retry-after"].isdigit()
            await asyncio.sleep(0.02)
        return answer


@asynccontextmanager
async def _running(processes: list[Edges]) -> AsyncIterator[list[Process]]:
    async with AsyncExitStack() as stack:
        found = []
        for edges in processes:
            await edges.start()
            stack.push_async_callback(edges.stop)
            transport = httpx.ASGITransport(app=cast(Any, edges.reports))
            client = await stack.enter_async_context(httpx.AsyncClient(transport=transport, base_url="http://edge"))
            found.append(Process(client))
        yield found


def with_processes(count: int, work: Callable[..., Coroutine[Any, Any, T]]) -> T:
    """Runs `work` with that many processes on the test database; what it does is in an event loop of its own."""
    processes = [Edges() for _ in range(count)]  # before the loop: Django's connection is asked for the address

    async def run() -> T:
        async with asyncio.timeout(20), _running(processes) as running:
            return await work(*running)

    return asyncio.run(run())


async def until_connected(process: Process, report: Json, *, key: NewKey | str) -> None:
    """Sends a first report until the process has its database connections."""
    answer = await process.post_until_taken(report, key=key)
    assert answer.status == 200, answer
