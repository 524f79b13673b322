"""What people do with rules, alerts and silences: one transaction each, its audit entry within."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from math import isfinite
from typing import Any, Final

from django.db import transaction

from connmon.accounts.audit import MAX_REASON, Actor, record
from connmon.accounts.models import Game
from connmon.alerts.evaluate import resolve_alerts
from connmon.alerts.models import Alert, Rule, Silence, Transition
from connmon.alerts.queries import find_alert, find_rule, find_silence
from connmon.alerts.states import (
    EACH_SERVICE,
    GAME_SERIES,
    SERVICE_KINDS,
    AlertState,
    Comparator,
    Kind,
    Series,
    Severity,
)
from connmon.core.errors import Conflict, Invalid

MAX_RULES: Final = 100  # of a game; each is looked at every ten seconds
MAX_SILENCES: Final = 100  # of a game, not yet over
MAX_SECONDS: Final = 86_400  # of a rule's hold and keep
MAX_MUTE: Final = timedelta(days=30)  # of a snooze or silence: nobody forgets one for good


@dataclass(frozen=True, slots=True)
class RuleSpec:
    """What a rule is to be; seconds. `service`: "" the game, "*" every service by itself, or a name."""

    name: str
    kind: str
    threshold: float
    series: str = ""
    service: str = ""
    comparator: str = Comparator.AT_LEAST.value
    hold_seconds: int = 60
    keep_seconds: int = 60
    severity: str = Severity.WARNING.value
    enabled: bool = True

    def check(self) -> None:
        """Raises Invalid with what to change."""
        check_name(self.name, "A rule's")
        _check_word(self.kind, [*Kind], "kind")
        _check_word(self.comparator, [*Comparator], "comparator")
        _check_word(self.severity, [*Severity], "severity")
        if (self.kind == Kind.THRESHOLD) != bool(self.series):
            raise Invalid("A rule of kind threshold names a series; no other rule does.")
        if self.series:
            _check_word(self.series, [*Series], "series")
        if self.service and (self.kind not in SERVICE_KINDS or self.series in GAME_SERIES):
            raise Invalid("Players, memory, and what is counted by server belong to the game: leave service empty.")
        if len(self.service) > 128 or not self.service.isprintable():
            raise Invalid(f"A service's name has at most 128 printable characters; {EACH_SERVICE} means each.")
        if not isfinite(self.threshold) or abs(self.threshold) > 1e12:
            raise Invalid("A threshold is a number of at most 1,000,000,000,000.")
        if not (0 <= self.hold_seconds <= MAX_SECONDS and 0 <= self.keep_seconds <= MAX_SECONDS):
            raise Invalid(f"hold_seconds and keep_seconds are 0 to {MAX_SECONDS:,}.")


FIELDS: Final = tuple(RuleSpec.__dataclass_fields__)


def create_rule(game: Game, spec: RuleSpec, *, by: Actor, now: datetime) -> Rule:
    """A new rule. Raises Invalid, Conflict (the name is taken, too many)."""
    spec.check()
    with transaction.atomic():
        lock_game(game)
        _check_taken(game, spec.name)
        if Rule.objects.filter(game=game).count() >= MAX_RULES:
            raise Conflict(f"A game has at most {MAX_RULES} rules; remove one first.")
        rule = Rule.objects.create(game=game, created_at=now, **_values(spec))
        record(game, "alert.rule_created", target=rule.name, by=by, now=now, after=_values(spec))
    return rule


def change_rule(game: Game, rule_id: int, changes: Mapping[str, Any], *, by: Actor, now: datetime) -> Rule:
    """Lays `changes` (of FIELDS) over a rule; what it had open begins anew. Raises NotFound, Invalid, Conflict."""
    with transaction.atomic():
        lock_game(game)
        rule = find_rule(game.pk, rule_id)
        known = RuleSpec(**{name: getattr(rule, name) for name in FIELDS})
        spec = replace(known, **changes)
        spec.check()
        if spec == known:
            raise Invalid("Nothing would change.")
        if spec.name != known.name:
            _check_taken(game, spec.name)
        # Another threshold is another question: what the old one found is over.
        resolve_alerts(rule, now=now)
        Rule.objects.filter(pk=rule.pk).update(**_values(spec))
        changed = [name for name in FIELDS if getattr(known, name) != getattr(spec, name)]
        before, after = ({name: getattr(one, name) for name in changed} for one in (known, spec))
        record(game, "alert.rule_changed", target=known.name, by=by, now=now, before=before, after=after)
    return find_rule(game.pk, rule_id)


def delete_rule(game: Game, rule_id: int, *, by: Actor, now: datetime) -> None:
    """Removes a rule; its alerts are resolved and stay in the history. Raises NotFound."""
    with transaction.atomic():
        lock_game(game)
        rule = find_rule(game.pk, rule_id)
        before = {name: getattr(rule, name) for name in FIELDS}
        resolve_alerts(rule, now=now)
        rule.delete()
        record(game, "alert.rule_deleted", target=rule.name, by=by, now=now, before=before)


def snooze_alert(game: Game, alert_id: int, *, until: datetime | None, by: Actor, now: datetime) -> Alert:
    """Nobody is told of a firing alert until then; None ends that. Raises NotFound, Invalid, Conflict (not firing)."""
    if until is not None:
        _check_mute(now, until)
    with transaction.atomic():
        alert = find_alert(game.pk, alert_id)
        open_ones = Alert.objects.filter(pk=alert.pk, state=AlertState.FIRING.value)
        if not open_ones.update(snoozed_until=until, snoozed_by=by.label[:254] if until else ""):
            raise Conflict("Only a firing alert can be snoozed; this one is not.")
        _look_again(game, now=now)
        action = "alert.snoozed" if until else "alert.snooze_ended"
        before, after = {"until": alert.snoozed_until}, {"until": until}
        record(game, action, target=alert.name, by=by, now=now, before=before, after=after)
    return find_alert(game.pk, alert_id)


def create_silence(
    game: Game,
    *,
    starts_at: datetime,
    ends_at: datetime,
    reason: str,
    by: Actor,
    now: datetime,
    rule_id: int | None = None,
    kind: str = "",
    service: str = "",
) -> Silence:
    """Nobody is told of alerts that match, from then to then. Raises Invalid, NotFound (the rule), Conflict."""
    reason = reason.strip()
    if not 1 <= len(reason) <= MAX_REASON:
        raise Invalid(f"A silence takes a reason of 1 to {MAX_REASON} characters.")
    if kind:
        _check_word(kind, [*Kind], "kind")
    _check_mute(max(now, starts_at), ends_at)
    with transaction.atomic():
        lock_game(game)
        rule = None if rule_id is None else find_rule(game.pk, rule_id)
        if Silence.objects.filter(game=game, ends_at__gt=now).count() >= MAX_SILENCES:
            raise Conflict(f"A game has at most {MAX_SILENCES} silences at a time; end one first.")
        fields = {"kind": kind, "service": service, "starts_at": starts_at, "ends_at": ends_at, "reason": reason}
        silence = Silence.objects.create(game=game, rule=rule, created_by=by.label[:254], created_at=now, **fields)
        after = {**fields, "rule": rule.name if rule else ""}
        record(game, "alert.silenced", target=_what(silence), by=by, now=now, after=after, reason=reason)
    return silence


def end_silence(game: Game, silence_id: int, *, by: Actor, now: datetime) -> None:
    """Ends a silence at once; what it held back and still fires is told. Raises NotFound, Conflict (over)."""
    with transaction.atomic():
        silence = find_silence(game.pk, silence_id)
        if not Silence.objects.filter(pk=silence.pk, ends_at__gt=now).update(ends_at=now):
            raise Conflict("This silence is over already.")
        _look_again(game, now=now)
        record(game, "alert.silence_ended", target=_what(silence), by=by, now=now, before={"ends_at": silence.ends_at})


def _look_again(game: Game, *, now: datetime) -> None:
    """What waits for the end of a mute is due now, and waits again if it is still muted."""
    Transition.objects.filter(alert__game=game, dispatched_at=None, due_at__gt=now).update(due_at=now)


def _what(silence: Silence) -> str:
    named = [silence.rule.name if silence.rule else "", silence.kind, silence.service]
    return ", ".join(word for word in named if word) or "all alerts"


def _check_mute(start: datetime, end: datetime) -> None:
    if not start < end <= start + MAX_MUTE:
        raise Invalid(f"It ends after it begins and within {MAX_MUTE.days} days.")


def check_name(name: str, whose: str) -> None:
    """Raises Invalid unless a name can be shown in one line."""
    if not 1 <= len(name.strip()) <= 80 or name != name.strip() or not name.isprintable():
        raise Invalid(f"{whose} name has 1 to 80 printable characters, with no space around them.")


def lock_game(game: Game) -> None:
    """One change of a game's alerting at a time, so that limits and names hold, and differences are true."""
    Game.objects.select_for_update(no_key=True).get(pk=game.pk)


def _check_taken(game: Game, name: str) -> None:
    if Rule.objects.filter(game=game, name=name).exists():
        raise Conflict(f"The game has a rule named {name!r}; take another name or change that one.")


def _check_word(word: str, words: list[Any], what: str) -> None:
    if word not in words:
        raise Invalid(f"{what} is one of {', '.join(words)}.")


def _values(spec: RuleSpec) -> dict[str, Any]:
    return {name: getattr(spec, name) for name in FIELDS}
