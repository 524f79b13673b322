"""A run of the corpus played by game servers: reports over HTTP, looks at the database, a ledger at the end.

Only time is faked: after each report the server's row is put on the run's clock.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import numpy as np

from bench.leaks.observe import EPOCH, LEASE, Seen
from bench.leaks.sites import Lives
from bench.leaks.world import MINUTE, Boot
from connmon.accounts.models import Game
from connmon.core.ids import NewKey
from connmon.leaks import look
from connmon.registry.models import GameServer, ServerState
from tests.machine import Json, Machine, Site, changed, closed, opened

FIRST_IDS = 1_000_000  # of each site: ids are the boot's own
MOST = 500  # opened connections in a report, far within its bounds


@dataclass
class Player:
    """One boot of one server and what its code does; `reported`: until when, seconds of the run."""

    machine: Machine
    boot: Boot
    sites: dict[str, Lives]
    reported: float = -np.inf
    ids: dict[str, int] = field(default_factory=dict)

    def report(self, at: float) -> None:
        """What happened since the last report, as an agent tells it."""
        events: dict[str, list[Json]] = {"opened": [], "closed": [], "changed": []}
        for number, (name, lives) in enumerate(self.sites.items(), start=1):
            for kind, found in _events(name, lives, number * FIRST_IDS, self.reported, at):
                events[kind].append(found)
        players = int(self.boot.players(np.array([at]))[0])
        about = {"id": self.machine.name, "boot": self.machine.boot, "place_version": self.boot.version}
        first: Json = {"snapshot": {"part": 1, "of": 1}} if self.reported < 0 else {}
        more = [events["opened"][start : start + MOST] for start in range(MOST, len(events["opened"]), MOST)]
        events["opened"] = events["opened"][:MOST]
        parts: list[Json] = [first | events, *({"opened": part} for part in more)]
        for part in parts:
            answer = self.machine.send(server=about, players=players, sent_at=0, **part)
            assert answer.status == 200, answer
        self.reported = at
        self.put_on_clock(at)

    def put_on_clock(self, at: float) -> None:
        moment = clock(at)
        known = ServerState.objects.filter(server_id=self.machine.id)
        known.update(received_at=moment, due_at=moment + timedelta(seconds=LEASE), clock_skew=0.0)
        GameServer.objects.filter(pk=self.machine.id).update(first_seen_at=clock(self.boot.start))


def clock(at: float) -> datetime:
    """A moment of the run."""
    return datetime.fromtimestamp(EPOCH + at, tz=UTC)


def play(seen: dict[str, list[Seen]], *, site: Site, key: NewKey, game: Game, minutes: int) -> None:
    """The run from its beginning: what each server said last is reported before the look that sees it."""
    boots = list(zip(*seen.values(), strict=True))
    players = [
        Player(
            Machine(site, key, game.pk, parts[0].boot.server, f"boot-{number}"),
            parts[0].boot,
            {name: part.lives for name, part in zip(seen, parts, strict=True)},
        )
        for number, parts in enumerate(boots)
    ]
    heard = [dict(zip(parts[0].looks, parts[0].reports, strict=True)) for parts in boots]
    for at in MINUTE * np.arange(1, minutes):
        for player, reports in zip(players, heard, strict=True):
            if player.boot.start < at < player.boot.end and at in reports:
                player.report(float(reports[at]))
        look.look_at(game.pk, now=clock(float(at)))


def _events(name: str, lives: Lives, first_id: int, since: float, until: float) -> Iterator[tuple[str, Json]]:
    service = name.partition(":")[0]
    was = lives.births <= since
    for place in np.flatnonzero(~was & (lives.births <= until) & (lives.deaths > until)):
        yield "opened", _opened(name, service, lives, int(place), first_id, until)
    for place in np.flatnonzero(was & (lives.deaths > since) & (lives.deaths <= until)):
        yield "closed", closed(first_id + int(place), service)
    there = was & (lives.deaths > until)
    for place in np.flatnonzero(there & (_state_from(lives) > since) & (_state_from(lives) <= until)):
        yield "changed", changed(first_id + int(place), _state(lives, int(place), until), service)


def _state_from(lives: Lives) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.minimum(lives.orphaned, lives.stale)


def _state(lives: Lives, place: int, at: float) -> str:
    if lives.stale[place] <= at:
        return "stale"
    return "orphaned" if lives.orphaned[place] <= at else "live"


def _opened(name: str, service: str, lives: Lives, place: int, first_id: int, at: float) -> Json:
    owner = int(lives.owners[place])
    about = {"owner": f"player:{owner}", "owner_kind": "player"}
    if owner < 0:
        about = {"owner": f"service:{service}", "owner_kind": "service"}
    return opened(
        first_id + place,
        service=service,
        site=name,
        type="Any",
        at=EPOCH + float(lives.births[place]),
        state=_state(lives, place, at),
        **about,
    )
