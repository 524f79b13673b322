"""The alert pages: what fires, what fired, silences, and what became of each message."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from django.urls import reverse
from msgspec import Struct

from connmon.accounts.models import Game
from connmon.alerts.models import Alert, Delivery, Silence
from connmon.alerts.queries import active_alerts, alert_history, list_deliveries, list_silences
from connmon.alerts.states import AlertState, DeliveryState
from connmon.registry.models import Service
from dashboard.alert_words import service_of, where
from dashboard.queries.paging import Cursor, RowsPage, page_by_id

HISTORY: Final = 20  # on a page
DELIVERIES: Final = 50  # on a page, and those that are refreshed while it is looked at
STRIP: Final = 5  # alerts on the overview


class AlertRow(Struct, frozen=True):
    """One alarm. `note` and `until`: what comes next and when, as in "fires in"; `muted`: why nobody is told, or ""."""

    id: int
    severity: str
    state: str
    name: str
    summary: str
    since: datetime
    note: str
    until: datetime | None
    muted: str
    href: str
    label: str
    snooze: str  # the address that snoozes it
    is_firing: bool


class AlertCounts(Struct, frozen=True):
    firing: int
    pending: int


class AlertsLive(Struct, frozen=True):
    """What the alerts page shows that changes."""

    counts: AlertCounts
    alerts: list[AlertRow]


def alerts_live(game_id: int, *, now: datetime) -> AlertsLive:
    rows = _rows(list(active_alerts(game_id, pending=True).select_related("rule", "game")), game_id, now)
    firing = sum(row.is_firing for row in rows)
    return AlertsLive(counts=AlertCounts(firing=firing, pending=len(rows) - firing), alerts=rows)


def alert_strip(game_id: int, *, now: datetime) -> list[AlertRow]:
    """The most severe that fire, for the overview."""
    return _rows(list(active_alerts(game_id).select_related("rule", "game")[:STRIP]), game_id, now)


def _rows(alerts: list[Alert], game_id: int, now: datetime) -> list[AlertRow]:
    if not alerts:
        return []
    names = {service_of(alert) for alert in alerts} - {""}
    services = dict(Service.objects.filter(game_id=game_id, name__in=names).values_list("name", "id")) if names else {}
    silences = [one for one in list_silences(game_id, now=now) if one.holds(now)]
    return [_row(alert, silences, services, now) for alert in alerts]


def _row(alert: Alert, silences: Sequence[Silence], services: dict[str, int], now: datetime) -> AlertRow:
    slug = alert.game.slug
    link = where(alert, slug=slug, service_id=services.get(service_of(alert)))
    note, until = _next(alert)
    return AlertRow(
        id=alert.pk,
        severity=alert.severity,
        state=alert.state,
        name=alert.name,
        summary=alert.summary,
        since=alert.since,
        note=note,
        until=until,
        muted=_muted(alert, silences, now),
        href=link.href,
        label=link.label,
        snooze=reverse("snooze-alert", kwargs={"slug": slug, "number": alert.pk}),
        is_firing=alert.state == AlertState.FIRING,
    )


def _next(alert: Alert) -> tuple[str, datetime | None]:
    if alert.rule is None:
        return "", None
    if alert.state == AlertState.PENDING:
        return "fires if it goes on", alert.since + timedelta(seconds=alert.rule.hold_seconds)
    if alert.clear_since is not None:
        return "over, resolves", alert.clear_since + timedelta(seconds=alert.rule.keep_seconds)
    return "", None


def _muted(alert: Alert, silences: Sequence[Silence], now: datetime) -> str:
    if alert.snoozed_until is not None and alert.snoozed_until > now:
        return f"Snoozed by {alert.snoozed_by} until {_moment(alert.snoozed_until)}"
    silence = next((one for one in silences if one.matches(alert)), None)
    return f"Silenced until {_moment(silence.ends_at)}: {silence.reason}" if silence else ""


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"


class PastRow(Struct, frozen=True):
    """One alarm that fired, over or not."""

    id: int
    severity: str
    state: str
    name: str
    summary: str
    fired_at: datetime
    resolved_at: datetime | None
    told: bool


def history_page(game_id: int, cursor: Cursor) -> RowsPage[PastRow]:
    page = page_by_id(alert_history(game_id), cursor, most=HISTORY, id_of=lambda alert: alert.pk)
    return RowsPage(rows=[_past(alert) for alert in page.rows], older=page.older, newer=page.newer)


def _past(alert: Alert) -> PastRow:
    assert alert.fired_at is not None  # what never fired is not in the history
    return PastRow(
        id=alert.pk,
        severity=alert.severity,
        state=alert.state,
        name=alert.name,
        summary=alert.summary,
        fired_at=alert.fired_at,
        resolved_at=alert.resolved_at,
        told=alert.announced_at is not None,
    )


class DeliveryRow(Struct, frozen=True):
    """One message to one destination. `next_at`: of a pending one, not before."""

    id: int
    state: str
    destination: str
    what: str
    attempts: int
    created_at: datetime
    next_at: datetime | None
    detail: str
    retry: str  # the address that sends it once more; "" unless it is a dead letter


class DestinationsLive(Struct, frozen=True):
    """What the page of destinations shows that changes: the newest messages."""

    deliveries: list[DeliveryRow]


def destinations_live(game_id: int, *, now: datetime) -> DestinationsLive:
    slug = Game.objects.values_list("slug", flat=True).get(pk=game_id)
    return DestinationsLive(deliveries=[_delivery(one, slug) for one in list_deliveries(game_id)[:DELIVERIES]])


def deliveries_page(game: Game, *, state: DeliveryState | None, cursor: Cursor) -> RowsPage[DeliveryRow]:
    found = list_deliveries(game.pk, state=state or "")
    page = page_by_id(found, cursor, most=DELIVERIES, id_of=lambda one: one.pk)
    return RowsPage(rows=[_delivery(one, game.slug) for one in page.rows], older=page.older, newer=page.newer)


def _delivery(one: Delivery, slug: str) -> DeliveryRow:
    is_dead = one.state == DeliveryState.DEAD
    return DeliveryRow(
        id=one.pk,
        state=one.state,
        destination=one.destination.name,
        what=_what(one.event),
        attempts=one.attempts,
        created_at=one.created_at,
        next_at=one.next_at if one.state == DeliveryState.PENDING and one.attempts else None,
        detail=one.detail,
        retry=reverse("retry-delivery", kwargs={"slug": slug, "number": one.pk}) if is_dead else "",
    )


def _what(event: dict[str, Any]) -> str:
    return "Test" if event["state"] == "test" else f"{event['name']}: {event['state']}"
