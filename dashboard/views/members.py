"""Who is in the game: members, their roles, and invitations."""

from django.conf import settings
from django.contrib import messages
from django.core.mail import EmailMessage
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from connmon.accounts import invitations, post
from connmon.accounts import members as actions
from connmon.accounts.invitations import NewInvitation
from connmon.accounts.models import Role
from connmon.accounts.passwords import issue_password_link
from connmon.core.errors import NotPermitted
from dashboard import errors
from dashboard.access import Access, member_page
from dashboard.account_forms import InviteForm
from dashboard.confirmed import change_of, confirmed
from dashboard.queries.members import members as query_members

_change = change_of("members")


@require_safe
@member_page
def members(request: HttpRequest, access: Access) -> HttpResponse:
    """Everybody sees who is in; admins also see open invitations and change things."""
    return _page(request, access)


@never_cache
@_change
@confirmed
def invite(request: HttpRequest, access: Access) -> HttpResponse:
    """Mails the link, or answers with the page that shows it once: its token is kept nowhere."""
    form = InviteForm(request.POST, with_mail=post.can_send())
    if not form.is_valid():
        return _page(request, access, form, status=422)
    chosen = form.cleaned_data
    email = chosen.get("email", "")
    made = errors.attempt(
        form,
        lambda: invitations.invite(access.game, role=chosen["role"], email=email, now=timezone.now(), by=access.actor),
    )
    if made is None:
        return _page(request, access, form, status=422)
    link = request.build_absolute_uri(reverse("join", args=[made.token]))
    if not email:
        return _page(request, access, link=link, link_for="invitation")
    _mail(access, made, link)
    messages.success(request, f"The invitation is on its way to {email}.")
    return redirect("members", slug=access.game.slug)


@_change
def revoke(request: HttpRequest, access: Access, number: int) -> HttpResponse:
    invitations.revoke_invitation(access.game, invitation_id=number, now=timezone.now(), by=access.actor)
    messages.success(request, "The invitation is taken back: its link is dead.")
    return redirect("members", slug=access.game.slug)


@_change
@confirmed
def change_role(request: HttpRequest, access: Access, number: int) -> HttpResponse:
    role = request.POST.get("role", "")
    changed = errors.tell(
        request,
        lambda: actions.change_role(access.game, user_id=number, role=role, now=timezone.now(), by=access.actor),
    )
    if changed:
        messages.success(request, f"{changed.user.email} is {changed.get_role_display()} now.")
    return redirect("members", slug=access.game.slug)


@_change
def remove(request: HttpRequest, access: Access, number: int) -> HttpResponse:
    removed = errors.tell(
        request, lambda: actions.remove_member(access.game, user_id=number, now=timezone.now(), by=access.actor)
    )
    if removed == access.user:
        return redirect("home")
    if removed:
        messages.success(request, f"{removed.email} is no longer in this game. Their open pages close within seconds.")
    return redirect("members", slug=access.game.slug)


@never_cache
@_change
@confirmed
def password_link(request: HttpRequest, access: Access, number: int) -> HttpResponse:
    """Answers with the page that shows the link once."""
    try:
        member, path = issue_password_link(access.game, user_id=number, admin=access.user, now=timezone.now())
    except NotPermitted as error:
        messages.error(request, str(error))
        return redirect("members", slug=access.game.slug)
    return _page(request, access, link=request.build_absolute_uri(path), link_for=member.email)


def _mail(access: Access, made: NewInvitation, link: str) -> None:
    context = {"game": access.game, "by": access.user.email, "invitation": made.invitation, "link": link}
    subject = " ".join(f"Join {access.game.name} on connmon".split())
    body = render_to_string("account/email/invitation.txt", context)
    post.send_soon(EmailMessage(subject, body, settings.DEFAULT_FROM_EMAIL, [made.invitation.email]))


def _page(
    request: HttpRequest,
    access: Access,
    form: InviteForm | None = None,
    *,
    link: str = "",
    link_for: str = "",
    status: int = 200,
) -> HttpResponse:
    now = timezone.now()
    context = {
        "access": access,
        "nav": "members",
        "form": form or InviteForm(with_mail=post.can_send()),
        "members": query_members(access.game.pk),
        "roles": Role.choices,
        "invitations": list(invitations.open_invitations(access.game, now=now)) if access.is_admin else [],
        "link": link,
        "link_for": link_for,
    }
    return render(request, "pages/members.html", context, status=status)
