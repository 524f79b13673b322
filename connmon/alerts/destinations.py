"""What people do with destinations and deliveries: one transaction each, its audit entry within. No secret in it."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from typing import Any, Final

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction

from connmon.accounts.audit import Actor, record
from connmon.accounts.models import Game
from connmon.alerts.actions import check_name, lock_game
from connmon.alerts.models import Delivery, Destination
from connmon.alerts.outbound import split_url
from connmon.alerts.outbox import make_test_event, queue
from connmon.alerts.queries import find_delivery, find_destination
from connmon.alerts.states import DeliveryState, DestinationKind, Severity
from connmon.core.errors import Conflict, Invalid

MAX_DESTINATIONS: Final = 20  # of a game
LEAST_SECRET: Final = 16  # characters of a webhook's secret
UNREADABLE: Final = (
    "Address and secret of this destination cannot be read any more, since SECRET_KEY has changed. Give both anew, "
    "or have the operator name the earlier key in SECRET_KEY_FALLBACKS."
)
TEST_EVERY: Final = timedelta(seconds=10)  # between two tests of a destination: it is somebody else's service


@dataclass(frozen=True, slots=True)
class DestinationSpec:
    """What a destination is to be."""

    name: str
    kind: str
    address: str
    secret: str = ""
    least_severity: str = Severity.WARNING.value
    enabled: bool = True

    def check(self) -> None:
        """Raises Invalid with what to change. Where a host leads is looked at each time something is sent."""
        check_name(self.name, "A destination's")
        if self.kind not in [*DestinationKind]:
            raise Invalid(f"kind is one of {', '.join(DestinationKind)}.")
        if self.least_severity not in [*Severity]:
            raise Invalid(f"least_severity is one of {', '.join(Severity)}.")
        if self.kind == DestinationKind.EMAIL:
            _check_email(self.address)
        else:
            split_url(self.address)
        if self.secret and self.kind != DestinationKind.WEBHOOK:
            raise Invalid("Only a webhook takes a secret.")
        if self.secret and not (LEAST_SECRET <= len(self.secret) <= 200 and self.secret.isprintable()):
            raise Invalid(f"A secret has {LEAST_SECRET} to 200 printable characters.")


NAMES: Final = tuple(field.name for field in fields(DestinationSpec))


def create_destination(game: Game, spec: DestinationSpec, *, by: Actor, now: datetime) -> Destination:
    """A new destination. Raises Invalid, Conflict (the name is taken, too many)."""
    spec.check()
    with transaction.atomic():
        lock_game(game)
        _check_taken(game, spec.name)
        if Destination.objects.filter(game=game).count() >= MAX_DESTINATIONS:
            raise Conflict(f"A game has at most {MAX_DESTINATIONS} destinations; remove one first.")
        values = {name: getattr(spec, name) for name in NAMES}
        destination = Destination.objects.create(game=game, created_at=now, **values)
        after = _told(destination)
        record(game, "alert.destination_created", target=destination.name, by=by, now=now, after=after)
    return destination


def change_destination(
    game: Game, destination_id: int, changes: Mapping[str, Any], *, by: Actor, now: datetime
) -> Destination:
    """Lays `changes` (of NAMES) over a destination. Raises NotFound, Invalid, Conflict (the name is taken)."""
    with transaction.atomic():
        lock_game(game)
        known = find_destination(game.pk, destination_id)
        if not known.is_readable and not changes.keys() >= _sealed(known):
            raise Invalid(UNREADABLE)
        old = DestinationSpec(**{name: getattr(known, name) for name in NAMES})
        spec = replace(old, **changes)
        spec.check()
        if spec == old:
            raise Invalid("Nothing would change.")
        if spec.name != old.name:
            _check_taken(game, spec.name)
        Destination.objects.filter(pk=known.pk).update(**{name: getattr(spec, name) for name in NAMES})
        after = find_destination(game.pk, destination_id)
        told = {**_told(after), "changed": [name for name in NAMES if getattr(old, name) != getattr(spec, name)]}
        target = known.name
        record(game, "alert.destination_changed", target=target, by=by, now=now, before=_told(known), after=told)
    return after


def delete_destination(game: Game, destination_id: int, *, by: Actor, now: datetime) -> None:
    """Removes a destination with all that was or is to be sent to it. Raises NotFound."""
    with transaction.atomic():
        destination = find_destination(game.pk, destination_id)
        before = _told(destination)
        destination.delete()
        record(game, "alert.destination_deleted", target=destination.name, by=by, now=now, before=before)


def send_test(game: Game, destination_id: int, *, by: Actor, now: datetime) -> Delivery:
    """Queues a test message; the delivery tells what became of it. Raises NotFound, Conflict (off, too soon)."""
    with transaction.atomic():
        lock_game(game)
        destination = find_destination(game.pk, destination_id)
        if not destination.enabled:
            raise Conflict("The destination is switched off; switch it on to test it.")
        if Delivery.objects.filter(destination=destination, alert=None, created_at__gt=now - TEST_EVERY).exists():
            raise Conflict(f"A test was just sent; wait {TEST_EVERY.seconds} s for the next.")
        delivery = queue(destination, make_test_event(destination, now=now), alert=None, now=now)
        record(game, "alert.destination_tested", target=destination.name, by=by, now=now)
    return delivery


def retry_delivery(game: Game, delivery_id: int, *, by: Actor, now: datetime) -> Delivery:
    """Sends a dead letter once more, with all its attempts anew. Raises NotFound, Conflict (not dead)."""
    with transaction.atomic():
        delivery = find_delivery(game.pk, delivery_id)
        dead = Delivery.objects.filter(pk=delivery.pk, state=DeliveryState.DEAD.value)
        if not dead.update(state=DeliveryState.PENDING.value, attempts=0, next_at=now, ended_at=None):
            raise Conflict("Only a dead letter can be sent again; this delivery is not one.")
        target = f"{delivery.destination.name}, delivery {delivery.pk}"
        record(game, "alert.delivery_retried", target=target, by=by, now=now)
    return find_delivery(game.pk, delivery_id)


def reseal_destinations() -> tuple[int, int]:
    """Seals every destination with the newest key; how many, and how many could not be read and were left alone."""
    with transaction.atomic():
        found = list(Destination.objects.select_for_update().order_by("id"))
        readable = [one for one in found if one.is_readable]
        Destination.objects.bulk_update(readable, ["address", "secret"], batch_size=500)
    return len(readable), len(found) - len(readable)


def _sealed(destination: Destination) -> set[str]:
    """What a change must bring with it when it cannot be read."""
    return {"address", "secret"} if destination.kind == DestinationKind.WEBHOOK else {"address"}


def _check_email(address: str) -> None:
    if not settings.EMAIL_HOST:
        raise Invalid("This installation sends no e-mail; its operator sets CONNMON_EMAIL_HOST.")
    try:
        validate_email(address)
    except ValidationError:
        raise Invalid("An e-mail destination's address is one e-mail address.") from None


def _check_taken(game: Game, name: str) -> None:
    if Destination.objects.filter(game=game, name=name).exists():
        raise Conflict(f"The game has a destination named {name!r}; take another name or change that one.")


def _told(destination: Destination) -> dict[str, Any]:
    """What the audit trail may keep."""
    return {
        "kind": destination.kind,
        "address": destination.shown_address,
        "has_secret": destination.has_secret,
        "least_severity": destination.least_severity,
        "enabled": destination.enabled,
    }
