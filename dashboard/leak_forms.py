"""The forms of a leak. They check form; what is allowed is decided by the domain's actions."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from django import forms

from connmon.leaks.actions import MAX_LINK

SPANS: Final = {
    "1 d": timedelta(days=1),
    "7 d": timedelta(days=7),
    "30 d": timedelta(days=30),
    "90 d": timedelta(days=90),
}


class AssignForm(forms.Form):
    """To whom a leak is given."""

    email = forms.ChoiceField(label="Assigned to", required=False)

    def __init__(self, members: Sequence[str], *arguments: object, **more: object) -> None:
        super().__init__(*arguments, **more)  # type: ignore[arg-type]
        field = self.fields["email"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [("", "Nobody"), *((email, email) for email in members)]


class LinkForm(forms.Form):
    """A ticket or a commit."""

    link = forms.CharField(
        label="Ticket or commit",
        required=False,
        max_length=MAX_LINK,
        widget=forms.TextInput(attrs={"autocomplete": "off", "inputmode": "url", "placeholder": "https://…"}),
    )


class IgnoreForm(forms.Form):
    """For how long no alarm is raised; nothing: raise it again."""

    span = forms.ChoiceField(choices=[("", ""), *((word, word) for word in SPANS)], required=False)

    def until(self, now: datetime) -> datetime | None:
        """The moment that was chosen."""
        word = self.cleaned_data["span"]
        return now + SPANS[word] if word else None
