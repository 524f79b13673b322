"""The form of an upload. It reads what was sent; what is kept of it is decided by the domain's action."""

from typing import Final

from django import forms
from django.core.files.uploadedfile import UploadedFile

from connmon.core.errors import Invalid
from connmon.source.decisions import Decision
from connmon.source.states import BOUNDS, MAX_ARCHIVE, MAX_VERSION
from migrator.files import Found, InputRefused, is_source, read_texts, read_zip
from migrator.interactive import Choice

ZIP: Final = b"PK"


class DecisionForm(forms.Form):
    """What somebody says to a change; the texts of its parts, if they were edited, are `text`, one after the other."""

    choice = forms.ChoiceField(choices=[(choice.value, choice.value) for choice in Choice])
    seen = forms.IntegerField(min_value=0, max_value=MAX_VERSION, required=False)

    def decision(self, texts: list[str]) -> Decision:
        """Raises Invalid."""
        if not self.is_valid():
            raise Invalid("Say accepted, rejected or open; load the page again.")
        values = self.cleaned_data
        return Decision(Choice(values["choice"]), texts or None, values["seen"])


class UploadForm(forms.Form):
    """Sources of one place version."""

    place_version = forms.IntegerField(
        label="Place version",
        min_value=0,
        max_value=MAX_VERSION,
        help_text="Servers report the same number; leaks are matched to it.",
    )
    file = forms.FileField(
        label="Zip archive, or one .luau file",
        max_length=200,
        help_text=f"At most {MAX_ARCHIVE >> 20} MiB. A default.project.json in it says where files stand in the game.",
        widget=forms.ClearableFileInput(attrs={"accept": ".zip,.luau,.lua"}),
    )

    def clean_file(self) -> Found:
        """The sources in it."""
        sent: UploadedFile = self.cleaned_data["file"]
        data = sent.read(MAX_ARCHIVE + 1)
        name = sent.name or ""
        if not data.startswith(ZIP) and is_source(name):
            return read_texts([(name, data)], BOUNDS)
        try:
            return read_zip(data, BOUNDS)
        except InputRefused as refused:
            raise forms.ValidationError(f"{refused} Give a zip archive, or one .luau file.") from None
