"""Alerts: what fires and what is about to, where to look, snoozes, silences, and what fired before."""

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from connmon.accounts.models import AuditEntry, Game, Role, User
from connmon.alerts.models import Alert, Silence
from dashboard.queries import alerts as queries
from dashboard.queries.alerts import AlertRow, alerts_live
from tests.dashboard.alarms import put_alert, put_rule, put_silence
from tests.dashboard.factories import SCRIPT, ServerSpec, put_server, put_service

MakeMember = Callable[[Role], User]
LogIn = Callable[[User], Client]


def page(client: Client, game: Game, query: str = "", name: str = "alerts") -> str:
    answer = client.get(reverse(name, kwargs={"slug": game.slug}) + query)
    assert answer.status_code == 200
    return answer.content.decode()


def snooze(client: Client, alert: Alert, span: str) -> int:
    address = reverse("snooze-alert", kwargs={"slug": alert.game.slug, "number": alert.pk})
    return client.post(address, {"span": span}).status_code


def silence(client: Client, game: Game, **fields: Any) -> int:
    values = {"span": "1 h", "reason": "Planned maintenance"} | fields
    return client.post(reverse("create-silence", kwargs={"slug": game.slug}), values).status_code


def row(game: Game) -> AlertRow:
    (found,) = alerts_live(game.pk, now=timezone.now()).alerts
    return found


def test_what_fires_is_shown_with_what_it_means(as_owner: Client, game: Game) -> None:
    put_alert(put_rule(game, severity="critical"))
    html = page(as_owner, game)
    assert "120 stale_surge (at least 100)" in html
    assert 'state state-critical"' in html
    assert ">1</span> firing" in html


def test_a_pending_alert_says_when_it_fires(game: Game) -> None:
    alert = put_alert(put_rule(game, hold_seconds=300), "pending")
    found = row(game)
    assert (found.note, found.until, found.is_firing) == (
        "fires if it goes on",
        alert.since + timedelta(seconds=300),
        False,
    )


def test_one_that_is_over_says_when_it_resolves(game: Game) -> None:
    now = timezone.now()
    put_alert(put_rule(game, keep_seconds=60), clear_since=now)
    assert (row(game).note, row(game).until) == ("over, resolves", now + timedelta(seconds=60))


def test_firing_comes_before_pending_and_the_severe_before_the_rest(game: Game) -> None:
    put_alert(put_rule(game, "a", severity="critical"), "pending")
    put_alert(put_rule(game, "b", severity="warning"))
    put_alert(put_rule(game, "c", severity="critical"))
    live = alerts_live(game.pk, now=timezone.now())
    assert [found.name for found in live.alerts] == ["c", "b", "a"]
    assert (live.counts.firing, live.counts.pending) == (2, 1)


@pytest.mark.parametrize(
    ("kind", "fields", "ends"),
    [
        ("server_lost", {}, "/servers/?status=silent"),
        ("pool_exhausted", {}, "/servers/"),
        ("configuration_refused", {}, "/configuration/#rollout-title"),
        ("refused_reports_surge", {}, "/setup/#refused-title"),
        ("emergency_fired", {"things": ["plan 7 by ops"]}, "/cleanup/7/"),
        ("order_failed", {"things": ["plan 8, lobby: failed"]}, "/cleanup/8/"),
        ("order_failed", {"things": ["nonsense"]}, "/cleanup/"),
        ("emergency_fired", {}, "/cleanup/"),
        ("leak_confirmed", {"things": ["Combat: Combat:118 (leak 7)"]}, "/leaks/7/"),
        ("leak_confirmed", {"things": ["Combat: (leak 9) (leak 7)"]}, "/leaks/7/"),
        ("leak_confirmed", {"things": ["Combat: (leak 9) "]}, "/leaks/?rung=confirmed"),
        ("leak_likely", {"things": ["A: B (leak 7)", "C: D (leak 8)"]}, "/leaks/?rung=likely"),
        ("stale_surge", {"service": "*", "things": ["Combat"]}, "/services/{combat}/?state=stale"),
        ("orphaned_surge", {"service": "Combat"}, "/services/{combat}/?state=orphaned"),
        ("orphaned_surge", {"service": "Gone"}, "/g/{slug}/"),
        ("stale_surge", {}, "/g/{slug}/"),
        ("threshold", {"service": "Combat"}, "/services/{combat}/"),
    ],
)
def test_each_alarm_leads_to_where_it_matters(kind: str, fields: dict[str, Any], ends: str, game: Game) -> None:
    combat = put_service(game, "Combat")
    series = {"series": "live"} if kind == "threshold" else {}
    put_alert(put_rule(game, kind=kind, **series), **fields)
    assert row(game).href.endswith(ends.format(combat=combat.pk, slug=game.slug))


def test_a_service_of_the_same_name_in_another_game_is_not_linked(game: Game, other_game: Game) -> None:
    theirs = put_service(other_game, "Combat")
    put_alert(put_rule(game), service="Combat")
    assert str(theirs.pk) not in row(game).href.split("/services/")[-1]
    assert "/services/" not in row(game).href


def test_an_alarm_is_snoozed_and_told_again(as_owner: Client, game: Game, owner: User) -> None:
    alert = put_alert(put_rule(game))
    assert snooze(as_owner, alert, "4 h") == 302
    snoozed = Alert.objects.get(pk=alert.pk)
    assert snoozed.snoozed_until is not None
    assert timedelta(hours=3, minutes=59) < snoozed.snoozed_until - timezone.now() <= timedelta(hours=4)
    assert f"Snoozed by {owner.email} until" in page(as_owner, game)
    snooze(as_owner, alert, "")
    assert Alert.objects.get(pk=alert.pk).snoozed_until is None
    assert AuditEntry.objects.filter(action__startswith="alert.snooze").count() == 2


def test_a_snooze_that_cannot_be_says_why(as_owner: Client, game: Game) -> None:
    alert = put_alert(put_rule(game))
    assert snooze(as_owner, alert, "a year") == 302
    assert "A snooze lasts 30 min, 1 h, 4 h" in page(as_owner, game)
    pending = put_alert(put_rule(game, "other"), "pending")
    snooze(as_owner, pending, "1 h")
    assert "Only a firing alert can be snoozed" in page(as_owner, game)


def test_a_silence_is_made_shown_beside_its_alarm_and_ended(as_owner: Client, game: Game) -> None:
    rule = put_rule(game)
    put_alert(rule)
    assert silence(as_owner, game, rule=rule.pk, reason="Load test") == 302
    made = Silence.objects.get()
    assert made.ends_at - made.starts_at == timedelta(hours=1)
    html = page(as_owner, game)
    assert re.search(r"Silenced until \d{4}-\d\d-\d\d \d\d:\d\d UTC: Load test", html)
    address = reverse("end-silence", kwargs={"slug": game.slug, "number": made.pk})
    assert address in html
    as_owner.post(address)
    assert "The silence is over" in page(as_owner, game)
    assert row(game).muted == ""
    as_owner.post(address)
    assert "This silence is over already." in page(as_owner, game)


@pytest.mark.parametrize(
    ("fields", "muted"), [({"kind": "stale_surge"}, True), ({"kind": "server_lost"}, False), ({"service": "x"}, False)]
)
def test_a_silence_mutes_only_what_it_matches(
    fields: dict[str, str], muted: bool, as_owner: Client, game: Game
) -> None:
    put_alert(put_rule(game))
    silence(as_owner, game, **fields)
    assert bool(row(game).muted) is muted


def test_a_silence_may_begin_later(as_owner: Client, game: Game) -> None:
    put_alert(put_rule(game))
    start = timezone.now() + timedelta(days=1)
    silence(as_owner, game, starts_at=f"{start:%Y-%m-%dT%H:%M}")
    assert abs(Silence.objects.get().starts_at - start) < timedelta(minutes=1)
    assert row(game).muted == ""
    assert f"{start:%Y-%m-%d %H:%M} UTC" in page(as_owner, game)


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"reason": " "}, "This field is required."),
        ({"span": "a year"}, "not one of the available choices"),
        ({"rule": "99"}, "not one of the available choices"),
        ({"kind": "nonsense"}, "not one of the available choices"),
        ({"starts_at": "soon"}, "Enter a valid date/time."),
        ({"starts_at": "2001-01-01T00:00"}, "It ends after it begins"),
    ],
)
def test_a_silence_that_cannot_be_says_why(fields: dict[str, str], told: str, as_owner: Client, game: Game) -> None:
    answer = as_owner.post(
        reverse("create-silence", kwargs={"slug": game.slug}), {"span": "1 h", "reason": "why"} | fields
    )
    html = answer.content.decode()
    assert (answer.status_code, Silence.objects.count()) == (422, 0)
    assert told in html
    assert '<details class="fold" open>' in html


def test_history_goes_on_where_the_last_page_ended(
    as_owner: Client, game: Game, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "HISTORY", 2)
    rule = put_rule(game)
    now = timezone.now()
    keys = [put_alert(rule, "resolved", resolved_at=now, summary=f"past {number}").pk for number in range(3)]
    first, second = page(as_owner, game), page(as_owner, game, f"?after={keys[1]}")
    assert re.findall(r"past (\d)", first) == ["2", "1"]
    assert re.findall(r"past (\d)", second) == ["0"]
    assert page(as_owner, game, "?after=x&before=%00")


def test_the_overview_carries_what_fires(as_owner: Client, game: Game) -> None:
    put_server(game, ServerSpec(), now=timezone.now())
    assert re.search(r'data-filled="alerts" hidden>', page(as_owner, game, name="overview"))
    put_alert(put_rule(game, "Leak", severity="critical"))
    put_alert(put_rule(game, "Soon"), "pending")
    html = page(as_owner, game, name="overview")
    assert re.search(r'data-filled="alerts">', html)
    assert "Leak</bdi>" in html
    assert "Soon" not in html


def test_only_admins_change_alerts(game: Game, make_member: MakeMember, log_in: LogIn) -> None:
    alert = put_alert(put_rule(game))
    made = put_silence(game)
    client = log_in(make_member(Role.APPROVER))
    html = page(client, game)
    assert "Admins change alerts; your role is Approver." in html
    assert not any(word in html for word in ("Snooze", "New silence", "End it"))
    assert [snooze(client, alert, "1 h"), silence(client, game)] == [403, 403]
    assert client.post(reverse("end-silence", kwargs={"slug": game.slug, "number": made.pk})).status_code == 403
    assert Silence.objects.count() == 1


def test_another_games_alerts_are_neither_shown_nor_changed(as_owner: Client, game: Game, other_game: Game) -> None:
    alert = put_alert(put_rule(other_game, "theirs"))
    made = put_silence(other_game)
    assert "theirs" not in page(as_owner, game)
    alert.game = game  # the address of my game with their alert's number
    assert snooze(as_owner, alert, "1 h") == 404
    assert as_owner.post(reverse("end-silence", kwargs={"slug": game.slug, "number": made.pk})).status_code == 404
    assert Alert.objects.get(pk=alert.pk).snoozed_until is None


def test_strangers_find_no_alerts(game: Game, stranger: User, log_in: LogIn) -> None:
    client = log_in(stranger)
    for name in ("alerts", "alert-rules", "destinations", "new-alert-rule"):
        assert client.get(reverse(name, kwargs={"slug": game.slug})).status_code == 404


def test_hostile_names_are_text(as_owner: Client, game: Game) -> None:
    rule = put_rule(game, SCRIPT)
    put_alert(rule, summary=SCRIPT, things=[SCRIPT])
    silence(as_owner, game, rule=rule.pk, reason=SCRIPT, service=SCRIPT)
    html = page(as_owner, game) + page(as_owner, game, name="overview") + page(as_owner, game, name="alert-rules")
    assert "<script>alert" not in html
    assert "&lt;script&gt;" in html


def test_many_alerts_cost_no_more_queries(
    as_owner: Client, game: Game, django_assert_max_num_queries: Callable[[int], AbstractContextManager[object]]
) -> None:
    for number in range(8):
        put_service(game, f"Combat{number}")
        put_alert(put_rule(game, f"rule {number}"), service=f"Combat{number}")
        silence(as_owner, game, service=f"other {number}")
    page(as_owner, game)  # shows the messages of the silences, so that they are not counted
    with django_assert_max_num_queries(10):
        page(as_owner, game)
