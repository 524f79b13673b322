"""Alerts in every state, as the pages' tests need them."""

from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from connmon.accounts.audit import Actor
from connmon.accounts.models import Game
from connmon.alerts.actions import RuleSpec, create_rule, create_silence
from connmon.alerts.destinations import DestinationSpec, create_destination
from connmon.alerts.models import Alert, Delivery, Destination, Rule, Silence
from connmon.alerts.outbox import event_of, queue

BY = Actor.of_command("ops")
HOOK = "https://hooks.example.com/T0/secret-part"


def put_rule(game: Game, name: str = "Stale", kind: str = "stale_surge", **fields: Any) -> Rule:
    spec = {"threshold": 100, "hold_seconds": 300, "keep_seconds": 60} | fields
    return create_rule(game, RuleSpec(name=name, kind=kind, **spec), by=BY, now=timezone.now())


def put_alert(rule: Rule, state: str = "firing", *, now: datetime | None = None, **fields: Any) -> Alert:
    """An alert of a rule that holds for two minutes."""
    now = now or timezone.now()
    fired = {} if state == "pending" else {"fired_at": now - timedelta(minutes=1), "announced_at": now}
    values: dict[str, Any] = {
        "game": rule.game,
        "rule": rule,
        "name": rule.name,
        "kind": rule.kind,
        "severity": rule.severity,
        "service": rule.service,
        "state": state,
        "summary": f"120 {rule.kind} (at least 100)",
        "value": 120.0,
        "things": [],
        "count": 0,
        "since": now - timedelta(minutes=2),
    }
    return Alert.objects.create(**values | fired | fields)


def put_silence(game: Game, **fields: Any) -> Silence:
    """A silence for an hour."""
    now = timezone.now()
    times = {"starts_at": now, "ends_at": now + timedelta(hours=1)}
    return create_silence(game, by=BY, now=now, **times | {"reason": "Planned maintenance"} | fields)


def put_destination(game: Game, name: str = "Ops", kind: str = "webhook", **fields: Any) -> Destination:
    spec = {"address": HOOK, "secret": "s" * 20 if kind == "webhook" else ""} | fields
    return create_destination(game, DestinationSpec(name=name, kind=kind, **spec), by=BY, now=timezone.now())


def put_delivery(destination: Destination, alert: Alert, state: str = "sent", **fields: Any) -> Delivery:
    now = timezone.now()
    delivery = queue(destination, event_of(alert, state="firing", at=now), alert=alert, now=now)
    ended = None if state == "pending" else now
    Delivery.objects.filter(pk=delivery.pk).update(**{"state": state, "attempts": 1, "ended_at": ended} | fields)
    return Delivery.objects.get(pk=delivery.pk)
