"""Known holes in the packages that are installed here, as pip-audit finds them in the registry's advisories."""

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

AUDIT: Final = [sys.executable, "-m", "pip_audit", "--format", "json", "--progress-spinner", "off"]
OURS: Final = "connmon-agent"  # from the work tree, in no registry
PATIENCE: Final = 600  # seconds


@dataclass(frozen=True)
class Audit:
    """`vulnerable`: how many packages have a known hole; None: the source of advisories does not answer."""

    vulnerable: int | None
    sentence: str


def audit_packages() -> Audit:
    """Asks about one package first: a registry without advisories need not be asked about all."""
    with tempfile.TemporaryDirectory() as folder:
        probe = Path(folder) / "requirements.txt"
        probe.write_text(f"Django=={version('Django')}\n")
        if not _known(_run("--disable-pip", "--no-deps", "-r", str(probe))):
            return Audit(None, "Packages were not audited: pip-audit does not reach a source of advisories from here.")
    found = _run("--local", "--skip-editable")
    unknown = sorted(one["name"] for one in found if "skip_reason" in one and one["name"] != OURS)
    holes = [f"{one['name']} {one['version']}: {_ids(one)}" for one in _known(found) if one["vulns"]]
    told = [f"{len(_known(found))} packages audited, {len(holes)} with known holes.", *holes]
    if unknown:
        told.append(f"Not known to the source: {', '.join(unknown)}.")
    return Audit(len(holes), "\n".join(told))


def _run(*options: str) -> list[dict[str, Any]]:
    done = subprocess.run([*AUDIT, *options], capture_output=True, text=True, check=False, timeout=PATIENCE)
    try:
        found: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    except (json.JSONDecodeError, KeyError):
        return []
    return found


def _known(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [one for one in found if "skip_reason" not in one]


def _ids(package: dict[str, Any]) -> str:
    return ", ".join(hole["id"] for hole in package["vulns"])
