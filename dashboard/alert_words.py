"""What the alert pages say of rules and alerts: kinds, conditions, and where to look. Pure."""

import re
from typing import Final

from django.urls import reverse
from msgspec import Struct

from connmon.alerts.models import Alert, Rule
from connmon.alerts.states import EACH_SERVICE, Comparator, DestinationKind, Kind, Series
from connmon.leaks.states import Rung
from dashboard.cleanup_words import span

KINDS: Final = {
    Kind.SERVER_LOST: "Lost servers",
    Kind.STALE_SURGE: "Stale connections",
    Kind.ORPHANED_SURGE: "Orphaned connections",
    Kind.POOL_EXHAUSTED: "Exhausted pools",
    Kind.CONFIGURATION_REFUSED: "Servers behind the configuration",
    Kind.REFUSED_REPORTS_SURGE: "Refused reports a second",
    Kind.EMERGENCY_FIRED: "Emergency cleanups in ten minutes",
    Kind.ORDER_FAILED: "Failed cleanup orders in ten minutes",
    Kind.LEAK_CONFIRMED: "Confirmed leaks",
    Kind.LEAK_LIKELY: "Likely leaks",
    Kind.THRESHOLD: "A series of your choice",
}
SERIES: Final = {
    Series.LIVE: "Live connections",
    Series.ORPHANED: "Orphaned connections",
    Series.STALE: "Stale connections",
    Series.IDLE: "Idle connections",
    Series.OPENED: "Connections opened a second",
    Series.CLOSED: "Connections closed a second",
    Series.PLAYERS: "Players",
    Series.MEMORY: "Memory in megabytes",
}
COMPARATORS: Final = {
    Comparator.ABOVE: "above",
    Comparator.AT_LEAST: "at least",
    Comparator.BELOW: "below",
    Comparator.AT_MOST: "at most",
}
DESTINATIONS: Final = {
    DestinationKind.DISCORD: "Discord",
    DestinationKind.SLACK: "Slack",
    DestinationKind.WEBHOOK: "Webhook",
    DestinationKind.EMAIL: "E-mail",
}
PLAN: Final = re.compile(r"plan (\d{1,18})\b")
LEAK: Final = re.compile(r"\(leak (\d{1,18})\)\Z")  # at the end: what stands before is the game's own text
RUNGS: Final = {Kind.LEAK_CONFIRMED: Rung.CONFIRMED, Kind.LEAK_LIKELY: Rung.LIKELY}


class Link(Struct, frozen=True):
    """Where an alarm is to be looked into."""

    href: str
    label: str


def condition(rule: Rule) -> str:
    """`Stale connections of any one service, at least 100 for 5 min`."""
    what = SERIES[Series(rule.series)] if rule.kind == Kind.THRESHOLD else KINDS[Kind(rule.kind)]
    of = " of any one service" if rule.service == EACH_SERVICE else f" of {rule.service}" if rule.service else ""
    held = f" for {span(rule.hold_seconds)}" if rule.hold_seconds else ""
    return f"{what}{of}, {COMPARATORS[Comparator(rule.comparator)]} {rule.threshold:,.10g}{held}"


def service_of(alert: Alert) -> str:
    """The one service that an alarm points at, or "": the worst one when it lists several."""
    if alert.service not in ("", EACH_SERVICE):
        return alert.service
    return str(alert.things[0]) if alert.service == EACH_SERVICE and alert.things else ""


def where(alert: Alert, *, slug: str, service_id: int | None) -> Link:
    """The page where an alarm matters. `service_id` is that of `service_of`, None if it names none."""
    game = {"slug": slug}
    match Kind(alert.kind):
        case Kind.SERVER_LOST:
            return Link(f"{reverse('servers', kwargs=game)}?status=silent", "Silent servers")
        case Kind.POOL_EXHAUSTED:
            return Link(reverse("servers", kwargs=game), "Servers")
        case Kind.CONFIGURATION_REFUSED:
            return Link(f"{reverse('configuration', kwargs=game)}#rollout-title", "Roll-out")
        case Kind.REFUSED_REPORTS_SURGE:
            return Link(f"{reverse('setup', kwargs=game)}#refused-title", "Refused reports")
        case Kind.LEAK_CONFIRMED | Kind.LEAK_LIKELY:
            return _leak(alert, slug)
        case Kind.EMERGENCY_FIRED | Kind.ORDER_FAILED:
            return _plan(alert, slug)
        case _:
            return _service(alert, slug, service_id)


def _plan(alert: Alert, slug: str) -> Link:
    named = PLAN.match(str(alert.things[0])) if alert.things else None
    if named is None:
        return Link(reverse("cleanup", kwargs={"slug": slug}), "Cleanup")
    return Link(reverse("plan", kwargs={"slug": slug, "plan_id": int(named[1])}), f"Plan {named[1]}")


def _leak(alert: Alert, slug: str) -> Link:
    """The one leak; of several the ledger, with those of the rung alone."""
    named = LEAK.search(str(alert.things[0])) if len(alert.things) == 1 else None
    if named is None:
        rung = RUNGS[Kind(alert.kind)].value
        return Link(f"{reverse('leaks', kwargs={'slug': slug})}?rung={rung}", f"{rung.capitalize()} leaks")
    return Link(reverse("leak", kwargs={"slug": slug, "number": int(named[1])}), f"Leak {named[1]}")


def _service(alert: Alert, slug: str, service_id: int | None) -> Link:
    if service_id is None:
        return Link(reverse("overview", kwargs={"slug": slug}), "Overview")
    state = {Kind.STALE_SURGE: "?state=stale", Kind.ORPHANED_SURGE: "?state=orphaned"}.get(Kind(alert.kind), "")
    return Link(reverse("service", kwargs={"slug": slug, "service_id": service_id}) + state, "The service")
