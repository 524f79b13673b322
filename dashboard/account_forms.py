"""allauth's forms in this project's words: labels in place of placeholders, the first field ready to type in."""

from typing import Any

from allauth.account import forms as account
from allauth.mfa.base import forms as mfa
from allauth.mfa.totp import forms as totp
from django import forms
from django.contrib.auth.password_validation import password_validators_help_texts

from connmon.accounts.models import Role

LABELS = {
    "login": "E-mail",
    "email": "E-mail",
    "password": "Password",
    "oldpassword": "Current password",
    "password1": "New password",
    "password2": "New password again",
    "code": "Code",
}


class Plain(forms.Form):
    """Mixed in before a form of allauth's."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():
            field.widget.attrs.pop("placeholder", None)
            field.label = LABELS.get(name, field.label)
            field.help_text = ""
        if "password1" in self.fields:
            self.fields["password1"].help_text = " ".join(password_validators_help_texts())
        next(iter(self.fields.values())).widget.attrs["autofocus"] = True


class LoginForm(Plain, account.LoginForm):  # type: ignore[misc]  # allauth has no types
    """E-mail and password."""


class ReauthenticateForm(Plain, account.ReauthenticateForm):  # type: ignore[misc]
    """The password once more."""


class ChangePasswordForm(Plain, account.ChangePasswordForm):  # type: ignore[misc]
    """The password and a new one."""


class SetPasswordForm(Plain, account.SetPasswordForm):  # type: ignore[misc]
    """A password for an account that has none."""


class ResetPasswordForm(Plain, account.ResetPasswordForm):  # type: ignore[misc]
    """Where to send the link."""


class NewPasswordForm(Plain, account.ResetPasswordKeyForm):  # type: ignore[misc]
    """The new password, behind a link."""


class SecondFactorForm(Plain, mfa.AuthenticateForm):  # type: ignore[misc]
    """A code at log-in."""


class SecondFactorAgainForm(Plain, mfa.ReauthenticateForm):  # type: ignore[misc]
    """A code once more."""


class ActivateTotpForm(Plain, totp.ActivateTOTPForm):  # type: ignore[misc]
    """The first code of a new authenticator app."""


ROLES = [
    (Role.VIEWER.value, "Viewer: sees everything"),
    (Role.PLANNER.value, "Planner: also prepares cleanup plans"),
    (Role.APPROVER.value, "Approver: also lets plans run"),
    (Role.ADMIN.value, "Admin: also members, keys, configuration"),
]


class InviteForm(forms.Form):
    """A new invitation. `email` is asked for only where mail can be sent."""

    role = forms.ChoiceField(label="Role", choices=ROLES, initial=Role.VIEWER.value)
    email = forms.EmailField(
        label="E-mail",
        required=False,
        help_text="The link goes there and nowhere else. Without an address you get the link to pass on.",
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
    )

    def __init__(self, *args: Any, with_mail: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not with_mail:
            del self.fields["email"]
