"""What the parts of the migrator hand to each other: sources, sites, analyses, recommendations, edits.

Offsets and columns count bytes of the source as it came; lines and columns start at 1. The three functions of the
library that work on these are `migrator.analyze_service`, `migrator.generate_recommendations` and
`migrator.generate_migrated_code`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import PurePosixPath

Span = tuple[int, int]  # bytes from, to (exclusive)


class SourceRefused(ValueError):
    """A source that cannot be analysed at all: bytecode, too large, not text; the message says what to do."""


class Verdict(StrEnum):
    """What becomes of a connection."""

    MANAGED = "managed"  # it is released, or something that is cleaned up owns it
    HARMLESS = "harmless"  # nobody releases it, and that does no harm
    LEAK = "leak"  # connections pile up; the severity says how badly


class Severity(StrEnum):
    """How bad a leak is: how long the signal's owner lives × how often the site runs × what it captures."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class Frequency(StrEnum):
    """How often a site runs in the life of a server."""

    ONCE = "once"  # top level of a script, or a function that is called from there alone
    PER_PLAYER = "per player"
    PER_CHARACTER = "per character"
    PER_CALL = "per call"
    LOOP = "loop"


class Handle(StrEnum):
    """Where the connection that a site makes goes first."""

    DISCARDED = "discarded"
    LOCAL = "local"  # a local or global variable
    FIELD = "field"  # self.connection, module.connection
    TABLE = "table"  # an element of a table, also by table.insert
    ARGUMENT = "argument"  # an argument of another call
    RETURNED = "returned"
    MANAGER = "manager"  # a Trove, Maid, Janitor … or ConnectionManager made it


class CallbackForm(StrEnum):
    """How the callback is written at the site."""

    INLINE = "inline"
    NAME = "name"
    METHOD = "method"  # self.onTouched, module.onTouched
    MADE = "made"  # the result of a call: bind(self, f)
    NONE = "none"


class Shape(StrEnum):
    """The leak shapes: how the connection gets lost. One identifier each, kept for baselines and SARIF."""

    SELF_CAPTURE = "self-capture"
    SHARED_SIGNAL = "shared-signal"
    PER_CHARACTER = "per-character"
    OVERWRITTEN = "overwritten"
    REPEATED = "repeated"
    NEVER_RELEASED = "never-released"
    FORGOTTEN = "forgotten"
    MANAGER_NEVER_CLEANED = "manager-never-cleaned"
    UNBIND = "render-step-never-unbound"
    SUBSCRIPTION = "subscription-per-player"
    TIME_OUT = "time-out-never-disconnects"
    UNPARENTED = "unparented-not-destroyed"


class Level(StrEnum):
    """How much there is to do in a service."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class Helper(StrEnum):
    """What a migrated site calls."""

    CONNECT = "ConnectionUtils:Connect"
    PLAYER_MANAGEMENT = "ConnectionUtils:SetupPlayerManagement"
    CHARACTER_MANAGEMENT = "ConnectionUtils:SetupCharacterManagement"
    REMOTE_EVENTS = "ConnectionUtils:SetupRemoteEvents"
    HEARTBEAT = "ConnectionUtils:SetupHeartbeat"
    BATCH = "ConnectionUtils:ConnectBatch"
    WRAP_SERVICE = "ConnectionUtils:WrapService"
    ENHANCE_CONTROLLER = "ConnectionUtils:EnhanceController"
    REGISTER = "ConnectionManager:RegisterConnection"
    BY_HAND = "by hand"


@dataclass(frozen=True, slots=True)
class Source:
    """One file. `path` is relative to the project, with forward slashes; `text` its bytes, unchanged."""

    path: str
    text: bytes

    @property
    def service_name(self) -> str:
        """The name of the module: "src/CombatService.server.luau" → "CombatService", "Combat/init.luau" → "Combat"."""
        path = PurePosixPath(self.path)
        name = path.name.split(".", 1)[0]
        return path.parent.name if name == "init" and path.parent.name else name or "Script"


@dataclass(frozen=True, slots=True)
class Release:
    """Where a connection ends. `how` is one of the words docs/migrator.md lists; `path` is set in another module."""

    how: str
    line: int
    path: str = ""


@dataclass(frozen=True, slots=True)
class Site:
    """One place that connects.

    `span` covers the connect call; `signal` is its text as written; `kind` the connection type ("Players.PlayerAdded",
    "Custom" when unknown); `method` what is called: "Connect", "Once", "BindToRenderStep", ….
    """

    line: int
    column: int
    span: Span
    signal: str
    kind: str
    method: str
    callback: CallbackForm
    handle: Handle
    handle_name: str  # "connection", "self.connections.Died"; "" when discarded
    release: Release | None
    frequency: Frequency
    function: str  # the function it stands in, "" at the top level
    captures: tuple[str, ...]
    verdict: Verdict
    severity: Severity | None
    shape: Shape | None
    reason: str  # a sentence
    fingerprint: str  # stable while code above moves: function, signal, number among equals

    @property
    def is_leak(self) -> bool:
        """Whether this is a finding."""
        return self.verdict is Verdict.LEAK


@dataclass(frozen=True, slots=True)
class ParseError:
    """A stretch of source the parser could not read; sites in its function are reported and never rewritten."""

    line: int
    column: int
    span: Span
    message: str


@dataclass(frozen=True, slots=True)
class ServiceAnalysis:
    """All that is known of one file. `coverage`: the share of its sites that are managed or harmless, 1.0 of none."""

    path: str
    service_name: str
    sites: tuple[Site, ...]
    parse_errors: tuple[ParseError, ...]
    complexity: Level
    effort_minutes: int
    coverage: float

    @property
    def leaks(self) -> tuple[Site, ...]:
        """The findings, in the order of the source."""
        return tuple(site for site in self.sites if site.is_leak)


@dataclass(frozen=True, slots=True)
class Recommendation:
    """What to do about one site (or the whole service, `site` None), the most urgent first."""

    site: Site | None
    helper: Helper
    severity: Severity | None
    text: str  # a sentence or two, plain text


@dataclass(frozen=True, slots=True)
class Edit:
    """One replacement in the original bytes. `site`: what it manages, None for lines they share (the require).

    `needed_by`: of shared lines, the spans of the sites that need them; () for all.
    """

    span: Span
    replacement: bytes
    site: Site | None
    why: str
    needed_by: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True)
class Note:
    """Something the rewriter left to a person, and why."""

    line: int
    text: str


@dataclass(frozen=True, slots=True)
class Migration:
    """A rewritten source. `edits` do not overlap and are in the order of the source; none of them: nothing to do."""

    path: str
    original: bytes
    migrated: bytes
    edits: tuple[Edit, ...]
    notes: tuple[Note, ...]

    @property
    def changed(self) -> bool:
        """Whether the migrated source differs from the original."""
        return self.original != self.migrated


@dataclass(frozen=True)
class Project:
    """Modules that may require each other. `instances` says where a file stands in the game, as Rojo would put it:
    "src/server/Combat.luau" → ("ServerScriptService", "Combat").

    `migrator.project.load_project` reads one from a folder.
    """

    sources: Mapping[str, Source]
    instances: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    refused: Mapping[str, str] = field(default_factory=dict)  # path → why it was left out (symlink, outside, too large)
