"""The link of an invitation: somebody with an account joins, somebody without makes one."""

from allauth.socialaccount.adapter import get_adapter
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from connmon.accounts import invitations
from connmon.accounts.adapters import INVITATION
from connmon.accounts.models import Invitation, User
from connmon.core.errors import DomainError, NotFound
from dashboard import errors
from dashboard.confirmed import limited
from dashboard.forms import NewAccountForm
from dashboard.log_in import log_in


@sensitive_post_parameters("password", "repeated")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@limited("signup")
def join(request: HttpRequest, token: str) -> HttpResponse:
    """One page for both; the session remembers the invitation, for who comes back from OpenID Connect."""
    invitation = invitations.find_invitation(token, now=timezone.now())
    if invitation is None:
        return _arrived(request) or errors.answer(request, NotFound(invitations.GONE))
    request.session[INVITATION] = invitation.pk
    if isinstance(request.user, User):
        return _join(request, invitation, request.user)
    return _sign_up(request, invitation)


def _join(request: HttpRequest, invitation: Invitation, user: User) -> HttpResponse:
    if request.method == "POST":
        try:
            invitations.accept(invitation, user=user, now=timezone.now())
        except DomainError as error:
            return errors.answer(request, error)
        messages.success(request, f"You are in {invitation.game.name}.")
        return redirect("overview", slug=invitation.game.slug)
    fits = invitation.email in {"", user.email}
    return render(request, "account/join.html", {"invitation": invitation, "fits": fits})


def _sign_up(request: HttpRequest, invitation: Invitation) -> HttpResponse:
    form = NewAccountForm(request.POST or None, initial={"email": invitation.email})
    if invitation.email:
        form.fields["email"].disabled = True
    if form.is_valid():
        chosen = form.cleaned_data
        user = errors.attempt(
            form,
            lambda: invitations.sign_up(
                invitation, email=chosen["email"], password=chosen["password"], now=timezone.now()
            ),
        )
        if user is not None:
            return log_in(request, user, to=reverse("overview", args=[invitation.game.slug]))
    providers = get_adapter().list_providers(request)
    return render(request, "account/sign_up.html", {"invitation": invitation, "form": form, "providers": providers})


def _arrived(request: HttpRequest) -> HttpResponse | None:
    """Where to go with a link that one has just used: back from OpenID Connect, by a reload or the back button."""
    if not isinstance(request.user, User):
        return None
    return redirect("home") if request.session.pop(INVITATION, None) else None
