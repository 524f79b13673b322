"""What the pulse says of its process."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

import psycopg
import pytest
from psycopg_pool import AsyncConnectionPool

from connmon.core.database import conninfo
from connmon.registry.models import IngestPulse
from connmon.registry.pulse import GAP, Pulse
from tests.conftest import NOW
from tests.registry.edges import with_processes

pytestmark = pytest.mark.django_db(transaction=True)


class Process:
    """A process whose clock and illness the test sets."""

    def __init__(self) -> None:
        self.now = NOW
        self.ill: datetime | None = None

    @asynccontextmanager
    async def beating(self, dsn: str) -> AsyncIterator[Pulse]:
        async with AsyncConnectionPool(dsn, min_size=1, max_size=1, kwargs={"autocommit": True}, open=False) as pool:
            yield Pulse(pool, ill_at=lambda: self.ill, clock=lambda: self.now)

    def beat(self, *after: float, ill: float | None = None) -> IngestPulse:
        """Beats at these seconds from NOW; `ill` so many seconds from NOW, told with the last beat."""
        dsn = conninfo()

        async def run() -> None:
            async with self.beating(dsn) as pulse:
                for number, seconds in enumerate(after, 1):
                    self.now = NOW + timedelta(seconds=seconds)
                    if number == len(after) and ill is not None:
                        self.ill = NOW + timedelta(seconds=ill)
                    await pulse.step()

        IngestPulse.objects.all().delete()
        asyncio.run(run())
        return IngestPulse.objects.get(started_at=NOW)


def test_a_pulse_keeps_its_start_and_moves_on() -> None:
    pulse = Process().beat(0, 5, 10)
    assert (pulse.started_at, pulse.seen_at, pulse.ill_at) == (NOW, NOW + timedelta(seconds=10), None)


def test_a_pulse_tells_of_illness() -> None:
    assert Process().beat(0, 5, ill=4).ill_at == NOW + timedelta(seconds=4)


def test_a_long_gap_is_illness() -> None:
    later = GAP + 1
    assert Process().beat(0, later).ill_at == NOW + timedelta(seconds=later)


def test_a_trace_of_a_process_is_forgotten_after_a_day() -> None:
    IngestPulse.objects.create(process="old", started_at=NOW, seen_at=NOW - timedelta(days=2))
    Process().beat(0)
    assert not IngestPulse.objects.filter(process="old").exists()


def test_a_web_process_beats_from_its_start() -> None:
    dsn = conninfo()

    async def until_seen(process: object) -> None:
        async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
            while not (await (await connection.execute("SELECT FROM registry_ingestpulse")).fetchall()):
                await asyncio.sleep(0.01)

    with_processes(1, until_seen)
    pulse = IngestPulse.objects.get()
    assert pulse.started_at <= pulse.seen_at
