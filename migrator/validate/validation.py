"""`validate_migration`: both sources run by the same plan, compared event by event, judged site by site."""

from collections.abc import Sequence
from dataclasses import replace

from migrator.model import Project, Site, Source
from migrator.syntax import parse
from migrator.validate.alignment import Alignment
from migrator.validate.jobs import Signals, make_job, refuse_what_cannot_run
from migrator.validate.judge import Judge, Runs
from migrator.validate.probes import Anatomy, anatomy
from migrator.validate.results import Outcome, SiteResult, TestCase, ValidationReport
from migrator.validate.sandbox import Limits, RunEnd, run_confined

DEFAULT_LIMITS = Limits()
MAX_REPEATS = 5  # runs of the original that tell whether it has an order of its own


def validate_migration(
    original: Source,
    migrated: bytes,
    test_cases: Sequence[TestCase] = (),
    *,
    sites: Sequence[Site] | None = None,
    project: Project | None = None,
    signals: Signals = "Deferred",
    limits: Limits = DEFAULT_LIMITS,
) -> ValidationReport:
    """Runs both sources in child processes and says whether each connect site is proven, changed or not exercised.

    `sites`: those of an analysis; every connect call without it. `signals`: how the mocked server delivers events.
    Raises SourceRefused for what can be neither parsed nor run.
    """
    after = Source(original.path, migrated)
    refuse_what_cannot_run(original)
    refuse_what_cannot_run(after)
    before_syntax, after_syntax = parse(original), parse(after)
    ours, theirs = anatomy(before_syntax, sites), anatomy(after_syntax)
    job = make_job(before_syntax, ours, project=project, cases=test_cases, signals=signals)
    first = run_confined(job, limits)
    if _unusable(first):
        return _nothing_said(original, ours, _why(first))
    alignment = Alignment(original.text, migrated)
    numbers = matching_functions(ours, theirs, original.text, migrated, alignment)
    plan = first.result["plan"] if first.result else None
    changed = make_job(
        after_syntax, theirs, project=project, cases=test_cases, signals=signals, plan=plan, numbers=numbers
    )
    second = run_confined(changed, limits)
    if _unusable(second):
        return _all_changed(original, ours, _why(second))
    assert first.result is not None
    assert second.result is not None
    runs = Runs(first.result, second.result, tuple(case.name for case in test_cases))
    kept = frozenset(numbers.values())
    judge = Judge(original, ours, runs, alignment, kept)
    while judge.may_be_chance and len(runs.again) < MAX_REPEATS:
        end = run_confined(job | {"plan": plan}, limits)
        if _unusable(end):
            break
        assert end.result is not None
        runs = replace(runs, again=(*runs.again, end.result))
        judge = Judge(original, ours, runs, alignment, kept)
    return judge.report()


def matching_functions(
    ours: Anatomy, theirs: Anatomy, original: bytes, migrated: bytes, alignment: Alignment
) -> dict[int, int]:
    """Numbers of functions of the migrated source → those they were in the original: by place, then by equal text."""
    by_keyword = {function.keyword: function.number for function in ours.functions}
    numbers: dict[int, int] = {}
    for function in theirs.functions:
        place = alignment.to_original(function.keyword)
        if place in by_keyword:
            numbers[function.number] = by_keyword[place]
    taken = set(numbers.values())
    by_text = {original[f.span[0] : f.span[1]]: f.number for f in reversed(ours.functions) if f.number not in taken}
    for function in theirs.functions:
        text = migrated[function.span[0] : function.span[1]]
        if function.number not in numbers and text in by_text:
            numbers[function.number] = by_text.pop(text)
    return numbers


def _unusable(end: RunEnd) -> bool:
    return end.result is None or "compile" in end.result


def _why(end: RunEnd) -> str:
    if end.result is not None:
        return f"it does not compile: {end.result['compile']}"
    return f"{end.stopped}, in the step “{end.step}”" if end.step else end.stopped


def _all(anatomy: Anatomy, outcome: Outcome, reason: str) -> tuple[SiteResult, ...]:
    return tuple(SiteResult(c.line, c.column, c.span, c.signal, outcome, reason) for c in anatomy.connects)


def _nothing_said(source: Source, ours: Anatomy, why: str) -> ValidationReport:
    sites = _all(ours, Outcome.NOT_EXERCISED, f"The original was stopped: {why}.")
    return ValidationReport(path=source.path, sites=sites, stopped=f"original: {why}")


def _all_changed(source: Source, ours: Anatomy, why: str) -> ValidationReport:
    reason = f"The migrated code was stopped and the original was not: {why}."
    sites = _all(ours, Outcome.CHANGED, reason)
    return ValidationReport(path=source.path, sites=sites, differences=(reason,), stopped=f"migrated: {why}")
