"""A transport of asyncio for a server that has no loop: it gets one of its own, in a background thread."""

import asyncio
import threading
from collections.abc import Callable

from connmon_agent.transports import Request, Transport


class BackgroundTransport:
    """Runs `transport` on a loop in a daemon thread, which starts with the first report.

    Example::

        transport = BackgroundTransport(AsyncHttpTransport("https://connmon.example.com", key))
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self.inbox = transport.inbox
        self._loop: asyncio.AbstractEventLoop | None = None

    def send(self, request: Request) -> None:
        """Starts an attempt."""
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            threading.Thread(target=_run, args=(self._loop,), name="connmon-agent", daemon=True).start()
        self._call(lambda: self._transport.send(request))

    def close(self) -> None:
        """Ends whatever is under way, and the thread."""
        loop, self._loop = self._loop, None
        if loop is not None:
            loop.call_soon_threadsafe(self._transport.close)
            loop.call_soon_threadsafe(loop.stop)

    def _call(self, work: Callable[[], object]) -> None:
        assert self._loop is not None
        self._loop.call_soon_threadsafe(work)


def _run(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
        loop.run_until_complete(_end(asyncio.all_tasks(loop)))
    finally:
        loop.close()


async def _end(tasks: "set[asyncio.Task[object]]") -> None:
    """Lets tasks that are being cancelled come to their end, and sockets be closed."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.sleep(0)
