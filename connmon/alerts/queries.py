"""Reads of alerts, rules, silences, destinations and deliveries: for pages and the API. Always of one game."""

from datetime import datetime

from django.db.models import Case, IntegerField, Q, QuerySet, Value, When

from connmon.alerts.models import Alert, Delivery, Destination, Rule, Silence
from connmon.alerts.states import SEVERITIES, AlertState
from connmon.core.errors import NotFound


def active_alerts(game_id: int, *, pending: bool = False) -> QuerySet[Alert]:
    """A game's firing alerts (with `pending`, those too), the most severe first, then the newest."""
    states = [AlertState.FIRING.value] + ([AlertState.PENDING.value] if pending else [])
    order = Case(
        *(When(severity=severity, then=Value(-rank)) for rank, severity in enumerate(SEVERITIES)),
        default=Value(1),
        output_field=IntegerField(),
    )
    # By state too: "firing" comes before "pending".
    return Alert.objects.filter(game_id=game_id, state__in=states).order_by("state", order, "-since")


def alert_history(game_id: int, *, kind: str = "", state: str = "") -> QuerySet[Alert]:
    """What fired in a game, over or not, newest first. What only ever was pending is not in it."""
    alerts = Alert.objects.filter(game_id=game_id, fired_at__isnull=False).order_by("-id")
    if kind:
        alerts = alerts.filter(kind=kind)
    if state:
        alerts = alerts.filter(state=state)
    return alerts


def fired_between(alerts: QuerySet[Alert], *, since: datetime, until: datetime) -> QuerySet[Alert]:
    """Those of `alerts` that fired at some time between the two, over or not: spans for charts."""
    return alerts.filter(Q(resolved_at=None) | Q(resolved_at__gt=since), fired_at__lt=until)


def find_alert(game_id: int, alert_id: int) -> Alert:
    """One alert of a game. Raises NotFound."""
    alert = Alert.objects.filter(game_id=game_id, pk=alert_id).first()
    if alert is None:
        raise NotFound(f"This game has no alert {alert_id}.")
    return alert


def list_rules(game_id: int) -> QuerySet[Rule]:
    """A game's rules by name."""
    return Rule.objects.filter(game_id=game_id).order_by("name")


def find_rule(game_id: int, rule_id: int) -> Rule:
    """One rule of a game. Raises NotFound."""
    rule = Rule.objects.filter(game_id=game_id, pk=rule_id).first()
    if rule is None:
        raise NotFound(f"This game has no alert rule {rule_id}.")
    return rule


def list_silences(game_id: int, *, now: datetime) -> QuerySet[Silence]:
    """A game's silences that are in force or to come, those that end first in front."""
    return Silence.objects.filter(game_id=game_id, ends_at__gt=now).select_related("rule").order_by("ends_at", "id")


def find_silence(game_id: int, silence_id: int) -> Silence:
    """One silence of a game, over or not. Raises NotFound."""
    silence = Silence.objects.filter(game_id=game_id, pk=silence_id).select_related("rule").first()
    if silence is None:
        raise NotFound(f"This game has no silence {silence_id}.")
    return silence


def list_destinations(game_id: int) -> QuerySet[Destination]:
    """A game's destinations by name. Show `shown_address`, never `address`."""
    return Destination.objects.filter(game_id=game_id).order_by("name")


def find_destination(game_id: int, destination_id: int) -> Destination:
    """One destination of a game. Raises NotFound."""
    destination = Destination.objects.filter(game_id=game_id, pk=destination_id).select_related("game").first()
    if destination is None:
        raise NotFound(f"This game has no alert destination {destination_id}.")
    return destination


def list_deliveries(game_id: int, *, state: str = "") -> QuerySet[Delivery]:
    """A game's deliveries, newest first."""
    found = Delivery.objects.filter(destination__game_id=game_id).select_related("destination").order_by("-id")
    return found.filter(state=state) if state else found


def find_delivery(game_id: int, delivery_id: int) -> Delivery:
    """One delivery of a game. Raises NotFound."""
    delivery = list_deliveries(game_id).filter(pk=delivery_id).first()
    if delivery is None:
        raise NotFound(f"This game has no alert delivery {delivery_id}.")
    return delivery
