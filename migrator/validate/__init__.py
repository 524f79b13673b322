"""Proof by running: the original and the migrated source side by side on a Luau VM, in child processes with limits."""

from migrator.validate.results import CaseResult, Live, Outcome, SiteResult, TestCase, ValidationReport
from migrator.validate.sandbox import Limits
from migrator.validate.validation import validate_migration

__all__ = [
    "CaseResult",
    "Limits",
    "Live",
    "Outcome",
    "SiteResult",
    "TestCase",
    "ValidationReport",
    "validate_migration",
]
