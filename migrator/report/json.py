"""A report as JSON, for scripts and for the backend."""

import json
from dataclasses import asdict
from typing import Any

from migrator.baseline import EMPTY, Baseline
from migrator.batch import BatchReport, FileResult
from migrator.report.findings import Finding, findings_of, summarize

FORMAT = 1


def json_report(report: BatchReport, baseline: Baseline = EMPTY) -> str:
    """The report as one JSON object: version, summary, findings, files, problems (docs/migrator.md)."""
    findings = findings_of(report, baseline)
    content = {
        "version": FORMAT,
        "summary": asdict(summarize(report, findings)),
        "findings": [_finding(finding) for finding in findings],
        "files": [_file(file) for file in report.files if file.analysis],
        "problems": _problems(report),
    }
    return json.dumps(content, indent=1, ensure_ascii=True)


def _finding(finding: Finding) -> dict[str, Any]:
    site, proof = finding.site, finding.proof
    return {
        "path": finding.path,
        "line": site.line,
        "column": site.column,
        "service": finding.service,
        "function": site.function,
        "signal": site.signal,
        "type": site.kind,
        "severity": finding.severity.value,
        "shape": site.shape.value if site.shape else None,
        "frequency": site.frequency.value,
        "reason": site.reason,
        "advice": finding.advice,
        "fingerprint": site.fingerprint,
        "new": finding.new,
        "validation": {"outcome": proof.outcome.value, "reason": proof.reason} if proof else None,
    }


def _file(file: FileResult) -> dict[str, Any]:
    assert file.analysis is not None
    analysis, migration, validation = file.analysis, file.migration, file.validation
    return {
        "path": file.path,
        "service": analysis.service_name,
        "sites": len(analysis.sites),
        "leaks": len(analysis.leaks),
        "coverage": analysis.coverage,
        "complexity": analysis.complexity.value,
        "effort_minutes": analysis.effort_minutes,
        "parse_errors": [{"line": e.line, "column": e.column, "message": e.message} for e in analysis.parse_errors],
        "edits": len(migration.edits) if migration else 0,
        "notes": [{"line": note.line, "text": note.text} for note in migration.notes] if migration else [],
        "validation": validation.outcome.value if validation else None,
        "differences": list(validation.differences) if validation else [],
        "after_players_left": asdict(validation.after_players_left) if validation else None,
        "after_cleanup": asdict(validation.after_cleanup) if validation else None,
    }


def _problems(report: BatchReport) -> list[dict[str, str]]:
    refused = [{"path": path, "message": why} for path, why in sorted(report.refused.items())]
    return refused + [{"path": file.path, "message": file.problem} for file in report.files if file.problem]
