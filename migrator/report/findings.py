"""A batch as a list of findings and a few numbers, which every kind of report is made of."""

from collections.abc import Sequence
from dataclasses import dataclass

from migrator.baseline import EMPTY, Baseline
from migrator.batch import BatchReport, FileResult
from migrator.model import Severity, Site, Verdict
from migrator.validate import Outcome, SiteResult

RANK = {Severity.LOW: 0, Severity.MEDIUM: 1, Severity.HIGH: 2}


@dataclass(frozen=True, slots=True)
class Finding:
    """One leak. `new`: not in the baseline; `advice`: what to do; `proof`: what validation says of its rewrite."""

    path: str
    service: str
    site: Site
    new: bool
    advice: str
    proof: SiteResult | None

    @property
    def severity(self) -> Severity:
        """How bad it is."""
        return self.site.severity or Severity.LOW


@dataclass(frozen=True, slots=True)
class Summary:
    """The numbers of a report. `coverage`: share of sites that are managed or harmless; 1.0 without any."""

    files: int
    sites: int
    managed: int
    harmless: int
    leaks: int
    new: int
    rewritten: int
    proven: int
    changed: int
    not_exercised: int
    minutes: int
    problems: int
    coverage: float


def counted(number: int, noun: str) -> str:
    """A number with its noun: "1 file", "2 files"."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def findings_of(report: BatchReport, baseline: Baseline = EMPTY) -> list[Finding]:
    """Every leak, the new ones and the worst first."""
    found = [finding for file in report.files for finding in _of_file(file, baseline)]
    return sorted(found, key=lambda it: (not it.new, -RANK[it.severity], it.path, it.site.line, it.site.column))


def advice_on(file: FileResult) -> dict[Site, str]:
    """What to do about each leak, without the reason that its site has already."""
    return {
        item.site: item.text.removeprefix(item.site.reason).strip()
        for item in file.recommendations
        if item.site is not None
    }


def _of_file(file: FileResult, baseline: Baseline) -> list[Finding]:
    if file.analysis is None:
        return []
    advice = advice_on(file)
    proofs = {result.span: result for result in file.validation.sites} if file.validation else {}
    return [
        Finding(
            path=file.path,
            service=file.analysis.service_name,
            site=site,
            new=baseline.is_new(file.path, site),
            advice=advice.get(site, ""),
            proof=proofs.get(site.span),
        )
        for site in file.analysis.leaks
    ]


def summarize(report: BatchReport, findings: Sequence[Finding]) -> Summary:
    """The numbers of a batch."""
    sites = [site for analysis in report.analyses for site in analysis.sites]
    outcomes = report.outcomes()
    return Summary(
        files=len(report.files),
        sites=len(sites),
        managed=sum(site.verdict is Verdict.MANAGED for site in sites),
        harmless=sum(site.verdict is Verdict.HARMLESS for site in sites),
        leaks=len(findings),
        new=sum(finding.new for finding in findings),
        rewritten=sum(file.migration is not None and file.migration.changed for file in report.files),
        proven=outcomes[Outcome.PROVEN],
        changed=outcomes[Outcome.CHANGED],
        not_exercised=outcomes[Outcome.NOT_EXERCISED],
        minutes=sum(analysis.effort_minutes for analysis in report.analyses),
        problems=len(report.refused) + sum(bool(file.problem) for file in report.files),
        coverage=1 - len(findings) / len(sites) if sites else 1.0,
    )
