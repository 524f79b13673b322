"""Every address of Django × every kind of sender, as the written table says (table.py)."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

import pytest
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from tests.security import table
from tests.security.actors import Actor, Answer, by_key, by_session, keys_of, nobody, visitors_of
from tests.security.table import Address, Method
from tests.security.tally import TALLY, WHOLE
from tests.security.world import Filled

METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")
TABLE: Final = table.API | table.PAGES | table.SITE
SHORT: Final = {
    "nobody", "revoked key", "report key of dungeon", "read key of dungeon", "execute key of dungeon",
    "execute key of raceway", "stranger", "rival admin", "viewer", "admin",
}  # fmt: skip


@dataclass(frozen=True)
class Cell:
    """One request and the status that the table wants."""

    actor: Actor
    method: str
    name: str
    address: str
    asked: Method
    expected: int
    foreign: tuple[str, ...]  # words that may not be in the answer

    def __str__(self) -> str:
        return f"{self.actor.name}: {self.method} {self.name}"


def names_of(patterns: list[URLPattern | URLResolver], space: str = "") -> Iterator[str]:
    """The names of all addresses below a resolver."""
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            inner = f"{space}{pattern.namespace}:" if pattern.namespace else space
            yield from names_of(pattern.url_patterns, inner)
        else:
            yield f"{space}{pattern.name}"


def test_every_address_is_in_the_table() -> None:
    known = {name for name in names_of(get_resolver().url_patterns) if not name.startswith("admin:")}  # test_admin.py
    assert (known - TABLE.keys(), TABLE.keys() - known) == (set(), set()), "addresses that one of the two lacks"


def address_of(name: str, address: Address, filled: Filled, *, slug: str = "") -> str:
    """Where it is, with the ids of `filled`, under `slug` if it is a game's page."""
    ids: dict[str, Any] = {argument: filled.ids.get(key, key) for argument, key in address.ids.items()}
    return reverse(name, kwargs=ids | ({"slug": slug} if slug else {}))


def in_scale(actors: list[Actor]) -> list[Actor]:
    """All of them, or those at the borders that matter most."""
    return actors if WHOLE else [actor for actor in actors if actor.name in SHORT]


def filled_in(asked: Method, filled: Filled) -> Method:
    """The method with the names in its body replaced."""
    known = {"{mark}": filled.mark, "{revision}": filled.ids["revision"]}
    body = {name: known.get(value, value) if isinstance(value, str) else value for name, value in asked.body.items()}
    return replace(asked, body=body)


def api_cells(ours: Filled, theirs: Filled) -> Iterator[Cell]:
    """Each REST address of `ours` × each key."""
    for actor in in_scale(keys_of(ours, theirs)):
        foreign = (ours.mark,) if actor.game is not ours else (theirs.mark,)
        for name, address in table.API.items():
            path = address_of(name, address, ours)
            for method, asked in address.methods.items():
                yield Cell(actor, method, name, path, asked, _api_status(actor, address, asked, ours), foreign)
    if not WHOLE:
        return
    all_scopes = by_key("key of all scopes", ours.keys["all"], game=ours)
    for actor, expected in ((all_scopes, 405), (nobody(), 401)):
        for name, address in table.API.items():
            path = address_of(name, address, ours)
            for method in set(METHODS) - address.methods.keys():
                yield Cell(actor, method, name, path, Method(None), expected, (theirs.mark,))


def _api_status(actor: Actor, address: Address, asked: Method, ours: Filled) -> int:
    if actor.game is None:
        return 401
    if not actor.may(asked.least):
        return 403
    return asked.status if actor.game is ours or not address.is_of_a_thing else 404


def page_cells(ours: Filled, theirs: Filled) -> Iterator[Cell]:
    """Each page of `ours` × each visitor, and its ids under the rival's own game."""
    for actor in in_scale(visitors_of(ours, theirs)):
        foreign = () if actor.game is ours else (ours.mark,)
        for name, address in table.PAGES.items():
            path = address_of(name, address, ours, slug=ours.game.slug)
            for method, asked in address.methods.items():
                expected = _page_status(actor, asked)
                yield Cell(actor, method, name, path, filled_in(asked, ours), expected, (*foreign, theirs.mark))
    rival = by_session("rival admin under their own game", theirs.members[table.ADMIN])
    for name, address in table.PAGES.items():
        path = address_of(name, address, ours, slug=theirs.game.slug)
        for method, asked in address.methods.items() if address.is_of_a_thing else ():
            yield Cell(rival, method, name, path, filled_in(asked, theirs), 404, (ours.mark,))
    if not WHOLE:
        return
    for actor in (nobody(), by_session("admin", ours.members[table.ADMIN], game=ours)):
        for name, address in table.PAGES.items():
            path = address_of(name, address, ours, slug=ours.game.slug)
            for method in set(METHODS) - address.methods.keys():
                yield Cell(actor, method, name, path, Method(None), address.otherwise, (theirs.mark,))


def _page_status(actor: Actor, asked: Method) -> int:
    if not actor.is_logged_in:
        return 302  # to log in
    if actor.game is None:
        return 404
    return asked.status if actor.may(asked.least) else 403


def other_cells(ours: Filled, theirs: Filled) -> Iterator[Cell]:
    """What is of no game: for everybody, or for whoever is logged in."""
    for actor in in_scale(visitors_of(ours, theirs)):
        foreign = (theirs.mark,) if actor.game is ours else (ours.mark,)
        if actor.name == "rival admin":
            foreign = (ours.mark,)
        for name, address in table.SITE.items():
            ids = {argument: 4_000_000_000 if key == "number" else key for argument, key in address.ids.items()}
            for method, asked in address.methods.items():
                expected = asked.status if actor.is_logged_in else asked.anonymous
                yield Cell(actor, method, name, reverse(name, kwargs=ids), asked, expected, foreign)


def run(cells: Iterator[Cell], *, as_json: bool) -> str:
    """Sends each; what was wrong, in words, one a line."""
    wrong = []
    for cell in cells:
        answer = cell.actor.ask(cell.method, cell.address, cell.asked, as_json=as_json)
        TALLY.matrix_cells += 1
        faults = [*faults_of(cell, answer)]
        TALLY.matrix_wrong += bool(faults)
        wrong += [f"{cell}: {fault}" for fault in faults]
    return "\n".join(wrong)


def faults_of(cell: Cell, answer: Answer) -> Iterator[str]:
    if answer.status != cell.expected:
        yield f"answered {answer.status}, not {cell.expected}"
    to = answer.headers.get("Location", "")
    to_log_in = cell.name in table.SITE and not cell.actor.is_logged_in and answer.status == 302
    if to_log_in and not to.startswith(reverse("account_login")):
        yield f"was sent to {to}, not to log in"
    told = f"{answer.headers}{answer.text}".lower()
    for word in cell.foreign:
        if word.lower() in told:
            TALLY.leaks_across_games += 1
            yield f"was shown {word}"


def test_every_key_reaches_what_the_table_says(ours: Filled, theirs: Filled) -> None:
    wrong = run(api_cells(ours, theirs), as_json=True)
    assert not wrong, wrong


def test_every_visitor_reaches_what_the_table_says(ours: Filled, theirs: Filled) -> None:
    wrong = run(page_cells(ours, theirs), as_json=False)
    assert not wrong, wrong


def test_what_is_of_no_game_shows_none(ours: Filled, theirs: Filled, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.metrics.read_site", list)  # it closes its connection, which here holds the test's data
    wrong = run(other_cells(ours, theirs), as_json=False)
    assert not wrong, wrong
