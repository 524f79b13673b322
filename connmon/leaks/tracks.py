"""Reads what the rules look at: tracks of the sites that have something to tell."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, LiteralString

import numpy as np
from django.db import connection

from connmon.leaks import statements as sql
from connmon.leaks.cohorts import LEAST
from connmon.leaks.evidence import NO_OWNERS, Floats, Remnant, Track
from connmon.leaks.growth import WINDOW
from connmon.leaks.rules import LEAST_HOARD

ORIGINS: Final = 300  # sites judged in one look at a game, those with most to tell first
SERVERS_EACH: Final = 12  # servers a site is judged on; a leak on thousands shows on these
BIRTHS_EACH: Final = 5_000  # connections of a site on one server
REMNANTS: Final = 20_000
ROWS: Final = 100  # in memory at once: one may name thousands of connections


@dataclass(frozen=True, slots=True)
class _Server:
    name: str
    booted_at: float
    place_version: int | None
    skew: float
    times: Floats
    players: Floats


def read_tracks(*, now: datetime) -> dict[int, list[Track]]:
    """By origin. Call it in the transaction that made leaks_counted (look.py)."""
    least = {"least": LEAST, "hoard": LEAST_HOARD, "most": ORIGINS}
    origins = [origin for (origin,) in _rows(sql.CANDIDATES, **least)]
    places = list(_rows(sql.PLACES, origins=origins, servers=SERVERS_EACH))
    if not places:
        return {}
    servers = sorted({server for _, server in places})
    window = {"servers": servers, "since": now - timedelta(seconds=WINDOW), "now": now}
    known = {row[0]: _server(row) for row in _rows(sql.SERVERS, **window)}
    columns = {"origins": [origin for origin, _ in places], "places": [server for _, server in places]}
    series = {
        (origin, server): tuple(map(np.array, numbers))
        for origin, server, *numbers in _rows(sql.SERIES, **window, **columns)
    }
    remnants = _remnants(servers, origins, known)
    tracks: dict[int, list[Track]] = defaultdict(list)
    for origin, server, *births in _rows(sql.BIRTHS, **columns, most=BIRTHS_EACH):
        if server in known:
            place = (origin, server)
            tracks[origin].append(_track(known[server], series.get(place), births, remnants.get(place, [])))
    return tracks


def _server(row: tuple[Any, ...]) -> _Server:
    _, name, booted, version, skew, times, players = row
    return _Server(name, booted, version, skew, np.array(times), np.array(players))


def _track(server: _Server, series: tuple[Floats, ...] | None, births: list[Any], remnants: list[Remnant]) -> Track:
    opened, kinds, names = births
    live, owners = _fill(server.times, series)
    opened_at = np.array(opened) - server.skew
    of_players = np.array(kinds) == sql.PLAYER
    is_owned = bool(of_players.mean() >= 0.5)
    owner_names, numbers = _number([name for name, player in zip(names, of_players, strict=True) if player])
    return Track(
        server=server.name,
        booted_at=server.booted_at,
        place_version=server.place_version,
        times=server.times,
        live=live,
        players=owners if is_owned else server.players,
        births=opened_at[of_players] if is_owned else np.sort(opened_at),
        present=int(server.players[-1]),
        owners=np.array(numbers, dtype=np.int64) if is_owned else NO_OWNERS,
        owner_names=owner_names if is_owned else (),
        remnants=tuple(remnants),
    )


def _fill(times: Floats, series: tuple[Floats, ...] | None) -> tuple[Floats, Floats]:
    """Live and owners at each of the server's minutes: 0 where the site is not named."""
    live, owners = np.zeros(len(times)), np.zeros(len(times))
    if series is not None:
        named_at, named_live, named_owners = series
        place = np.searchsorted(times, named_at)
        live[place], owners[place] = named_live, named_owners
    return live, owners


def _number(names: list[str]) -> tuple[tuple[str, ...], list[int]]:
    order = {name: number for number, name in enumerate(dict.fromkeys(names))}
    return tuple(order), [order[name] for name in names]


def _remnants(
    servers: list[int], origins: list[int], known: dict[int, _Server]
) -> dict[tuple[int, int], list[Remnant]]:
    found: dict[tuple[int, int], list[Remnant]] = defaultdict(list)
    values = {"servers": servers, "origins": origins, "stale": sql.STALE, "most": REMNANTS}
    for origin, server, owner, opened, first, stale in _rows(sql.REMNANTS, **values):
        skew = known[server].skew if server in known else 0.0
        found[origin, server].append(Remnant(owner, opened - skew, first, stale))
    return found


def _rows(statement: LiteralString, **values: Any) -> Iterator[Any]:
    with connection.chunked_cursor() as cursor:
        cursor.execute(statement, values)
        while rows := cursor.fetchmany(ROWS):
            yield from rows
