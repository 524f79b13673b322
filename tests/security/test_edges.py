"""What stands before Django: reports, the agents' socket and the browsers' socket × every kind of sender."""

import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Final

import pytest
from django.contrib.sessions.backends.db import SessionStore
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin

from connmon.accounts.models import Scope
from connmon.registry.models import ServerState
from dashboard import feed
from dashboard.pages import SINGLE, WHOLE
from tests.machine import PATIENCE, Site, encode, make_report, wait_for
from tests.security.actors import Actor, keys_of, visitors_of
from tests.security.tally import TALLY
from tests.security.world import Filled

LOG_IN, NOT_A_MEMBER, NO_SCOPE = 4401, 4403, 4403
SILENCE: Final = 0.5  # seconds in which the state of a page would have come
IDS: Final = {"service": "service_id", "server": "server_id", "plan": "planned"}


@pytest.fixture
def edge(transactional_db: None, site: Site, ours: Filled, theirs: Filled) -> Iterator[Site]:
    """The real site, with both games; all feeds are gone at the end."""
    yield site
    wait_for(lambda: not feed.running_feeds(), "the feeds to end")


def count(what: object, wanted: object, told: str, hidden: str, sender: str) -> list[str]:
    """One cell of the matrix; what is wrong with it."""
    TALLY.requests += 1
    TALLY.matrix_cells += 1
    faults = [] if what == wanted else [f"{sender}: {what}, not {wanted}"]
    if hidden in told:
        TALLY.leaks_across_games += 1
        faults.append(f"{sender} was shown {hidden}")
    TALLY.matrix_wrong += bool(faults)
    return faults


def report_status(actor: Actor) -> int:
    """What the table of docs/protocol.md wants."""
    if actor.game is None:
        return 401
    return 200 if Scope.REPORT.value in actor.scopes else 403


def test_reports_are_taken_from_keys_that_may_report_and_for_their_own_game(
    edge: Site, ours: Filled, theirs: Filled
) -> None:
    faults = []
    for number, actor in enumerate(keys_of(ours, theirs)):
        report = make_report(server={"id": f"{ours.mark}-{number}"}, snapshot={"part": 1, "of": 1})
        headers = {"content-type": "application/json", **actor.headers}
        answer = edge.request("POST", "/api/v1/reports", body=encode(report), headers=headers)
        hidden = theirs.mark if actor.game is ours else ours.mark
        faults += count(answer.status, report_status(actor), json.dumps(answer.body), hidden, actor.name)
    assert not faults, faults
    assert ServerState.objects.filter(game_id=ours.game.pk).count() == 2
    assert ServerState.objects.filter(game_id=theirs.game.pk).count() == 2


def agent_ends(edge: Site, actor: Actor, frame: dict[str, Any]) -> tuple[object, str]:
    """The close code, or the kind of the first answer; and all that was said."""
    with connect(
        f"ws://127.0.0.1:{edge.port}/ws/v1/agent",
        additional_headers=dict(actor.headers),
        open_timeout=PATIENCE,
        close_timeout=PATIENCE,
        proxy=None,
    ) as socket:
        with suppress(ConnectionClosed):
            socket.send(json.dumps(frame))
            said = str(socket.recv(timeout=PATIENCE))
            kind = json.loads(said)["kind"]
            if actor.game is not None and Scope.REPORT.value in actor.scopes:
                return kind, said
            socket.recv(timeout=PATIENCE)
        return socket.close_code, ""


def test_the_agents_socket_is_for_keys_that_may_report(edge: Site, ours: Filled, theirs: Filled) -> None:
    report = make_report(server={"id": "socket-1"}, snapshot={"part": 1, "of": 1})
    faults = []
    for actor in keys_of(ours, theirs):
        hidden = theirs.mark if actor.game is ours else ours.mark
        for frame, answered in ((report, "ack"), (report | {"kind": "orders"}, "problem"), ({}, "problem")):
            wanted = {401: LOG_IN, 403: NO_SCOPE, 200: answered}[report_status(actor)]
            found, said = agent_ends(edge, actor, frame)
            faults += count(found, wanted, said, hidden, f"{actor.name} {frame.get('kind')}")
    assert not faults, faults


def live_ends(
    edge: Site, actor: Actor, slug: str, page: str, *, origin: str = "", patience: float = PATIENCE
) -> tuple[object, str]:
    """The close code, `state`, `nothing`, or the status of a refused handshake; and all that was said."""
    cookie = actor.client.cookies.get("sessionid")
    headers = {"Cookie": f"sessionid={cookie.value}"} if cookie else dict(actor.headers)
    try:
        with connect(
            f"ws://127.0.0.1:{edge.port}/ws/v1/live?game={slug}&page={page}",
            additional_headers=headers,
            origin=Origin(origin or f"http://127.0.0.1:{edge.port}"),
            open_timeout=PATIENCE,
            close_timeout=PATIENCE,
            proxy=None,
        ) as socket:
            try:
                said = str(socket.recv(timeout=patience))
            except ConnectionClosed:
                return socket.close_code, ""
            except TimeoutError:
                return "nothing", ""
            return json.loads(said)["kind"], said
    except InvalidStatus as refused:
        return refused.response.status_code, ""


def pages(filled: Filled) -> list[str]:
    """Every page that a live socket can watch."""
    return [*WHOLE, *(f"{kind}:{filled.ids[IDS[kind]]}" for kind in SINGLE)]


def live_code(actor: Actor) -> object:
    if not actor.is_logged_in:
        return LOG_IN
    return "state" if actor.game is not None else NOT_A_MEMBER


def test_the_live_socket_is_for_members_of_the_game(edge: Site, ours: Filled, theirs: Filled) -> None:
    faults = []
    for actor in visitors_of(ours, theirs):
        hidden = theirs.mark if actor.game is ours else ours.mark
        for page in pages(ours):
            found, said = live_ends(edge, actor, ours.game.slug, page)
            faults += count(found, live_code(actor), said, hidden, f"{actor.name} {page}")
    assert not faults, faults


def test_it_knows_no_other_games_things_and_no_other_origin(edge: Site, ours: Filled, theirs: Filled) -> None:
    actors = {actor.name: actor for actor in visitors_of(ours, theirs)}
    faults = []
    for page in pages(ours):
        is_single = ":" in page
        patience = SILENCE if is_single else PATIENCE
        found, said = live_ends(edge, actors["rival admin"], theirs.game.slug, page, patience=patience)
        wanted = "nothing" if is_single else "state"
        faults += count(found, wanted, said, ours.mark, f"rival admin, own game, {page}")
    for origin in ("https://evil.example", "null", "http://127.0.0.1.evil.example"):
        found, said = live_ends(edge, actors["admin"], ours.game.slug, "overview", origin=origin)
        faults += count(found, 403, said, ours.mark, origin)
    assert not faults, faults


def test_a_session_that_ended_opens_nothing(edge: Site, ours: Filled, theirs: Filled) -> None:
    admin = next(actor for actor in visitors_of(ours, theirs) if actor.name == "admin")
    SessionStore(admin.client.cookies["sessionid"].value).delete()
    found, said = live_ends(edge, admin, ours.game.slug, "overview")
    assert count(found, LOG_IN, said, ours.mark, "ended session") == []
