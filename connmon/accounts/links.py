"""Links that show one page of a game to whoever has them, to read; badges are links to a picture.

A token is a random code, signed with SECRET_KEY and the game's `links_key`: what is stored of a link opens nothing. One
link ends with its row; a new `links_key` ends every link of the game at once, those of restored backups too.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from django.core.signing import BadSignature, Signer
from django.db import transaction
from django.db.models import Q, QuerySet

from connmon.accounts.audit import Actor, record
from connmon.accounts.models import Game, OpenLink
from connmon.core import ids
from connmon.core.errors import Conflict, Invalid, NotFound

LONGEST: Final = timedelta(days=365)
MOST: Final = 200  # open at a time in a game: all of them are listed
MOST_CHARACTERS: Final = 150  # of a token
GONE: Final = "This link has expired or was ended, or a part of it is missing. Ask whoever sent it for a new one."


class Shown(StrEnum):
    """What a link shows."""

    OVERVIEW = "overview"
    SERVICE = "service"
    SERVER = "server"
    BADGE = "badge"
    """The picture of a service. It alone may be good for ever: it tells no more than a state and a number."""


@dataclass(frozen=True, slots=True)
class Link:
    """What a token is good for. `subject_id`: of the service or server, 0 of the overview; `until` None: for ever."""

    game: Game
    shown: Shown
    subject_id: int
    until: datetime | None


def make_link(
    game: Game, shown: Shown, *, subject_id: int = 0, name: str, life: timedelta | None, now: datetime, by: Actor
) -> str:
    """The token of a new link. `name`: its subject's; `life` None: for ever. Raises Invalid, Conflict (too many)."""
    if life is None and shown is not Shown.BADGE:
        raise Invalid("A link to a page expires; choose when.")
    if life is not None and not timedelta(0) < life <= LONGEST:
        raise Invalid("A link lasts a year at most.")
    until = now + life if life is not None else None
    target = name or game.name
    with transaction.atomic():
        OpenLink.objects.filter(game=game, until__lte=now).delete()
        if OpenLink.objects.filter(game=game).count() >= MOST:
            raise Conflict(f"{MOST} links and badges are open, which is the most. End some first.")
        made = OpenLink.objects.create(
            code=ids.new_token(),
            game=game,
            shown=shown.value,
            subject_id=subject_id,
            name=target,
            made_at=now,
            made_by=by.label[:254],
            until=until,
        )
        record(game, "link.made", target=target, by=by, now=now, after={"shows": shown.value, "expires_at": until})
    return _signer(game).sign(made.code)


def read_link(token: str, *, now: datetime) -> Link:
    """What a token shows. Raises NotFound for one that is late, ended, changed or unknown, which are not told apart."""
    code = token.rpartition(".")[0].replace("\0", "") if len(token) <= MOST_CHARACTERS else ""
    found = OpenLink.objects.select_related("game").filter(code=code).first() if code else None
    if found is None or not _is_signed(found.game, token) or (found.until is not None and found.until <= now):
        raise NotFound(GONE)
    return Link(found.game, Shown(found.shown), found.subject_id, found.until)


def list_links(game: Game, *, now: datetime) -> QuerySet[OpenLink]:
    """A game's links and badges that open something, the newest first; MOST at most."""
    return OpenLink.objects.filter(Q(until=None) | Q(until__gt=now), game=game).order_by("-id")


def end_link(game: Game, *, link_id: int, now: datetime, by: Actor) -> str:
    """This link or badge is dead from now on; what it showed. Raises NotFound, also for one that was ended before."""
    with transaction.atomic():
        link = OpenLink.objects.select_for_update().filter(game=game, pk=link_id).first()
        if link is None:
            raise NotFound("This link has ended already.")
        link.delete()
        before = {"shows": link.shown, "expires_at": link.until}
        record(game, "link.ended", target=link.name, by=by, now=now, before=before)
    return link.name


def end_links(game: Game, *, now: datetime, by: Actor) -> None:
    """Every link and badge of the game is dead from now on."""
    with transaction.atomic():
        Game.objects.filter(pk=game.pk).update(links_key=ids.new_token())
        OpenLink.objects.filter(game=game).delete()
        record(game, "links.ended", target=game.name, by=by, now=now)


def _is_signed(game: Game, token: str) -> bool:
    try:
        _signer(game).unsign(token)
    except BadSignature:
        return False
    return True


def _signer(game: Game) -> Signer:
    return Signer(sep=".", salt=f"connmon.links:{game.pk}:{game.links_key}")
