"""Search, filters, sort and paging of a registry."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest
from msgspec.structs import replace

from connmon.accounts.models import Game
from connmon.registry.models import Connection, GameServer, Service
from connmon.registry.states import ConnectionState, OwnerKind
from dashboard.queries import registry
from dashboard.queries.registry import RegistryPage, RegistryQuery, ShownState, Sort, registry_page
from tests.dashboard.factories import ServerSpec, make_connection, put_server, put_service, save_connections


@dataclass
class Shelf:
    """One service on one server, and what is asked of its registry."""

    game: Game
    server: GameServer
    service: Service
    now: datetime

    def put(self, *connections: Connection) -> None:
        save_connections(connections)

    def page(self, query: RegistryQuery | None = None) -> RegistryPage:
        query = query or RegistryQuery()
        if query.server_id is None:
            query = replace(query, service_id=self.service.pk)
        return registry_page(self.game.pk, query, now=self.now)

    def ids(self, query: RegistryQuery | None = None) -> list[int]:
        return [row.connection_id for row in self.page(query).rows]


@pytest.fixture
def shelf(game: Game, now: datetime) -> Shelf:
    return Shelf(game, put_server(game, now=now), put_service(game, "CombatService"), now)


def fill(shelf: Shelf, count: int, *, first: int = 1) -> None:
    shelf.put(
        *(
            make_connection(
                shelf.server, shelf.service, number, owner=f"player:{number % 7}", age=timedelta(number), now=shelf.now
            )
            for number in range(first, first + count)
        )
    )


def walk(shelf: Shelf, query: RegistryQuery) -> list[int]:
    """All ids, page after page."""
    seen: list[int] = []
    while True:
        page = shelf.page(query)
        seen += [row.connection_id for row in page.rows]
        if not page.next:
            return seen
        query = replace(query, after=page.next)


def test_the_newest_connection_comes_first_unless_asked_otherwise(shelf: Shelf) -> None:
    fill(shelf, 3)
    assert shelf.ids() == [1, 2, 3]


@pytest.mark.parametrize(
    "changes",
    [
        {"owner": "player:needle"},
        {"name": "NeedleName"},
        {"type": "Needle.Type"},
        {"site": "Scripts.Needle:4"},
    ],
)
def test_search_finds_owner_name_type_and_site_in_any_case(shelf: Shelf, changes: dict[str, str]) -> None:
    fill(shelf, 2)
    shelf.put(make_connection(shelf.server, shelf.service, 9, now=shelf.now, **changes))  # type: ignore[arg-type]  # texts only
    assert shelf.ids(RegistryQuery(search="needle")) == [9]


@pytest.mark.parametrize("search", ["100%", "a_b", "back\\slash"])
def test_search_takes_wildcards_literally(shelf: Shelf, search: str) -> None:
    fill(shelf, 2)
    shelf.put(
        make_connection(shelf.server, shelf.service, 8, name="100 axb backslash", now=shelf.now),
        make_connection(shelf.server, shelf.service, 9, name="100% a_b back\\slash", now=shelf.now),
    )
    assert shelf.ids(RegistryQuery(search=search)) == [9]


def test_a_state_filter_shows_that_state_only(shelf: Shelf) -> None:
    fill(shelf, 2)
    shelf.put(make_connection(shelf.server, shelf.service, 9, state=ConnectionState.ORPHANED, now=shelf.now))
    assert shelf.ids(RegistryQuery(state=ShownState.ORPHANED)) == [9]


def test_an_owner_filter_shows_that_kind_only(shelf: Shelf) -> None:
    fill(shelf, 2)
    shelf.put(make_connection(shelf.server, shelf.service, 9, owner_kind=OwnerKind.SERVICE, now=shelf.now))
    assert shelf.ids(RegistryQuery(owner_kind=OwnerKind.SERVICE)) == [9]


def test_connections_of_a_silent_server_are_unknown_and_nothing_else(shelf: Shelf) -> None:
    fill(shelf, 1)
    silent = put_server(shelf.game, ServerSpec("mute", age=timedelta(minutes=5)), now=shelf.now)
    shelf.put(make_connection(silent, shelf.service, 9, now=shelf.now))
    assert shelf.ids(RegistryQuery(state=ShownState.UNKNOWN)) == [9]
    assert shelf.ids(RegistryQuery(state=ShownState.LIVE)) == [1]


def test_opening_times_are_shown_by_our_clock(shelf: Shelf) -> None:
    fill(shelf, 1)
    # The made server's clock is 0.2 s ahead.
    assert shelf.page().rows[0].opened_at == shelf.now - timedelta(days=1, seconds=0.2)


@pytest.mark.parametrize("sort", list(Sort))
@pytest.mark.parametrize("descending", [True, False])
def test_every_row_is_on_exactly_one_page_in_every_order(shelf: Shelf, sort: Sort, descending: bool) -> None:
    fill(shelf, 120)
    seen = walk(shelf, RegistryQuery(sort=sort, descending=descending))
    assert sorted(seen) == list(range(1, 121))
    assert len(seen) == 120


def test_going_back_shows_the_page_before(shelf: Shelf) -> None:
    fill(shelf, 120)
    first = shelf.page()
    second = shelf.page(RegistryQuery(after=first.next))
    back = shelf.page(RegistryQuery(before=second.previous))
    assert [row.connection_id for row in back.rows] == [row.connection_id for row in first.rows]
    assert (back.previous, bool(back.next)) == ("", True)


def test_rows_that_come_in_front_do_not_push_others_onto_the_next_page(shelf: Shelf) -> None:
    fill(shelf, 60)
    first = shelf.page()
    shelf.put(make_connection(shelf.server, shelf.service, 999, age=timedelta(0), now=shelf.now))
    assert shelf.ids(RegistryQuery(after=first.next)) == list(range(51, 61))


def test_the_last_page_has_no_next_and_the_first_no_previous(shelf: Shelf) -> None:
    fill(shelf, registry.PER_PAGE + 1)
    first = shelf.page()
    last = shelf.page(RegistryQuery(after=first.next))
    assert (first.previous, last.next, len(last.rows)) == ("", "", 1)


@pytest.mark.parametrize("cursor", ["nonsense", "W10", "bnVsbA", "WyJhIiwxLDIsIngiXQ", "eyJhIjoxfQ", "é", "/etc"])
def test_a_cursor_that_was_not_written_here_shows_the_first_page(shelf: Shelf, cursor: str) -> None:
    fill(shelf, 3)
    assert shelf.ids(RegistryQuery(after=cursor)) == [1, 2, 3]


def test_counting_stops_at_its_bound(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "COUNT_MAX", 5)
    fill(shelf, 9)
    page = shelf.page()
    assert (page.total, page.total_is_capped) == (5, True)


def test_a_service_shows_its_connections_on_all_running_servers(shelf: Shelf) -> None:
    fill(shelf, 1)
    second = put_server(shelf.game, ServerSpec("two"), now=shelf.now)
    ended = put_server(shelf.game, ServerSpec("gone", ended=True), now=shelf.now)
    shelf.put(
        make_connection(second, shelf.service, 2, now=shelf.now),
        make_connection(ended, shelf.service, 3, now=shelf.now),
    )
    assert sorted(shelf.ids()) == [1, 2]


def test_a_server_shows_its_connections_of_all_services(shelf: Shelf) -> None:
    fill(shelf, 1)
    other = put_service(shelf.game, "PetService")
    shelf.put(make_connection(shelf.server, other, 2, now=shelf.now))
    assert sorted(shelf.ids(RegistryQuery(server_id=shelf.server.pk))) == [1, 2]


def test_another_games_registry_is_never_shown(shelf: Shelf, other_game: Game) -> None:
    fill(shelf, 1)
    queries: Sequence[RegistryQuery] = (
        RegistryQuery(service_id=shelf.service.pk),
        RegistryQuery(server_id=shelf.server.pk),
    )
    assert [registry_page(other_game.pk, query, now=shelf.now).rows for query in queries] == [[], []]
