"""From transitions to messages: who is told (dispatch_one), then each telling (deliver_one). Both may run twice."""

from datetime import datetime, timedelta
from typing import Any, Final

from django.db import transaction

from connmon.alerts import rules
from connmon.alerts.messages import make_message
from connmon.alerts.models import Alert, Delivery, Destination, Silence, Transition
from connmon.alerts.outbound import Outcome, Send
from connmon.alerts.states import AlertState, DeliveryState, DestinationKind, Severity

CLAIM: Final = timedelta(seconds=60)  # a worker that died while sending is followed by another one after this
PUT_OFF: Final = timedelta(seconds=5)  # the end of an alert whose beginning another worker is just telling
ALERTS_KEPT: Final = timedelta(days=90)  # resolved ones
DELIVERIES_KEPT: Final = timedelta(days=30)  # that ended; dead letters too


def dispatch_one(*, now: datetime) -> bool:
    """Decides on the transition that is due longest; whether there was one.

    A firing that is muted waits until the mute ends. One that ended before anybody was told is never told at all; one
    that was told is told to be over, muted or not, since somebody may be at work on it.
    """
    with transaction.atomic():
        due = Transition.objects.filter(dispatched_at=None, due_at__lte=now).order_by("due_at", "id")
        # Skipped when locked: the other worker has it.
        one = due.select_for_update(skip_locked=True, of=("self",)).select_related("alert__game").first()
        if one is None:
            return False
        alert = one.alert
        firing = one.to_state == AlertState.FIRING
        if not firing and _is_being_told(one, now=now):
            Transition.objects.filter(pk=one.pk).update(due_at=now + PUT_OFF)
            return True
        until = muted_until(alert, now=now) if firing else None
        if until is not None and alert.state == AlertState.FIRING:
            Transition.objects.filter(pk=one.pk).update(due_at=until)
            return True
        Transition.objects.filter(pk=one.pk).update(dispatched_at=now)
        if (alert.state == AlertState.FIRING) if firing else (alert.announced_at is not None):
            _tell(alert, one, now=now)
    return True


def _is_being_told(end: Transition, *, now: datetime) -> bool:
    """Whether another worker is just deciding on the beginning: until it has, nobody knows who heard of it."""
    beginning = Transition.objects.filter(alert=end.alert, to_state=AlertState.FIRING.value, dispatched_at=None)
    return beginning.filter(due_at__lte=now).exists()


def muted_until(alert: Alert, *, now: datetime) -> datetime | None:
    """Until when nobody is told of an alert, by its snooze or a silence; None: people are told."""
    in_force = Silence.objects.filter(game_id=alert.game_id, starts_at__lte=now, ends_at__gt=now)
    ends = [silence.ends_at for silence in in_force if silence.matches(alert)]
    if alert.snoozed_until is not None and alert.snoozed_until > now:
        ends.append(alert.snoozed_until)
    return max(ends, default=None)


def _tell(alert: Alert, one: Transition, *, now: datetime) -> None:
    enabled = Destination.objects.filter(game_id=alert.game_id, enabled=True)
    severity = Severity(alert.severity)
    reached = [each for each in enabled if rules.reaches(severity, Severity(each.least_severity))]
    if reached and one.to_state == AlertState.FIRING:  # where there is no destination nobody was told
        Alert.objects.filter(pk=alert.pk).update(announced_at=now)
    event = event_of(alert, state=one.to_state, at=one.at)
    for destination in reached:
        queue(destination, event, alert=alert, now=now)


def queue(destination: Destination, event: dict[str, Any], *, alert: Alert | None, now: datetime) -> Delivery:
    """A delivery that is due at once."""
    return Delivery.objects.create(
        destination=destination,
        alert=alert,
        event=event,
        state=DeliveryState.PENDING.value,
        created_at=now,
        next_at=now,
    )


def event_of(alert: Alert, *, state: str, at: datetime) -> dict[str, Any]:
    """What happened, as a webhook gets it; docs/alerts.md lists the fields. Times in ISO 8601, UTC."""
    return {
        "alert": str(alert.pk),
        "game": alert.game.name,
        "name": alert.name,
        "kind": alert.kind,
        "severity": alert.severity,
        "service": alert.service,
        "state": state,
        "at": _iso(at),
        "since": _iso(alert.since),
        "summary": alert.summary,
        "value": alert.value,
        "things": alert.things,
        "count": alert.count,
    }


def make_test_event(destination: Destination, *, now: datetime) -> dict[str, Any]:
    """What the test action sends."""
    return {"game": destination.game.name, "state": "test", "at": _iso(now)}


def deliver_one(*, now: datetime, send: Send) -> bool:
    """Sends what is due longest, repetitions last; whether there was something. It is sent outside of any transaction.

    Whose destination hangs waits for himself: what was never tried goes before what has failed.
    """
    pending = Delivery.objects.filter(state=DeliveryState.PENDING.value, next_at__lte=now)
    due = pending.order_by("attempts", "next_at", "id")
    one = due.select_related("destination").first()
    if one is None:
        return False
    if one.attempts > len(rules.BACKOFF):  # each ended with its worker: it may be the message that ends them
        _settle(one, Outcome(False, "No attempt came to an end; the worker's log says why."), now=now)
        return True
    claim = Delivery.objects.filter(pk=one.pk, state=DeliveryState.PENDING.value, next_at=one.next_at)
    if claim.update(next_at=now + CLAIM, attempts=one.attempts + 1):
        one.attempts += 1
        _settle(one, _attempt(one, send, now=now), now=now)
    return True


def _attempt(one: Delivery, send: Send, *, now: datetime) -> Outcome:
    to = one.destination
    if not to.enabled:
        return Outcome(False, "The destination was switched off before this could be sent.")
    if not to.is_readable:
        return Outcome(False, "The destination's address cannot be read: SECRET_KEY has changed. Give it anew.")
    kind = DestinationKind(to.kind)
    return send(make_message(kind, to.address, to.secret, one.event, delivery_id=one.pk, now=now))


def _settle(one: Delivery, outcome: Outcome, *, now: datetime) -> None:
    """Compare-and-set by the attempt's number: a worker that was thought dead does not overwrite its successor."""
    again = rules.next_attempt(one.attempts, retry_after=outcome.retry_after, now=now) if outcome.retry else None
    fields: dict[str, Any] = {"detail": outcome.detail[:300]}
    if outcome.sent:
        fields |= {"state": DeliveryState.SENT.value, "ended_at": now}
    elif again is None:
        fields |= {"state": DeliveryState.DEAD.value, "ended_at": now}
    else:
        fields["next_at"] = again
    Delivery.objects.filter(pk=one.pk, state=DeliveryState.PENDING.value, attempts=one.attempts).update(**fields)


def drop_old(*, now: datetime) -> None:
    """Deletes alerts and deliveries past their retention, and silences that ended as long ago."""
    Delivery.objects.filter(ended_at__lt=now - DELIVERIES_KEPT).delete()
    Silence.objects.filter(ends_at__lt=now - ALERTS_KEPT).delete()
    Alert.objects.filter(resolved_at__lt=now - ALERTS_KEPT).delete()


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")
