"""What a batch found, for people (terminal, HTML) and for machines (JSON, SARIF)."""

from migrator.report.findings import Finding, Summary, findings_of, summarize
from migrator.report.html import html_report
from migrator.report.json import json_report
from migrator.report.sarif import sarif_report
from migrator.report.terminal import print_report

__all__ = [
    "Finding",
    "Summary",
    "findings_of",
    "html_report",
    "json_report",
    "print_report",
    "sarif_report",
    "summarize",
]
