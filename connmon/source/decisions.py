"""What people decide about the changes of a rewrite, one by one or all that are open."""

import zlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db import transaction
from msgspec import Struct

from connmon.accounts.audit import Actor, record
from connmon.accounts.models import Game
from connmon.core.errors import Conflict, DomainError, Invalid
from connmon.source.changes import accepted_pieces, pack, parts_of, written_of
from connmon.source.compiling import refuse_what_does_not_compile
from connmon.source.editing import read_written
from connmon.source.models import Change, SourceFile, Upload
from connmon.source.queries import find_change, find_file, find_upload
from connmon.source.states import UploadState
from migrator.interactive import Choice
from migrator.pieces import splice


class Decision(Struct, frozen=True):
    """What somebody says to a change. `texts`: what they wrote instead, one for each part. `seen`: the revision that
    they saw, so that nobody overrules another without knowing; None: whatever was decided."""

    choice: Choice
    texts: Sequence[str] | None = None
    seen: int | None = None


def decide_change(
    game: Game, upload_id: int, change_id: int, decision: Decision, *, by: Actor, now: datetime
) -> Change:
    """Accepts, rejects or reopens one change. What is decided already stays as it is.

    Raises NotFound; Conflict when somebody has decided otherwise since; Invalid for an edit that does not compile.
    """
    with transaction.atomic():
        upload = find_upload(game.pk, upload_id)
        file, changes = _hold(find_change(game.pk, upload_id, change_id).file_id)
        (change,) = [one for one in changes if one.pk == change_id]
        written = _read(change, decision)
        if (change.choice, written_of(change)) == (decision.choice, written):
            return change
        if decision.seen not in (None, change.revision):
            raise Conflict(f"{change.decided_by} decided about this change meanwhile; look at it again.")
        _set(change, decision.choice, written, by=by, now=now)
        refuse_broken(file, changes)
        change.save(update_fields=DECIDED)
        _record(game, upload, file, [change], by=by, now=now)
    return change


def decide_open(game: Game, upload_id: int, path: str, choice: Choice, *, by: Actor, now: datetime) -> int:
    """Accepts or rejects all open changes of a file; how many there were. Raises NotFound and Invalid."""
    if choice is Choice.OPEN:
        raise Invalid("Accept or reject what is open; a change is reopened by itself.")
    with transaction.atomic():
        upload = find_upload(game.pk, upload_id)
        file, changes = _hold(find_file(upload, path).pk)
        chosen = [change for change in changes if change.choice == Choice.OPEN]
        for change in chosen:
            _set(change, choice, None, by=by, now=now)
        refuse_broken(file, changes)
        Change.objects.bulk_update(chosen, DECIDED, batch_size=500)
        if chosen:
            _record(game, upload, file, chosen, by=by, now=now)
    return len(chosen)


DECIDED = ("choice", "written", "decided_by", "decided_at", "revision")


def _hold(file_id: int) -> tuple[SourceFile, list[Change]]:
    """A file and its changes. Locked: whether one of them compiles depends on all that are accepted."""
    file = SourceFile.objects.select_for_update().get(pk=file_id)
    return file, list(Change.objects.filter(file=file).order_by("number"))


def _read(change: Change, decision: Decision) -> list[bytes] | None:
    if decision.texts is not None and decision.choice is not Choice.ACCEPTED:
        raise Invalid("Only a change that is accepted can be edited.")
    try:
        return read_written(parts_of(change), decision.texts)
    except ValueError as error:
        raise Invalid(str(error)) from None


def _set(change: Change, choice: Choice, written: list[bytes] | None, *, by: Actor, now: datetime) -> None:
    change.choice = choice
    change.written = None if written is None else pack(written)
    change.decided_by, change.decided_at = by.label[:254], now
    change.revision += 1


def _record(
    game: Game, upload: Upload, file: SourceFile, changes: Sequence[Change], *, by: Actor, now: datetime
) -> None:
    numbers = [change.number for change in changes[:100]]
    edited = any(change.is_edited for change in changes)
    after = {"choice": changes[0].choice, "changes": numbers, "edited": edited}
    record(game, "source.decided", target=f"{upload}: {file.path}", by=by, now=now, after=after)


def carry_decisions(upload: Upload, changes: Iterable[Change]) -> None:
    """Gives new changes what was decided about the very same ones in the game's analysed upload before this one."""
    of_game = Upload.objects.filter(game=upload.game_id, state=UploadState.DONE, pk__lt=upload.pk)
    earlier = Change.objects.filter(file__upload=of_game.order_by("-pk").values("pk")[:1]).exclude(choice=Choice.OPEN)
    decided = {bytes(change.digest): change for change in earlier}
    by_file: dict[SourceFile, list[Change]] = defaultdict(list)
    for change in changes:
        by_file[change.file].append(change)
        if before := decided.get(bytes(change.digest)):
            for name in DECIDED:
                setattr(change, name, getattr(before, name))
    for file, of_file in by_file.items():
        _reopen_broken(file, of_file)


def _reopen_broken(file: SourceFile, changes: Iterable[Change]) -> None:
    """What somebody wrote may no longer fit the lines around it."""
    try:
        refuse_broken(file, changes)
    except DomainError:
        for change in changes:
            if change.is_edited:
                change.choice, change.written = Choice.OPEN, None


def refuse_broken(file: SourceFile, changes: Iterable[Change]) -> None:
    """Raises Invalid if what people wrote into the file does not compile. What the migrator wrote needs no proof."""
    changes = list(changes)
    if any(change.is_edited for change in changes if change.choice == Choice.ACCEPTED):
        original = zlib.decompress(file.text)
        refuse_what_does_not_compile(file.path, original, splice(original, accepted_pieces(file, changes)))
