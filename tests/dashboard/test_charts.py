"""The numbers behind charts, as browsers get them."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from connmon.accounts.models import Game, User
from connmon.registry.models import GameServer
from connmon.telemetry.models import PlaceVersion, ServerSample, TypeSample
from connmon.telemetry.partitions import ensure_partitions
from dashboard import charts
from tests.dashboard.alarms import put_alert, put_rule
from tests.dashboard.factories import Counters, ServerSpec, put_profile, put_samples, put_server, put_service

MOST_QUERIES = 14


@pytest.fixture
def moment() -> datetime:
    """Now by the real clock, which views read, on a tick of history."""
    now = timezone.now()
    return now - timedelta(seconds=now.timestamp() % 10)


def read(client: Client, address: str, **asked: str) -> dict[str, Any]:
    answer = client.get(address, asked)
    assert answer.status_code == 200
    body: dict[str, Any] = answer.json()
    return body


def of_game(game: Game) -> str:
    return reverse("game-chart", kwargs={"slug": game.slug})


def test_the_six_largest_services_are_drawn_and_the_rest_is_one_line(
    game: Game, as_owner: Client, moment: datetime
) -> None:
    services = {put_service(game, f"S{n}"): [Counters(live=10 * n), Counters(live=10 * n)] for n in range(1, 10)}
    put_samples(game, services, now=moment)
    chart = read(as_owner, of_game(game))
    assert [line["name"] for line in chart["series"]] == ["S9", "S8", "S7", "S6", "S5", "S4", "All others"]
    assert (chart["series"][-1]["id"], chart["series"][-1]["values"]) == ("others", [60, 60])
    assert (chart["step"], chart["resolution"], chart["unit"], chart["live"]) == (10, 10, "count", True)


def test_a_gap_stays_a_gap(game: Game, as_owner: Client, moment: datetime) -> None:
    service = put_service(game, "CombatService")
    put_samples(game, {service: [Counters(live=3)]}, now=moment - timedelta(seconds=40))
    put_samples(game, {service: [Counters(live=7)]}, now=moment)
    assert read(as_owner, of_game(game))["series"][0]["values"] == [3, None, None, None, 7]


def test_a_fixed_time_shows_that_time_and_no_live_tip(game: Game, as_owner: Client, moment: datetime) -> None:
    service = put_service(game, "CombatService")
    put_samples(game, {service: [Counters(live=3)]}, now=moment - timedelta(minutes=40))
    put_samples(game, {service: [Counters(live=7)]}, now=moment)
    since, until = (moment - timedelta(minutes=45)).isoformat(), (moment - timedelta(minutes=35)).isoformat()
    chart = read(as_owner, of_game(game), **{"from": since, "to": until})
    assert chart["series"][0]["values"] == [3]
    assert (chart["live"], chart["tips"]) == (False, False)


def test_deploys_and_alerts_within_the_time_are_marked(game: Game, as_owner: Client, moment: datetime) -> None:
    for hours, version in ((3, 141), (0.5, 142)):
        PlaceVersion.objects.create(
            game_id=game.pk, place_id=1, version=version, first_at=moment - timedelta(hours=hours)
        )
    rule = put_rule(game, "Too many orphans")
    put_alert(rule, "resolved", fired_at=moment - timedelta(hours=3), resolved_at=moment - timedelta(hours=2))
    firing = put_alert(rule, fired_at=moment - timedelta(minutes=10))
    chart = read(as_owner, of_game(game))
    assert [mark["text"] for mark in chart["marks"]] == ["Deploy: version 142"]
    assert [(span["since"], span["until"]) for span in chart["alerts"]] == [
        (round((moment - timedelta(minutes=10)).timestamp() * 1000), None)
    ]
    assert chart["alerts"][0]["text"] == firing.name
    assert len(read(as_owner, of_game(game), **{"from": "now-6h"})["alerts"]) == 2


def test_an_alert_that_never_fired_is_not_drawn(game: Game, as_owner: Client) -> None:
    put_alert(put_rule(game, "Pending only"), "pending")
    assert read(as_owner, of_game(game))["alerts"] == []


def test_a_services_chart_has_its_own_alerts_and_the_games(game: Game, as_owner: Client, moment: datetime) -> None:
    service = put_service(game, "CombatService")
    fired = moment - timedelta(minutes=5)
    put_alert(put_rule(game, "Its own", service="CombatService"), fired_at=fired)
    put_alert(put_rule(game, "Another's", service="PetService"), fired_at=fired)
    put_alert(put_rule(game, "The game's"), fired_at=fired)
    address = reverse("service-chart", kwargs={"slug": game.slug, "service_id": service.pk})
    assert {span["text"] for span in read(as_owner, address)["alerts"]} == {"Its own", "The game's"}


def test_one_service_shows_live_and_orphaned(game: Game, as_owner: Client, moment: datetime) -> None:
    service = put_service(game, "CombatService")
    samples = {service: [Counters(live=5, orphaned=1), Counters(live=6, orphaned=2)]}
    put_samples(game, samples | {put_service(game, "Other"): [Counters(live=90)] * 2}, now=moment)
    address = reverse("service-chart", kwargs={"slug": game.slug, "service_id": service.pk})
    lines = {line["id"]: line["values"] for line in read(as_owner, address)["series"]}
    assert lines == {"live": [5, 6], "orphaned": [1, 2]}


def test_types_are_drawn_a_minute_apart(game: Game, as_owner: Client, moment: datetime) -> None:
    minute = moment - timedelta(seconds=moment.timestamp() % 60)
    ensure_partitions(60, minute)
    service = put_service(game, "CombatService")
    for place, kind in enumerate(("Heartbeat", "Touched")):
        TypeSample.objects.create(
            game_id=game.pk, at=minute, service_id=service.pk, type=kind, step=60, live=10 + place
        )
    chart = read(as_owner, of_game(game), chart="types")
    assert [(line["name"], line["values"]) for line in chart["series"]] == [("Touched", [11]), ("Heartbeat", [10])]
    assert (chart["step"], chart["tips"]) == (60, False)


def test_a_servers_chart_spans_its_boots_and_marks_their_starts(game: Game, as_owner: Client, moment: datetime) -> None:
    old = put_server(game, ServerSpec(ended=True), now=moment)
    new = put_server(game, ServerSpec(boot="boot-2"), now=moment)
    GameServer.objects.filter(pk=new.pk).update(first_seen_at=moment - timedelta(minutes=2))
    service = put_service(game, "CombatService")
    for server, seconds, live in ((old, 60, 4), (new, 0, 9)):
        ServerSample.objects.create(
            server_id=server.pk,
            game_id=game.pk,
            at=moment - timedelta(seconds=seconds),
            step=10,
            ticks=1,
            players=3,
            services=[service.pk],
            gauges=[live, 0, 0, 0],
            totals=[0, 0],
        )
    address = reverse("server-chart", kwargs={"slug": game.slug, "server_id": new.pk})
    chart = read(as_owner, address)
    live = next(line["values"] for line in chart["series"] if line["id"] == "live")
    assert (live[0], live[-1]) == (4, 9)
    assert "started" in {mark["kind"] for mark in chart["marks"]}


def test_time_in_callbacks_is_drawn_by_site_and_a_service_has_its_own(
    game: Game, as_owner: Client, moment: datetime
) -> None:
    combat, pets = put_service(game, "Combat"), put_service(game, "Pets")
    at = moment - timedelta(minutes=3)
    put_profile(combat, site="A:1", total_us=120_000.0, at=at)
    put_profile(pets, site="B:1", total_us=60_000.0, at=at)
    address = reverse("profiles-chart", kwargs={"slug": game.slug})
    assert highest(read(as_owner, address, chart="services")) == {"Combat": 2.0, "Pets": 1.0}
    assert highest(read(as_owner, address, chart="sites")) == {"A:1": 2.0, "B:1": 1.0}
    own = reverse("service-profiles-chart", kwargs={"slug": game.slug, "service_id": pets.pk})
    chart = read(as_owner, own, chart="sites")
    assert (highest(chart), chart["unit"]) == ({"B:1": 1.0}, "ms_per_second")


def highest(chart: dict[str, Any]) -> dict[str, float]:
    return {line["name"]: max(filter(None, line["values"])) for line in chart["series"]}


@pytest.mark.parametrize(
    ("presets", "name", "of"),
    [
        (charts.GAME, "game-chart", None),
        (charts.POOLS, "pools-chart", None),
        (charts.PROFILES, "profiles-chart", None),
        (charts.SERVICE_PROFILES, "service-profiles-chart", "service_id"),
        (charts.SERVICE, "service-chart", "service_id"),
        (charts.SERVER, "server-chart", "server_id"),
    ],
)
def test_every_chart_that_is_offered_can_be_drawn_in_few_queries(
    presets: dict[str, charts.Preset], name: str, of: str | None, game: Game, as_owner: Client, moment: datetime
) -> None:
    server = put_server(game, now=moment)
    ids = {"service_id": put_service(game, "CombatService").pk, "server_id": server.pk}
    address = reverse(name, kwargs={"slug": game.slug} | ({of: ids[of]} if of else {}))
    for word in presets:
        with CaptureQueriesContext(connection) as captured:
            assert read(as_owner, address, chart=word)["at"] == []
        assert len(captured) <= MOST_QUERIES, word


@pytest.mark.parametrize("asked", ["chart=nonsense&from=x&to=y", "from=%00", "chart=%00"])
def test_an_odd_question_is_answered_with_the_usual_chart(asked: str, game: Game, as_owner: Client) -> None:
    assert as_owner.get(f"{of_game(game)}?{asked}").json()["unit"] == "count"


def test_charts_of_another_game_do_not_exist(
    game: Game, other_game: Game, as_owner: Client, moment: datetime, log_in: Callable[[User], Client], stranger: User
) -> None:
    service, server = put_service(other_game, "CombatService"), put_server(other_game, now=moment)
    put_samples(other_game, {service: [Counters()]}, now=moment)
    addresses = [
        reverse("service-chart", kwargs={"slug": game.slug, "service_id": service.pk}),
        reverse("server-chart", kwargs={"slug": game.slug, "server_id": server.pk}),
        of_game(other_game),
    ]
    assert [as_owner.get(address).status_code for address in addresses] == [404, 404, 404]
    assert log_in(stranger).get(of_game(game)).status_code == 404
    assert read(as_owner, of_game(game))["series"] == []
