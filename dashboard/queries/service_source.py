"""What the newest uploaded source says of one service."""

from typing import Final

from msgspec import Struct

from connmon.source.models import Upload
from connmon.source.queries import Coverage, coverage, files_of, list_findings, newest_upload
from dashboard.queries.service import find_service_name

LEAKS_SHOWN: Final = 5  # the worst


class FoundLeak(Struct, frozen=True):
    """A place that connects and leaks."""

    severity: str
    path: str
    line: int
    code: str
    reason: str


class ServiceSource(Struct, frozen=True):
    """A service in the newest analysed upload, None if there is none. `coverage` None: nothing in it connects."""

    name: str
    upload: Upload | None
    has_files: bool = False
    coverage: Coverage | None = None
    worst: list[FoundLeak] = []


def service_source(game_id: int, service_id: int) -> ServiceSource:
    """Raises NotFound for a service that is not the game's."""
    name = find_service_name(game_id, service_id)
    upload = newest_upload(game_id)
    return _in_upload(name, upload) if upload else ServiceSource(name, None)


def _in_upload(name: str, upload: Upload) -> ServiceSource:
    found = coverage(upload, service=name)
    of_service = found[0] if found else None
    leaks = list_findings(upload, verdict="leak", service=name)[:LEAKS_SHOWN] if of_service and of_service.leaks else []
    worst = [FoundLeak(one.severity, one.file.path, one.line, one.code, one.reason) for one in leaks]
    return ServiceSource(name, upload, files_of(upload, name).exists(), of_service, worst)
