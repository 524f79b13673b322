"""The child process in which an upload is analysed: `python -m connmon.source.child`. It knows the migrator, no Django.

Reads one Job from standard input and writes a Report a line. Foreign code is parsed in processes of its own, one file
at a time, and run in further ones that may do nothing (migrator/validate/sandbox.py).
"""

import ctypes
import hashlib
import os
import resource
import signal
import sys
import time
from collections.abc import Callable
from typing import Final

import msgspec

from connmon.source.reports import (
    ChangeReport,
    FileReport,
    Job,
    Note,
    Placed,
    ProofReport,
    SiteProof,
    SiteReport,
    Total,
)
from connmon.source.texts import printable
from migrator.batch import BatchOptions, FileResult, Step, process_files
from migrator.files import Found
from migrator.interactive import Hunk, Session
from migrator.model import Migration, Project, Site, Source
from migrator.project import project_of_files
from migrator.report.findings import advice_on
from migrator.validate import Limits
from migrator.writing import unified_diff

PARSE_SECONDS: Final = 60.0  # for one file
PROOF_SECONDS: Final = 90.0
RUN_LIMITS: Final = Limits(cpu_seconds=5, wall_seconds=30.0)
MAX_PATCH: Final = 2**20  # characters
MAX_SITES: Final = 20_000  # of one upload
MAX_NOTES: Final = 100
PR_SET_PDEATHSIG, PR_SET_NO_NEW_PRIVS = 1, 38
NO_TIME: Final = "There was no time left for it; upload fewer files."
TOO_MANY: Final = f"The files before it have {MAX_SITES:,} connections already; upload fewer files."

Say = Callable[[msgspec.Struct], None]


def confine(memory_mb: int) -> None:
    """Writes no files, has bounded memory, steps aside for others, and dies with its parent."""
    memory = memory_mb * 2**20
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    os.nice(10)
    if sys.platform == "linux":
        libc = ctypes.CDLL(None)
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def analyse(job: Job, say: Say, *, clock: Callable[[], float]) -> None:
    """Reports every file, then what validation says of those that were rewritten."""
    ends_at = clock() + job.seconds
    found = Found({path: Source(path, text) for path, text in job.files}, rojo=job.rojo)
    project = project_of_files(found)
    say(Placed({printable(path, 500): printable(why, 500) for path, why in project.refused.items()}))
    say(Total(len(project.sources)))
    changed = _analyse_all(project, say, clock, ends_at)
    say(Total(len(project.sources) + len(changed)))
    _prove_all(project, changed, say, clock, ends_at)


def _analyse_all(project: Project, say: Say, clock: Callable[[], float], ends_at: float) -> list[str]:
    """Reports each file; returns those that have a rewrite."""
    todo = dict.fromkeys(sorted(project.sources))
    changed: list[str] = []
    room = MAX_SITES
    options = BatchOptions(step=Step.FIX, jobs=1, seconds=PARSE_SECONDS)
    for result in process_files(project, list(todo), options):
        del todo[result.path]
        sites = len(result.analysis.sites) if result.analysis else 0
        if sites > room:
            say(_unread(project, result.path, TOO_MANY))
        else:
            room -= sites
            say(_report(project, result))
            if result.migration and result.migration.changed:
                changed.append(result.path)
        if clock() > ends_at:
            break
    for path in todo:
        say(_unread(project, path, NO_TIME))
    return changed


def _prove_all(project: Project, changed: list[str], say: Say, clock: Callable[[], float], ends_at: float) -> None:
    todo = dict.fromkeys(changed)
    options = BatchOptions(step=Step.VALIDATE, jobs=1, seconds=PROOF_SECONDS, limits=RUN_LIMITS)
    results = process_files(project, changed, options) if clock() < ends_at else ()
    for result in results:
        del todo[result.path]
        say(_proof(result))
        if clock() > ends_at:
            break
    for path in todo:
        say(ProofReport(path, "", problem=NO_TIME))


def _place(project: Project, path: str) -> str:
    return printable(".".join(project.instances.get(path, ())), 500)


def _unread(project: Project, path: str, why: str) -> FileReport:
    service = printable(project.sources[path].service_name, 128)
    return FileReport(path, service, _place(project, path), problem=printable(why, 500))


def _report(project: Project, result: FileResult) -> FileReport:
    analysis, migration = result.analysis, result.migration
    if analysis is None or migration is None:
        return _unread(project, result.path, result.problem)
    text = project.sources[result.path].text
    advice = advice_on(result)
    patch = unified_diff(migration)
    notes = [Note(note.line, printable(note.text, 500)) for note in migration.notes[:MAX_NOTES]]
    session = Session(migration)
    if len(patch) > MAX_PATCH:
        session = Session(_without_edits(migration))
        patch, notes = "", [*notes, Note(1, "The rewrite is too long to keep; python -m migrator fix makes it.")]
    return FileReport(
        path=result.path,
        service=printable(analysis.service_name, 128),
        place=_place(project, result.path),
        sites=[_site(site, text, advice.get(site, "")) for site in analysis.sites],
        unread=len(analysis.parse_errors),
        complexity=analysis.complexity.value,
        effort_minutes=analysis.effort_minutes,
        patch=patch.replace("\0", "\N{REPLACEMENT CHARACTER}"),
        notes=notes,
        changes=[_change(result.path, text, hunk) for hunk in session.hunks],
        shared=session.shared,
    )


def _without_edits(migration: Migration) -> Migration:
    return Migration(migration.path, migration.original, migration.original, (), migration.notes)


def _change(path: str, text: bytes, hunk: Hunk) -> ChangeReport:
    site = hunk.edits[0].site
    before = [text[slice(*part.span)] for part in hunk.parts]
    told = (path, site.fingerprint if site else "", before, [part.text for part in hunk.parts])
    return ChangeReport(
        number=hunk.number,
        site=site.span[0] if site else -1,
        line=site.line if site else 1,
        why=printable(hunk.why, 500),
        parts=list(hunk.parts),
        digest=hashlib.sha256(msgspec.msgpack.encode(told)).digest(),
    )


def _site(site: Site, text: bytes, advice: str) -> SiteReport:
    start, end = site.span
    return SiteReport(
        start=start,
        line=site.line,
        end_line=site.line + text.count(b"\n", start, end),
        column=site.column,
        code=_line_of(text, start),
        signal=printable(site.signal, 300),
        kind=printable(site.kind, 128),
        method=printable(site.method, 64),
        function=printable(site.function, 200),
        frequency=site.frequency.value,
        verdict=site.verdict.value,
        severity=site.severity.value if site.severity else "",
        shape=site.shape.value if site.shape else "",
        reason=printable(site.reason, 1_000),
        advice=printable(advice, 1_000),
        fingerprint=printable(site.fingerprint, 200),
    )


def _line_of(text: bytes, start: int) -> str:
    begin = text.rfind(b"\n", 0, start) + 1
    end = text.find(b"\n", start)
    line = text[begin : end if end >= 0 else len(text)][:1_000].decode("utf-8", "replace")
    return printable(line.replace("\t", " ").strip(), 200)


def _proof(result: FileResult) -> ProofReport:
    report = result.validation
    if report is None:
        return ProofReport(result.path, "", problem=printable(result.problem, 500) or "There was nothing to run.")
    return ProofReport(
        path=result.path,
        outcome=report.outcome.value,
        sites=[SiteProof(site.span[0], site.outcome.value, printable(site.reason, 1_000)) for site in report.sites],
        differences=[printable(line, 500) for line in report.differences[:MAX_NOTES]],
    )


def main() -> None:
    """One job, from standard input to standard output."""
    job = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=Job)
    confine(job.memory_mb)

    def say(report: msgspec.Struct) -> None:
        sys.stdout.buffer.write(msgspec.json.encode(report) + b"\n")
        sys.stdout.buffer.flush()

    analyse(job, say, clock=time.monotonic)


if __name__ == "__main__":
    main()
