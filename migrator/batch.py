"""Many files: analysed, rewritten and validated in several processes, resumable, with one report at the end."""

import hashlib
import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

import msgspec

from migrator.analyze import analyze_service
from migrator.model import Migration, Project, Recommendation, ServiceAnalysis, Source, SourceRefused
from migrator.recommend import generate_recommendations
from migrator.rewrite import generate_migrated_code
from migrator.validate import Limits, Outcome, ValidationReport, validate_migration
from migrator.workers import work_through

STATE_FORMAT = 1
FILE_SECONDS = 300.0  # what one file may take; validation has limits of its own within


class Step(StrEnum):
    """How far a batch goes with each file; each step includes those before it."""

    ANALYZE = "analyze"
    FIX = "fix"
    VALIDATE = "validate"


@dataclass(frozen=True, slots=True)
class FileResult:
    """What came of one file. `problem`: why there is nothing, "" when there is."""

    path: str
    analysis: ServiceAnalysis | None = None
    recommendations: tuple[Recommendation, ...] = ()
    migration: Migration | None = None
    validation: ValidationReport | None = None
    problem: str = ""

    @property
    def is_safe_to_write(self) -> bool:
        """Whether there is a rewrite that validation does not object to."""
        if self.migration is None or not self.migration.changed:
            return False
        return self.validation is None or self.validation.outcome is not Outcome.CHANGED


@dataclass(frozen=True)
class BatchReport:
    """All files of a batch by path; `refused`: what was not even read, path → why."""

    files: tuple[FileResult, ...]
    refused: Mapping[str, str] = field(default_factory=dict)

    @property
    def analyses(self) -> list[ServiceAnalysis]:
        """Of the files that could be analysed."""
        return [file.analysis for file in self.files if file.analysis]

    def outcomes(self) -> dict[Outcome, int]:
        """How many sites validation proved, found changed and did not exercise."""
        reports = [file.validation for file in self.files if file.validation]
        return {outcome: sum(report.count(outcome) for report in reports) for outcome in Outcome}


@dataclass(frozen=True)
class BatchOptions:
    """`jobs`: processes, 0 for one a core. `state`: a file that lets an interrupted batch go on where it was.
    `only`: paths to look at; the others still serve as modules that are required."""

    step: Step = Step.VALIDATE
    jobs: int = 0
    state: Path | None = None
    only: Collection[str] | None = None
    limits: Limits = field(default_factory=Limits)
    seconds: float = FILE_SECONDS


@dataclass(frozen=True)
class _Setup:
    """What each process is given once."""

    project: Project
    step: Step
    limits: Limits


def process_file(source: Source, project: Project | None, step: Step, limits: Limits) -> FileResult:
    """All steps for one file. What is no source becomes a problem of its result."""
    try:
        analysis = analyze_service(source, project)
        recommendations = tuple(generate_recommendations(analysis))
        if step is Step.ANALYZE:
            return FileResult(source.path, analysis, recommendations)
        migration = generate_migrated_code(source, analysis)
        validation = None
        if step is Step.VALIDATE and migration.changed:
            validation = validate_migration(
                source, migration.migrated, sites=analysis.sites, project=project, limits=limits
            )
        return FileResult(source.path, analysis, recommendations, migration, validation)
    except SourceRefused as refused:
        return FileResult(source.path, problem=str(refused))


def _make_worker(setup: _Setup) -> Callable[[str], bytes]:
    def work(path: str) -> bytes:
        return msgspec.json.encode(process_file(setup.project.sources[path], setup.project, setup.step, setup.limits))

    return work


def batch_migrate(
    project: Project,
    options: BatchOptions | None = None,
    progress: Callable[[int, int, str], None] | None = None,
) -> BatchReport:
    """Takes every file of a project (see `migrator.project.load_project`) through its steps.

    `progress(done, all, path)` is called after each file. An interrupt leaves the state file usable.
    """
    options = options or BatchOptions()
    paths = [path for path in sorted(project.sources) if options.only is None or path in options.only]
    results: dict[str, FileResult] = {}
    with _State(options, project) as state:
        results.update((path, state.known[path]) for path in paths if path in state.known)
        todo = [path for path in paths if path not in results]
        for result in process_files(project, todo, options):
            results[result.path] = result
            state.keep(result)
            if progress:
                progress(len(results), len(paths), result.path)
    return BatchReport(tuple(results[path] for path in paths), dict(project.refused))


def process_files(project: Project, todo: Sequence[str], options: BatchOptions) -> Iterator[FileResult]:
    """Takes these paths through their steps and yields each result as it comes; the caller may stop at any."""
    jobs = min(options.jobs or os.cpu_count() or 1, len(todo))
    setup = _Setup(project, options.step, options.limits)
    for done in work_through(todo, _make_worker, setup, jobs=jobs, seconds=options.seconds):
        if done.result is None:
            yield FileResult(done.item, problem=f"{done.item}: {done.problem}; it was left out.")
        else:
            yield msgspec.json.decode(done.result, type=FileResult)


class _Entry(msgspec.Struct):
    """A line of the state file: the result of a file whose content has this digest."""

    digest: str
    result: FileResult


class _State:
    """The results so far, one line each. A line that was cut off, or whose file has changed, counts for nothing."""

    def __init__(self, options: BatchOptions, project: Project) -> None:
        self._path, self._options, self._project = options.state, options, project
        self.known: dict[str, FileResult] = {}

    def __enter__(self) -> "_State":
        if self._path is not None:
            if self._path.exists():
                self._read(self._path.read_bytes())
            self._file = self._path.open("ab")
        return self

    def __exit__(self, *_: object) -> None:
        if self._path is not None:
            self._file.close()

    def _digest(self, path: str) -> str:
        text = self._project.sources[path].text
        return hashlib.sha256(f"{STATE_FORMAT} {self._options.step} ".encode() + text).hexdigest()

    def _read(self, content: bytes) -> None:
        for line in content.splitlines():
            try:
                entry = msgspec.json.decode(line, type=_Entry)
            except msgspec.DecodeError:
                continue
            path = entry.result.path
            if path in self._project.sources and entry.digest == self._digest(path):
                self.known[path] = entry.result

    def keep(self, result: FileResult) -> None:
        """Adds a result to the file."""
        if self._path is not None:
            self._file.write(msgspec.json.encode(_Entry(self._digest(result.path), result)) + b"\n")
            self._file.flush()
