"""What the newest uploaded source says of one service."""

from typing import Final

from django.db.models import Count, Sum
from msgspec import Struct

from connmon.source.models import SourceFile, Upload
from connmon.source.queries import list_findings, newest_upload
from dashboard.queries.service import find_service_name

LEAKS_SHOWN: Final = 5  # the worst
COUNTED: Final = ("managed", "harmless", "leaks")  # places that connect


class FoundLeak(Struct, frozen=True):
    """A place that connects and leaks."""

    severity: str
    path: str
    line: int
    code: str
    reason: str


class ServiceSource(Struct, frozen=True):
    """A service in the newest analysed upload. `files` 0: the upload has no script of it; `upload` None: there is none.

    `share`: of its connections that do not leak, None without any.
    """

    name: str
    upload: Upload | None
    files: int = 0
    managed: int = 0
    harmless: int = 0
    leaks: int = 0
    worst: list[FoundLeak] = []

    @property
    def sites(self) -> int:
        return self.managed + self.harmless + self.leaks

    @property
    def share(self) -> float | None:
        return 1 - self.leaks / self.sites if self.sites else None


def service_source(game_id: int, service_id: int) -> ServiceSource:
    """Raises NotFound for a service that is not the game's."""
    name = find_service_name(game_id, service_id)
    upload = newest_upload(game_id)
    return _in_upload(name, upload) if upload else ServiceSource(name, None)


def _in_upload(name: str, upload: Upload) -> ServiceSource:
    files = SourceFile.objects.filter(upload=upload, service=name)
    sums = files.aggregate(files=Count("id"), **{column: Sum(column, default=0) for column in COUNTED})
    found = list_findings(upload, verdict="leak", service=name)[:LEAKS_SHOWN] if sums["leaks"] else []
    worst = [FoundLeak(one.severity, one.file.path, one.line, one.code, one.reason) for one in found]
    return ServiceSource(name, upload, **sums, worst=worst)
