"""Takes uploads, and forgets old ones. What is found in them: analysis.py."""

import hashlib
import zlib
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from django.db import transaction
from django.db.models import Max, Q

from connmon.accounts.audit import Actor, record
from connmon.accounts.models import Game
from connmon.core.errors import Conflict, Invalid
from connmon.source.models import SourceFile, Upload
from connmon.source.states import MAX_VERSION, UploadState
from connmon.source.texts import printable
from migrator.files import Found

KEPT_VERSIONS: Final = 10  # place versions whose newest upload is kept, by the newest upload
MOST_WAITING: Final = 5  # uploads of a game that wait for a worker
MOST_REFUSED: Final = 100  # names of what was not taken
PACK_LEVEL: Final = 3  # a third of the time of 6, for a tenth more bytes


def receive_upload(game: Game, found: Found, *, place_version: int, by: Actor, now: datetime) -> tuple[Upload, bool]:
    """Stores sources to be analysed. A repeat of the same files and version returns the upload there is, and False.

    Raises Invalid without a Luau file, Conflict when too many wait.
    """
    if not 0 <= place_version <= MAX_VERSION:
        raise Invalid(f"place_version is a whole number from 0 to {MAX_VERSION}.")
    if not found.sources:
        raise Invalid(f"There is no Luau file in it that can be taken. {_first_refusal(found)}".strip())
    digest = _digest(found)
    with transaction.atomic():
        Game.objects.select_for_update().get(pk=game.pk)  # two repeats at once become one upload
        same = Upload.objects.filter(game=game, place_version=place_version, digest=digest)
        known = same.exclude(state=UploadState.FAILED).order_by("-id").first()
        if known is not None:
            return known, False
        if Upload.objects.filter(game=game, state=UploadState.QUEUED).count() >= MOST_WAITING:
            raise Conflict(f"{MOST_WAITING} uploads wait to be analysed; send this one again when they are done.")
        upload = _store(game, found, place_version, digest, by, now)
        after = {"place_version": place_version, "files": upload.file_count, "refused": upload.refused_count}
        record(game, "source.uploaded", target=str(upload), by=by, now=now, after=after)
    return upload, True


def _store(game: Game, found: Found, place_version: int, digest: bytes, by: Actor, now: datetime) -> Upload:
    rojo_path, rojo = found.rojo or ("", None)
    upload = Upload.objects.create(
        game=game,
        place_version=place_version,
        digest=digest,
        state=UploadState.QUEUED,
        created_at=now,
        by=by.label[:254],
        file_count=len(found.sources),
        refused=list_refused(found.refused),
        refused_count=len(found.refused),
        rojo_path=rojo_path,
        rojo=rojo,
    )
    files = (
        SourceFile(upload=upload, path=source.path, text=zlib.compress(source.text, PACK_LEVEL))
        for source in found.sources.values()
    )
    SourceFile.objects.bulk_create(files, batch_size=500)
    return upload


def list_refused(refused: Mapping[str, str]) -> list[list[str]]:
    """The first of what was not taken, fit to be stored: names in archives are foreign text."""
    first = sorted(refused.items())[:MOST_REFUSED]
    return [[printable(path, 300), printable(why, 500)] for path, why in first]


def _first_refusal(found: Found) -> str:
    for path, why in list_refused(found.refused)[:1]:
        return f"{path}: {why}"
    return ""


def _digest(found: Found) -> bytes:
    digest = hashlib.sha256()
    files = [(source.path, source.text) for _, source in sorted(found.sources.items())]
    for path, text in [*files, found.rojo or ("", b"")]:
        digest.update(f"{len(path)} {path} {len(text)} ".encode())
        digest.update(text)
    return digest.digest()


def drop_old(game_id: int) -> int:
    """Deletes what is no longer kept: all but the newest KEPT_VERSIONS versions; of each version all but its newest
    upload and the newest that is done. One that is being analysed stays. Returns how many."""
    uploads = Upload.objects.filter(game_id=game_id)
    done = Max("id", filter=Q(state=UploadState.DONE))
    versions = uploads.values("place_version").annotate(newest=Max("id"), done=done).order_by("-newest")
    keep = {row[name] for row in versions[:KEPT_VERSIONS] for name in ("newest", "done")} - {None}
    old = uploads.exclude(pk__in=keep).exclude(state=UploadState.RUNNING)
    numbers = list(old.values_list("pk", flat=True))
    Upload.objects.filter(pk__in=numbers).delete()
    return len(numbers)
