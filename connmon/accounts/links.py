"""Links that show one page of a game to whoever has them, to read; badges are links to a picture.

Nothing is stored of a link: it says itself what it shows and until when, signed with SECRET_KEY and the game's
`links_key`. A new `links_key` ends every link of the game at once.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final

from django.core.signing import BadSignature, Signer
from django.db import transaction

from connmon.accounts.audit import Actor, record
from connmon.accounts.models import Game
from connmon.core import ids
from connmon.core.errors import Invalid, NotFound

LONGEST: Final = timedelta(days=365)
MOST_CHARACTERS: Final = 150  # of a token
GONE: Final = "This link has expired or was ended, or a part of it is missing. Ask whoever sent it for a new one."


class Shown(StrEnum):
    """What a link shows."""

    OVERVIEW = "overview"
    SERVICE = "service"
    SERVER = "server"
    BADGE = "badge"
    """The picture of a service. It alone may be good for ever: it tells no more than a state and a number."""


_BODY: Final = re.compile(rf"([0-9a-f]{{1,15}})-({'|'.join(Shown)})-([0-9a-f]{{1,16}})-([0-9a-f]{{1,10}})")


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
    """The token of a new link. `name`: its subject's, for the audit trail; `life` None: for ever. Raises Invalid."""
    if life is None and shown is not Shown.BADGE:
        raise Invalid("A link to a page expires; choose when.")
    if life is not None and not timedelta(0) < life <= LONGEST:
        raise Invalid("A link lasts a year at most.")
    until = now + life if life is not None else None
    body = f"{game.pk:x}-{shown.value}-{subject_id:x}-{int(until.timestamp()) if until else 0:x}"
    with transaction.atomic():
        after = {"shows": shown.value, "expires_at": until}
        record(game, "link.made", target=name or game.name, by=by, now=now, after=after)
    return _signer(game).sign(body)


def read_link(token: str, *, now: datetime) -> Link:
    """What a token shows. Raises NotFound for one that is late, ended, changed or unknown, which are not told apart."""
    found = _BODY.fullmatch(token.rpartition(".")[0]) if len(token) <= MOST_CHARACTERS else None
    game = Game.objects.filter(pk=int(found[1], 16)).first() if found else None
    if found is None or game is None or not _is_signed(game, token):
        raise NotFound(GONE)
    ends = int(found[4], 16)
    if ends and ends <= now.timestamp():
        raise NotFound(GONE)
    until = datetime.fromtimestamp(ends, tz=UTC) if ends else None
    return Link(game, Shown(found[2]), int(found[3], 16), until)


def end_links(game: Game, *, now: datetime, by: Actor) -> None:
    """Every link and badge of the game is dead from now on."""
    with transaction.atomic():
        Game.objects.filter(pk=game.pk).update(links_key=ids.new_token())
        record(game, "links.ended", target=game.name, by=by, now=now)


def _is_signed(game: Game, token: str) -> bool:
    try:
        _signer(game).unsign(token)
    except BadSignature:
        return False
    return True


def _signer(game: Game) -> Signer:
    return Signer(sep=".", salt=f"connmon.links:{game.pk}:{game.links_key}")
