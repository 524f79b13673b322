"""Sources over REST: sent from CI, read by whoever may read."""

import json
from collections.abc import Callable, Mapping

import pytest

from connmon.accounts.models import AuditEntry, Game
from connmon.core.ids import NewKey
from connmon.source.models import SourceFile, Upload
from connmon.source.states import MAX_ARCHIVE
from tests.machine import Answer, Site
from tests.source.uploads import COMBAT, GAME, LEAK_LINE, analysed, as_json, put_upload, zipped

MakeKey = Callable[..., NewKey]
PATH = "/api/v1/source"


@pytest.fixture
def ci(make_key: MakeKey) -> NewKey:
    return make_key("read", "plan")


@pytest.fixture
def here(transactional_db: None, site: Site, game: Game) -> Site:
    return site


def send(
    site: Site, body: bytes, key: NewKey, kind: str = "application/zip", query: str = "?place_version=143"
) -> Answer:
    headers = {"authorization": f"Bearer {key.plaintext}", "content-type": kind}
    return site.request("POST", PATH + query, body=body, headers=headers)


def send_json(site: Site, body: object, key: NewKey) -> Answer:
    return send(site, json.dumps(body).encode(), key, "application/json", "")


def test_an_archive_from_ci_is_taken_and_noted(here: Site, ci: NewKey, game: Game) -> None:
    answer = send(here, zipped(GAME), ci)
    assert (answer.status, answer.body["state"], answer.body["files"]) == (201, "queued", 2)
    upload = Upload.objects.get(game=game)
    assert (upload.place_version, upload.rojo_path) == (143, "default.project.json")
    entry = AuditEntry.objects.get(action="source.uploaded")
    assert (entry.target, entry.after) == ("source of version 143", {"place_version": 143, "files": 2, "refused": 0})


def test_files_in_json_are_the_same_upload_as_in_an_archive(here: Site, ci: NewKey, game: Game) -> None:
    first = send(here, zipped(GAME), ci)
    again = send_json(here, as_json(GAME), ci)
    assert (again.status, again.body["id"]) == (200, first.body["id"])
    assert Upload.objects.filter(game=game).count() == 1
    assert AuditEntry.objects.filter(action="source.uploaded").count() == 1
    other = send_json(here, as_json(GAME, version=144), ci)
    assert (other.status, other.body["place_version"]) == (201, 144)


@pytest.mark.parametrize(
    "name", ["../evil.luau", "/etc/evil.luau", "a\\b.luau", "new\nline.luau", "x" * 600 + ".luau", "note.txt"]
)
def test_a_path_that_leads_elsewhere_is_left_out_by_name(here: Site, ci: NewKey, name: str) -> None:
    body = send_json(here, as_json({name: COMBAT, "good.luau": COMBAT}), ci).body
    assert body["files"] == 1
    (refused,) = body["refused"]
    assert refused["path"][:4] == name[:4].replace("\n", "\ufffd")
    assert refused["reason"]


def test_a_zip_bomb_costs_only_itself(here: Site, ci: NewKey) -> None:
    bomb = zipped({"bomb.luau": bytes(64 * 2**20), "good.luau": COMBAT, "../up.luau": COMBAT})
    body = send(here, bomb, ci).body
    assert body["files"] == 1
    assert [one["path"] for one in body["refused"]] == ["../up.luau", "bomb.luau"]


BAD: Mapping[str, tuple[bytes, str, str, int, str]] = {
    "no archive": (b"PK nonsense", "application/zip", "?place_version=1", 422, "no zip archive"),
    "no version": (zipped(GAME), "application/zip", "", 422, "?place_version=143"),
    "odd version": (zipped(GAME), "application/zip", "?place_version=-1", 422, "?place_version=143"),
    "large version": (zipped(GAME), "application/zip", "?place_version=9999999999999999", 422, "whole number"),
    "no Luau": (zipped({"readme.md": "x"}), "application/zip", "?place_version=1", 422, "no Luau file"),
    "only a bomb": (zipped({"b.luau": bytes(9 * 2**20)}), "application/zip", "?place_version=1", 422, "b.luau: It unp"),
    "no JSON": (b"{", "application/json", "", 400, "docs/migrator.md"),
    "deep JSON": (b"[" * 100_000, "application/json", "", 400, "docs/migrator.md"),
    "odd JSON": (b'{"place_version": "x", "files": []}', "application/json", "", 400, "place_version"),
    "another kind": (b"x", "text/plain", "", 415, "media type"),
    "nothing": (b"", "application/zip", "?place_version=1", 422, ""),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_taken_is_told_and_nothing_is_kept(here: Site, ci: NewKey, name: str) -> None:
    body, kind, query, status, words = BAD[name]
    answer = send(here, body, ci, kind, query)
    assert answer.status == status, answer.body
    assert words in answer.body["detail"]
    assert not Upload.objects.exists()


def test_a_body_beyond_the_bound_is_413(here: Site, ci: NewKey) -> None:
    """More than pages may send, so that the address has a bound of its own."""
    assert send(here, zipped(GAME) + bytes(3 * 2**20), ci).status != 413
    headers = {"authorization": f"Bearer {ci.plaintext}", "content-length": str(MAX_ARCHIVE + 2**20)}
    answer = here.request("POST", PATH, headers=headers)
    assert (answer.status, answer.code) == (413, "body-too-large")
    assert f"{MAX_ARCHIVE + 65_536:,}" in answer.body["detail"]


def test_uploads_that_wait_are_bounded(here: Site, ci: NewKey, game: Game) -> None:
    for version in range(5):
        put_upload(game, version=version)
    answer = send(here, zipped(GAME), ci)
    assert (answer.status, answer.code) == (409, "conflict")


def test_sending_takes_the_scope_plan_and_reading_the_scope_read(here: Site, make_key: MakeKey, game: Game) -> None:
    upload = put_upload(game)
    reader, planner = make_key("read"), make_key("plan")
    assert send(here, zipped(GAME), reader).status == 403
    assert here.get(PATH, key=planner).status == 403
    assert here.get(f"{PATH}/{upload.pk}", key=reader).status == 200


@pytest.mark.parametrize("part", ["", "/findings", "/patch", "/patch?path=src/server/CombatService.luau"])
def test_an_upload_of_another_game_is_not_found(
    here: Site, make_key: MakeKey, game: Game, other_game: Game, part: str
) -> None:
    upload = analysed(game)
    assert here.get(f"{PATH}/{upload.pk}{part}", key=make_key("read")).status == 200
    answer = here.get(f"{PATH}/{upload.pk}{part}", key=make_key("read", of=other_game))
    assert answer.status == 404
    assert "CombatService" not in str(answer.body)
    assert here.get(PATH, key=make_key("read", of=other_game)).body["results"] == []


def test_findings_are_filtered_and_paged(here: Site, ci: NewKey, game: Game) -> None:
    upload = analysed(game)
    address = f"{PATH}/{upload.pk}/findings"
    rows = here.get(address, key=ci).body["results"]
    assert [row["verdict"] for row in rows] == ["leak", "harmless", "managed"]
    (leak,) = here.get(f"{address}?verdict=leak&severity=high&service=CombatService", key=ci).body["results"]
    assert (leak["site"], leak["line"]) == (f"ServerScriptService.CombatService:{LEAK_LINE}", LEAK_LINE)
    assert leak["validation"] == "proven"
    assert here.get(f"{address}?path=src/server/Shop.luau", key=ci).body["count"] == 1
    assert here.get(f"{address}?site={leak['site']}", key=ci).body["count"] == 1
    page = here.get(f"{address}?limit=1&offset=1", key=ci).body
    assert (len(page["results"]), page["count"]) == (1, 3)
    assert here.get(f"{address}?verdict=perhaps", key=ci).status == 400


def test_a_patch_is_what_git_apply_takes(here: Site, ci: NewKey, game: Game) -> None:
    upload = analysed(game)
    address = f"{PATH}/{upload.pk}/patch"
    one = here.get(f"{address}?path=src/server/CombatService.luau", key=ci)
    assert one.headers["content-type"] == "text/x-diff; charset=utf-8"
    assert one.body.startswith("--- a/src/server/CombatService.luau\n+++ b/src/server/CombatService.luau\n@@ ")
    assert here.get(address, key=ci).body == one.body
    assert here.get(f"{address}?path=src/server/Shop.luau", key=ci).status == 404
    assert here.get(f"{address}?path=nowhere.luau", key=ci).status == 404
    SourceFile.objects.filter(upload=upload).update(outcome="changed")
    assert here.get(address, key=ci).status == 404


def test_an_upload_tells_its_services(here: Site, ci: NewKey, game: Game) -> None:
    body = here.get(f"{PATH}/{analysed(game).pk}", key=ci).body
    assert [(one["service"], one["leaks"], one["share"]) for one in body["services"]] == [
        ("CombatService", 1, 0.5),
        ("Shop", 0, 1.0),
    ]
    assert (body["state"], body["leaks"], round(body["coverage"], 3)) == ("done", 1, 0.667)
