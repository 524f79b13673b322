"""Where alerting decides. Pure: values in, value out."""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final

from connmon.alerts.states import SEVERITIES, AlertState, Comparator, Severity

DOWN_AFTER: Final = timedelta(seconds=35)  # without an evaluation (every 10 s), we were down ourselves
PULSE_LIFE: Final = timedelta(seconds=30)  # a web process that was not seen for so long does not listen
# Seconds before each further attempt, about 8 hours in all: a chat service's outage is survived.
BACKOFF: Final = (10, 30, 120, 600, 1_800, 3_600, 7_200, 14_400)
MAX_RETRY_AFTER: Final = 3_600.0  # seconds; nobody's answer may hold an alarm for longer


@dataclass(frozen=True, slots=True)
class Observation:
    """What a rule sees now. `since`: from when it is known to hold, None if only from now on.

    `things` names what is affected, worst first; `count` is their number, of which `things` may show a part.
    """

    value: float
    holds: bool
    since: datetime | None = None
    things: tuple[str, ...] = ()
    count: int = 0


@dataclass(frozen=True, slots=True)
class Life:
    """Where an alert stands. `clear_since`: when a firing one ceased to hold."""

    state: AlertState
    since: datetime
    clear_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Pulse:
    """That a web process takes reports."""

    started_at: datetime
    seen_at: datetime
    ill_at: datetime | None


def next_life(
    life: Life | None, seen: Observation | None, *, hold: timedelta, keep: timedelta, now: datetime
) -> Life | None:
    """What becomes of an alert; None: there is none, or a pending one has passed.

    `seen` None: nothing can be told now, so nothing changes. `hold`: how long it must hold before it fires; `keep`: how
    long it must not hold before a firing one resolves.
    """
    if seen is None:
        return life
    if life is not None and life.state is AlertState.FIRING:
        return _go_on_firing(life, holds=seen.holds, keep=keep, now=now)
    if not seen.holds:
        return None
    since = seen.since or (min(life.since, now) if life else now)
    return Life(AlertState.FIRING if now - since >= hold else AlertState.PENDING, since)


def _go_on_firing(life: Life, *, holds: bool, keep: timedelta, now: datetime) -> Life:
    if holds:
        return Life(AlertState.FIRING, life.since)
    clear_since = min(life.clear_since or now, now)
    over = now - clear_since >= keep
    return Life(AlertState.RESOLVED if over else AlertState.FIRING, life.since, clear_since)


def compare(value: float, comparator: Comparator, threshold: float) -> bool:
    """Whether `value` is past `threshold`."""
    match comparator:
        case Comparator.ABOVE:
            return value > threshold
        case Comparator.AT_LEAST:
            return value >= threshold
        case Comparator.BELOW:
            return value < threshold
        case Comparator.AT_MOST:
            return value <= threshold


def looks_down(comparator: Comparator) -> bool:
    """Whether a rule asks for too little. Then a silent server, which counts for nothing, would be a false alarm."""
    return comparator in (Comparator.BELOW, Comparator.AT_MOST)


def up_since(known: datetime, *, last_at: datetime, now: datetime) -> datetime:
    """Since when we have watched without a gap: what happened in a gap of ours is not to be held against anybody."""
    return now if now - last_at > DOWN_AFTER else min(known, now)  # a clock that was ahead has come back


def is_trusted(pulses: Sequence[Pulse], *, up: datetime, interval: timedelta, now: datetime) -> bool:
    """Whether silence and counters mean anything: we and ingest have been well for two report intervals.

    Without any pulse nothing is known of ingest, and our own time alone counts.
    """
    calm = 2 * interval
    if now - up < calm:
        return False
    if not pulses:
        return True
    listening = [one for one in pulses if now - one.seen_at <= PULSE_LIFE]
    if any(one.ill_at is not None and now - one.ill_at < calm for one in listening):
        return False
    return any(now - one.started_at >= calm for one in listening)


def rate(points: Sequence[tuple[datetime, int, int]]) -> float | None:
    """A second, from (moment, servers, total) oldest first; None if no two neighbours can be compared.

    Totals count since each server's boot, so a pair with another number of servers, or a smaller total, is left out.
    """
    grown, seconds = 0, 0.0
    for (before, servers, total), (after, same, later) in pairwise(points):
        if servers == same and later >= total:
            grown += later - total
            seconds += (after - before).total_seconds()
    return grown / seconds if seconds > 0 else None


def reaches(severity: Severity, least: Severity) -> bool:
    """Whether a destination that wants `least` hears of `severity`."""
    return SEVERITIES.index(severity) >= SEVERITIES.index(least)


def next_attempt(attempts: int, *, retry_after: float, now: datetime) -> datetime | None:
    """When to try again after `attempts` failures; None: given up."""
    if attempts > len(BACKOFF):
        return None
    return now + timedelta(seconds=max(BACKOFF[attempts - 1], min(retry_after, MAX_RETRY_AFTER)))


# Of IPv6 only what is handed out as global unicast; of it not what carries an IPv4 address (6to4, Teredo) or only
# leads somewhere else. Everything translated (NAT64) or mapped stands outside of 2000::/3.
_GLOBAL_V6: Final = ipaddress.IPv6Network("2000::/3")
_REFUSED: Final = tuple(
    ipaddress.ip_network(network)
    for network in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20", "192.88.99.0/24", "192.0.0.0/24")
)


def is_outside(address: str) -> bool:
    """Whether an address leads to the public internet, and nowhere near this machine or its network."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address) and (ip.scope_id is not None or ip not in _GLOBAL_V6):
        return False
    refused = any(ip in network for network in _REFUSED if network.version == ip.version)
    return ip.is_global and not (ip.is_multicast or ip.is_reserved or refused)
