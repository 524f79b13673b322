"""The first member's setup link, the list of games and a new game."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from connmon.accounts.actions import create_first_member, create_game
from connmon.accounts.models import User
from connmon.core.errors import NotFound
from dashboard import errors
from dashboard.forms import GameForm, NewAccountForm
from dashboard.log_in import log_in
from dashboard.queries import games

LINK_IS_DEAD = (
    "This setup link was used or has expired. `manage.py setuplink` prints a new one while there is no member."
)


@sensitive_post_parameters("password", "repeated")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def first_member(request: HttpRequest, token: str) -> HttpResponse:
    """The one-time setup link: the first member says who they are and is logged in."""
    now = timezone.now()
    if not games.setup_is_open(token, now=now):
        return errors.answer(request, NotFound(LINK_IS_DEAD))
    form = NewAccountForm(request.POST or None)
    if form.is_valid():
        chosen = form.cleaned_data
        user = errors.attempt(
            form,
            lambda: create_first_member(token=token, email=chosen["email"], password=chosen["password"], now=now),
        )
        if user is not None:
            return log_in(request, user)
    return render(request, "pages/first_member.html", {"form": form})


@require_safe
@login_required
def home(request: HttpRequest) -> HttpResponse:
    """The user's games; the only one at once."""
    cards = games.game_cards(_user(request).pk, now=timezone.now())
    if len(cards) == 1 and "all" not in request.GET:
        return redirect("overview", slug=cards[0].slug)
    return render(request, "pages/home.html", {"cards": cards, "nav": "home"})


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def new_game(request: HttpRequest) -> HttpResponse:
    """A new game; its setup page comes next."""
    form = GameForm(request.POST or None)
    if form.is_valid():
        game = errors.attempt(
            form,
            lambda: create_game(name=form.cleaned_data["name"], owner=_user(request), now=timezone.now()),
        )
        if game is not None:
            return redirect("setup", slug=game.slug)
    return render(request, "pages/new_game.html", {"form": form, "nav": "new-game"})


def _user(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # login_required stands before
    return request.user
