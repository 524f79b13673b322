"""Single changes over REST."""

import json
from collections.abc import Callable

import pytest

from connmon.accounts.models import AuditEntry, Game
from connmon.core.ids import NewKey
from connmon.source.models import Upload
from tests.machine import Answer, Site
from tests.source.uploads import PETS, SHOP, analysed

MakeKey = Callable[..., NewKey]
PATH = "src/server/Pets.luau"


def post(site: Site, path: str, body: object, *, key: NewKey) -> Answer:
    headers = {"authorization": f"Bearer {key.plaintext}", "content-type": "application/json"}
    return site.request("POST", path, body=json.dumps(body).encode(), headers=headers)


@pytest.fixture
def ci(make_key: MakeKey) -> NewKey:
    return make_key("read", "plan")


@pytest.fixture
def here(transactional_db: None, site: Site) -> Site:
    return site


@pytest.fixture
def upload(transactional_db: None, game: Game) -> Upload:
    return analysed(game, {PATH: PETS, "src/server/Shop.luau": SHOP})


@pytest.fixture
def changes(upload: Upload) -> str:
    """Their address."""
    return f"/api/v1/source/{upload.pk}/changes"


def test_changes_are_listed_with_their_parts(here: Site, ci: NewKey, changes: str) -> None:
    body = here.get(changes, key=ci).body
    assert body["count"] == 3
    first = body["results"][0]
    assert (first["path"], first["number"], first["choice"], first["revision"]) == (PATH, 1, "open", 0)
    assert [PETS.encode()[part["start"] : part["end"]].decode() for part in first["parts"]] == [
        "\t\tRunService.Heartbeat:Connect(function()\n",
        "\t\tend)\n",
    ]
    assert first["parts"][0]["text"] == "\t\tConnectionUtils:Connect(RunService.Heartbeat, function()\n"
    findings = here.get(changes.replace("changes", f"findings?path={PATH}&verdict=leak"), key=ci).body["results"]
    assert first["finding"] in {finding["id"] for finding in findings}
    assert here.get(f"{changes}?choice=accepted", key=ci).body["count"] == 0
    assert here.get(f"{changes}?path=nowhere", key=ci).body["count"] == 0
    assert here.get(f"{changes}?choice=perhaps", key=ci).status == 400


def test_one_is_accepted_one_rejected_one_edited(here: Site, ci: NewKey, changes: str) -> None:
    one, two, three = here.get(changes, key=ci).body["results"]
    patch = changes.replace("changes", "patch?accepted=true")
    assert here.get(patch, key=ci).status == 404
    assert (
        post(here, f"{changes}/{one['id']}", {"choice": "accepted", "revision": 0}, key=ci).body["choice"] == "accepted"
    )
    assert ci.id in post(here, f"{changes}/{two['id']}", {"choice": "rejected"}, key=ci).body["decided_by"]
    texts = [f"-- mine\n{three['parts'][0]['text']}", three["parts"][1]["text"]]
    edited = post(here, f"{changes}/{three['id']}", {"choice": "accepted", "texts": texts}, key=ci).body
    assert [part["written"] for part in edited["parts"]] == texts
    text = here.get(patch, key=ci).body
    assert text.count("ConnectionUtils:Connect(") == 2
    assert "+-- mine\n" in text
    assert here.get(f"{patch}&path={PATH}", key=ci).body == text
    assert here.get(f"{changes}/{one['id']}", key=ci).body["revision"] == 1
    assert AuditEntry.objects.filter(action="source.decided", actor_kind="key").count() == 3


def test_what_does_not_compile_or_was_not_seen_is_refused(here: Site, ci: NewKey, changes: str) -> None:
    one = here.get(changes, key=ci).body["results"][0]
    where = f"{changes}/{one['id']}"
    answer = post(here, where, {"choice": "accepted", "texts": ["(", ""]}, key=ci)
    assert (answer.status, answer.code) == (422, "invalid")
    assert "Line " in answer.body["detail"]
    assert post(here, where, {"choice": "rejected"}, key=ci).status == 200
    answer = post(here, where, {"choice": "accepted", "revision": 0}, key=ci)
    assert (answer.status, answer.code) == (409, "conflict")
    assert post(here, where, {"choice": "perhaps"}, key=ci).status == 400
    assert post(here, where, {"choice": "rejected", "texts": ["", ""]}, key=ci).status == 422


def test_all_that_are_open_are_decided_at_once(here: Site, ci: NewKey, changes: str) -> None:
    wanted = {"path": PATH, "choice": "accepted"}
    assert post(here, changes, wanted, key=ci).body == {"decided": 3}
    assert post(here, changes, wanted, key=ci).body == {"decided": 0}
    assert post(here, changes, wanted | {"path": "nowhere"}, key=ci).status == 404
    assert post(here, changes, wanted | {"choice": "open"}, key=ci).status == 400
    whole = here.get(changes.replace("changes", "patch"), key=ci).body
    assert here.get(changes.replace("changes", "patch?accepted=true"), key=ci).body == whole


def test_changes_of_another_game_are_not_found(
    here: Site, ci: NewKey, make_key: MakeKey, other_game: Game, changes: str
) -> None:
    theirs = make_key("read", "plan", of=other_game)
    one = here.get(changes, key=ci).body["results"][0]
    assert here.get(changes, key=theirs).status == 404
    assert here.get(f"{changes}/{one['id']}", key=theirs).status == 404
    assert post(here, f"{changes}/{one['id']}", {"choice": "accepted"}, key=theirs).status == 404
    assert post(here, changes, {"path": PATH, "choice": "accepted"}, key=theirs).status == 404
