"""The forms of cleanup: what a plan is to close, and the care that letting it run takes."""

import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict

from connmon.accounts.audit import MAX_REASON
from connmon.accounts.models import Game
from connmon.cleanup.actions import MAX_RATE
from connmon.cleanup.scope import MOST_SECONDS, Scope, read_wish
from connmon.core.errors import Invalid
from connmon.registry.states import STATES, ConnectionState
from dashboard.cleanup_words import UNITS, span
from dashboard.queries.cleanup import names_of, read_keys, running_servers
from dashboard.queries.registry import RegistryPage, RegistryQuery, ShownState

AGE: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(s|min|h|d)?")
TEXTS: Final = ("service", "owner", "type")
AGES: Final = ("older_than", "younger_than")
ONE_LINE: Final = {"autocomplete": "off", "spellcheck": "false"}


def scope_query(scope: Scope) -> str:
    """The query string with which the form opens filled in with a scope."""
    asked: list[tuple[str, str]] = [("state", state.value) for state in scope.states]
    asked += [(name, value) for name in TEXTS if (value := getattr(scope, name)) is not None]
    asked += [("server", str(key)) for key in scope.servers]
    asked += [(name, span(value)) for name in AGES if (value := getattr(scope, name)) is not None]
    return urlencode(asked or [("everything", "1")])


def plan_query(query: RegistryQuery, page: RegistryPage) -> str:
    """The query string of a plan for what a registry shows; "" if no scope says what it is filtered by."""
    if query.search or query.owner_kind or query.state is ShownState.UNKNOWN or not page.rows:
        return ""
    return scope_query(
        Scope(
            states=(ConnectionState(query.state),) if query.state else (),
            service=page.rows[0].service if query.service_id else None,
            servers=(query.server_id,) if query.server_id else (),
        )
    )


class AgeField(forms.CharField):
    """A span of time in seconds, as `90`, `5 min`, `2 h` or `1 d`; None if empty."""

    def clean(self, value: Any) -> Any:
        text = super().clean(value).strip().lower()
        if not text:
            return None
        found = AGE.fullmatch(text)
        if not found:
            raise ValidationError("Write seconds, or 5 min, 2 h, 1 d.")
        sizes = {unit: size for size, unit in UNITS}
        seconds = float(found[1]) * sizes[found[2] or "s"]
        if seconds > MOST_SECONDS:
            raise ValidationError("This is longer than ten years.")
        return seconds


class ReasonField(forms.CharField):
    """Why; kept in the audit trail."""

    def __init__(self, **more: Any) -> None:
        values: dict[str, Any] = {
            "label": "Reason",
            "max_length": MAX_REASON,
            "help_text": "Kept in the audit trail.",
            "widget": forms.TextInput(attrs={"autocomplete": "off"}),
        }
        super().__init__(**values | more)


class PlanForm(forms.Form):
    """A dry run of a game: conditions that must all hold, or everything."""

    states = forms.MultipleChoiceField(
        label="State",
        required=False,
        choices=[(state.value, state.value.capitalize()) for state in STATES],
        widget=forms.CheckboxSelectMultiple,
        help_text="None chosen: any state.",
    )
    service = forms.CharField(
        label="Service", required=False, max_length=128, widget=forms.TextInput(attrs=ONE_LINE | {"list": "services"})
    )
    owner = forms.CharField(
        label="Owner",
        required=False,
        max_length=128,
        widget=forms.TextInput(attrs=ONE_LINE | {"placeholder": "player:261"}),
    )
    type = forms.CharField(
        label="Type",
        required=False,
        max_length=64,
        widget=forms.TextInput(attrs=ONE_LINE | {"placeholder": "RunService.Heartbeat"}),
    )
    servers = forms.CharField(
        label="Servers",
        required=False,
        max_length=400_000,
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
        help_text="Names or ids of running servers, one a line. Empty: all.",
    )
    older_than = AgeField(
        label="Open for more than",
        required=False,
        max_length=20,
        widget=forms.TextInput(attrs=ONE_LINE | {"placeholder": "10 min"}),
        help_text="Seconds, or 5 min, 2 h, 1 d.",
    )
    younger_than = AgeField(
        label="Open for less than", required=False, max_length=20, widget=forms.TextInput(attrs=ONE_LINE)
    )
    everything = forms.BooleanField(
        label="Everything that is not essential",
        required=False,
        help_text="Without any condition. For emergencies: it closes what players use.",
    )
    canary = forms.BooleanField(label="One server first, the others when it has answered", required=False, initial=True)
    servers_per_second = forms.FloatField(
        label="Servers a second",
        required=False,
        min_value=0.1,
        max_value=MAX_RATE,
        widget=forms.TextInput(attrs=ONE_LINE | {"inputmode": "decimal"}),
        help_text="Empty: the pace of the configuration.",
    )
    reason = ReasonField()

    def __init__(self, game: Game, data: Any = None, *, asked: QueryDict | None = None) -> None:
        super().__init__(data, initial=_initial(game, asked) if asked else {})
        self.game = game

    def clean(self) -> dict[str, Any]:
        """Also `scope`."""
        values = super().clean() or self.cleaned_data
        if self.errors:
            return values
        keys = self._find_servers(values["servers"])
        if self.errors:
            return values
        wish: dict[str, Any] = {name: values[name] for name in TEXTS if values[name]}
        wish |= {name: values[name] for name in AGES if values[name] is not None}
        wish |= {"states": values["states"]} if values["states"] else {}
        wish |= {"servers": keys} if keys else {}
        wish |= {"everything": True} if values["everything"] else {}
        try:
            values["scope"] = read_wish(wish)
        except Invalid as problem:
            self.add_error(None, _in_words(wish, problem))
        return values

    def _find_servers(self, text: str) -> list[str]:
        """Keys of the servers that the lines name; a line that names none is an error."""
        words = list(dict.fromkeys(line.strip() for line in text.splitlines() if line.strip()))
        found = running_servers(self.game.pk, words)
        unknown = [word for word in words if word not in found]
        if unknown:
            self.add_error("servers", f"No server named {unknown[0]!r} is running in this game.")
        return list(dict.fromkeys(str(key) for word in words for key in found.get(word, ())))


def _in_words(wish: Mapping[str, Any], problem: Invalid) -> str:
    if not wish:
        return "Choose what to close: at least one condition, or everything that is not essential."
    if "everything" in wish:
        return "Everything stands alone: take the conditions away, or the tick at everything."
    return str(problem)


def _initial(game: Game, asked: QueryDict) -> dict[str, Any]:
    """What the address fills in. Odd values are left as they are: the form tells what is wrong with them."""
    keys = read_keys(asked.getlist("server"))
    names = names_of(game.pk, keys)
    values: dict[str, Any] = {name: asked.get(name, "").replace("\0", "") for name in (*TEXTS, *AGES)}
    known = [state.value for state in STATES]
    return values | {
        "states": [word for word in asked.getlist("state") if word in known],
        "servers": "\n".join(names.get(key, str(key)) for key in keys),
        "everything": "everything" in asked,
        "canary": True,
        "reason": asked.get("reason", "").replace("\0", ""),
    }


class NamedForm(forms.Form):
    """Takes the game's name, typed by hand: nobody closes another game's connections by mistake."""

    name = forms.CharField(
        label="The game's name",
        max_length=200,
        widget=forms.TextInput(attrs=ONE_LINE | {"autocapitalize": "off"}),
    )

    def __init__(self, game: Game, data: Any = None) -> None:
        super().__init__(data)
        self.game = game
        self.fields["name"].help_text = f"Type {game.name} to confirm."

    def clean_name(self) -> str:
        typed = str(self.cleaned_data["name"])
        if _plain(typed) != _plain(self.game.name):
            raise ValidationError(f"This is not the game's name. Type {self.game.name}.")
        return typed


def _plain(name: str) -> str:
    return " ".join(name.split()).casefold()


class EmergencyForm(NamedForm):
    """An emergency. `token` makes one of a form that is sent twice."""

    reason = ReasonField(help_text="What is happening. Kept in the audit trail.")
    token = forms.RegexField(r"^[0-9a-f]{32}$", widget=forms.HiddenInput)


class StopForm(forms.Form):
    """Why a running plan is stopped."""

    reason = ReasonField(required=False, max_length=300, help_text="Shown on the plan and kept in the audit trail.")
