"""What commands of manage.py share: which game or account is meant, and who sits there."""

import getpass

from django.core.management.base import CommandError

from connmon.accounts.audit import Actor
from connmon.accounts.models import Game, User


def find_game(slug: str | None) -> Game:
    """The game of that slug; without one, the only game there is. Raises CommandError."""
    games = list(Game.objects.filter(slug=slug) if slug else Game.objects.order_by("slug")[:20])
    if len(games) == 1:
        return games[0]
    if slug:
        raise CommandError(f"There is no game {slug!r}.")
    names = ", ".join(game.slug for game in games)
    raise CommandError(f"Name the game with --game: {names}." if games else "There is no game yet.")


def find_user(email: str) -> User:
    """The account of that address. Raises CommandError."""
    user = User.objects.filter(email=email.strip().lower()).first()
    if user is None:
        raise CommandError(f"There is no account {email!r}.")
    return user


def who() -> Actor:
    """The system account that runs the command."""
    return Actor.of_command(getpass.getuser())
