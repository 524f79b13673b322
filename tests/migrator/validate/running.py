"""Sources for the tests of validation, written as games write them, and short ways to validate them."""

from collections.abc import Sequence

from migrator.model import Project, Source
from migrator.validate import Limits, SiteResult, TestCase, ValidationReport, validate_migration

SERVICES = """\
local Players = game:GetService("Players")
local RunService = game:GetService("RunService")
"""
CONNMON = """\
local connmon = require(game:GetService("ServerScriptService").connmon)
local ConnectionUtils = connmon.ConnectionUtils
"""
LIMITS = Limits(cpu_seconds=20, wall_seconds=240)  # ample: these end by themselves, on a busy machine too


def validate(
    original: str,
    migrated: str | None = None,
    cases: Sequence[TestCase] = (),
    *,
    path: str = "src/Combat.server.luau",
    project: Project | None = None,
    limits: Limits = LIMITS,
) -> ValidationReport:
    """Both with the usual services on top, the migrated code with connmon too; the same code twice without it."""
    after = SERVICES + (original if migrated is None else CONNMON + migrated)
    source = Source(path, (SERVICES + original).encode())
    return validate_migration(source, after.encode(), cases, project=project, limits=limits)


def only_site(report: ValidationReport) -> SiteResult:
    """The one site of a report."""
    (site,) = report.sites
    return site
