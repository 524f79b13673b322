"""The forms of alerts. They check form; what is allowed is decided by the domain's actions."""

import secrets
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from django import forms

from connmon.alerts.actions import FIELDS, MAX_SECONDS, RuleSpec
from connmon.alerts.destinations import LEAST_SECRET, DestinationSpec
from connmon.alerts.models import Destination, Rule
from connmon.alerts.states import Comparator, DestinationKind, Severity
from dashboard.alert_words import COMPARATORS, DESTINATIONS, KINDS, SERIES
from dashboard.cleanup_forms import ONE_LINE, AgeField, ReasonField
from dashboard.cleanup_words import span

SPANS: Final = {
    "30 min": timedelta(minutes=30),
    "1 h": timedelta(hours=1),
    "4 h": timedelta(hours=4),
    "1 d": timedelta(days=1),
    "7 d": timedelta(days=7),
    "30 d": timedelta(days=30),
}
SECRET_BYTES: Final = 32  # of a secret that is made here
SEVERITY_WORDS: Final = [(severity.value, severity.value.capitalize()) for severity in Severity]


class SpanField(AgeField):
    """Seconds of a rule, up to a day."""

    def clean(self, value: Any) -> Any:
        seconds = super().clean(value) or 0
        if seconds > MAX_SECONDS:
            raise forms.ValidationError("This is a day at most.")
        return int(seconds)


class RuleForm(forms.Form):
    """What is alarming."""

    name = forms.CharField(label="Name", max_length=80, widget=forms.TextInput(attrs={"autocomplete": "off"}))
    kind = forms.ChoiceField(label="Watches", choices=[(kind.value, word) for kind, word in KINDS.items()])
    series = forms.ChoiceField(
        label="Series",
        required=False,
        choices=[("", "none"), *((series.value, word) for series, word in SERIES.items())],
        help_text="Only for a series of your choice.",
    )
    service = forms.CharField(
        label="Service",
        required=False,
        max_length=128,
        widget=forms.TextInput(attrs=ONE_LINE | {"list": "services"}),
        help_text="Empty: the whole game. *: each service by itself. Not for players, memory and servers.",
    )
    comparator = forms.ChoiceField(
        label="Alarming when",
        choices=[(one.value, word) for one, word in COMPARATORS.items()],
        initial=Comparator.AT_LEAST.value,
    )
    threshold = forms.FloatField(
        label="Threshold", widget=forms.TextInput(attrs=ONE_LINE | {"inputmode": "decimal"}), initial=1
    )
    hold_seconds = SpanField(
        label="Fires after",
        required=False,
        max_length=20,
        initial="1 min",
        widget=forms.TextInput(attrs=ONE_LINE),
        help_text="It must hold for so long. Empty: at once.",
    )
    keep_seconds = SpanField(
        label="Resolves after",
        required=False,
        max_length=20,
        initial="1 min",
        widget=forms.TextInput(attrs=ONE_LINE),
        help_text="It must not hold for so long. Empty: at once.",
    )
    severity = forms.ChoiceField(label="Severity", choices=SEVERITY_WORDS, initial=Severity.WARNING.value)
    enabled = forms.BooleanField(label="On", required=False, initial=True)

    def __init__(self, data: Any = None, *, rule: Rule | None = None) -> None:
        super().__init__(data, initial=_values_of(rule) if rule else {})

    def spec(self) -> RuleSpec:
        return RuleSpec(**self.values())

    def values(self) -> dict[str, Any]:
        """RuleSpec's fields."""
        return {name: self.cleaned_data[name] for name in FIELDS}


def _values_of(rule: Rule) -> dict[str, Any]:
    values = {name: getattr(rule, name) for name in FIELDS}
    spans = {name: span(values[name]) for name in ("hold_seconds", "keep_seconds")}
    return values | spans | {"threshold": f"{rule.threshold:.10g}"}


class SnoozeForm(forms.Form):
    """For how long nobody is told of an alert; without a time the snooze ends."""

    span = forms.ChoiceField(required=False, choices=[("", ""), *((word, word) for word in SPANS)])

    def until(self, now: datetime) -> datetime | None:
        chosen = self.cleaned_data["span"]
        return now + SPANS[chosen] if chosen else None


class SilenceForm(forms.Form):
    """Nobody is told of alerts that match, for a time."""

    rule = forms.TypedChoiceField(label="Rule", required=False, coerce=int, empty_value=None)
    kind = forms.ChoiceField(
        label="Kind", required=False, choices=[("", "Any kind"), *((kind.value, word) for kind, word in KINDS.items())]
    )
    service = forms.CharField(
        label="Service",
        required=False,
        max_length=128,
        widget=forms.TextInput(attrs=ONE_LINE),
        help_text="As the rule names it. Empty: any.",
    )
    starts_at = forms.DateTimeField(
        label="From (UTC)",
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}),
        help_text="Empty: now.",
    )
    span = forms.ChoiceField(label="For", choices=[(word, word) for word in SPANS], initial="1 h")
    reason = ReasonField(help_text="Shown beside what it silences, and kept in the audit trail.")

    def __init__(self, rules: Iterable[Rule], data: Any = None) -> None:
        super().__init__(data)
        field = self.fields["rule"]
        assert isinstance(field, forms.TypedChoiceField)
        field.choices = [("", "Any rule"), *((rule.pk, rule.name) for rule in rules)]

    def values(self, now: datetime) -> dict[str, Any]:
        """What create_silence takes."""
        chosen = self.cleaned_data
        starts_at = chosen["starts_at"].replace(tzinfo=UTC) if chosen["starts_at"] else now
        return {
            "rule_id": chosen["rule"],
            "kind": chosen["kind"],
            "service": chosen["service"],
            "starts_at": starts_at,
            "ends_at": starts_at + SPANS[chosen["span"]],
            "reason": chosen["reason"],
        }


class DestinationForm(forms.Form):
    """Somebody who is told. A webhook without a secret of its own gets one, shown once."""

    name = forms.CharField(label="Name", max_length=80, widget=forms.TextInput(attrs={"autocomplete": "off"}))
    kind = forms.ChoiceField(label="Kind", choices=[(kind.value, word) for kind, word in DESTINATIONS.items()])
    address = forms.CharField(
        label="Address",
        max_length=1_000,
        widget=forms.TextInput(attrs=ONE_LINE),
        help_text="The webhook's https:// address, or an e-mail address. It is not shown again.",
    )
    secret = forms.CharField(
        label="Secret of a webhook",
        required=False,
        min_length=LEAST_SECRET,
        max_length=200,
        widget=forms.TextInput(attrs=ONE_LINE),
        help_text="Signs the messages. Empty: one is made and shown once.",
    )
    least_severity = forms.ChoiceField(
        label="From severity",
        choices=SEVERITY_WORDS,
        initial=Severity.WARNING.value,
        help_text="What is less severe is not sent here.",
    )

    def spec(self) -> DestinationSpec:
        chosen = dict(self.cleaned_data)
        if chosen["kind"] == DestinationKind.WEBHOOK:
            chosen["secret"] = chosen["secret"] or secrets.token_urlsafe(SECRET_BYTES)
        return DestinationSpec(**chosen)


class DestinationChangeForm(DestinationForm):
    """A destination as it is; what is empty of address and secret stays. Its kind stays too."""

    enabled = forms.BooleanField(label="On", required=False)

    def __init__(self, destination: Destination, data: Any = None) -> None:
        shown = {name: getattr(destination, name) for name in ("name", "least_severity", "enabled")}
        super().__init__(data, initial=shown)
        del self.fields["kind"]
        if destination.kind != DestinationKind.WEBHOOK:
            del self.fields["secret"]
        self.fields["address"].required = False
        self.fields["address"].help_text = f"Now {destination.shown_address}. Empty: it stays."
        if "secret" in self.fields:
            self.fields["secret"].help_text = "Empty: it stays."

    def changes(self) -> dict[str, Any]:
        """What change_destination takes."""
        kept = {"address", "secret"}
        return {name: value for name, value in self.cleaned_data.items() if value != "" or name not in kept}
