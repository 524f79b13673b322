"""The findings that are known already, in a file beside the code: a run then fails for new ones alone."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from migrator.model import ServiceAnalysis, Site

FORMAT = 1


class BaselineRefused(ValueError):
    """A baseline file that cannot be used; the message says what to do."""


@dataclass(frozen=True)
class Baseline:
    """Fingerprints of known findings by path."""

    known: Mapping[str, frozenset[str]]

    def is_new(self, path: str, site: Site) -> bool:
        """Whether a finding is not among the known ones."""
        return site.fingerprint not in self.known.get(path, frozenset())


EMPTY = Baseline({})


def make_baseline(analyses: Iterable[ServiceAnalysis]) -> Baseline:
    """All findings of these analyses as known."""
    return Baseline({a.path: frozenset(site.fingerprint for site in a.leaks) for a in analyses if a.leaks})


def write_baseline(path: Path, baseline: Baseline) -> None:
    """Writes the file so that it changes by lines in version control."""
    findings = {name: sorted(prints) for name, prints in sorted(baseline.known.items())}
    path.write_text(json.dumps({"version": FORMAT, "findings": findings}, indent=1) + "\n", encoding="utf-8")


def read_baseline(path: Path) -> Baseline:
    """Reads the file. Raises BaselineRefused."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["version"] != FORMAT:
            raise BaselineRefused(f"{path} has version {content['version']}; write it anew with --write-baseline.")
        return Baseline({str(name): frozenset(map(str, prints)) for name, prints in content["findings"].items()})
    except FileNotFoundError:
        raise BaselineRefused(f"{path} does not exist; write it with --write-baseline.") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        if isinstance(error, BaselineRefused):
            raise
        raise BaselineRefused(f"{path} is no baseline ({error}); write it anew with --write-baseline.") from None
