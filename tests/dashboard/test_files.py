"""Tables as files: whole, streamed, harmless in a spreadsheet, and of one game."""

import csv
import io
import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from connmon.accounts.models import Game, User
from connmon.registry.models import Service
from connmon.registry.states import ConnectionState
from dashboard.queries import exports
from tests.dashboard.factories import HOSTILE_NAMES, make_connection, put_server, put_service, save_connections
from tests.dashboard.pages import Filled, fill
from tests.machine import Site

NAMES = ("services-file", "servers-file", "pools-file", "leaks-file", "plans-file")
Address = Callable[..., str]


@pytest.fixture
def filled(game: Game) -> Filled:
    return fill(game)


@pytest.fixture
def crowded(game: Game) -> Service:
    """A service with 120 connections: more than a page, and more than a (small) batch."""
    now = timezone.now()
    server, service = put_server(game, now=now), put_service(game, "CombatService")
    save_connections(
        [make_connection(server, service, number, owner=f"player:{number:03}", now=now) for number in range(120)]
    )
    return service


def address(filled: Filled, name: str, form: str) -> str:
    of = {
        "service-registry-file": {"service_id": filled.service.pk},
        "server-registry-file": {"server_id": filled.server.pk},
    }
    return reverse(name, kwargs={"slug": filled.game.slug, "form": form} | of.get(name, {}))


def read(client: Client, where: str, **asked: str) -> bytes:
    answer = client.get(where, asked)
    assert answer.status_code == 200
    return b"".join(answer.streaming_content)  # type: ignore[attr-defined]


def of_registry(service: Service, form: str) -> str:
    kwargs = {"slug": service.game.slug, "service_id": service.pk, "form": form}
    return reverse("service-registry-file", kwargs=kwargs)


@pytest.mark.parametrize("name", [*NAMES, "service-registry-file", "server-registry-file"])
def test_both_forms_of_a_table_say_the_same(name: str, filled: Filled, as_owner: Client) -> None:
    lines = list(csv.reader(io.StringIO(read(as_owner, address(filled, name, "csv")).decode())))
    objects: list[dict[str, Any]] = json.loads(read(as_owner, address(filled, name, "json")))
    assert len(objects) == len(lines) - 1 > 0
    assert lines[0] == list(objects[0])


@pytest.mark.parametrize(
    ("page", "file"),
    [("overview", "services-file"), ("servers", "servers-file"), ("pools", "pools-file"), ("leaks", "leaks-file"),
     ("cleanup", "plans-file")],
)  # fmt: skip
def test_the_table_offers_its_files(page: str, file: str, filled: Filled, as_owner: Client) -> None:
    html = as_owner.get(reverse(page, kwargs={"slug": filled.game.slug})).content.decode()
    assert all(f'href="{address(filled, file, form)}"' in html for form in ("csv", "json"))


def test_hostile_names_come_through_whole(filled: Filled, as_owner: Client) -> None:
    objects = json.loads(read(as_owner, address(filled, "services-file", "json")))
    assert {row["name"] for row in objects} == set(HOSTILE_NAMES)


@pytest.mark.parametrize("beginning", ["=", "+", "-", "@", "\t"])
def test_what_a_spreadsheet_would_reckon_is_text(beginning: str, game: Game, as_owner: Client) -> None:
    now = timezone.now()
    server, service = put_server(game, now=now), put_service(game, "CombatService")
    formula = f"{beginning}cmd|' /C calc'!A0"
    save_connections([make_connection(server, service, owner=formula, now=now)])
    row = next(csv.DictReader(io.StringIO(read(as_owner, of_registry(service, "csv")).decode())))
    assert row["owner"] == f"'{formula}"
    assert json.loads(read(as_owner, of_registry(service, "json")))[0]["owner"] == formula


def test_a_file_has_all_rows_in_the_pages_order_whatever_page_is_shown(
    crowded: Service, as_owner: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "BATCH", 50)
    rows = json.loads(read(as_owner, of_registry(crowded, "json"), sort="-owner", after="x"))
    assert [row["owner"] for row in rows] == [f"player:{number:03}" for number in reversed(range(120))]


def test_a_file_has_only_what_the_filter_finds(crowded: Service, as_owner: Client) -> None:
    assert len(json.loads(read(as_owner, of_registry(crowded, "json"), q="player:00"))) == 10
    assert json.loads(read(as_owner, of_registry(crowded, "json"), state=ConnectionState.STALE)) == []


def test_rows_are_read_batch_by_batch(crowded: Service, monkeypatch: pytest.MonkeyPatch, now: datetime) -> None:
    from dashboard.queries.registry import RegistryQuery

    monkeypatch.setattr(exports, "BATCH", 50)
    export = exports.registry(crowded.game_id, RegistryQuery(service_id=crowded.pk), now=now)
    assert [len(batch) for batch in export.batches] == [50, 50, 20]


def test_an_empty_table_is_an_empty_array_and_a_head(game: Game, as_owner: Client) -> None:
    where = {form: reverse("servers-file", kwargs={"slug": game.slug, "form": form}) for form in ("csv", "json")}
    assert json.loads(read(as_owner, where["json"])) == []
    assert read(as_owner, where["csv"]).startswith(b"id,name,status")


def test_another_form_does_not_exist(game: Game, as_owner: Client) -> None:
    assert as_owner.get(reverse("servers-file", kwargs={"slug": game.slug, "form": "xls"})).status_code == 404


def test_files_of_another_game_do_not_exist(
    game: Game, other_game: Game, as_owner: Client, log_in: Callable[[User], Client], stranger: User
) -> None:
    theirs = fill(other_game)
    kwargs = {"slug": game.slug, "form": "csv"}
    foreign = [
        reverse("service-registry-file", kwargs=kwargs | {"service_id": theirs.service.pk}),
        reverse("server-registry-file", kwargs=kwargs | {"server_id": theirs.server.pk}),
        *(reverse(name, kwargs=kwargs | {"slug": other_game.slug}) for name in NAMES),
    ]
    assert {as_owner.get(where).status_code for where in foreign} == {404}
    own = [reverse(name, kwargs=kwargs) for name in NAMES]
    assert {log_in(stranger).get(where).status_code for where in own} == {404}
    assert all(b"script" not in read(as_owner, where) for where in own)


def test_the_running_site_streams_a_file(
    transactional_db: None, site: Site, crowded: Service, as_owner: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "BATCH", 50)
    cookie = f"sessionid={as_owner.cookies['sessionid'].value}"
    answer = site.request("GET", of_registry(crowded, "json"), headers={"cookie": cookie})
    assert answer.status == 200
    assert len(answer.body) == 120
    assert "content-length" not in answer.headers
