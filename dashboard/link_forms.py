"""The form of a new link."""

from datetime import timedelta
from typing import Any, Final
from urllib.parse import urlencode

from django import forms
from django.http import QueryDict

from connmon.accounts.links import Shown
from connmon.accounts.models import Game
from dashboard.queries.links import find_subject

NEVER: Final = "never"
LIVES: Final[dict[str, tuple[str, timedelta | None]]] = {
    "hour": ("In an hour", timedelta(hours=1)),
    "day": ("In a day", timedelta(days=1)),
    "week": ("In a week", timedelta(days=7)),
    "month": ("In 30 days", timedelta(days=30)),
    "year": ("In a year", timedelta(days=365)),
    NEVER: ("Never; badges only", None),
}
KEPT: Final = ("from", "to", "chart")  # of a page's address: the time and the chart that it shows


class LinkForm(forms.Form):
    """What a link shows, of whom, and for how long. `view`: the time and chart that the page showed."""

    shows = forms.ChoiceField(
        label="Shows",
        choices=[
            (Shown.OVERVIEW.value, "The overview"),
            (Shown.SERVICE.value, "A service"),
            (Shown.SERVER.value, "A server"),
            (Shown.BADGE.value, "A service's badge, as a picture"),
        ],
    )
    name = forms.CharField(
        label="Name",
        max_length=128,
        required=False,
        help_text="Of the service or server; the overview needs none.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "list": "known-services"}),
    )
    life = forms.ChoiceField(label="Expires", choices=[(word, label) for word, (label, _) in LIVES.items()])
    view = forms.CharField(max_length=300, required=False, widget=forms.HiddenInput)

    def __init__(self, game: Game, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.game = game

    def clean_view(self) -> str:
        return _kept(QueryDict(str(self.cleaned_data["view"])))

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if {"shows", "name", "life"} <= values.keys():
            values["shown"] = Shown(values["shows"])
            values["subject_id"] = self._find(values["shown"], values["name"].strip())
            values["lasts"] = LIVES[values["life"]][1]
        return values

    def _find(self, shown: Shown, name: str) -> int:
        found = find_subject(self.game.pk, shown, name)
        if found is None:
            kind = "server" if shown is Shown.SERVER else "service"
            self.add_error("name", f"This game has no {kind} of this name.")
        return found or 0


def first_values(asked: QueryDict) -> dict[str, str]:
    """What the address fills in: `shows`, `name`, and the `from`, `to` and `chart` of the page that it came from."""
    shows = asked.get("shows", "")
    return {
        "shows": shows if shows in [shown.value for shown in Shown] else Shown.OVERVIEW.value,
        "name": asked.get("name", "").replace("\0", "")[:128],
        "life": "week",
        "view": _kept(asked)[:300],
    }


def _kept(asked: QueryDict) -> str:
    """The time and the chart of a page's address, and nothing else of it."""
    return urlencode({name: asked[name] for name in KEPT if name in asked})
