"""A report as SARIF 2.1.0, which code hosts show beside the lines."""

import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from migrator.baseline import EMPTY, Baseline
from migrator.batch import BatchReport
from migrator.model import Severity, Shape
from migrator.report.findings import Finding, findings_of

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
LEVELS = {Severity.LOW: "note", Severity.MEDIUM: "warning", Severity.HIGH: "error"}
RULES = {
    Shape.SELF_CAPTURE: "A handler keeps the instance that it is connected to, which nothing destroys.",
    Shape.SHARED_SIGNAL: "A handler for one player or object stays on a signal that outlives it.",
    Shape.PER_CHARACTER: "A handler is added with each character and never taken away.",
    Shape.OVERWRITTEN: "A connection is overwritten while it is still connected.",
    Shape.REPEATED: "Each call connects once more.",
    Shape.NEVER_RELEASED: "A connection is kept and never disconnected.",
    Shape.FORGOTTEN: "A cleanup forgets this connection.",
    Shape.MANAGER_NEVER_CLEANED: "The Trove, Maid or Janitor that holds this connection is never cleaned.",
    Shape.UNBIND: "A render step is bound and never unbound.",
    Shape.SUBSCRIPTION: "A subscription is made for each player and never ended.",
    Shape.TIME_OUT: "The path taken at a time-out never disconnects.",
    Shape.UNPARENTED: "An instance is taken out of the tree instead of being destroyed.",
}
OTHER = "leak"  # a rule for leaks without a shape


def sarif_report(report: BatchReport, baseline: Baseline = EMPTY) -> str:
    """The findings as a SARIF log with one run; files that could not be read are its notifications."""
    findings = findings_of(report, baseline)
    problems = [(path, why) for path, why in sorted(report.refused.items())]
    problems += [(file.path, file.problem) for file in report.files if file.problem]
    run = {
        "tool": {"driver": {"name": "connmon-migrator", "rules": _rules(findings)}},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {"PROJECT": {"description": {"text": "The folder that was looked at."}}},
        "invocations": [
            {"executionSuccessful": True, "toolExecutionNotifications": [_notification(*item) for item in problems]}
        ],
        "results": [_result(finding) for finding in findings],
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=1)


def _rule_of(finding: Finding) -> str:
    return finding.site.shape.value if finding.site.shape else OTHER


def _rules(findings: Sequence[Finding]) -> list[dict[str, Any]]:
    texts = {shape.value: text for shape, text in RULES.items()} | {OTHER: "A connection leaks."}
    used = sorted({_rule_of(finding) for finding in findings})
    return [
        {
            "id": name,
            "name": "".join(word.capitalize() for word in name.split("-")),
            "shortDescription": {"text": texts[name]},
            "defaultConfiguration": {"level": "warning"},
        }
        for name in used
    ]


def _location(path: str, line: int, column: int) -> dict[str, Any]:
    return {
        "physicalLocation": {
            "artifactLocation": {"uri": quote(path, safe="/", errors="surrogatepass"), "uriBaseId": "PROJECT"},
            "region": {"startLine": line, "startColumn": column},
        }
    }


def _result(finding: Finding) -> dict[str, Any]:
    site = finding.site
    where = {"logicalLocations": [{"name": site.function, "kind": "function"}]} if site.function else {}
    return {
        "ruleId": _rule_of(finding),
        "level": LEVELS[finding.severity],
        "message": {"text": " ".join(filter(None, [site.reason, finding.advice])) or "This connection leaks."},
        "locations": [{**_location(finding.path, site.line, site.column), **where}],
        "partialFingerprints": {"connmonSite/v1": site.fingerprint},
        "baselineState": "new" if finding.new else "unchanged",
    }


def _notification(path: str, why: str) -> dict[str, Any]:
    uri = {"uri": quote(path, safe="/", errors="surrogatepass"), "uriBaseId": "PROJECT"}
    return {
        "level": "warning",
        "message": {"text": why},
        "locations": [{"physicalLocation": {"artifactLocation": uri}}],
    }
