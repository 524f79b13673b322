"""`GET /api/v1/history` and `/profiles`: charts of the key's game."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connmon.accounts.models import Game
from connmon.core.ids import NewKey
from connmon.registry.models import Service
from connmon.telemetry.actions import make_profile_samples, make_samples
from tests.machine import Answer, Site
from tests.telemetry.test_profiles import entry, take
from tests.telemetry.worlds import put_server, put_state

MakeKey = Callable[..., NewKey]


@pytest.fixture
def history(transactional_db: None, site: Site, game: Game) -> Site:
    """Two ticks of one server with two services, some 20 s ago."""
    now = datetime.now(UTC)
    combat, shop = (Service.objects.create(game=game, name=name, first_seen_at=now) for name in ("Combat", "Shop"))
    put_server(game.pk, "one", now=now - timedelta(minutes=30))
    for back, live in ((30, 3), (20, 5)):
        at = now - timedelta(seconds=back)
        services = {combat.pk: (live, 10 * live, 0, 0, 1, 0), shop.pk: (1, 1, 0, 0, 0, 0)}
        server = put_state(game.pk, "one", services, now=at)
        make_samples(now=at)
    take(entry(server, combat.pk, 100, 2_500.0))
    make_profile_samples(now=now - timedelta(minutes=1))
    return site


@pytest.fixture
def reader(make_key: MakeKey) -> NewKey:
    return make_key("read")


@pytest.fixture
def ask(history: Site, reader: NewKey) -> Callable[[str], Answer]:
    return lambda query: history.get(f"/api/v1/history?{query}", key=reader)


def known(line: dict[str, Any]) -> list[float]:
    return [value for value in line["values"] if value is not None]


def test_a_chart_of_the_last_hour(ask: Callable[[str], Answer]) -> None:
    answer = ask("")
    assert answer.status == 200
    [chart] = answer.body["series"]
    assert (chart["series"], chart["unit"], chart["step"], chart["resolution"]) == ("live", "count", 10, 10)
    assert len(chart["at"]) == len(chart["lines"][0]["values"]) in (360, 361)
    assert [(line["key"], known(line)) for line in chart["lines"]] == [("all", [4, 6])]
    assert datetime.fromisoformat(chart["at"][0]).tzinfo is not None


def test_several_series_by_service(ask: Callable[[str], Answer]) -> None:
    body = ask("series=live,opened_rate&by=service&from=now-10m").body
    assert [chart["series"] for chart in body["series"]] == ["live", "opened_rate"]
    lines = body["series"][0]["lines"]
    assert [(line["name"], known(line)) for line in lines] == [("Combat", [3, 5]), ("Shop", [1, 1])]
    assert known(body["series"][1]["lines"][0]) == [2.0]


def test_one_service_and_one_server(ask: Callable[[str], Answer]) -> None:
    assert known(ask("service=Combat").body["series"][0]["lines"][0]) == [3, 5]
    body = ask("server=one&service=Shop").body
    assert known(body["series"][0]["lines"][0]) == [1, 1]
    assert [mark["kind"] for mark in body["marks"]] == ["started"]


def test_from_and_to_take_times_too(ask: Callable[[str], Answer]) -> None:
    until = datetime.now(UTC).replace(microsecond=0)
    since = (until - timedelta(minutes=5)).isoformat().replace("+00:00", "Z")
    answer = ask(f"from={since}&to={until.isoformat().replace('+', '%2B')}")
    assert known(answer.body["series"][0]["lines"][0]) == [4, 6]
    assert datetime.fromisoformat(answer.body["series"][0]["at"][0]) <= until - timedelta(minutes=5)


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("series=nothing", 422),
        ("series=live,,", 422),
        ("series=" + ",".join(f"s{n}" for n in range(9)), 400),
        ("by=colour", 400),
        ("series=players&by=service", 422),
        ("from=yesterday", 400),
        ("from=2026-11-23T12:00:00", 400),  # no offset
        ("from=2026-13-45T12:00:00Z", 400),
        ("from=now-999999d", 400),
        ("from=now-99999d", 422),
        ("from=0001-01-01T00:00:00Z", 422),
        ("from=now&to=now-1h", 422),
        ("from=now-1m", 422),
        ("service=Nobody", 404),
        ("server=nobody", 404),
        ("server=one&series=servers", 422),
        ("service=%00", 400),
    ],
)
def test_what_cannot_be_answered_is_refused_with_a_sentence(
    ask: Callable[[str], Answer], query: str, status: int
) -> None:
    answer = ask(query)
    assert (answer.status, answer.body["status"]) == (status, status)
    assert answer.body["detail"]


def test_another_games_key_sees_nothing(history: Site, make_key: MakeKey, other_game: Game) -> None:
    foreign = make_key("read", of=other_game)
    assert history.get("/api/v1/history", key=foreign).body["series"][0]["lines"] == []
    for query in ("service=Combat", "server=one"):
        assert history.get(f"/api/v1/history?{query}", key=foreign).status == 404
    assert history.get("/api/v1/profiles", key=foreign).body == {"sites": [], "heartbeats": []}
    assert history.get("/api/v1/profiles?service=Combat", key=foreign).status == 404


def test_a_report_key_reads_nothing(history: Site, key: NewKey) -> None:
    assert history.get("/api/v1/history", key=key).status == 403
    assert history.get("/api/v1/profiles", key=key).status == 403


def test_the_heaviest_sites_and_heartbeats(history: Site, reader: NewKey) -> None:
    body = history.get("/api/v1/profiles?service=Combat", key=reader).body
    [site] = body["sites"]
    assert (site["service"], site["calls"], site["total_us"], site["share"]) == ("Combat", 100, 2_500.0, 1.0)
    assert body["heartbeats"] == [{"service": "Combat", "us_per_frame": pytest.approx(2_500 / 1_200)}]
