"""The real edge with nothing behind it: authenticated, decoded, checked, answered, and forgotten."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "connmon.settings")
django.setup()

from django.conf import settings  # noqa: E402
from psycopg_pool import AsyncConnectionPool  # noqa: E402

from api.ingest import Receive, ReportEdge, Scope, Send  # noqa: E402
from connmon.accounts.keyring import KeyRing  # noqa: E402
from connmon.registry.ingest import Ingest, utc_now  # noqa: E402
from connmon.registry.refusals import Refusals  # noqa: E402
from connmon.registry.rules import Position, Step  # noqa: E402
from connmon.wire.v1 import Report  # noqa: E402


class Nowhere(Ingest):
    """Takes everything, writes nothing."""

    async def submit(
        self, game_id: int, key_id: str, server_id: int, report: Report, digest: int, interval: float
    ) -> Step:
        return Step(Position(report.seq, digest, 1, 0, synced=True))


pool = AsyncConnectionPool(settings.DATABASE_URL, min_size=1, max_size=1, open=False, kwargs={"autocommit": True})
edge = ReportEdge(
    keys=KeyRing(pool),
    ingest=Nowhere(settings.DATABASE_URL, queue_limit=1_000, publish=lambda changed: None, clock=utc_now, profiles=""),
    refusals=Refusals(pool, clock=utc_now),
    key_rate=1_000_000,
)


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """Reports, and a health answer for the bench's start."""
    if scope["type"] == "lifespan":
        await receive()
        await pool.open()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await pool.close()
        await send({"type": "lifespan.shutdown.complete"})
    elif scope["path"] == "/healthz":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})
    else:
        await edge(scope, receive, send)
