"""Time limits that share a timer."""

import asyncio

import pytest

from api import deadlines
from api.deadlines import Deadlines


@pytest.fixture(autouse=True)
def look_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deadlines, "LOOK", 0.01)


def test_what_takes_too_long_ends_with_a_timeout_and_what_does_not_goes_on() -> None:
    async def wait(shared: Deadlines, seconds: float) -> str:
        try:
            with shared.limit(seconds):
                await asyncio.sleep(0.2)
        except TimeoutError:
            return "late"
        await asyncio.sleep(0.02)  # past another look: the limit is over
        return "in time"

    async def work() -> list[str]:
        shared = Deadlines()
        return await asyncio.gather(*[wait(shared, seconds) for seconds in (0.05, 10, 0.01, 10)])

    assert asyncio.run(work()) == ["late", "in time", "late", "in time"]


def test_a_limit_can_follow_a_limit_in_the_same_task() -> None:
    async def work() -> int:
        shared, late = Deadlines(), 0
        for _ in range(3):
            try:
                with shared.limit(0.01):
                    await asyncio.sleep(10)
            except TimeoutError:
                late += 1
            await asyncio.sleep(0.05)  # nobody waits: the timer rests
        return late

    assert asyncio.run(work()) == 3


def test_a_cancellation_from_outside_stays_one() -> None:
    async def wait() -> None:
        with Deadlines().limit(10):
            await asyncio.sleep(10)

    async def work() -> None:
        task = asyncio.create_task(wait())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(work())


def test_an_error_inside_is_left_as_it_is() -> None:
    async def work() -> None:
        shared = Deadlines()
        with pytest.raises(KeyError), shared.limit(10):
            raise KeyError

    asyncio.run(work())
