"""A game's setup: keys, snippets, refused reports, and the end of the Demo game."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from connmon.accounts.actions import issue_key, revoke_key
from connmon.accounts.audit import Actor
from connmon.core.errors import DomainError
from connmon.core.ids import NewKey
from connmon.demo.actions import remove_demo
from dashboard import errors, snippets
from dashboard.access import Access, admin_page, member_page
from dashboard.confirmed import change_of, confirmed
from dashboard.forms import LIFETIMES, KeyForm
from dashboard.queries import setup as queries

_change = change_of("setup")


@require_safe
@member_page
def setup(request: HttpRequest, access: Access) -> HttpResponse:
    return _page(request, access, KeyForm())


@never_cache
@_change
@confirmed
def create_key(request: HttpRequest, access: Access) -> HttpResponse:
    """Answers with the page itself, not a redirect: the key's plaintext is kept nowhere to be shown later."""
    form = KeyForm(request.POST)
    key = None
    if form.is_valid():
        key = errors.attempt(form, lambda: _issue(access, form))
    return _page(request, access, KeyForm() if key else form, key, status=200 if key else 422)


def _issue(access: Access, form: KeyForm) -> NewKey:
    chosen = form.cleaned_data
    now = timezone.now()
    life = LIFETIMES[chosen["lifetime"]]
    expires_at = now + life if life else None
    return issue_key(
        access.game,
        name=chosen["name"],
        scopes=chosen["scopes"],
        expires_at=expires_at,
        now=now,
        by=Actor.of_user(access.user),
    )


@never_cache
@_change
@confirmed
def rotate_key(request: HttpRequest, access: Access, key_id: str) -> HttpResponse:
    """A second key of the same name, scopes and lifetime; the old one works on until it is revoked."""
    old = get_object_or_404(queries.keys(access.game.pk), pk=key_id)
    now = timezone.now()
    expires_at = now + (old.expires_at - old.created_at) if old.expires_at else None
    try:
        by = Actor.of_user(access.user)
        key = issue_key(access.game, name=old.name, scopes=old.scopes, expires_at=expires_at, now=now, by=by)
    except DomainError as error:
        messages.error(request, str(error))
        return redirect("setup", slug=access.game.slug)
    return _page(request, access, KeyForm(), key)


@require_POST
@admin_page
def end_key(request: HttpRequest, access: Access, key_id: str) -> HttpResponse:
    revoke_key(access.game, key_id=key_id, now=timezone.now(), by=Actor.of_user(access.user))
    messages.success(request, f"Key {key_id} is revoked: it is refused from now on.")
    return redirect("setup", slug=access.game.slug)


@require_POST
@admin_page
def end_demo(request: HttpRequest, access: Access) -> HttpResponse:
    remove_demo(access.game, now=timezone.now(), by=Actor.of_user(access.user))
    messages.success(request, "The Demo game is removed with all that its servers reported.")
    return redirect("home")


def _page(
    request: HttpRequest, access: Access, form: KeyForm, key: NewKey | None = None, status: int = 200
) -> HttpResponse:
    now = timezone.now()
    context = {
        "access": access,
        "nav": "setup",
        "live": "setup",
        "form": form,
        "key": key,
        "keys": list(queries.keys(access.game.pk)),
        "state": queries.setup_live(access.game.pk, now=now),
        "snippets": snippets.snippets(request.build_absolute_uri("/"), key.plaintext if key else None),
        "now": now,
    }
    return render(request, "pages/setup.html", context, status=status)
