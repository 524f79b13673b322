"""Alert rules: the list in words, making, changing, switching and removing one."""

from collections.abc import Callable
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from connmon.accounts.models import AuditEntry, Game, Role, User
from connmon.alerts.models import Alert, Rule
from connmon.alerts.states import Comparator, DestinationKind, Kind, Series
from dashboard.alert_words import COMPARATORS, DESTINATIONS, KINDS, SERIES, condition
from tests.dashboard.alarms import put_alert, put_rule

WHOLE: dict[str, Any] = {
    "name": "Leak",
    "kind": "orphaned_surge",
    "series": "",
    "service": "*",
    "comparator": "at_least",
    "threshold": "50",
    "hold_seconds": "5 min",
    "keep_seconds": "",
    "severity": "critical",
    "enabled": "on",
}


def rules(game: Game) -> str:
    return reverse("alert-rules", kwargs={"slug": game.slug})


def of(name: str, rule: Rule, game: Game | None = None) -> str:
    return reverse(name, kwargs={"slug": (game or rule.game).slug, "number": rule.pk})


def make(client: Client, game: Game, **fields: Any) -> HttpResponse:
    return client.post(reverse("new-alert-rule", kwargs={"slug": game.slug}), WHOLE | fields)  # type: ignore[return-value]


def test_every_word_of_the_domain_has_words_for_people() -> None:
    assert set(KINDS) == set(Kind)
    assert set(SERIES) == set(Series)
    assert set(COMPARATORS) == set(Comparator)
    assert set(DESTINATIONS) == set(DestinationKind)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "Stale connections, at least 100 for 5 min"),
        ({"service": "*"}, "Stale connections of any one service, at least 100 for 5 min"),
        (
            {"kind": "threshold", "series": "memory_mb", "threshold": 1234.5, "comparator": "below", "hold_seconds": 0},
            "Memory in megabytes, below 1,234.5",
        ),
        ({"service": "Combat", "hold_seconds": 90}, "Stale connections of Combat, at least 100 for 90 s"),
    ],
)
def test_a_rule_in_words(fields: dict[str, Any], words: str, game: Game) -> None:
    assert condition(put_rule(game, **{"name": "rule"} | fields)) == words


def test_a_rule_is_made(as_owner: Client, game: Game) -> None:
    assert make(as_owner, game)["Location"] == rules(game)
    rule = Rule.objects.get()
    values = (rule.name, rule.kind, rule.service, rule.threshold, rule.hold_seconds, rule.keep_seconds, rule.severity)
    assert values == ("Leak", "orphaned_surge", "*", 50.0, 300, 0, "critical")
    assert rule.enabled
    html = as_owner.get(rules(game)).content.decode()
    assert "Orphaned connections of any one service, at least 50 for 5 min" in html


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"name": ""}, "This field is required."),
        ({"kind": "threshold"}, "A rule of kind threshold names a series"),
        ({"series": "live"}, "no other rule does"),
        ({"kind": "threshold", "series": "players"}, "leave service empty"),
        ({"kind": "server_lost"}, "leave service empty"),
        ({"threshold": "much"}, "Enter a number."),
        ({"threshold": "nan"}, "Enter a number."),
        ({"threshold": "1e13"}, "A threshold is a number of at most"),
        ({"hold_seconds": "2 d"}, "This is a day at most."),
        ({"hold_seconds": "soon"}, "Write seconds, or 5 min, 2 h, 1 d."),
        ({"comparator": "near"}, "not one of the available choices"),
        ({"severity": "dire"}, "not one of the available choices"),
        ({"name": "Taken"}, "The game has a rule named"),
        ({"name": "a\0b"}, "Null characters are not allowed."),
    ],
)
def test_a_rule_that_cannot_be_says_why_and_loses_nothing(
    fields: dict[str, str], told: str, as_owner: Client, game: Game
) -> None:
    put_rule(game, "Taken")
    answer = make(as_owner, game, **fields)
    html = answer.content.decode()
    assert (answer.status_code, Rule.objects.count()) == (422, 1)
    assert told in html
    assert fields.keys() & {"keep_seconds"} or 'name="keep_seconds"' in html


def test_a_rule_is_changed_and_what_it_fired_is_over(as_owner: Client, game: Game) -> None:
    rule = put_rule(game, service="*")
    alert = put_alert(rule)
    html = as_owner.get(of("alert-rule", rule)).content.decode()
    assert all(text in html for text in ('value="5 min"', 'value="100"', 'value="*"'))
    as_owner.post(of("alert-rule", rule), WHOLE | {"name": "Renamed", "threshold": "7"})
    changed = Rule.objects.get()
    assert (changed.name, changed.threshold, Alert.objects.get(pk=alert.pk).state) == ("Renamed", 7.0, "resolved")


def test_saving_a_rule_as_it_is_changes_nothing(as_owner: Client, game: Game) -> None:
    make(as_owner, game)
    rule = Rule.objects.get()
    answer = as_owner.post(of("alert-rule", rule), WHOLE)
    assert answer.status_code == 422
    assert "Nothing would change." in answer.content.decode()


def test_a_rule_is_switched_off_and_on_and_twice_is_once(as_owner: Client, game: Game) -> None:
    rule = put_rule(game)
    for enabled in ("0", "0", "1"):
        as_owner.post(of("switch-alert-rule", rule), {"enabled": enabled})
        assert Rule.objects.get().enabled is (enabled == "1")
    assert AuditEntry.objects.filter(action="alert.rule_changed").count() == 2


def test_a_rule_is_removed(as_owner: Client, game: Game) -> None:
    rule = put_rule(game)
    as_owner.post(of("remove-alert-rule", rule))
    assert not Rule.objects.exists()
    assert as_owner.post(of("remove-alert-rule", rule)).status_code == 404


def test_without_rules_the_page_says_where_they_come_from(as_owner: Client, game: Game) -> None:
    assert "Default rules come with" in as_owner.get(rules(game)).content.decode()


@pytest.mark.parametrize("role", [Role.VIEWER, Role.PLANNER, Role.APPROVER])
def test_only_admins_change_rules(
    role: Role, game: Game, make_member: Callable[[Role], User], log_in: Callable[[User], Client]
) -> None:
    rule = put_rule(game)
    client = log_in(make_member(role))
    html = client.get(rules(game)).content.decode()
    assert not any(word in html for word in ("New rule", "Switch off", "Change</"))
    assert make(client, game).status_code == 403
    assert client.get(of("alert-rule", rule)).status_code == 403
    for name in ("alert-rule", "switch-alert-rule", "remove-alert-rule"):
        assert client.post(of(name, rule), WHOLE).status_code == 403
    assert Rule.objects.get().name == "Stale"


def test_another_games_rule_is_not_found(as_owner: Client, game: Game, other_game: Game) -> None:
    theirs = put_rule(other_game, "theirs")
    assert "theirs" not in as_owner.get(rules(game)).content.decode()
    assert as_owner.get(of("alert-rule", theirs, game)).status_code == 404
    for name in ("alert-rule", "switch-alert-rule", "remove-alert-rule"):
        assert as_owner.post(of(name, theirs, game), WHOLE).status_code == 404
    assert Rule.objects.get().enabled
