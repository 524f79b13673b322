"""What each command of the command line does."""

import sys
from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from migrator.analyze import analyze_service
from migrator.baseline import EMPTY, Baseline, make_baseline, read_baseline, write_baseline
from migrator.batch import BatchOptions, BatchReport, FileResult, Step, batch_migrate
from migrator.files import InputRefused, changed_in, read_path
from migrator.model import Project, Severity, Source, SourceRefused
from migrator.project import load_project
from migrator.report import Finding, findings_of, html_report, json_report, print_report, sarif_report
from migrator.report.findings import RANK
from migrator.report.terminal import clean
from migrator.rewrite import generate_migrated_code
from migrator.terminal import review
from migrator.validate import Outcome, TestCase, ValidationReport, validate_migration
from migrator.validate.jobs import Signals
from migrator.writing import patch_of, write_migration

OK, OBJECTION, USAGE = 0, 1, 2
REPORTS: dict[str, Callable[[BatchReport, Baseline], str]] = {
    "html": html_report,
    "json": json_report,
    "sarif": sarif_report,
}


@contextmanager
def _progress(label: str) -> Iterator[Callable[[int, int, str], None]]:
    """A bar on standard error while it is a terminal; nothing in a log."""
    console = Console(stderr=True)
    columns = (
        TextColumn(label),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[at]}", markup=False),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(label, total=None, at="")

        def show(done: int, total: int, path: str) -> None:
            bar.update(task, completed=done, total=total, at=clean(path))

        yield show


def _load(paths: Sequence[Path]) -> tuple[Project, Path]:
    """One project of all paths; several files, as a pre-commit hook gives them, are read where they stand."""
    if len(paths) == 1:
        return load_project(paths[0]), _root_of(paths[0])
    sources: dict[str, Source] = {}
    refused: dict[str, str] = {}
    for path in paths:
        found = read_path(path)
        for name, source in found.sources.items():
            own = path.as_posix() if path.is_file() else (path / name).as_posix()
            sources[own] = Source(own, source.text)
        refused |= {(path / name).as_posix(): why for name, why in found.refused.items()}
    return Project(sources, {}, refused), Path()


def _root_of(path: Path) -> Path:
    """The folder that the paths of a project are relative to."""
    return path if path.is_dir() else path.parent


def _from_here(path: Path) -> Path:
    """What to put before the paths of a patch, so that `git apply` takes it in this folder; for an archive nothing."""
    root, here = _root_of(path).resolve(), Path.cwd()
    if path.suffix == ".zip" or not root.is_relative_to(here):
        return Path()
    return root.relative_to(here)


def _refuse_archive(path: Path) -> None:
    if path.suffix == ".zip":
        raise InputRefused(f"{path} is an archive and is not written to; unpack it, or take the diff without --write.")


def _only(options: Namespace, root: Path) -> frozenset[str] | None:
    return changed_in(root, options.diff) if options.diff else None


def _run(options: Namespace, paths: Sequence[Path], step: Step, state: Path | None = None) -> tuple[BatchReport, Path]:
    project, root = _load(paths)
    if not project.sources and not project.refused:
        raise InputRefused(
            f"There is no Luau file in {', '.join(map(str, paths))}; give a folder with .luau or .lua files."
        )
    wanted = BatchOptions(step=step, jobs=options.jobs, state=state, only=_only(options, root))
    with _progress(f"{step.value}:") as show:
        return batch_migrate(project, wanted, show), root


def _baseline(options: Namespace) -> Baseline:
    return read_baseline(options.baseline) if options.baseline else EMPTY


def _objects(findings: Sequence[Finding], fail_on: str) -> bool:
    """Whether there is a new leak that is severe enough."""
    if fail_on == "never":
        return False
    return any(finding.new and RANK[finding.severity] >= RANK[Severity(fail_on)] for finding in findings)


def _tell(options: Namespace, report: BatchReport, baseline: Baseline) -> None:
    for kind, path in options.report:
        path.write_text(REPORTS[kind](report, baseline), encoding="utf-8", errors="backslashreplace")
    if options.json:
        print(json_report(report, baseline))
    else:
        print_report(Console(), report, baseline)


def analyze(options: Namespace) -> int:
    """Lists leaks."""
    baseline = _baseline(options)
    report, _ = _run(options, options.path or [Path()], Step.ANALYZE)
    if options.write_baseline:
        write_baseline(options.write_baseline, make_baseline(report.analyses))
        Console(stderr=True).print(f"{len(findings_of(report))} findings noted as known in {options.write_baseline}.")
        return OK
    _tell(options, report, baseline)
    return OBJECTION if _objects(findings_of(report, baseline), options.fail_on) else OK


def fix(options: Namespace) -> int:
    """Shows the rewrite, or writes it."""
    if options.write:
        _refuse_archive(options.path)
    step = Step.VALIDATE if options.write and not options.no_validate else Step.FIX
    report, root = _run(options, [options.path], step)
    if options.write:
        return _write(report, root)
    if options.json:
        print(json_report(report, _baseline(options)))
    else:
        _print_diffs(report.files, _from_here(options.path))
    return OBJECTION if any(file.migration and file.migration.changed for file in report.files) else OK


def _print_diffs(files: Sequence[FileResult], under: Path) -> None:
    """Diffs on standard output, so that they can be piped into git apply; what was left to people on standard error."""
    for file in files:
        if file.migration:
            sys.stdout.buffer.write(patch_of(file.migration, under))  # sources need not be text
            for note in file.migration.notes:
                _say(f"{file.path}:{note.line}: {note.text}")
        if file.problem:
            _say(file.problem)


def _say(text: str) -> None:
    Console(stderr=True).print(Text(clean(text)), soft_wrap=True)


def _write(report: BatchReport, root: Path) -> int:
    """Writes what validation does not object to; the rest is named."""
    objections = 0
    for file in report.files:
        if file.is_safe_to_write and file.migration:
            write_migration(root, file.migration)
            _say(f"{file.path}: written, {len(file.migration.edits)} edits{_proof(file.validation)}.")
        elif file.migration and file.migration.changed:
            objections += 1
            _say(f"{file.path}: left as it is; validate it to see what changes.")
        elif file.problem:
            objections += 1
            _say(file.problem)
    return OBJECTION if objections else OK


def _proof(validation: ValidationReport | None) -> str:
    if validation is None:
        return ", not validated"
    return f", {validation.count(Outcome.PROVEN)} of {len(validation.sites)} sites proven"


def validate(options: Namespace) -> int:
    """Runs original and migrated code side by side."""
    cases = [TestCase(path.stem, _read(path).decode("utf-8", "replace")) for path in options.case]
    migrated = _read(options.migrated) if options.migrated else None
    project = load_project(options.path)
    if migrated is not None and len(project.sources) != 1:
        raise InputRefused(f"{options.path} has {len(project.sources)} files; with a migrated file, give one original.")
    if not project.sources:
        raise InputRefused(f"There is no Luau file to validate in {options.path}.")
    reports = []
    refused = 0
    with _progress("validate:") as show:
        for number, source in enumerate(project.sources.values(), 1):
            try:
                report = _validate_one(source, migrated, cases, project, options.signals)
            except SourceRefused as problem:
                refused += 1
                _say(str(problem))
            else:
                reports += [report] if report else []
            show(number, len(project.sources), source.path)
    if options.json:
        print(msgspec.json.encode([asdict(report) | {"outcome": report.outcome} for report in reports]).decode())
    else:
        for report in reports:
            _print_validation(Console(), report)
    if refused == len(project.sources):
        return USAGE
    return OBJECTION if any(report.outcome is Outcome.CHANGED for report in reports) else OK


def _validate_one(
    source: Source, migrated: bytes | None, cases: Sequence[TestCase], project: Project, signals: Signals
) -> ValidationReport | None:
    """None for a source that has nothing to migrate."""
    analysis = analyze_service(source, project)
    after = generate_migrated_code(source, analysis).migrated if migrated is None else migrated
    if migrated is None and after == source.text:
        return None
    return validate_migration(source, after, cases, sites=analysis.sites, project=project, signals=signals)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputRefused(f"{path} cannot be read: {error.strerror}.") from None


STYLES = {Outcome.PROVEN: "green", Outcome.CHANGED: "bold red", Outcome.NOT_EXERCISED: "yellow"}


def _print_validation(console: Console, report: ValidationReport) -> None:
    console.print(Text.assemble((clean(report.path), "bold"), ": ", (report.outcome.value, STYLES[report.outcome])))
    for site in report.sites:
        said = f" {clean(site.signal)}: {clean(site.reason)}"
        console.print(
            Text.assemble(f"  line {site.line} ", (site.outcome.value, STYLES[site.outcome]), said), soft_wrap=True
        )
    for case in report.cases:
        words = "passes" if case.passed else f"fails: {case.migrated}"
        console.print(Text(f"  case {clean(case.name)} {clean(words)}"), soft_wrap=True)
    for sentence in report.differences:
        console.print(Text(f"  {clean(sentence)}", style="red"), soft_wrap=True)
    if report.stopped:
        console.print(Text(f"  stopped, {clean(report.stopped)}", style="red"), soft_wrap=True)
    for moment, live in (("players left", report.after_players_left), ("cleanup", report.after_cleanup)):
        if live.original is not None:
            console.print(f"  live connections after {moment}: {live.original} before, {live.migrated} after migration")
    if report.unresolved:
        names = ", ".join(report.unresolved[:10])
        console.print(Text(f"  stood in for by stubs: {clean(names)}", style="dim"), soft_wrap=True)


def batch(options: Namespace) -> int:
    """Everything for many files."""
    baseline = _baseline(options)
    if options.write:
        _refuse_archive(options.path)
    report, root = _run(options, [options.path], Step.VALIDATE, options.state)
    _tell(options, report, baseline)
    written = _write(report, root) if options.write else OK
    changed = report.outcomes()[Outcome.CHANGED] > 0
    return OBJECTION if written or changed or _objects(findings_of(report, baseline), options.fail_on) else OK


def interactive(options: Namespace) -> int:
    """Goes through the changes with a person."""
    if not options.patch:
        _refuse_archive(options.path)
    project = load_project(options.path)
    root = _root_of(options.path)
    patches = []
    for migration in review(project, Console()):
        if options.patch:
            patches.append(patch_of(migration, _from_here(options.path)))
        else:
            write_migration(root, migration)
            _say(f"{migration.path}: written, {len(migration.edits)} edits.")
    if options.patch:
        options.patch.write_bytes(b"".join(patches))
        _say(f"{len(patches)} files in {options.patch}.")
    return OK
