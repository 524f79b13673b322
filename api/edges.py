"""What a web process keeps for its machine edges: connections, key ring, ingest, the publisher."""

from contextlib import AsyncExitStack

from django.conf import settings
from psycopg_pool import AsyncConnectionPool

from api.agent_socket import AgentSocket
from api.ingest import Receive, ReportEdge, Scope, Send
from connmon.accounts.keyring import KeyRing
from connmon.cleanup.desk import Desk
from connmon.configuration.book import ConfigurationBook
from connmon.core.database import conninfo
from connmon.live.publish import Publisher
from connmon.registry.ingest import Ingest, utc_now
from connmon.registry.pulse import Pulse
from connmon.registry.refusals import Refusals
from connmon.telemetry.profiles import TAKE as TAKE_PROFILES


class Edges:
    """Built once per process, started and stopped with it."""

    def __init__(self) -> None:
        # Opened in `start`: a pool wants the running loop. Small: only look-ups, orders and refusals use it.
        self._pool = AsyncConnectionPool(
            conninfo(), min_size=1, max_size=4, timeout=3, open=False, kwargs={"autocommit": True}
        )
        self._publisher = Publisher()
        self._ingest = Ingest(
            conninfo(),
            queue_limit=settings.INGEST_QUEUE,
            publish=self._publisher.publish,
            clock=utc_now,
            profiles=TAKE_PROFILES,
        )
        self._refusals = Refusals(self._pool, clock=utc_now)
        self._pulse = Pulse(self._pool, ill_at=lambda: self._ingest.ill_at, clock=utc_now)
        self._desk = Desk(conninfo(), self._pool, clock=utc_now)
        self.reports = ReportEdge(
            keys=KeyRing(self._pool),
            ingest=self._ingest,
            book=ConfigurationBook(self._pool),
            desk=self._desk,
            refusals=self._refusals,
            key_rate=settings.INGEST_KEY_RATE,
        )

    async def agent(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One agent's socket."""
        await AgentSocket(self.reports, self._desk, receive, send).run(scope)

    async def start(self) -> None:
        """Opens what needs the event loop; does not wait for the database."""
        await self._pool.open(wait=False)
        self._ingest.start()
        self._refusals.start()
        self._desk.start()
        self._pulse.start()
        self._publisher.start()

    async def stop(self) -> None:
        """Takes what waits, then closes."""
        async with AsyncExitStack() as last:  # a part that cannot stop well keeps none of the others open
            last.push_async_callback(self._pool.close)
            last.push_async_callback(self._publisher.stop)
            last.push_async_callback(self._refusals.stop)
            last.push_async_callback(self._desk.stop)
            last.push_async_callback(self._pulse.stop)
            last.push_async_callback(self._ingest.stop)
