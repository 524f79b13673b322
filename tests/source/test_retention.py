"""What is kept of uploads."""

from collections.abc import Iterable

import pytest

from connmon.accounts.models import Game
from connmon.source.actions import KEPT_VERSIONS, drop_old
from connmon.source.models import Finding, Upload
from tests.source.uploads import GAME, SHOP, analysed, put_upload


def put(game: Game, *states: tuple[int, str]) -> list[Upload]:
    """Uploads of these versions in these states, the oldest first."""
    uploads = []
    for number, (version, state) in enumerate(states):
        upload = put_upload(game, {f"Shop{number}.luau": SHOP}, version=version)
        Upload.objects.filter(pk=upload.pk).update(state=state)
        uploads.append(upload)
    return uploads


def left(uploads: Iterable[Upload]) -> list[int]:
    known = set(Upload.objects.values_list("pk", flat=True))
    return [place for place, upload in enumerate(uploads) if upload.pk in known]


def test_the_versions_that_were_uploaded_last_are_kept(game: Game) -> None:
    uploads = put(game, *((version, "done") for version in range(KEPT_VERSIONS + 2)))
    assert drop_old(game.pk) == 2
    assert left(uploads) == list(range(2, KEPT_VERSIONS + 2))


@pytest.mark.parametrize(
    ("states", "kept"),
    [
        (["done", "done"], [1]),
        (["done", "failed"], [0, 1]),
        (["failed", "done"], [1]),
        (["done", "queued"], [0, 1]),
        (["done", "done", "failed"], [1, 2]),
        (["running", "done"], [0, 1]),
    ],
)
def test_of_a_version_the_newest_and_the_newest_analysed_are_kept(
    game: Game, states: list[str], kept: list[int]
) -> None:
    uploads = put(game, *((7, state) for state in states))
    drop_old(game.pk)
    assert left(uploads) == kept


def test_another_games_uploads_stay(game: Game, other_game: Game) -> None:
    theirs = put(other_game, (1, "done"), (1, "done"))
    put(game, (1, "done"), (1, "done"))
    drop_old(game.pk)
    assert left(theirs) == [0, 1]


def test_an_analysis_makes_room_for_itself(game: Game) -> None:
    first = analysed(game)
    second = analysed(game, GAME | {"src/server/More.luau": SHOP})
    assert list(Upload.objects.values_list("pk", flat=True)) == [second.pk]
    assert not Finding.objects.filter(upload_id=first.pk).exists()
