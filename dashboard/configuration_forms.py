"""The forms that change a configuration: one field for each setting, each refused value told beside its field."""

import hashlib
import json
import re
from collections.abc import Iterator
from typing import Any, Final

from django import forms
from django.core.exceptions import ValidationError

from connmon.accounts.audit import MAX_REASON
from connmon.configuration.rules import Configuration, Overrides, change
from connmon.configuration.schema import SETTINGS, BadValue, Setting
from connmon.core.errors import Invalid
from dashboard.differences import show_value
from dashboard.explained import EXPLAINED

THOUSANDS: Final = re.compile(r"\d{1,3}(,\d{3})+(\.\d+)?")  # as pages write numbers
REASON: Final = "Kept with the revision and in the audit trail."


class SettingField(forms.CharField):
    """One setting as text; empty is what holds without it."""

    def __init__(self, setting: Setting, name: str, otherwise: str) -> None:
        takes = "one type a line" if isinstance(setting.default, list) else setting.takes
        super().__init__(
            label=name,
            required=False,
            max_length=10_000,
            help_text=f"{EXPLAINED[name]} Takes {takes}.",
            widget=_widget(setting, otherwise),
        )
        self.setting = setting

    def clean(self, value: Any) -> Any:
        """The setting's value, or None for an empty field."""
        text = super().clean(value).strip()
        if not text:
            return None
        try:
            return self.setting.read(self._parse(text))
        except BadValue as problem:
            raise ValidationError(f"This takes {problem}.") from None

    def _parse(self, text: str) -> object:
        if isinstance(self.setting.default, list):
            return [line.strip() for line in text.splitlines() if line.strip()]
        if isinstance(self.setting.default, str):
            return text
        try:
            return json.loads(text.replace(",", "") if THOUSANDS.fullmatch(text) else text)
        except (ValueError, RecursionError):
            return text


def _widget(setting: Setting, otherwise: str) -> forms.Widget:
    if isinstance(setting.default, bool):
        return forms.Select(choices=[("", otherwise), ("true", "true"), ("false", "false")])
    if isinstance(setting.default, str):
        # A choice's `takes` names all that there is to choose from.
        return forms.Select(choices=[("", otherwise), *((word, word) for word in setting.takes.split(" or "))])
    if isinstance(setting.default, list):
        return forms.Textarea(attrs={"rows": 6, "placeholder": "\n".join(setting.default), "spellcheck": "false"})
    return forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off", "placeholder": otherwise})


class ReasonForm(forms.Form):
    """Why something is changed."""

    reason = forms.CharField(
        label="Reason",
        max_length=MAX_REASON,
        help_text=REASON,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )


class RestoreForm(ReasonForm):
    """Going back to a revision. `expected` is the one that held when the difference was shown."""

    expected = forms.IntegerField(min_value=0)


class ConfigurationForm(ReasonForm):
    """A game's settings, or with `service` those that a service may have of its own.

    `expected` is the revision that was read, `seen` the fingerprint of the difference that was shown.
    """

    expected = forms.IntegerField(widget=forms.HiddenInput, min_value=0)
    seen = forms.CharField(widget=forms.HiddenInput, required=False, max_length=64)

    def __init__(self, known: Configuration, service: str | None, data: Any = None) -> None:
        super().__init__(data, initial={"expected": known.revision})
        self.known = known
        self.service = service
        own = known.overrides.settings if service is None else known.overrides.services.get(service, {})
        for section, name, setting in self._settings():
            key = f"{section}.{name}"
            self.fields[key] = SettingField(setting, name, self._otherwise(section, name, setting))
            if name in own.get(section, {}):
                self.initial[key] = _text(own[section][name])

    def _otherwise(self, section: str, name: str, setting: Setting) -> str:
        if self.service is None:
            return f"Default: {show_value(setting.default)}"
        return f"As in the game: {show_value(self.known.get(section, name))}"

    def _settings(self) -> Iterator[tuple[str, str, Setting]]:
        for section, named in SETTINGS.items():
            for name, setting in named.items():
                if self.service is None or setting.per_service:
                    yield section, name, setting

    def sections(self) -> list[tuple[str, list[forms.BoundField]]]:
        """The settings' fields by section, for the page."""
        sections: dict[str, list[forms.BoundField]] = {}
        for section, name, _ in self._settings():
            sections.setdefault(section, []).append(self[f"{section}.{name}"])
        return list(sections.items())

    def clean(self) -> dict[str, Any]:
        """Also lays the patch over what holds: faults between settings are told at the field they name first."""
        values = super().clean() or self.cleaned_data
        if self.errors:
            return values
        try:
            self.wanted: Overrides = change(self.known.overrides, **self.patch())
        except Invalid as problem:
            named = (key for key in self.fields if key in str(problem))
            self.add_error(next(named, None), str(problem))
        return values

    def patch(self) -> dict[str, Any]:
        """`settings` and `services` as change_configuration takes them."""
        sections: dict[str, dict[str, Any]] = {}
        for section, name, setting in self._settings():
            value = self.cleaned_data[f"{section}.{name}"]
            of_game = self.service is None
            sections.setdefault(section, {})[name] = None if of_game and value == setting.default else value
        if self.service is None:
            return {"settings": sections, "services": {}}
        return {"settings": {}, "services": {self.service: sections}}


def fingerprint(wanted: Overrides) -> str:
    """Of what a form would set, so that what is saved is what was shown."""
    return hashlib.sha256(json.dumps([wanted.settings, wanted.services], sort_keys=True).encode()).hexdigest()


def _text(value: Any) -> str:
    if isinstance(value, list):
        return "\n".join(value)
    return value if isinstance(value, str) else json.dumps(value)
