"""The live socket, through the real site."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.sessions.backends.db import SessionStore
from django.test import Client
from django.utils import timezone
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from connmon.accounts.models import Game, Membership, User
from connmon.registry.models import ServerState
from dashboard import admission, feed
from dashboard.pages import Page
from tests.machine import PATIENCE, Machine, Site, opened, service, wait_for

Json = dict[str, Any]
Watch = Callable[..., ClientConnection]


@pytest.fixture
def watch(transactional_db: None, site: Site, game: Game, owner: User) -> Iterator[Watch]:
    """Opens a browser's live socket; all are closed, and their feeds gone, at the end."""
    with ExitStack() as stack:

        def open_one(page: str = "overview", *, user: User | None = owner, of: Game = game) -> ClientConnection:
            client = Client()
            headers = {}
            if user:
                client.force_login(user)
                headers["Cookie"] = f"sessionid={client.cookies['sessionid'].value}"
            address = f"ws://127.0.0.1:{site.port}/ws/v1/live?game={of.slug}&page={page}"
            return stack.enter_context(
                connect(
                    address,
                    additional_headers=headers,
                    origin=Origin(f"http://127.0.0.1:{site.port}"),
                    open_timeout=PATIENCE,
                    close_timeout=PATIENCE,
                    proxy=None,
                )
            )

        yield open_one
    wait_for(lambda: not feed.running_feeds(), "the feeds to end")


def next_message(socket: ClientConnection) -> Json:
    message: Json = json.loads(socket.recv(timeout=PATIENCE))
    return message


def wait_for_message(socket: ClientConnection, condition: Callable[[Json], Any]) -> Json:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        message = next_message(socket)
        if condition(message["data"]):
            return message
    pytest.fail("no such message came")


def wait_for_live(socket: ClientConnection, live: int) -> Json:
    """Until the overview counts that many live connections."""
    return wait_for_message(socket, lambda data: data.get("totals", {}).get("live") == live)


def close_code(socket: ClientConnection) -> int:
    with suppress(ConnectionClosed):
        while True:
            socket.recv(timeout=PATIENCE)
    assert socket.close_code is not None
    return socket.close_code


def test_the_first_message_is_the_whole_state(watch: Watch, make_server: Callable[..., Machine]) -> None:
    make_server().send_first(services=[service(live=5)])
    message = next_message(watch())
    assert (message["kind"], message["whole"]) == ("state", True)
    assert message["data"]["totals"]["live"] == 5


def test_a_report_is_pushed_within_a_quarter_of_a_second(watch: Watch, make_server: Callable[..., Machine]) -> None:
    server = make_server()
    server.send_first(services=[service(live=5)])
    socket = watch()
    next_message(socket)
    delays = []
    for live in range(6, 16):
        server.send(services=[service(live=live)])
        committed = time.monotonic()
        wait_for_live(socket, live)
        delays.append(time.monotonic() - committed)
    # The median, since the machine that runs the tests may be busy; bench/ measures the tail.
    assert sorted(delays)[5] < 0.25


def test_only_what_changed_is_pushed(watch: Watch, make_server: Callable[..., Machine]) -> None:
    server = make_server()
    server.send_first(services=[service("CombatService"), service("PetService")])
    socket = watch()
    next_message(socket)
    server.send(services=[service("PetService", live=77)])
    message = wait_for_message(socket, lambda data: "services" in data)
    (row,) = message["data"]["services"]["rows"]
    assert row["live"] == 77
    assert "name" not in row
    assert not message["whole"]


@pytest.mark.parametrize("page", ["overview", "servers", "configuration", "setup", "service", "server"])
def test_every_page_can_be_watched(page: str, watch: Watch, make_server: Callable[..., Machine]) -> None:
    server = make_server()
    server.send_first(services=[service()], opened=[opened(1)])
    subject = {"service": server.state.service_ids[0], "server": server.id}.get(page)
    message = next_message(watch(f"{page}:{subject}" if subject else page))
    assert message["whole"]
    assert message["data"]


def test_a_silent_server_shows_without_any_report(
    watch: Watch, make_server: Callable[..., Machine], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "IDLE_INTERVAL", 0.05)
    server = make_server()
    server.send_first(services=[service(live=5)])
    socket = watch()
    next_message(socket)
    ServerState.objects.filter(server_id=server.id).update(due_at=timezone.now() - timedelta(seconds=1))
    message = wait_for_message(socket, lambda data: data.get("totals", {}).get("silent") == 1)
    assert message["data"]["totals"]["unknown"] == 5


def test_messages_come_even_if_nothing_changes(watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "IDLE_INTERVAL", 0.05)
    socket = watch()
    next_message(socket)
    assert next_message(socket)["data"] == {}


def test_many_browsers_on_a_page_share_one_feed(watch: Watch, game: Game) -> None:
    sockets = [watch() for _ in range(10)]
    assert {next_message(socket)["whole"] for socket in sockets} == {True}
    assert feed.running_feeds() == [(game.pk, Page("overview"))]


def test_an_anonymous_browser_is_told_to_log_in(watch: Watch) -> None:
    assert close_code(watch(user=None)) == 4401


def test_a_stranger_is_turned_away(watch: Watch, stranger: User) -> None:
    assert close_code(watch(user=stranger)) == 4403


def test_a_member_of_another_game_is_turned_away(watch: Watch, other_game: Game) -> None:
    assert close_code(watch(of=other_game)) == 4403


def test_an_unknown_page_is_refused(watch: Watch) -> None:
    assert close_code(watch("nonsense")) == 4404


def test_a_service_of_another_game_brings_no_data(
    watch: Watch, other_game: Game, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.dashboard.factories import put_service

    foreign = put_service(other_game, "CombatService")
    with pytest.raises(TimeoutError):
        watch(f"service:{foreign.pk}").recv(timeout=0.5)


def test_a_member_who_is_removed_is_cut_off(watch: Watch, owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "RECHECK", 0.05)
    socket = watch()
    next_message(socket)
    Membership.objects.filter(user=owner).delete()
    assert close_code(socket) == 4403


def test_a_browser_that_logged_out_is_cut_off(watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "RECHECK", 0.05)
    socket = watch()
    next_message(socket)
    SessionStore.get_model_class().objects.all().delete()
    assert close_code(socket) == 4401


def test_what_a_browser_says_is_not_read(watch: Watch, make_server: Callable[..., Machine]) -> None:
    socket = watch()
    next_message(socket)
    socket.send("hello")
    socket.send(b"\x00")
    make_server().send_first(services=[service(live=5)])
    assert wait_for_live(socket, 5)


def test_a_page_from_elsewhere_cannot_open_the_socket(site: Site, transactional_db: None) -> None:
    from websockets.exceptions import InvalidStatus

    with pytest.raises(InvalidStatus):
        connect(
            f"ws://127.0.0.1:{site.port}/ws/v1/live",
            origin=Origin("http://evil.example"),
            proxy=None,
        ).close()
