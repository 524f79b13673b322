"""Takes the next upload through its analysis. Safe from many workers, and after one that died."""

import zlib
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Final, LiteralString

from django.db import connection, transaction
from django.db.models import F, Max, OuterRef, Q, Subquery

from connmon.source.actions import drop_old, list_refused
from connmon.source.changes import pack
from connmon.source.decisions import carry_decisions
from connmon.source.models import Change, Finding, SourceFile, Upload
from connmon.source.reports import FileReport, Job, ProofReport, SiteProof, SiteReport
from connmon.source.rules import module_of
from connmon.source.running import Analysis, AnalysisFailed, Limits, run_analysis
from connmon.source.states import UploadState

LEASE: Final = timedelta(seconds=60)  # a worker renews it every few seconds
MOST_ATTEMPTS: Final = 3
AT_ONCE: Final = 1  # analyses of all games; the other worker process stays free for cleanup
RANKS: Final = {"": 0, "low": 1, "medium": 2, "high": 3}
LIMITS: Final = Limits()
TRY_AGAIN: Final = "Their log says why. Send the source again and it is tried anew."
# Two workers that look in the same moment would both see that nothing runs.
ONE_CLAIM_AT_A_TIME: Final[LiteralString] = "SELECT pg_advisory_xact_lock(hashtext('connmon.source'))"

Clock = Callable[[], datetime]


class LeaseLost(Exception):
    """The upload was deleted, or another worker has it by now."""


def analyse_next(*, clock: Clock, limits: Limits = LIMITS) -> bool:
    """Analyses the upload whose turn it is; whether there was one."""
    upload = take_next(now=clock())
    if upload is None:
        return False
    try:
        analysis = run_analysis(_job(upload, limits), limits, lambda so_far: _renew(upload, so_far, clock()))
    except AnalysisFailed as failed:
        _fail(upload, str(failed), clock())
    except LeaseLost:
        return True
    else:
        _store(upload, analysis, clock())
        drop_old(upload.game_id)
    return True


def take_next(*, now: datetime) -> Upload | None:
    """Claims the next upload: of the game that waits longest since its last one. None: nothing to do, or no room."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(ONE_CLAIM_AT_A_TIME)
        running = Q(state=UploadState.RUNNING)
        if Upload.objects.filter(running, lease_until__gt=now).count() >= AT_ONCE:
            return None
        of_game = Upload.objects.filter(game=OuterRef("game")).order_by().values("game")
        last = Subquery(of_game.annotate(last=Max("started_at")).values("last"))
        waiting = Upload.objects.filter(Q(state=UploadState.QUEUED) | running).annotate(last=last)
        upload = waiting.order_by(F("last").asc(nulls_first=True), "id").select_for_update(of=("self",)).first()
        if upload is None:
            return None
        if upload.attempts >= MOST_ATTEMPTS:
            _fail(upload, f"{upload.attempts} attempts ended with their workers. {TRY_AGAIN}", now)
            return None
        fields = {"state": UploadState.RUNNING, "attempts": upload.attempts + 1, "steps": 0, "steps_done": 0}
        Upload.objects.filter(pk=upload.pk).update(**fields, started_at=now, lease_until=now + LEASE)
        upload.refresh_from_db()
        return upload


def _held(upload: Upload) -> Q:
    """The upload as this attempt has it: another attempt's answer does not overwrite it."""
    return Q(pk=upload.pk, attempts=upload.attempts, state=upload.state)


def _renew(upload: Upload, so_far: Analysis, now: datetime) -> None:
    fields = {"lease_until": now + LEASE, "steps": so_far.steps, "steps_done": so_far.done}
    if not Upload.objects.filter(_held(upload)).update(**fields):
        raise LeaseLost


def _fail(upload: Upload, why: str, now: datetime) -> None:
    Upload.objects.filter(_held(upload)).update(state=UploadState.FAILED, reason=why[:500], ended_at=now)


def _job(upload: Upload, limits: Limits) -> Job:
    rows = SourceFile.objects.filter(upload=upload).order_by("path").values_list("path", "text")
    return Job(
        files=[(path, zlib.decompress(text)) for path, text in rows],
        rojo=(upload.rojo_path, bytes(upload.rojo)) if upload.rojo is not None else None,
        seconds=limits.seconds,
        memory_mb=limits.memory_mb,
    )


def _store(upload: Upload, analysis: Analysis, now: datetime) -> None:
    """Everything in one transaction: what is seen of an upload is whole."""
    counts = Counter(site.verdict for file in analysis.files.values() for site in file.sites)
    refused = dict(upload.refused) | analysis.refused
    with transaction.atomic():
        stored = Upload.objects.filter(_held(upload)).update(
            state=UploadState.DONE,
            ended_at=now,
            steps_done=analysis.steps,
            managed=counts["managed"],
            harmless=counts["harmless"],
            leaks=counts["leak"],
            unknown=sum(_unknown(file) for file in analysis.files.values()),
            refused=list_refused(refused),
            refused_count=upload.refused_count + len(analysis.refused.keys() - dict(upload.refused).keys()),
        )
        if not stored:
            return
        rows = list(SourceFile.objects.filter(upload=upload).defer("text"))
        for row in rows:
            _fill(row, analysis.files[row.path], analysis.proofs.get(row.path))
        _update(rows)
        findings = Finding.objects.bulk_create(_findings(upload, rows, analysis), batch_size=1_000)
        changes = list(_changes(rows, analysis, findings))
        carry_decisions(upload, changes)
        Change.objects.bulk_create(changes, batch_size=1_000)


FILLED: Final = (
    "service", "place", "module", "problem", "managed", "harmless", "leaks", "unread", "complexity", "effort_minutes",
    "patch", "shared", "outcome", "outcome_reason", "differences", "notes",
)  # fmt: skip


def _update(rows: list[SourceFile]) -> None:
    """Stores what was filled in. bulk_update writes a CASE for each column and row: minutes, for 5,000 files."""
    for row in rows:
        row.text = b""  # a row that is inserted needs one; these are there, and keep theirs
    SourceFile.objects.bulk_create(
        rows, batch_size=500, update_conflicts=True, unique_fields=["id"], update_fields=FILLED
    )
    for row in rows:
        del row.text  # read again by whoever asks


def _unknown(file: FileReport) -> int:
    return file.unread + bool(file.problem)


def _fill(row: SourceFile, file: FileReport, proof: ProofReport | None) -> None:
    counts = Counter(site.verdict for site in file.sites)
    row.service, row.place, row.module = file.service, file.place, module_of(file.place)
    row.problem, row.unread, row.patch, row.shared = file.problem, file.unread, file.patch, pack(file.shared)
    row.managed, row.harmless, row.leaks = counts["managed"], counts["harmless"], counts["leak"]
    row.complexity, row.effort_minutes = file.complexity, file.effort_minutes
    row.notes = [[note.line, note.text] for note in file.notes]
    if proof is not None:
        row.outcome, row.outcome_reason, row.differences = proof.outcome, proof.problem, proof.differences


def _findings(upload: Upload, rows: Iterable[SourceFile], analysis: Analysis) -> Iterable[Finding]:
    for row in rows:
        proof = analysis.proofs.get(row.path)
        seen = {site.start: site for site in proof.sites} if proof else {}
        for site in analysis.files[row.path].sites:
            yield _finding(upload, row, site, seen.get(site.start))


def _finding(upload: Upload, row: SourceFile, site: SiteReport, proof: SiteProof | None) -> Finding:
    return Finding(
        upload=upload,
        file=row,
        service=row.service,
        site=f"{row.place}:{site.line}",
        line=site.line,
        end_line=site.end_line,
        column=site.column,
        code=site.code,
        signal=site.signal,
        kind=site.kind,
        method=site.method,
        function=site.function,
        frequency=site.frequency,
        verdict=site.verdict,
        severity=site.severity,
        rank=RANKS[site.severity],
        shape=site.shape,
        reason=site.reason,
        advice=site.advice,
        fingerprint=site.fingerprint,
        outcome=proof.outcome if proof else "",
        outcome_reason=proof.reason if proof else "",
    )


def _changes(rows: Iterable[SourceFile], analysis: Analysis, findings: Iterable[Finding]) -> Iterable[Change]:
    following = iter(findings)  # in the order of the sites
    for row in rows:
        report = analysis.files[row.path]
        by_site = {site.start: finding for site, finding in zip(report.sites, following, strict=False)}
        for change in report.changes:
            yield Change(
                file=row,
                finding=by_site.get(change.site),
                number=change.number,
                line=change.line,
                why=change.why,
                parts=pack(change.parts),
                digest=change.digest,
            )
