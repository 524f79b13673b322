"""A report as one HTML page that needs nothing else; everything that came from sources is escaped."""

from collections.abc import Sequence
from html import escape

from migrator.baseline import EMPTY, Baseline
from migrator.batch import BatchReport, FileResult
from migrator.report.findings import Finding, Summary, counted, findings_of, summarize
from migrator.writing import unified_diff

MAX_DIFF_LINES = 400  # of one file

STYLE = """
:root { color-scheme: light dark; --line: #8884; --bad: #b3261e; --good: #1b6e3c; --dim: #777; }
@media (prefers-color-scheme: dark) { :root { --bad: #ff8a80; --good: #81c995; --dim: #999; } }
body { font: 15px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 72rem; padding: 1.5rem; }
table { border-collapse: collapse; table-layout: fixed; width: 100%; } caption { text-align: left; }
th, td { border-bottom: 1px solid var(--line); padding: .35rem .6rem; text-align: left; vertical-align: top; }
td { overflow-wrap: anywhere; } th:first-child { width: 5.5rem; }
@media (max-width: 48rem) { thead { display: none; } tr, td { display: block; } td { border: 0; padding: .1rem 0; } }
dl { display: flex; flex-wrap: wrap; gap: 1.5rem; } dt { color: var(--dim); } dd { font-size: 1.4rem; margin: 0; }
code, pre { font: 13px/1.45 ui-monospace, monospace; } pre { overflow-x: auto; }
.high { color: var(--bad); font-weight: 600; } .dim { color: var(--dim); }
.diff .add { color: var(--good); } .diff .del { color: var(--bad); }
"""
PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{headline}</title>
<style>{style}</style>
</head>
<body>
<main>
<h1>{headline}</h1>
{numbers}
{body}
</main>
</body>
</html>
"""


def html_report(report: BatchReport, baseline: Baseline = EMPTY) -> str:
    """The report as a page: numbers, findings, diffs, what was left out."""
    findings = findings_of(report, baseline)
    summary = summarize(report, findings)
    body = "\n".join([_findings(findings), _diffs(report.files), _problems(report)])
    return PAGE.format(
        style=STYLE,
        headline=_headline(summary),
        numbers=_numbers(summary),
        body=body,
    )


def _headline(summary: Summary) -> str:
    if not summary.leaks:
        return f"No connection leaks in {counted(summary.files, 'file')}"
    return f"{counted(summary.leaks, 'leak')} in {counted(summary.files, 'file')}, {summary.new} new"


def _numbers(summary: Summary) -> str:
    shown = {
        "files": summary.files,
        "connect sites": summary.sites,
        "managed": summary.managed,
        "harmless": summary.harmless,
        "coverage": f"{summary.coverage:.1%}",
        "files rewritten": summary.rewritten,
        "sites proven": summary.proven,
        "changed": summary.changed,
        "not exercised": summary.not_exercised,
        "effort": f"{summary.minutes} min",
    }
    items = "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in shown.items())
    return f"<dl>{items}</dl>"


def _findings(findings: Sequence[Finding]) -> str:
    if not findings:
        return ""
    rows = "".join(_row(finding) for finding in findings)
    head = "".join(f'<th scope="col">{name}</th>' for name in ("Severity", "Where", "Signal", "Why", "Validation"))
    return f"<table><caption><h2>Findings</h2></caption><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _row(finding: Finding) -> str:
    site, proof = finding.site, finding.proof
    severity = finding.severity.value
    cells = [
        f'<td class="{severity}">{severity}{"" if finding.new else " <span class=dim>(known)</span>"}</td>',
        f"<td><code>{escape(finding.path)}:{site.line}:{site.column}</code><br>{escape(finding.service)}</td>",
        f"<td><code>{escape(site.signal)}</code><br>{escape(site.frequency.value)}</td>",
        f"<td>{escape(site.reason)}<br><span class=dim>{escape(finding.advice)}</span></td>",
        f"<td>{proof.outcome.value}<br><span class=dim>{escape(proof.reason)}</span></td>" if proof else "<td></td>",
    ]
    return f"<tr>{''.join(cells)}</tr>"


def _diffs(files: Sequence[FileResult]) -> str:
    parts = []
    for file in files:
        diff = unified_diff(file.migration) if file.migration else ""
        if diff:
            lines = diff.removesuffix("\n").split("\n")
            more = f"\n… {len(lines) - MAX_DIFF_LINES} more lines" if len(lines) > MAX_DIFF_LINES else ""
            shown = "\n".join(_diff_line(line) for line in lines[:MAX_DIFF_LINES])
            summary = f"<summary><code>{escape(file.path)}</code></summary>"
            parts.append(f"<details>{summary}<pre class=diff>{shown}{more}</pre></details>")
    return f"<h2>Rewrites</h2>{''.join(parts)}" if parts else ""


def _diff_line(line: str) -> str:
    kind = {"+": "add", "-": "del"}.get(line[:1], "")
    return f'<span class="{kind}">{escape(line)}</span>' if kind else escape(line)


def _problems(report: BatchReport) -> str:
    items = [(path, why) for path, why in sorted(report.refused.items())]
    items += [(file.path, file.problem) for file in report.files if file.problem]
    rows = "".join(f"<li><code>{escape(path)}</code>: {escape(why)}</li>" for path, why in items)
    return f"<h2>Left out</h2><ul>{rows}</ul>" if rows else ""
