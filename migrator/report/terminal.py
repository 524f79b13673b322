"""A report for people at a terminal; plain lines when it goes into a file."""

from rich.console import Console
from rich.markup import escape
from rich.text import Text

from migrator.baseline import EMPTY, Baseline
from migrator.batch import BatchReport
from migrator.model import Severity
from migrator.report.findings import Finding, Summary, counted, findings_of, summarize
from migrator.validate import Outcome

STYLES = {Severity.LOW: "cyan", Severity.MEDIUM: "yellow", Severity.HIGH: "bold red"}
MARKS = {Outcome.PROVEN: "proven", Outcome.CHANGED: "CHANGED", Outcome.NOT_EXERCISED: "not exercised"}


def print_report(console: Console, report: BatchReport, baseline: Baseline = EMPTY) -> None:
    """The findings that are new, one block each, then what was left out, then the numbers."""
    findings = findings_of(report, baseline)
    for finding in findings:
        if finding.new:
            _print_finding(console, finding)
    _print_changes(console, report)
    for path, why in sorted(report.refused.items()):
        console.print(Text.assemble((path, "bold"), ": ", clean(why)), soft_wrap=True)
    for file in report.files:
        if file.problem:
            console.print(Text(clean(file.problem)), soft_wrap=True)
    console.print(escape(summary_line(summarize(report, findings))), soft_wrap=True, highlight=False)


def clean(text: str) -> str:
    """Text out of a source without the control characters that would steer a terminal."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


def _print_finding(console: Console, finding: Finding) -> None:
    site = finding.site
    shape = f" {site.shape.value}" if site.shape else ""
    console.print(
        Text.assemble(
            (f"{clean(finding.path)}:{site.line}:{site.column}", "bold"),
            " ",
            (f"{finding.severity.value}{shape}", STYLES[finding.severity]),
            f" {clean(site.signal)}: {clean(site.reason)}",
        ),
        soft_wrap=True,
    )
    if finding.advice:
        console.print(Text(f"    {clean(finding.advice)}", style="dim"), soft_wrap=True)
    if finding.proof:
        said = f"    rewrite: {MARKS[finding.proof.outcome]}. {clean(finding.proof.reason)}"
        console.print(Text(said, style="dim"), soft_wrap=True)


def _print_changes(console: Console, report: BatchReport) -> None:
    """What validation objects to, sites that were no findings included."""
    for file in report.files:
        if file.validation is None or file.validation.outcome is not Outcome.CHANGED:
            continue
        console.print(Text(f"{clean(file.path)}: the rewrite behaves otherwise and is not written.", style="red"))
        sentences = [f"line {s.line}: {s.reason}" for s in file.validation.sites if s.outcome is Outcome.CHANGED]
        for sentence in [*sentences, *file.validation.differences]:
            console.print(Text(f"    {clean(sentence)}"), soft_wrap=True)


def summary_line(summary: Summary) -> str:
    """One line with the numbers that matter."""
    parts = [
        f"{counted(summary.files, 'file')}, {counted(summary.sites, 'connect site')}: {summary.managed} managed, "
        f"{summary.harmless} harmless, {counted(summary.leaks, 'leak')} ({summary.new} new)"
    ]
    if summary.rewritten:
        parts.append(f"{counted(summary.rewritten, 'file')} rewritten")
    if summary.proven or summary.changed or summary.not_exercised:
        parts.append(
            f"validated: {summary.proven} proven, {summary.changed} changed, {summary.not_exercised} not exercised"
        )
    if summary.problems:
        parts.append(f"{summary.problems} left out")
    return "; ".join(parts) + "."
