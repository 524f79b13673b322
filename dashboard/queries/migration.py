"""The migration pages: coverage by service and version, findings, one file with its rewrite."""

from collections import Counter
from datetime import datetime
from typing import Final

from msgspec import Struct

from connmon.leaks.models import Leak
from connmon.leaks.queries import list_leaks
from connmon.source import queries
from connmon.source.models import Finding, SourceFile, Upload
from connmon.source.queries import Coverage, FoundLine, Progress
from connmon.source.states import UploadState
from dashboard.side_by_side import Row, side_by_side

PER_PAGE: Final = 50
MOST_SERVICES: Final = 500
MOST_REWRITES: Final = 100
VERSIONS: Final = 20
UPLOADS: Final = 10
ALL: Final = "all"
VERDICTS: Final = ("leak", "harmless", "managed", ALL)
SEVERITIES: Final = ("high", "medium", "low")
OUTCOMES: Final = {"proven": "proven", "changed": "differs", "not exercised": "unproven"}  # of validation -> marks


class MigrationQuery(Struct, frozen=True):
    """What the address asks. `upload` 0: the newest that is analysed."""

    upload: int = 0
    verdict: str = "leak"
    severity: str = ""
    service: str = ""
    page: int = 1

    @property
    def is_filtered(self) -> bool:
        return bool(self.verdict != "leak" or self.severity or self.service)


class BoardRow(Struct, frozen=True):
    """A service. `in_ledger`: leaks of it that running servers show now; widths are percent of its connections."""

    of: Coverage
    in_ledger: int
    managed_width: float
    harmless_width: float


class FindingRow(Struct, frozen=True):
    """A place that connects. `mark`: its severity, or its verdict if it is no leak."""

    finding: Finding
    mark: str
    proof: str


class UploadsPart(Struct, frozen=True):
    """The latest uploads. `is_moving`: one waits or is being analysed."""

    uploads: list[Upload]
    is_moving: bool


class MigrationPage(Struct, frozen=True):
    """Everything on the page. `upload` None: nothing is analysed yet. `accepted`: changes of all files."""

    upload: Upload | None
    board: list[BoardRow]
    unread: list[list[str]]
    findings: list[FindingRow]
    previous: int
    next: int
    versions: list[Upload]
    part: UploadsPart
    rewrites: list[Progress]
    more_rewrites: int
    accepted: int


class FilePage(Struct, frozen=True):
    """One file: what was found in it, and its rewrite side by side. `newer`: a later upload that is analysed."""

    upload: Upload
    file: SourceFile
    proof: str
    findings: list[FindingRow]
    rows: list[Row]
    newer: Upload | None


class LeakSource(Struct, frozen=True):
    """A leak's line of source. `finding` None: nothing is known to connect there."""

    upload: Upload
    file: SourceFile
    finding: Finding | None
    mark: str
    proof: str
    lines: list[FoundLine]
    is_same_version: bool


def migration_page(game_id: int, query: MigrationQuery, *, now: datetime) -> MigrationPage:
    """Raises NotFound for an upload that is not the game's."""
    versions = queries.list_versions(game_id, most=VERSIONS)
    newest = max(versions, key=lambda one: one.pk, default=None)  # fewer versions are kept than are shown
    upload = queries.find_upload(game_id, query.upload) if query.upload else newest
    findings = _findings(upload, query) if upload else []
    rewrites = queries.list_progress(upload) if upload else []
    return MigrationPage(
        upload=upload,
        board=_board(upload, now) if upload else [],
        unread=[*upload.refused, *queries.list_unread(upload)] if upload else [],
        findings=findings[:PER_PAGE],
        previous=query.page - 1,
        next=query.page + 1 if len(findings) > PER_PAGE else 0,
        versions=versions,
        part=uploads_part(game_id),
        rewrites=rewrites[:MOST_REWRITES],
        more_rewrites=len(rewrites[MOST_REWRITES:]),
        accepted=sum(one.accepted for one in rewrites),
    )


def uploads_part(game_id: int) -> UploadsPart:
    uploads = list(queries.list_uploads(game_id)[:UPLOADS])
    moving = (UploadState.QUEUED, UploadState.RUNNING)
    return UploadsPart(uploads, any(upload.state in moving for upload in uploads))


def _board(upload: Upload, now: datetime) -> list[BoardRow]:
    active = list_leaks(upload.game_id, active=now).values_list("origin__service__name", flat=True)
    in_ledger = Counter(active)
    return [_board_row(row, in_ledger[row.service]) for row in queries.coverage(upload)[:MOST_SERVICES]]


def _board_row(row: Coverage, in_ledger: int) -> BoardRow:
    whole = row.sites or 1
    return BoardRow(row, in_ledger, round(100 * row.managed / whole, 1), round(100 * row.harmless / whole, 1))


def _findings(upload: Upload, query: MigrationQuery) -> list[FindingRow]:
    """One more than a page, to see whether there is another."""
    verdict = "" if query.verdict == ALL else query.verdict
    found = queries.list_findings(upload, verdict=verdict, severity=query.severity, service=query.service)
    first = (query.page - 1) * PER_PAGE
    return [_row(finding) for finding in found[first : first + PER_PAGE + 1]]


def _row(finding: Finding) -> FindingRow:
    return FindingRow(finding, finding.severity or finding.verdict, OUTCOMES.get(finding.outcome, ""))


def file_page(game_id: int, upload_id: int, path: str) -> FilePage:
    """Raises NotFound."""
    upload = queries.find_upload(game_id, upload_id)
    file = queries.find_file(upload, path)
    found = queries.list_findings(upload, path=file.path).order_by("line", "id")
    newest = queries.newest_upload(game_id)
    return FilePage(
        upload=upload,
        file=file,
        proof=OUTCOMES.get(file.outcome, ""),
        findings=[_row(finding) for finding in found[:200]],
        rows=side_by_side(file.patch),
        newer=newest if newest and newest.pk > upload.pk else None,
    )


def leak_source(leak: Leak) -> LeakSource | None:
    """The line of source that a leak's connections are made on, of the last version that leaked."""
    version = leak.versions[-1] if leak.versions else None
    found = queries.finding_for(leak.game_id, leak.origin.service.name, leak.origin.site, version=version)
    if found is None:
        return None
    row = _row(found.finding) if found.finding else None
    return LeakSource(
        upload=found.upload,
        file=found.file,
        finding=found.finding,
        mark=row.mark if row else "",
        proof=row.proof if row else "",
        lines=found.lines,
        is_same_version=found.is_same_version,
    )
