"""Who may see a game's page: the one place where a session becomes a member of a game."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Concatenate, ParamSpec

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from connmon.accounts.audit import Actor
from connmon.accounts.models import Game, Membership, Role, User
from connmon.cleanup.roles import ROLES, Act, may
from connmon.core.errors import DomainError, NotFound, NotPermitted
from dashboard import errors
from dashboard.queries import games

P = ParamSpec("P")
View = Callable[..., HttpResponseBase]


@dataclass(frozen=True)
class Access:
    """A member in a game, and the games to switch to."""

    user: User
    game: Game
    role: Role
    games: list[Game]

    @property
    def is_admin(self) -> bool:
        return self.role is Role.ADMIN

    @property
    def may_plan(self) -> bool:
        return may(self.role, Act.PLAN)

    @property
    def may_execute(self) -> bool:
        return may(self.role, Act.EXECUTE)

    @property
    def actor(self) -> Actor:
        """The member as the audit trail names them."""
        return Actor.of_user(self.user)


def member_page(
    view: Callable[Concatenate[HttpRequest, Access, P], HttpResponseBase], *, role: Role = Role.VIEWER
) -> View:
    """A view under /g/<slug>/ for members whose role reaches `role`.

    Anonymous visitors are sent to log in. Strangers get 404, as if the game did not exist. A DomainError that the
    view raises becomes the page of its status.
    """

    @wraps(view)
    def guarded(request: HttpRequest, slug: str, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        try:
            return view(request, _admit(request, slug, role), *args, **kwargs)
        except DomainError as error:
            return errors.answer(request, error)

    return login_required(guarded)


def admin_page(view: Callable[Concatenate[HttpRequest, Access, P], HttpResponseBase]) -> View:
    """`member_page` for admins of the game only."""
    return member_page(view, role=Role.ADMIN)


def planner_page(view: Callable[Concatenate[HttpRequest, Access, P], HttpResponseBase]) -> View:
    """`member_page` for who may prepare cleanup plans."""
    return member_page(view, role=ROLES[Act.PLAN])


def approver_page(view: Callable[Concatenate[HttpRequest, Access, P], HttpResponseBase]) -> View:
    """`member_page` for who may let cleanup plans run, take them back and stop them."""
    return member_page(view, role=ROLES[Act.EXECUTE])


def _admit(request: HttpRequest, slug: str, role: Role) -> Access:
    user = request.user
    assert isinstance(user, User)  # login_required stands before
    mine = list(games.memberships(user))
    membership = next((found for found in mine if found.game.slug == slug), None)
    if membership is None:
        raise NotFound("There is nothing at this address, or it is not for this account.")
    _check_role(membership, role)
    return Access(user, membership.game, Role(membership.role), [found.game for found in mine])


def _check_role(membership: Membership, role: Role) -> None:
    if not membership.may(role):
        raise NotPermitted(f"This takes the role {role.label}; yours is {Role(membership.role).label}.")
