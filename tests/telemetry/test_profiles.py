"""What callbacks cost: taken from reports, over time, and read."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from django.db import connection

from connmon.accounts.models import Game
from connmon.telemetry import profiles
from connmon.telemetry.actions import drop_old, make_profile_samples, make_samples, roll_up
from connmon.telemetry.measures import Split
from connmon.telemetry.models import ProfileSample, ProfileState
from connmon.telemetry.profile_queries import heartbeat_costs, heaviest_sites
from connmon.telemetry.profiles import TAKE
from connmon.telemetry.queries import Span, series
from tests.conftest import NOW
from tests.telemetry.test_series import put_service
from tests.telemetry.worlds import TICK, put_server, put_state

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)
SITE = "ServerScriptService.Combat:42"
Entry = tuple[int, int, str, str, int, float, float, float, float]


def take(*entries: Entry) -> None:
    """Entries of a batch of reports: server, service, type, site, count, total, p50, p95, max (µs)."""
    with connection.cursor() as cursor:
        cursor.execute(TAKE, [list(column) for column in zip(*entries, strict=True)])


def entry(
    server: int, service: int, count: int, total: float, *, type: str = "RunService.Heartbeat", site: str = SITE
) -> Entry:
    return server, service, type, site, count, total, 10.0, 20.0, 90.0


def span(until: timedelta = 5 * MINUTE) -> Span:
    return Span(NOW - 5 * MINUTE, NOW + until, NOW + until)


def growth(at: timedelta = timedelta(0)) -> Sequence[tuple[int, float]]:
    return list(ProfileSample.objects.filter(at=NOW + at, step=60).values_list("count_new", "total_us_new"))


def test_what_grew_since_the_last_time_is_added_up_over_servers(game: Game) -> None:
    combat = put_service(game, "Combat")
    one, two = (put_state(game.pk, name, now=NOW) for name in ("one", "two"))
    take(entry(one, combat, 100, 1_000.0), entry(two, combat, 10, 500.0))
    assert make_profile_samples(now=NOW) == 1
    take(entry(one, combat, 160, 1_900.0))
    make_profile_samples(now=NOW + MINUTE)
    assert (growth(), growth(MINUTE)) == ([(110, 1_500.0)], [(60, 900.0)])


def test_a_report_that_says_the_same_again_counts_nothing(game: Game) -> None:
    one = put_state(game.pk, now=NOW)
    take(entry(one, 1, 100, 1_000.0))
    make_profile_samples(now=NOW)
    take(entry(one, 1, 100, 1_000.0))
    make_profile_samples(now=NOW + MINUTE)
    assert growth(MINUTE) == [(0, 0.0)]


def test_of_two_reports_in_a_batch_the_later_holds(game: Game) -> None:
    one = put_state(game.pk, now=NOW)
    take(entry(one, 1, 100, 1_000.0), entry(one, 2, 1, 1.0), entry(one, 1, 130, 1_300.0))
    assert ProfileState.objects.get(service_id=1).count == 130


def test_a_lost_report_loses_nothing(game: Game) -> None:
    one = put_state(game.pk, now=NOW)
    take(entry(one, 1, 100, 1_000.0))
    make_profile_samples(now=NOW)
    make_profile_samples(now=NOW + MINUTE)
    take(entry(one, 1, 300, 3_000.0))
    make_profile_samples(now=NOW + 2 * MINUTE)
    assert (growth(MINUTE), growth(2 * MINUTE)) == ([], [(200, 2_000.0)])


def test_a_minute_is_taken_once(game: Game) -> None:
    one = put_state(game.pk, now=NOW)
    take(entry(one, 1, 100, 1_000.0))
    assert [make_profile_samples(now=NOW), make_profile_samples(now=NOW + TICK)] == [1, 0]
    take(entry(one, 1, 150, 1_000.0))
    assert make_profile_samples(now=NOW + TICK) == 0
    assert make_profile_samples(now=NOW + MINUTE) == 1


def test_the_heaviest_sites_of_a_time(game: Game, other_game: Game) -> None:
    combat, shop = put_service(game, "Combat"), put_service(game, "Shop")
    foreign = put_service(other_game, "Combat")
    one, other = put_state(game.pk, now=NOW), put_state(other_game.pk, now=NOW)
    take(entry(one, combat, 100, 3_000.0), entry(one, shop, 50, 1_000.0, site="B:1"), entry(other, foreign, 9, 9e9))
    make_profile_samples(now=NOW)
    heavy = heaviest_sites(game.pk, span=span())
    assert [(one.service, one.site, one.calls, one.total_us, one.share) for one in heavy] == [
        ("Combat", SITE, 100, 3_000.0, 0.75),
        ("Shop", "B:1", 50, 1_000.0, 0.25),
    ]
    assert (heavy[0].p50_us, heavy[0].p95_us, heavy[0].max_us) == (10.0, 20.0, 90.0)
    alone = heaviest_sites(game.pk, span=span(), service_id=shop)
    assert [(one.service, one.share) for one in alone] == [("Shop", 0.25)]
    assert heaviest_sites(game.pk, span=Span(NOW - 10 * MINUTE, NOW, NOW + MINUTE)) == []


def test_heaviest_sites_are_the_same_when_rolled_up(game: Game) -> None:
    combat = put_service(game, "Combat")
    for minute in range(3):
        one = put_state(game.pk, now=NOW + minute * MINUTE)
        take(entry(one, combat, 100 * (minute + 1), 1_000.0 * (minute + 1)))
        make_samples(now=NOW + minute * MINUTE)
        make_profile_samples(now=NOW + minute * MINUTE)
    later = NOW + timedelta(hours=2)
    while roll_up(now=later):
        pass
    month = Span(later - timedelta(days=30), later, later)
    assert [(one.calls, one.total_us) for one in heaviest_sites(game.pk, span=month)] == [(300, 3_000.0)]
    assert ProfileSample.objects.get(step=3_600).count_new == 300


def spent(game: Game, split: Split, *, until: timedelta = 5 * MINUTE, **more: int) -> dict[str, dict[int, float]]:
    """Line: minutes since NOW: milliseconds a second."""
    chart = series(game.pk, "callback_ms", span=span(until), split=split, **more)
    return {
        line.name: {
            int((at - NOW) / MINUTE): value
            for at, value in zip(chart.at, line.values, strict=True)
            if value is not None
        }
        for line in chart.lines
    }


def test_time_in_callbacks_over_time_by_service_type_and_site(game: Game, other_game: Game) -> None:
    combat, shop, foreign = put_service(game, "Combat"), put_service(game, "Shop"), put_service(other_game, "Theirs")
    one, other = put_state(game.pk, now=NOW), put_state(other_game.pk, now=NOW)
    take(
        entry(one, combat, 9, 120_000.0),
        entry(one, combat, 9, 60_000.0, site="", type="Touched"),
        entry(other, foreign, 9, 9e9),
    )
    make_profile_samples(now=NOW)
    take(entry(one, shop, 9, 30_000.0, site="B:1"), entry(one, combat, 19, 240_000.0))
    make_profile_samples(now=NOW + MINUTE)
    assert spent(game, Split.SERVICE) == {"Combat": {0: 3.0, 1: 2.0}, "Shop": {1: 0.5}}
    assert spent(game, Split.TYPE) == {"RunService.Heartbeat": {0: 2.0, 1: 2.5}, "Touched": {0: 1.0}}
    assert spent(game, Split.SITE) == {SITE: {0: 2.0, 1: 2.0}, "Site unknown": {0: 1.0}, "B:1": {1: 0.5}}
    assert spent(game, Split.NONE) == {"All": {0: 3.0, 1: 2.5}}
    assert spent(game, Split.SITE, service_id=shop) == {"B:1": {1: 0.5}}


def test_the_newest_point_counts_the_time_that_it_has_so_far(game: Game) -> None:
    combat = put_service(game, "Combat")
    one = put_state(game.pk, now=NOW)
    for minute in range(6):
        take(entry(one, combat, minute + 1, 60_000.0 * (minute + 1)))
        make_profile_samples(now=NOW + minute * MINUTE)
    day = Span(NOW - timedelta(days=2) + 6 * MINUTE, NOW + 6 * MINUTE, NOW + 6 * MINUTE)
    chart = series(game.pk, "callback_ms", span=day, split=Split.SERVICE)
    assert chart.step > 6 * 60
    assert [value for value in chart.lines[0].values if value is not None] == [1.0]


def test_heartbeats_cost_a_share_of_every_frame(game: Game) -> None:
    combat = put_service(game, "Combat")
    servers = [put_state(game.pk, name, now=NOW) for name in ("one", "two")]
    make_samples(now=NOW)
    # Two servers for ten seconds make 1,200 frames.
    take(*[entry(server, combat, 600, 60_000.0) for server in servers])
    take(entry(servers[0], combat, 5, 1e6, type="RemoteEvent.OnServerEvent", site="C:1"))
    make_profile_samples(now=NOW)
    [cost] = heartbeat_costs(game.pk, span=span())
    assert cost.service == "Combat"
    assert cost.us_per_frame == pytest.approx(100.0)


def test_counters_of_ended_servers_are_forgotten_and_their_history_is_kept(game: Game) -> None:
    ended, running = (put_server(game.pk, name, now=NOW - timedelta(hours=3)) for name in ("one", "two"))
    for name in ("one", "two"):
        put_state(game.pk, name, now=NOW)
    take(entry(ended, 1, 100, 1_000.0), entry(running, 1, 100, 1_000.0))
    game.servers.filter(id=ended).update(ended_at=NOW - timedelta(hours=2))
    drop_old(now=NOW)
    assert ProfileState.objects.count() == 2  # not counted yet
    make_profile_samples(now=NOW)
    drop_old(now=NOW)
    assert ProfileState.objects.get().server_id == running
    assert growth() == [(200, 2_000.0)]


@pytest.mark.django_db
def test_counters_of_a_removed_game_are_forgotten_though_nobody_sampled_them() -> None:
    ProfileState.objects.create(
        server_id=1, service_id=1, type="t", site="s", count=1, total_us=1, p50_us=1, p95_us=1, max_us=1
    )
    profiles.drop_ended(now=NOW + timedelta(days=30))
    assert not ProfileState.objects.exists()
