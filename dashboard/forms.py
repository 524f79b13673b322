"""The forms of the pages. They check form; what is allowed is decided by the domain's actions."""

from datetime import timedelta

from django import forms
from django.contrib.auth.password_validation import password_validators_help_texts

from connmon.accounts.models import Scope

NEVER = "never"
LIFETIMES = {NEVER: None, "30": timedelta(days=30), "90": timedelta(days=90), "365": timedelta(days=365)}


class NewAccountForm(forms.Form):
    """Who somebody new is."""

    email = forms.EmailField(
        label="E-mail", widget=forms.EmailInput(attrs={"autocomplete": "username", "autofocus": True})
    )
    password = forms.CharField(
        label="Password",
        max_length=200,
        strip=False,
        help_text=" ".join(password_validators_help_texts()),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    repeated = forms.CharField(
        label="Password again",
        max_length=200,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def clean(self) -> None:
        super().clean()
        if self.cleaned_data.get("password") != self.cleaned_data.get("repeated"):
            self.add_error("repeated", "The two passwords are not the same.")


class GameForm(forms.Form):
    """A new game."""

    name = forms.CharField(
        label="Name", max_length=80, widget=forms.TextInput(attrs={"autofocus": True, "autocomplete": "off"})
    )


class KeyForm(forms.Form):
    """A new key, or a second one of the same name to rotate to."""

    name = forms.CharField(
        label="Name",
        max_length=60,
        initial="Game servers",
        help_text="At most two live keys per name: the old one and the new one.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    scopes = forms.MultipleChoiceField(
        label="Scopes",
        choices=[
            (Scope.REPORT.value, "Report: game servers post with it"),
            (Scope.READ.value, "Read: everything that a viewer sees"),
            (Scope.PLAN.value, "Plan: prepare cleanup plans"),
            (Scope.EXECUTE.value, "Execute: let cleanup plans run"),
        ],
        initial=[Scope.REPORT.value],
        widget=forms.CheckboxSelectMultiple,
    )
    lifetime = forms.ChoiceField(
        label="Expires",
        choices=[(NEVER, "Never"), ("30", "In 30 days"), ("90", "In 90 days"), ("365", "In a year")],
        initial=NEVER,
    )
