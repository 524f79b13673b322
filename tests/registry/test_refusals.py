"""Refused reports are kept for the game's members, counted, and never in the way of others'."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from functools import partial

import psycopg
import pytest
from psycopg_pool import AsyncConnectionPool

from connmon.accounts.models import Game
from connmon.core.database import conninfo
from connmon.registry import refusals
from connmon.registry.models import RefusedReport
from connmon.registry.refusals import Refusals
from tests.conftest import NOW
from tests.machine import encode, make_report

BODY = encode(make_report())
Work = Callable[[Refusals], None]


@pytest.fixture
def game_id(transactional_db: None, game: Game) -> int:
    return game.pk


def add(kept: Refusals, game_id: int, **changes: object) -> None:
    values = {"code": "invalid-report", "detail": "Expected `int`.", "pointer": "$.seq", "body": BODY} | changes
    kept.add(game_id, **values)  # type: ignore[arg-type]


def keep(*steps: Work, dsn: str = "") -> Refusals:
    """Runs each of `steps` and writes what it gathered."""
    dsn = dsn or conninfo()
    moments = (NOW + timedelta(seconds=number) for number in range(100_000))

    async def run() -> Refusals:
        async with AsyncConnectionPool(dsn, min_size=0, max_size=1, timeout=0.2, open=False) as pool:
            kept = Refusals(pool, clock=lambda: next(moments))
            for step in steps:
                step(kept)
                await kept.step()
            return kept

    return asyncio.run(run())


def test_a_refusal_is_kept_with_who_what_where_and_how_it_began(game_id: int) -> None:
    keep(lambda kept: add(kept, game_id))
    row = RefusedReport.objects.get()
    assert (row.game_id, row.server, row.code, row.pointer) == (game_id, "server-1", "invalid-report", "$.seq")
    assert (row.detail, row.count, row.first_at, row.last_at) == ("Expected `int`.", 1, NOW, NOW)
    assert row.excerpt == BODY.decode()


def test_the_same_refusal_again_is_counted_on_one_row(game_id: int) -> None:
    def three(kept: Refusals) -> None:
        for _ in range(3):
            add(kept, game_id)

    keep(
        three,
        lambda kept: add(kept, game_id, detail="Another.", body=encode(make_report(players=77))),
    )
    row = RefusedReport.objects.get()
    assert (row.count, row.detail, row.first_at) == (4, "Another.", NOW + timedelta(seconds=2))
    assert row.last_at == NOW + timedelta(seconds=3)
    assert '"players": 77' in row.excerpt


def test_refusals_differ_by_server_code_and_place(game_id: int) -> None:
    def step(kept: Refusals) -> None:
        add(kept, game_id)
        add(kept, game_id, body=encode(make_report(server={"id": "server-2"})))
        add(kept, game_id, code="duplicate")
        add(kept, game_id, pointer="$.v")

    keep(step)
    assert RefusedReport.objects.count() == 4


@pytest.mark.parametrize("body", [b"", b"\xff\xfe", b"[" * 100_000, b'{"server": 7}', b'{"server": {"id": null}}'])
def test_a_body_that_does_not_say_whose_it_is_is_kept_without_a_server(game_id: int, body: bytes) -> None:
    keep(lambda kept: add(kept, game_id, body=body))
    row = RefusedReport.objects.get()
    assert row.server == ""
    assert len(row.excerpt) <= refusals.EXCERPT


def test_what_cannot_be_stored_or_shown_is_replaced(game_id: int) -> None:
    body = encode(make_report(server={"id": "a\0b\x1b[31m"})) + b"\0\xff\x1b"
    keep(lambda kept: add(kept, game_id, body=body[:-3], detail="a\0b"))
    row = RefusedReport.objects.get()
    assert (row.server, row.detail) == ("a\ufffdb\ufffd[31m", "a\ufffdb")


def test_long_values_are_cut_to_their_columns(game_id: int) -> None:
    body = encode(make_report(server={"id": "x" * 10_000}))
    keep(lambda kept: add(kept, game_id, body=body, detail="d" * 10_000, pointer="$." + "p" * 10_000))
    row = RefusedReport.objects.get()
    assert [len(value) for value in (row.server, row.detail, row.pointer, row.excerpt)] == [128, 500, 200, 1_000]


def test_a_pointer_that_cannot_be_stored_does_not_hold_up_the_others(game_id: int) -> None:
    def step(kept: Refusals) -> None:
        add(kept, game_id, pointer="$.a\0b")
        add(kept, game_id)

    keep(step)
    assert RefusedReport.objects.filter(pointer="$.seq").exists()


def test_only_the_latest_kinds_of_a_game_are_kept(game_id: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refusals, "KEPT_PER_GAME", 3)
    keep(*[partial(add, game_id=game_id, pointer=f"$.p{number}") for number in range(5)])
    assert set(RefusedReport.objects.values_list("pointer", flat=True)) == {"$.p2", "$.p3", "$.p4"}


def test_more_kinds_than_are_gathered_at_once_are_left_out(game_id: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refusals, "KINDS", 2)

    def step(kept: Refusals) -> None:
        for number in range(4):
            add(kept, game_id, pointer=f"$.p{number}")
        add(kept, game_id, pointer="$.p0")

    keep(step)
    assert dict(RefusedReport.objects.values_list("pointer", "count")) == {"$.p0": 2, "$.p1": 1}


def test_refusals_of_a_game_that_is_gone_are_dropped(game_id: int) -> None:
    def step(kept: Refusals) -> None:
        add(kept, game_id + 1_000)
        add(kept, game_id)

    kept = keep(step)
    assert RefusedReport.objects.count() == 1
    assert not kept._gathered


def test_what_cannot_be_written_now_is_written_later(game_id: int) -> None:
    async def run() -> None:
        async with AsyncConnectionPool(conninfo(), min_size=0, max_size=1, open=False) as whole:
            kept = Refusals(AsyncConnectionPool("host=/nowhere", timeout=0.1, open=False), clock=lambda: NOW)
            add(kept, game_id)
            with pytest.raises(psycopg.Error):
                await kept.step()
            kept._pool = whole
            assert await kept.step()
            assert not await kept.step()

    dsn = conninfo()
    assert dsn
    asyncio.run(run())
    assert RefusedReport.objects.get().count == 1
