"""Evaluation: every rule of every game, every ten seconds. Two workers at once do no harm."""

import logging
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Final, LiteralString

from django.db import OperationalError, connection, transaction

from connmon.accounts.audit import Actor, record
from connmon.accounts.models import Game
from connmon.alerts import rules
from connmon.alerts.defaults import DEFAULTS, DefaultRule
from connmon.alerts.models import Alert, Desk, RefusalMark, Rule, Transition, Watch
from connmon.alerts.observe import describe, observe
from connmon.alerts.readings import RATE_WINDOW, Readings
from connmon.alerts.rules import Life, Observation
from connmon.alerts.states import AlertState
from connmon.registry.models import IngestPulse

EVALUATE_EVERY: Final = 10.0  # seconds
LEAST_GAP: Final = timedelta(seconds=5)  # of two evaluations; a second one within it has nothing new to see
WATCH: Final = 1  # the one row's key
JOB: Final = Actor.of_job("alerts")
_log = logging.getLogger("connmon.alerts")
OPEN: Final = (AlertState.PENDING.value, AlertState.FIRING.value)

MARK_REFUSALS: Final[LiteralString] = """
    INSERT INTO alerts_refusalmark (game_id, at, total)
    SELECT game_id, %(now)s, total FROM registry_refusaltotal
    ON CONFLICT DO NOTHING
"""
# Games whose first server has reported and that have no desk yet. One of many servers ends the search.
NEW_GAMES: Final[LiteralString] = """
    SELECT a.id FROM accounts_game a
    WHERE NOT EXISTS (SELECT FROM alerts_desk d WHERE d.game_id = a.id)
          AND EXISTS (SELECT FROM registry_gameserver g WHERE g.game_id = a.id)
"""


def evaluate(*, now: datetime) -> int:
    """Looks at every rule once; returns how many alerts fired or resolved. Nothing changes while we are not well."""
    up = _begin(now)
    if up is None:
        return 0
    _mark_refusals(now)
    for game_id in _new_games():
        make_default_rules(Game.objects.get(pk=game_id), now=now)
    pulses = [rules.Pulse(*row) for row in IngestPulse.objects.values_list("started_at", "seen_at", "ill_at")]
    games = Rule.objects.filter(enabled=True).order_by("game_id").values_list("game_id", "game__report_interval")
    changed = 0
    for game_id, interval in games.distinct():
        if rules.is_trusted(pulses, up=up, interval=timedelta(seconds=interval), now=now):
            changed += _evaluate_apart(game_id, up=up, now=now)
    return changed


def _evaluate_apart(game_id: int, *, up: datetime, now: datetime) -> int:
    """evaluate_game; a fault in one game must not end the watch over the others."""
    try:
        return evaluate_game(game_id, up=up, now=now)
    except OperationalError:
        raise
    except Exception:
        _log.exception("a game's alerts were not evaluated", extra={"game": game_id})
        return 0


def make_default_rules(game: Game, *, now: datetime, by: Actor = JOB) -> bool:
    """Gives a game the default rules, once in its life; whether it did."""
    with transaction.atomic():
        _, is_new = Desk.objects.get_or_create(game=game, defaults={"made_at": now})
        if not is_new:
            return False
        # A rule that was made by hand before may have the name of a default one: it stays.
        Rule.objects.bulk_create((_default(game, one, now) for one in DEFAULTS), ignore_conflicts=True)
        after = {"rules": [one.name for one in DEFAULTS]}
        record(game, "alert.defaults_made", target=game.name, by=by, now=now, after=after)
    return True


def _default(game: Game, one: DefaultRule, now: datetime) -> Rule:
    return Rule(game=game, created_at=now, **asdict(one))


def evaluate_game(game_id: int, *, up: datetime, now: datetime) -> int:
    """Every enabled rule of one game; returns how many alerts fired or resolved."""
    readings = Readings(game_id, now=now, up=up)
    found = list(Rule.objects.filter(game_id=game_id, enabled=True).order_by("id"))
    known = {alert.rule_id: alert for alert in Alert.objects.filter(game_id=game_id, state__in=OPEN)}
    return sum(_evaluate_rule(rule, known.get(rule.pk), observe(rule, readings), now=now) for rule in found)


def _evaluate_rule(rule: Rule, alert: Alert | None, seen: Observation | None, *, now: datetime) -> bool:
    life = Life(AlertState(alert.state), alert.since, alert.clear_since) if alert else None
    hold, keep = timedelta(seconds=rule.hold_seconds), timedelta(seconds=rule.keep_seconds)
    after = rules.next_life(life, seen, hold=hold, keep=keep, now=now)
    if seen is None:
        return False
    if after is None:
        if alert is not None:
            Alert.objects.filter(pk=alert.pk, state=AlertState.PENDING.value).delete()
        return False
    with transaction.atomic():
        if alert is None:
            return _open(rule, after, seen, now=now)
        return _move(rule, alert, after, seen, now=now)


def _open(rule: Rule, life: Life, seen: Observation, *, now: datetime) -> bool:
    fires = life.state is AlertState.FIRING
    alert = Alert(
        game_id=rule.game_id,
        rule=rule,
        name=rule.name,
        kind=rule.kind,
        service=rule.service,
        state=life.state.value,
        since=life.since,
        fired_at=now if fires else None,
        **_shown(rule, seen),
    )
    Alert.objects.bulk_create([alert], ignore_conflicts=True)  # the other worker's is as good
    mine = Alert.objects.filter(rule=rule, state=life.state.value, fired_at=now).first() if fires else None
    if mine is None or mine.transitions.exists():
        return False
    _note(mine.pk, AlertState.FIRING, now=now)
    return True


def _move(rule: Rule, alert: Alert, life: Life, seen: Observation, *, now: datetime) -> bool:
    """Compare-and-set: the loser's view is a moment old, and the next evaluation sees anew."""
    fields: dict[str, object] = {"state": life.state.value, "since": life.since, "clear_since": life.clear_since}
    if seen.holds:
        fields |= _shown(rule, seen)
    changes = life.state.value != alert.state
    if changes and life.state is AlertState.FIRING:
        fields["fired_at"] = now
    if life.state is AlertState.RESOLVED:
        fields["resolved_at"] = now
    moved = Alert.objects.filter(pk=alert.pk, state=alert.state).update(**fields)
    if moved and changes:
        _note(alert.pk, life.state, now=now)
    return bool(moved and changes)


def _shown(rule: Rule, seen: Observation) -> dict[str, object]:
    return {
        "summary": describe(rule, seen),
        "value": seen.value,
        "things": list(seen.things),
        "count": seen.count,
        "severity": rule.severity,
    }


def _note(alert_id: int, to_state: AlertState, *, now: datetime) -> None:
    Transition.objects.create(alert_id=alert_id, to_state=to_state.value, at=now, due_at=now)


def resolve_alerts(rule: Rule, *, now: datetime) -> None:
    """Ends what is open of a rule that is about to be changed, disabled or removed. Call it in a transaction."""
    Alert.objects.filter(rule=rule, state=AlertState.PENDING.value).delete()
    for alert_id in Alert.objects.filter(rule=rule, state=AlertState.FIRING.value).values_list("id", flat=True):
        firing = Alert.objects.filter(pk=alert_id, state=AlertState.FIRING.value)
        if firing.update(state=AlertState.RESOLVED.value, resolved_at=now):
            _note(alert_id, AlertState.RESOLVED, now=now)


def _begin(now: datetime) -> datetime | None:
    """Since when we watch without a gap; None when another worker has just evaluated."""
    known, is_new = Watch.objects.get_or_create(pk=WATCH, defaults={"last_at": now, "up_since": now})
    if is_new:
        return now
    if abs(now - known.last_at) < LEAST_GAP:  # a clock that was ahead has come back: then on we go
        return None
    up = rules.up_since(known.up_since, last_at=known.last_at, now=now)
    won = Watch.objects.filter(pk=WATCH, last_at=known.last_at).update(last_at=now, up_since=up)
    return up if won else None


def _mark_refusals(now: datetime) -> None:
    RefusalMark.objects.filter(at__lt=now - 2 * RATE_WINDOW).delete()
    with connection.cursor() as cursor:
        cursor.execute(MARK_REFUSALS, {"now": now})


def _new_games() -> Iterator[int]:
    with connection.cursor() as cursor:
        cursor.execute(NEW_GAMES)
        yield from [game_id for (game_id,) in cursor.fetchall()]
