"""Names and numbers of another game's things, given where one's own are asked for, find what nobody's names find."""

import re
from collections.abc import Iterator
from typing import Any, Final

import pytest
from django.utils import timezone

from connmon.accounts.models import Role, Scope
from tests.security import table
from tests.security.actors import Actor, Answer, by_key, by_session
from tests.security.table import Address, Method
from tests.security.tally import TALLY, WHOLE
from tests.security.test_matrix import address_of
from tests.security.world import OURS, Filled

NAMES: Final = ("q", "service", "server", "type", "site", "owner", "name", "action", "actor")
NOBODYS: Final = "N" * len(OURS)
UNKNOWN: Final = "4000000000"
CHANGING: Final = re.compile(r"[\w-]{20,}|\d+")  # tokens of forms, times, and the numbers that were asked for


@pytest.fixture
def stopped_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two answers tell one time: `now` of the first would be `1 s ago` in the second."""
    moment = timezone.now()
    monkeypatch.setattr("django.utils.timezone.now", lambda: moment)


@pytest.fixture
def rivals(theirs: Filled) -> dict[str, Actor]:
    """The admin of `theirs` and a key of it that may do everything."""
    admin = by_session("admin", theirs.members[Role.ADMIN], game=theirs, role=Role.ADMIN)
    return {"page": admin, "api": by_key("key of all scopes", theirs.keys["all"], *Scope.values, game=theirs)}


def lists(theirs: Filled, rivals: dict[str, Actor]) -> Iterator[tuple[Actor, str]]:
    """Every address of `theirs` that is read, and who reads it."""
    for kind, addresses, slug in (("api", table.API, ""), ("page", table.PAGES, theirs.game.slug)):
        for name, address in addresses.items():
            if "GET" in address.methods:
                yield rivals[kind], address_of(name, address, theirs, slug=slug)


def questions(ours: Filled) -> Iterator[tuple[dict[str, str], dict[str, str]]]:
    """What names `ours`' things in an address, and what names nobody's in the same places."""
    yield dict.fromkeys(NAMES, ours.mark), dict.fromkeys(NAMES, NOBODYS)
    ids = {"service": str(ours.ids["service_id"]), "server": str(ours.ids["server_id"])}
    yield ids, dict.fromkeys(ids, UNKNOWN)


def told(answer: Answer) -> tuple[int, str]:
    """An answer, but for what was asked and what differs each time."""
    text = answer.text.replace(OURS, "").replace(NOBODYS, "")
    return answer.status, CHANGING.sub("", text)


@pytest.mark.usefixtures("stopped_clock")
def test_no_filter_finds_what_is_another_games(ours: Filled, theirs: Filled, rivals: dict[str, Actor]) -> None:
    wrong = []
    for actor, path in list(lists(theirs, rivals))[:: 1 if WHOLE else 3]:
        for foreign, nobodys in list(questions(ours))[: None if WHOLE else 1]:
            found, unknown = (actor.ask("GET", path, Method(None, body=asked)) for asked in (foreign, nobodys))
            if told(found) != told(unknown):
                TALLY.leaks_across_games += 1
                wrong.append(f"{path} {foreign}")
    assert not wrong, "\n".join(wrong)


def test_no_plan_is_made_for_another_games_service(ours: Filled, theirs: Filled, rivals: dict[str, Actor]) -> None:
    def plan(scope: dict[str, str]) -> Answer:
        return ask(rivals["api"], "api-plans", table.API["api-plans"], theirs, {"reason": "Attack", "scope": scope})

    for scope in ({"service": ours.mark}, {"service": NOBODYS}):
        assert plan(scope).status == 422
    own = plan({"service": theirs.mark})
    assert own.status == 201
    assert '"planned":0' not in own.text


def test_nothing_is_given_to_another_games_member(ours: Filled, theirs: Filled, rivals: dict[str, Actor]) -> None:
    for email in (ours.members[Role.ADMIN].email, "nobody@example.com"):
        answer = ask(rivals["api"], "api-leak-assign", table.API["api-leak-assign"], theirs, {"email": email})
        assert answer.status == 422


def test_a_revision_that_only_another_game_has_is_not_restored(
    ours: Filled, theirs: Filled, rivals: dict[str, Actor]
) -> None:
    assert ours.ids["revision"] > theirs.ids["revision"]
    body = {"reason": "Attack", "revision": ours.ids["revision"]}
    answer = ask(rivals["api"], "api-rollback", table.API["api-rollback"], theirs, body)
    assert answer.status == 404
    assert ours.mark not in answer.text


def ask(actor: Actor, name: str, address: Address, filled: Filled, body: dict[str, Any]) -> Answer:
    return actor.ask("POST", address_of(name, address, filled), Method(None, body=body), as_json=True)
