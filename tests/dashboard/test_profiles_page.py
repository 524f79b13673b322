"""The page of profiles."""

from datetime import datetime, timedelta

import pytest
from django.http import QueryDict
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from connmon.accounts.models import Game
from connmon.telemetry.models import GameSample
from dashboard.queries.profiles import profiles_page
from dashboard.ranges import TimeRange, time_range
from dashboard.templatetags.connmon import duration, fine_share
from tests.dashboard.factories import put_profile, put_service


@pytest.fixture
def hour(now: datetime) -> TimeRange:
    return time_range(QueryDict(), now=now)


@pytest.fixture
def costs(game: Game, now: datetime) -> Game:
    """Two services; the heavier has two sites."""
    at = now - timedelta(minutes=10)
    combat, pets = put_service(game, "Combat"), put_service(game, "Pets")
    put_profile(combat, site="A:1", total_us=6_000.0, at=at)
    put_profile(combat, site="A:2", type="Touched", total_us=3_000.0, at=at)
    put_profile(pets, site="B:1", total_us=1_000.0, at=at)
    put_profile(pets, site="B:1", total_us=99_000.0, at=now - timedelta(hours=2))
    return game


def test_sites_services_and_types_are_ordered_by_their_time_within_the_range(costs: Game, hour: TimeRange) -> None:
    page = profiles_page(costs.pk, hour, service_id=None, most=2)
    assert [(site.site, site.share) for site in page.sites] == [("A:1", 0.6), ("A:2", 0.3)]
    assert [(one.name, one.share) for one in page.services] == [("Combat", 0.9), ("Pets", 0.1)]
    assert [(one.name, one.total_us) for one in page.types] == [("RunService.Heartbeat", 7_000.0), ("Touched", 3_000.0)]
    assert (page.total_us, page.calls) == (10_000.0, 300)


def test_heartbeats_are_told_as_a_share_of_a_frame(costs: Game, hour: TimeRange, now: datetime) -> None:
    # One server that reported for ten seconds: 600 frames of 16.7 ms.
    GameSample.objects.create(
        game_id=costs.pk, at=now - timedelta(minutes=10), servers=1, players=1, memory_mb=1, pool_hits=0, pool_misses=0
    )
    page = profiles_page(costs.pk, hour, service_id=None, most=9)
    assert [cost.service for cost in page.heartbeats] == ["Combat", "Pets"]
    assert [cost.us_per_frame for cost in page.heartbeats] == pytest.approx([10.0, 1_000 / 600])
    assert page.frame_share == pytest.approx(7_000 / 600 / (1_000_000 / 60))


def test_one_services_page_has_only_its_sites(costs: Game, hour: TimeRange) -> None:
    pets = put_service(costs, "Pets")
    page = profiles_page(costs.pk, hour, service_id=pets.pk, most=9)
    assert [site.service for site in page.sites] == ["Pets"]


def test_the_page_shows_the_time_that_is_asked_for(game: Game, as_owner: Client) -> None:
    now = timezone.now()
    service = put_service(game, "Combat")
    put_profile(service, site="Old:1", at=now - timedelta(hours=3))
    address = reverse("profiles", kwargs={"slug": game.slug})
    assert "Nothing was measured in this time." in as_owner.get(address).content.decode()
    html = as_owner.get(address, {"from": "now-6h", "to": "now"}).content.decode()
    assert "Old" in html
    assert "Last 6 h" in html


def test_a_services_name_leads_to_what_it_costs_and_its_page_does_too(game: Game, as_owner: Client) -> None:
    service = put_service(game, "Combat")
    put_profile(service, site="A:1", at=timezone.now())
    address = reverse("profiles", kwargs={"slug": game.slug})
    assert f'href="?service={service.pk}"' in as_owner.get(address).content.decode()
    page = as_owner.get(reverse("service", kwargs={"slug": game.slug, "service_id": service.pk})).content.decode()
    assert f'href="{address}?service={service.pk}"' in page


def test_a_service_tells_what_its_heartbeats_take_of_a_frame(costs: Game, hour: TimeRange, now: datetime) -> None:
    GameSample.objects.create(
        game_id=costs.pk, at=now - timedelta(minutes=10), servers=1, players=1, memory_mb=1, pool_hits=0, pool_misses=0
    )
    quiet = put_service(costs, "Quiet")
    put_profile(quiet, type="Touched", total_us=10.0, at=now - timedelta(minutes=10))
    page = profiles_page(costs.pk, hour, service_id=None, most=9)
    assert {one.name: one.frame_us is None for one in page.services} == {"Combat": False, "Pets": False, "Quiet": True}
    assert {one.name: one.id for one in page.services}["Quiet"] == quiet.pk


def test_a_service_of_another_game_does_not_exist(game: Game, other_game: Game, as_owner: Client) -> None:
    theirs = put_service(other_game, "Theirs")
    put_profile(theirs, site="Theirs:1", at=timezone.now())
    address = reverse("profiles", kwargs={"slug": game.slug})
    assert as_owner.get(address, {"service": theirs.pk}).status_code == 404
    assert "Theirs" not in as_owner.get(address).content.decode()


@pytest.mark.parametrize(
    ("microseconds", "words"),
    [(None, "—"), (0, "0.0 µs"), (7.25, "7.2 µs"), (812.4, "812 µs"), (1_640, "1.6 ms"), (4_200_000, "4.2 s")],
)
def test_short_times_have_their_own_units(microseconds: float | None, words: str) -> None:
    assert duration(microseconds) == words


@pytest.mark.parametrize(("value", "words"), [(None, "—"), (0.0042, "0.42 %"), (0.123, "12.3 %"), (1.0, "100.0 %")])
def test_small_shares_keep_their_digits(value: float | None, words: str) -> None:
    assert fine_share(value) == words
