"""What fires, what does not, and what becomes of it."""

from datetime import timedelta
from typing import Any

import pytest

from connmon.accounts.models import AuditEntry, Game
from connmon.alerts.defaults import DEFAULTS
from connmon.alerts.evaluate import WATCH, evaluate, evaluate_game
from connmon.alerts.models import Alert, Desk, Rule, Transition, Watch
from connmon.alerts.observe import observe
from connmon.cleanup.models import Order, Plan
from connmon.configuration.models import Revision
from connmon.registry.models import GameServer, IngestPulse, RefusalTotal, ServerState
from connmon.telemetry.models import ServiceSample
from tests.alerts.room import MakeRule, evaluate_until
from tests.conftest import NOW
from tests.dashboard.factories import Counters, Pool, ServerSpec, put_samples, put_server, put_service

pytestmark = pytest.mark.django_db
SILENT = timedelta(minutes=5)
SECOND = timedelta(seconds=1)


def firing() -> list[Alert]:
    return list(Alert.objects.filter(state="firing"))


def keep_reporting(server: GameServer) -> None:
    ServerState.objects.filter(server_id=server.pk).update(due_at=NOW + timedelta(days=1))


def test_many_lost_servers_are_one_alarm_with_all_their_names(watched: Game, make_rule: MakeRule) -> None:
    make_rule("server_lost")
    make_rule("stale_surge")
    for number in range(60):
        services = {"Combat": Counters(stale=500)}
        put_server(watched, ServerSpec(f"s-{number:02}", services, age=SILENT), now=NOW)
    assert evaluate(now=NOW) == 1
    (alert,) = firing()
    assert (alert.kind, alert.count, len(alert.things)) == ("server_lost", 60, 50)
    assert alert.summary == "60 silent servers (at least 1): s-00, s-01, s-02 and 57 more"


def test_a_server_is_lost_once_its_lease_has_been_over_for_the_hold(watched: Game, make_rule: MakeRule) -> None:
    make_rule("server_lost", hold_seconds=60)
    put_server(watched, ServerSpec(age=timedelta(seconds=30)), now=NOW)  # the lease of 30 s ends now
    evaluate_until(NOW + timedelta(seconds=50))
    assert [alert.state for alert in Alert.objects.all()] == ["pending"]
    evaluate_until(NOW + timedelta(seconds=60))
    assert [alert.since for alert in firing()] == [NOW]


def test_a_lost_server_that_returns_resolves_the_alarm(watched: Game, make_rule: MakeRule) -> None:
    make_rule("server_lost", keep_seconds=20)
    server = put_server(watched, ServerSpec(age=SILENT), now=NOW)
    evaluate(now=NOW)
    keep_reporting(server)
    evaluate_until(NOW + timedelta(seconds=20))
    assert len(firing()) == 1
    evaluate_until(NOW + timedelta(seconds=30))
    assert list(Transition.objects.order_by("id").values_list("to_state", flat=True)) == ["firing", "resolved"]


def test_our_own_outage_alarms_nobody(watched: Game, make_rule: MakeRule) -> None:
    make_rule("server_lost", hold_seconds=30)
    server = put_server(watched, ServerSpec(age=timedelta(seconds=1)), now=NOW)
    evaluate(now=NOW)
    back = NOW + timedelta(hours=2)  # by then the lease is long over, since nobody listened
    evaluate(now=back)
    assert evaluate_until(back + timedelta(seconds=20)) == 0
    assert not firing()
    keep_reporting(server)
    assert evaluate_until(back + timedelta(minutes=2)) == 0


def test_a_server_lost_in_our_outage_is_told_once_we_have_watched_for_the_hold(
    watched: Game, make_rule: MakeRule
) -> None:
    make_rule("server_lost", hold_seconds=60)
    put_server(watched, ServerSpec(age=timedelta(seconds=1)), now=NOW)
    back = NOW + timedelta(hours=2)
    evaluate(now=back)
    assert evaluate_until(back + timedelta(seconds=50)) == 0
    assert evaluate_until(back + timedelta(seconds=60)) == 1


@pytest.mark.parametrize("field", ["ill_at", "started_at"])
def test_nothing_is_alarmed_while_ingest_is_ill(watched: Game, make_rule: MakeRule, field: str) -> None:
    make_rule("server_lost")
    put_server(watched, ServerSpec(age=SILENT), now=NOW)
    times = {"started_at": NOW - timedelta(hours=1), "seen_at": NOW, field: NOW - 5 * SECOND}
    IngestPulse.objects.create(process="web", **times)
    assert evaluate(now=NOW) == 0
    IngestPulse.objects.update(seen_at=NOW + 20 * SECOND)
    assert evaluate_until(NOW + 20 * SECOND) == 1


def test_two_workers_at_once_make_one_alarm(watched: Game, make_rule: MakeRule) -> None:
    make_rule("server_lost")
    put_server(watched, ServerSpec(age=SILENT), now=NOW)
    up = NOW - timedelta(hours=1)
    assert evaluate(now=NOW) == 1
    assert evaluate(now=NOW) == 0
    assert evaluate_game(watched.pk, up=up, now=NOW + SECOND) == 0
    assert Transition.objects.count() == 1


def test_the_loser_of_a_race_for_a_new_alarm_carries_on(
    watched: Game, make_rule: MakeRule, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_rule("server_lost")
    put_server(watched, ServerSpec(age=SILENT), now=NOW)
    up = NOW - timedelta(hours=1)

    def overtaken(*arguments: Any) -> Any:
        monkeypatch.setattr("connmon.alerts.evaluate.observe", observe)
        evaluate_game(watched.pk, up=up, now=NOW)
        return observe(*arguments)

    monkeypatch.setattr("connmon.alerts.evaluate.observe", overtaken)
    evaluate_game(watched.pk, up=up, now=NOW + SECOND)
    assert (Alert.objects.count(), Transition.objects.count()) == (1, 1)


@pytest.mark.parametrize(("kind", "counter"), [("stale_surge", "stale"), ("orphaned_surge", "orphaned")])
def test_a_surge_of_one_service_names_it(watched: Game, make_rule: MakeRule, kind: str, counter: str) -> None:
    make_rule(kind, threshold=100, service="*")
    services = {"Combat": Counters(**{counter: 150}), "Loot": Counters(**{counter: 99})}
    put_server(watched, ServerSpec(services=services), now=NOW)
    evaluate(now=NOW)
    assert [(alert.things, alert.value) for alert in firing()] == [(["Combat"], 150)]


def test_an_exhausted_pool_is_named_with_its_server(watched: Game, make_rule: MakeRule) -> None:
    make_rule("pool_exhausted")
    pools = [Pool(size=10, in_use=10), Pool("Died", size=10, in_use=9), Pool("Off", size=0, in_use=0)]
    put_server(watched, ServerSpec(pools=pools), now=NOW)
    evaluate(now=NOW)
    assert [alert.things for alert in firing()] == [["server-1: Heartbeat"]]


def test_a_server_that_keeps_to_an_older_revision_refuses_the_configuration(watched: Game, make_rule: MakeRule) -> None:
    make_rule("configuration_refused")
    put_server(watched, now=NOW)  # runs revision 1
    values = {"settings": {}, "services": {}, "changes": [], "created_at": NOW}
    Revision.objects.create(game=watched, number=1, **values)
    assert evaluate(now=NOW) == 0
    Revision.objects.create(game=watched, number=2, **values)
    assert evaluate_until(NOW + timedelta(seconds=10)) == 1


def test_refused_reports_are_counted_a_second(watched: Game, make_rule: MakeRule) -> None:
    make_rule("refused_reports_surge", threshold=5)
    RefusalTotal.objects.create(game=watched, total=3)
    assert evaluate(now=NOW) == 0  # a total alone is no rate
    RefusalTotal.objects.update(total=103)
    assert evaluate_until(NOW + timedelta(seconds=10)) == 1
    assert firing()[0].value == 10


@pytest.mark.parametrize(
    ("series", "threshold"), [("live", 20), ("idle", 2), ("players", 12), ("memory_mb", 800), ("opened_per_second", 1)]
)
def test_a_threshold_watches_its_series(watched: Game, make_rule: MakeRule, series: str, threshold: float) -> None:
    make_rule("threshold", name="reached", series=series, threshold=threshold)
    make_rule("threshold", name="not reached", series=series, threshold=threshold, comparator="above")
    services = {"Combat": Counters(live=20, idle=2)}
    put_server(watched, ServerSpec(services=services), now=NOW)
    growing = [Counters(opened=100), Counters(opened=110)]
    put_samples(watched, {put_service(watched, "Combat"): growing}, now=NOW)
    ServiceSample.objects.filter(at=NOW).update(opened_new=10, watched=10)
    evaluate(now=NOW)
    assert [alert.name for alert in firing()] == ["reached"]


def test_a_rule_for_one_service_sees_no_other(watched: Game, make_rule: MakeRule) -> None:
    make_rule("threshold", series="live", threshold=20, service="Loot")
    put_server(watched, ServerSpec(services={"Combat": Counters(live=50), "Loot": Counters(live=10)}), now=NOW)
    assert evaluate(now=NOW) == 0


def test_a_rule_that_looks_down_is_not_deceived_by_a_silent_server(watched: Game, make_rule: MakeRule) -> None:
    make_rule("threshold", series="players", threshold=20, comparator="below")
    put_server(watched, ServerSpec("a"), now=NOW)
    silent = put_server(watched, ServerSpec("b", age=SILENT), now=NOW)
    assert evaluate(now=NOW) == 0
    GameServer.objects.filter(pk=silent.pk).update(ended_at=NOW)
    assert evaluate_until(NOW + timedelta(seconds=10)) == 1


def test_other_games_are_not_mixed_in(watched: Game, other_game: Game, make_rule: MakeRule) -> None:
    make_rule("server_lost")
    Desk.objects.create(game=other_game, made_at=NOW)
    put_server(other_game, ServerSpec(age=SILENT), now=NOW)
    assert evaluate(now=NOW) == 0


def test_a_switched_off_rule_sees_nothing(watched: Game, make_rule: MakeRule) -> None:
    make_rule("server_lost", enabled=False)
    put_server(watched, ServerSpec(age=SILENT), now=NOW)
    assert evaluate(now=NOW) == 0


def test_a_game_is_given_the_default_rules_with_its_first_server_and_once(game: Game) -> None:
    put_server(game, now=NOW)
    evaluate(now=NOW)
    assert set(Rule.objects.values_list("name", flat=True)) == {one.name for one in DEFAULTS}
    Rule.objects.all().delete()
    evaluate(now=NOW + timedelta(seconds=10))
    assert not Rule.objects.exists()
    assert AuditEntry.objects.filter(action="alert.defaults_made").count() == 1


def test_a_game_without_servers_is_given_no_rules(game: Game) -> None:
    evaluate(now=NOW)
    assert not Rule.objects.exists()
    assert Watch.objects.get(pk=WATCH).up_since == NOW


def test_an_emergency_and_a_failed_order_are_news_for_ten_minutes(watched: Game, make_rule: MakeRule) -> None:
    make_rule("emergency_fired")
    make_rule("order_failed")
    put_plan(watched)
    evaluate(now=NOW)
    assert sorted((alert.kind, alert.count) for alert in firing()) == [("emergency_fired", 1), ("order_failed", 1)]
    evaluate_until(NOW + timedelta(minutes=11))
    assert not firing()


def put_plan(game: Game) -> None:
    """An emergency that has just run; one order was done, one expired."""
    plan = Plan.objects.create(
        game=game,
        origin="emergency",
        scope={},
        reason="memory",
        state="watching",
        created_at=NOW,
        created_kind="user",
        created_by_id="1",
        created_by="ops@example.com",
        next_at=NOW,
        summary={},
        planned=2,
        canary=False,
        servers_per_second=20,
        started_at=NOW,
    )
    for state in ("done", "expired"):
        lists: dict[str, Any] = {"connection_ids": [1], "opened_at": [1.0], "service_ids": [1]}
        Order.objects.create(
            id=state, plan=plan, server_id=1, place=0, state=state, players=1, created_at=NOW, finished_at=NOW, **lists
        )
