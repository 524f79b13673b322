"""Reads of uploaded sources: for pages and the API. Always of one game."""

import zlib
from collections import defaultdict
from collections.abc import Iterator
from typing import Final

from django.db.models import Case, Count, IntegerField, Q, QuerySet, Subquery, Sum, When
from msgspec import Struct

from connmon.core.errors import NotFound
from connmon.source import rules
from connmon.source.changes import accepted_pieces
from connmon.source.models import Change, Finding, SourceFile, Upload
from connmon.source.states import UploadState
from migrator.diffs import diff_of
from migrator.interactive import Choice

CANDIDATES: Final = 20  # scripts of one name that are looked at, each with its text
FILES_AT_ONCE: Final = 100  # whose texts are held, of a patch
HEAVY: Final = ("file__text", "file__patch", "file__notes", "file__differences", "file__shared")


class Coverage(Struct, frozen=True):
    """A service of an upload. `unknown`: stretches and files that could not be read."""

    service: str
    managed: int
    harmless: int
    leaks: int
    unknown: int
    effort_minutes: int

    @property
    def sites(self) -> int:
        return self.managed + self.harmless + self.leaks

    @property
    def share(self) -> float | None:
        """What does not leak; None without a connection."""
        return 1 - self.leaks / self.sites if self.sites else None


class Progress(Struct, frozen=True):
    """How far the changes of a file are decided."""

    path: str
    open: int
    accepted: int
    rejected: int

    @property
    def changes(self) -> int:
        return self.open + self.accepted + self.rejected


class FoundLine(Struct, frozen=True):
    """A line of code; `is_hit`: the one that was asked for."""

    number: int
    text: str
    is_hit: bool


class FoundSource(Struct, frozen=True):
    """Where a connection was made. `finding`: None if nothing connects on that line of the uploaded source."""

    upload: Upload
    file: SourceFile
    finding: Finding | None
    lines: list[FoundLine]
    is_same_version: bool  # the source is of the version that was asked for


def list_uploads(game_id: int) -> QuerySet[Upload]:
    """A game's uploads, newest first."""
    return Upload.objects.filter(game_id=game_id).order_by("-id").defer("rojo")


def find_upload(game_id: int, upload_id: int) -> Upload:
    """One upload of a game. Raises NotFound."""
    upload = list_uploads(game_id).filter(pk=upload_id).first()
    if upload is None:
        raise NotFound(f"This game has no uploaded source {upload_id}; a newer one may have taken its place.")
    return upload


def newest_upload(game_id: int) -> Upload | None:
    """The newest analysed upload."""
    return list_uploads(game_id).filter(state=UploadState.DONE).first()


def list_findings(
    upload: Upload, *, verdict: str = "", severity: str = "", service: str = "", path: str = "", site: str = ""
) -> QuerySet[Finding]:
    """Every place that connects, the worst first; without the texts of their files."""
    wanted = {"verdict": verdict, "severity": severity, "service": service, "file__path": path, "site": site}
    found = Finding.objects.filter(upload=upload, **{name: value for name, value in wanted.items() if value})
    return found.select_related("file").defer(*HEAVY).order_by("-rank", "id")


def coverage(upload: Upload, *, service: str | None = None) -> list[Coverage]:
    """By service, those with most leaks first; or of one service, if anything is to be said of it."""
    names = ("managed", "harmless", "leaks", "effort_minutes")
    files = SourceFile.objects.filter(upload=upload) if service is None else files_of(upload, service)
    rows = files.values("service").annotate(
        **{f"all_{name}": Sum(name) for name in names},
        all_unknown=Sum("unread") + Count("id", filter=~Q(problem="")),
    )  # fmt: skip
    rows = rows.filter(Q(all_managed__gt=0) | Q(all_harmless__gt=0) | Q(all_leaks__gt=0) | Q(all_unknown__gt=0))
    return [
        Coverage(row["service"], unknown=row["all_unknown"], **{name: row[f"all_{name}"] for name in names})
        for row in rows.order_by("-all_leaks", "service")
    ]


def files_of(upload: Upload, service: str) -> QuerySet[SourceFile]:
    """The scripts of one service."""
    return SourceFile.objects.filter(upload=upload, service=service)


def find_file(upload: Upload, path: str) -> SourceFile:
    """One file of an upload. Raises NotFound."""
    file = SourceFile.objects.filter(upload=upload, path=path.replace("\0", "")).first()
    if file is None:
        raise NotFound("This upload has no such file.")
    return file


def list_rewritten(upload: Upload) -> QuerySet[SourceFile]:
    """Files that have a patch, without their texts."""
    return SourceFile.objects.filter(upload=upload).exclude(patch="").defer("text").order_by("path")


def patch_for(upload: Upload, *, path: str, accepted: bool) -> bytes:
    """A patch to download: of the accepted changes, or of the whole rewrite, of one file or ("") of all.

    Raises NotFound when there is nothing in it.
    """
    if accepted:
        patch = accepted_patch(upload, path=path)
        why = "No change is accepted yet: accept some, then there is a patch."
    else:
        patch = (find_file(upload, path).patch if path else whole_patch(upload)).encode()
        why = "There is no rewrite: nothing leaks here, or what does is left to people."
    if not patch:
        raise NotFound(why)
    return patch


def whole_patch(upload: Upload) -> str:
    """The patches of all files that validation does not object to, as `git apply` takes them."""
    return "".join(list_rewritten(upload).exclude(outcome="changed").values_list("patch", flat=True))


def find_change(game_id: int, upload_id: int, change_id: int) -> Change:
    """One change of an upload of a game, with its file. Raises NotFound."""
    change = list_changes(find_upload(game_id, upload_id)).filter(pk=change_id).first()
    if change is None:
        raise NotFound(f"This upload has no change {change_id}.")
    return change


def list_changes(upload: Upload, *, path: str = "", choice: str = "") -> QuerySet[Change]:
    """The changes of an upload's files in the order of the source; without the texts of their files."""
    wanted = {"file__path": path, "choice": choice}
    found = Change.objects.filter(file__upload=upload, **{name: value for name, value in wanted.items() if value})
    return found.select_related("file").defer(*HEAVY).order_by("file__path", "number")


def list_progress(upload: Upload) -> list[Progress]:
    """Each file that has changes, those with most open ones first."""
    counts = {choice.value: Count("id", filter=Q(choice=choice)) for choice in Choice}
    rows = Change.objects.filter(file__upload=upload).values("file__path").annotate(**counts)
    return [
        Progress(row["file__path"], **{choice.value: row[choice.value] for choice in Choice})
        for row in rows.order_by("-open", "file__path")
    ]


def count_changes(upload: Upload, path: str) -> Progress:
    """How far one file is."""
    counts = {choice.value: Count("id", filter=Q(choice=choice)) for choice in Choice}
    return Progress(path, **Change.objects.filter(file__upload=upload, file__path=path).aggregate(**counts))


def accepted_patch(upload: Upload, *, path: str = "") -> bytes:
    """What `git apply` takes to put in exactly the accepted changes, of one file or of all; b"" when there are none.

    Raises NotFound for a file that is not in the upload.
    """
    if path:
        find_file(upload, path)
    return b"".join(_accepted_diffs(upload, path))


def _accepted_diffs(upload: Upload, path: str) -> Iterator[bytes]:
    changes: defaultdict[int, list[Change]] = defaultdict(list)
    for change in list_changes(upload, path=path, choice=Choice.ACCEPTED).select_related(None):
        changes[change.file_id].append(change)
    files = SourceFile.objects.filter(pk__in=changes).only("path", "text", "shared").order_by("path")
    for file in files.iterator(chunk_size=FILES_AT_ONCE):
        yield diff_of(file.path, zlib.decompress(file.text), accepted_pieces(file, changes[file.pk]))


def list_unread(upload: Upload) -> list[list[str]]:
    """[path, why] of files that were taken and could not be analysed."""
    rows = SourceFile.objects.filter(upload=upload).exclude(problem="").order_by("path")
    return [[path, why] for path, why in rows.values_list("path", "problem")[:100]]


def code_lines(file: SourceFile, line: int) -> list[FoundLine]:
    """A line of a file with those around it."""
    found = rules.excerpt(zlib.decompress(file.text), line)
    return [FoundLine(number, text, number == line) for number, text in found]


def finding_for(game_id: int, service: str, site: str, *, version: int | None = None) -> FoundSource | None:
    """The line of source where connections of a creation site are made, with what the migrator says of it.

    In the source of `version` if that was uploaded, else in the newest. None: no source, or no such script in it.
    """
    place = rules.split_site(site)
    if place is None:
        return None
    script, line = place
    wanted = Case(When(place_version=version, then=0), default=1, output_field=IntegerField())
    done = Upload.objects.filter(game_id=game_id, state=UploadState.DONE)
    upload = Subquery(done.order_by(wanted, "-id").values("pk")[:1])
    candidates = SourceFile.objects.filter(upload=upload, module=rules.module_of(script)).select_related("upload")
    file = rules.choose_file(candidates[:CANDIDATES], script, service)
    lines = code_lines(file, line) if file else []
    if file is None or not lines:
        return None
    near = Finding.objects.filter(file=file, line__lte=line, end_line__gte=line)
    finding = rules.choose_site(near, line)
    return FoundSource(file.upload, file, finding, lines, file.upload.place_version == version)


def list_versions(game_id: int, *, most: int) -> list[Upload]:
    """The newest analysed upload of each place version, the newest version first."""
    done = list_uploads(game_id).filter(state=UploadState.DONE)
    newest = done.order_by("place_version", "-id").distinct("place_version").values("pk")
    return list(list_uploads(game_id).filter(pk__in=newest).order_by("-place_version")[:most])
