"""What the worker gives to the child process that analyses an upload (msgpack), and what comes back (JSON lines)."""

from msgspec import Struct

from migrator.pieces import Part, Shared


class Job(Struct, frozen=True):
    """The files of an upload. `rojo`: path and bytes of its project file; `seconds`: what all of it may take."""

    files: list[tuple[str, bytes]]
    rojo: tuple[str, bytes] | None
    seconds: float
    memory_mb: int


class SiteReport(Struct, frozen=True):
    """One place that connects, as docs/migrator.md names its parts; `start` is its first byte in the file."""

    start: int
    line: int
    end_line: int
    column: int
    code: str  # the line it begins on
    signal: str
    kind: str
    method: str
    function: str
    frequency: str
    verdict: str
    severity: str  # "" for what is no leak
    shape: str
    reason: str
    advice: str
    fingerprint: str


class Note(Struct, frozen=True):
    """What the rewriter left to a person."""

    line: int
    text: str


class ChangeReport(Struct, frozen=True):
    """What of a rewrite is decided together. `site`: the first byte of its SiteReport; `digest` is the same for the
    same change of the same lines, also in a later upload."""

    number: int
    site: int
    line: int
    why: str
    parts: list[Part]
    digest: bytes


class FileReport(Struct, frozen=True, tag="file"):
    """One file. `place`: where it stands in the game; `problem`: why nothing is known of it, or ""."""

    path: str
    service: str
    place: str
    problem: str = ""
    sites: list[SiteReport] = []
    unread: int = 0  # stretches that could not be parsed
    complexity: str = ""
    effort_minutes: int = 0
    patch: str = ""
    notes: list[Note] = []
    changes: list[ChangeReport] = []
    shared: list[Shared] = []  # what comes with them


class SiteProof(Struct, frozen=True):
    """What validation saw of one site."""

    start: int
    outcome: str
    reason: str


class ProofReport(Struct, frozen=True, tag="proof"):
    """A file's rewrite beside its original on the VM; `problem`: why it was not run, or ""."""

    path: str
    outcome: str
    sites: list[SiteProof] = []
    differences: list[str] = []
    problem: str = ""


class Total(Struct, frozen=True, tag="total"):
    """How many FileReports and ProofReports will come."""

    steps: int


class Placed(Struct, frozen=True, tag="placed"):
    """What of the Rojo project could not be used: path → why."""

    refused: dict[str, str]


Report = FileReport | ProofReport | Total | Placed
