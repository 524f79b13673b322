"""From readings to what one rule sees. Silent servers count for nothing but the alarm of lost servers."""

from collections.abc import Callable, Sequence
from typing import Any, Final

from connmon.alerts.models import Rule
from connmon.alerts.readings import LISTED, Rates, Readings
from connmon.alerts.rules import Observation, compare, looks_down
from connmon.alerts.states import EACH_SERVICE, GAME_SERIES, RATES, Comparator, Kind, Series
from connmon.leaks.states import Rung

_COUNTED: Final = {  # one, many
    Kind.SERVER_LOST: ("silent server", "silent servers"),
    Kind.STALE_SURGE: ("stale connection", "stale connections"),
    Kind.ORPHANED_SURGE: ("orphaned connection", "orphaned connections"),
    Kind.POOL_EXHAUSTED: ("exhausted pool", "exhausted pools"),
    Kind.CONFIGURATION_REFUSED: ("server behind the configuration", "servers behind the configuration"),
    Kind.REFUSED_REPORTS_SURGE: ("refused report a second", "refused reports a second"),
    Kind.EMERGENCY_FIRED: ("emergency cleanup", "emergency cleanups"),
    Kind.ORDER_FAILED: ("failed order", "failed orders"),
    Kind.LEAK_CONFIRMED: ("confirmed leak", "confirmed leaks"),
    Kind.LEAK_LIKELY: ("likely leak", "likely leaks"),
}
NAMED: Final = 3  # things in a sentence


def observe(rule: Rule, readings: Readings) -> Observation | None:
    """What a rule sees now; None when it cannot be told."""
    return _OBSERVERS[Kind(rule.kind)](rule, readings)


def describe(rule: Rule, seen: Observation) -> str:
    """The sentence of an alert, `12 stale connections (at least 10): Combat, Loot and 2 more`."""
    what = rule.series.replace("_", " ") if rule.kind == Kind.THRESHOLD else _COUNTED[Kind(rule.kind)][seen.value != 1]
    limit = f"{rule.comparator.replace('_', ' ')} {rule.threshold:g}"
    named = ", ".join(seen.things[:NAMED])
    more = f" and {seen.count - NAMED} more" if seen.count > NAMED else ""
    value = f"{round(seen.value, 2):,.10g}"
    return f"{value} {what} ({limit}){f': {named}{more}' if named else ''}"[:300]


def _of_things(rule: Rule, things: Sequence[str], **more: Any) -> Observation:
    holds = compare(len(things), Comparator(rule.comparator), rule.threshold)
    return Observation(len(things), holds, things=tuple(things[:LISTED]), count=len(things), **more)


def _lost(rule: Rule, readings: Readings) -> Observation:
    """All silent servers at once. A server is lost since its lease ended, but never since before we watched."""
    silent = [one for one in readings.servers if not one.reporting]
    # The threshold's server decides since when: with `at least 3` it holds since the third was lost.
    needed = int(rule.threshold) + (rule.comparator == Comparator.ABOVE)
    since = max(silent[needed - 1].due_at, readings.up) if 0 < needed <= len(silent) else None
    return _of_things(rule, [one.name for one in silent], since=since)


def _pools(rule: Rule, readings: Readings) -> Observation:
    return _of_things(rule, readings.exhausted_pools)


def _behind(rule: Rule, readings: Readings) -> Observation:
    revision = readings.revision
    if revision is None:
        return _of_things(rule, [])
    behind = [one.name for one in readings.servers if one.reporting and one.config_revision < revision.number]
    return _of_things(rule, behind)


def _emergencies(rule: Rule, readings: Readings) -> Observation:
    return _of_things(rule, readings.emergencies)


def _failed_orders(rule: Rule, readings: Readings) -> Observation:
    return _of_things(rule, readings.failed_orders)


def _confirmed_leaks(rule: Rule, readings: Readings) -> Observation:
    return _of_things(rule, readings.leaks[Rung.CONFIRMED])


def _likely_leaks(rule: Rule, readings: Readings) -> Observation:
    return _of_things(rule, readings.leaks[Rung.LIKELY])


def _refusals(rule: Rule, readings: Readings) -> Observation | None:
    value = readings.refusals_per_second
    if value is None:
        return None
    return Observation(value, compare(value, Comparator(rule.comparator), rule.threshold))


def _stale(rule: Rule, readings: Readings) -> Observation | None:
    return _series(rule, readings, Series.STALE)


def _orphaned(rule: Rule, readings: Readings) -> Observation | None:
    return _series(rule, readings, Series.ORPHANED)


def _threshold(rule: Rule, readings: Readings) -> Observation | None:
    return _series(rule, readings, Series(rule.series))


def _series(rule: Rule, readings: Readings, series: Series) -> Observation | None:
    comparator = Comparator(rule.comparator)
    servers = readings.servers
    silent = sum(not one.reporting for one in servers)
    if silent and (silent == len(servers) or looks_down(comparator)):
        return None  # the alarm of lost servers stands for what cannot be seen
    if series in GAME_SERIES:
        value = float(
            sum(one.players if series is Series.PLAYERS else one.memory_mb for one in servers if one.reporting)
        )
        return Observation(value, compare(value, comparator, rule.threshold))
    values = _by_service(readings, series)
    if series in RATES and not looks_down(comparator):
        # Samples end with the last server that runs a service; without this its alarm would never be over.
        values = {row["name"]: 0.0 for row in readings.services if not row["servers"]} | values
    return _of_services(rule, comparator, values)


def _by_service(readings: Readings, series: Series) -> dict[str, float]:
    if series not in RATES:
        return {row["name"]: float(row[series.value]) for row in readings.services}

    def pick(rates: Rates) -> float:
        return rates.opened if series is Series.OPENED else rates.closed

    return {name: pick(rates) for name, rates in readings.rates.items()}


def _of_services(rule: Rule, comparator: Comparator, values: dict[str, float]) -> Observation | None:
    if rule.service not in ("", EACH_SERVICE):
        if rule.service not in values:
            return None
        values = {rule.service: values[rule.service]}
    elif not values:
        return None
    order = sorted(values, key=lambda name: values[name], reverse=not looks_down(comparator))
    if rule.service == EACH_SERVICE:
        past = [name for name in order if compare(values[name], comparator, rule.threshold)]
        return Observation(values[order[0]], bool(past), things=tuple(past[:LISTED]), count=len(past))
    total = sum(values.values())
    shown = tuple(name for name in order[:NAMED] if values[name])
    return Observation(total, compare(total, comparator, rule.threshold), things=shown, count=len(shown))


_OBSERVERS: Final[dict[Kind, Callable[[Rule, Readings], Observation | None]]] = {
    Kind.SERVER_LOST: _lost,
    Kind.STALE_SURGE: _stale,
    Kind.ORPHANED_SURGE: _orphaned,
    Kind.POOL_EXHAUSTED: _pools,
    Kind.CONFIGURATION_REFUSED: _behind,
    Kind.REFUSED_REPORTS_SURGE: _refusals,
    Kind.EMERGENCY_FIRED: _emergencies,
    Kind.ORDER_FAILED: _failed_orders,
    Kind.LEAK_CONFIRMED: _confirmed_leaks,
    Kind.LEAK_LIKELY: _likely_leaks,
    Kind.THRESHOLD: _threshold,
}
