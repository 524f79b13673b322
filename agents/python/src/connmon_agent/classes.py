"""What many connections have in common is kept once: creation site, type, service, marks.

A connection then holds one number, and opening one raises one counter. A class is found by its creation site
first, since a line of code nearly always makes one kind of connection. Asking a frame for its line number costs
0.25 µs, for its instruction 0.04 µs; so classes are remembered by code object and instruction.
"""

from types import CodeType, FrameType
from typing import Final

from connmon_agent.errors import module_of
from connmon_agent.services import OTHER, Services
from connmon_agent.text import quote

# Marks of a class, added up.
ESSENTIAL: Final = 1
WATCH: Final = 2
NO_FLAG: Final = 4  # the connection cannot be asked whether it is connected
ALL_MARKS: Final = 8  # marks are smaller than this

MAX_CLASSES: Final = 20_000  # types made up at run time must not grow memory without bound
MAX_CODES: Final = 4_096  # code objects whose lines are remembered; then the memory starts anew

Site = tuple[str, int]  # module and line


class Classes:
    """Classes by number, counted from 0. `key` of a class: its service's number (0: go by the module) and its
    marks.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self._index: dict[tuple[Site, str, int], int] = {}
        self._service_of_module: dict[str, str | None] = {}
        self._codes: list[CodeType] = []  # kept alive, for their ids are keys
        self.by_code: dict[int, dict[int, int]] = {}  # id of the code → instruction → class
        self.kind: list[str] = []
        self.key: list[int] = []
        self.marks: list[int] = []
        self.service: list[int] = []
        self.site: list[str] = []
        self.place: list[str] = []  # service, type and site, as members of JSON
        self.fragment: list[str] = []
        self.opened: list[int] = []
        self.closed: list[int] = []

    def service_name(self, module: str) -> str:
        """The service a module belongs to: what was claimed for it, else its own last name ("game.combat":
        combat).
        """
        return self._service_of_module.get(module) or module.rpartition(".")[2] or module

    def claim_module(self, module: str, service: str) -> None:
        """The module belongs to that service; one that claims a second service belongs to none, but to itself."""
        known = self._service_of_module.setdefault(module, service)
        if known != service:
            self._service_of_module[module] = None

    def find(self, frame: FrameType, kind: str, key: int) -> int:
        """The class of a connection of type `kind` made where `frame` stands; remembers it for that
        instruction.
        """
        code = frame.f_code
        instructions = self.by_code.get(id(code))
        if instructions is not None:
            known = instructions.get(frame.f_lasti, -1)
            if known >= 0 and self.key[known] == key and self.kind[known] == kind:
                return known
        found = self._at((module_of(frame), frame.f_lineno), kind, key)
        if instructions is None:
            if len(self._codes) >= MAX_CODES:
                self._codes.clear()
                self.by_code.clear()
            self._codes.append(code)
            instructions = self.by_code[id(code)] = {}
        instructions[frame.f_lasti] = found
        return found

    def at_module(self, module: str, kind: str, key: int) -> int:
        """The class of the agent's own connections, which have no line."""
        return self._at((module, 0), kind, key)

    def totals(self) -> tuple[list[int], list[int]]:
        """Connections opened and closed since boot, by service number."""
        opened = [0] * len(self._services.names)
        closed = opened.copy()
        for number, service in enumerate(self.service):
            opened[service] += self.opened[number]
            closed[service] += self.closed[number]
        return opened, closed

    def live_by_type(self) -> dict[str, int]:
        """Live connections by type."""
        live: dict[str, int] = {}
        for number, kind in enumerate(self.kind):
            live[kind] = live.get(kind, 0) + self.opened[number] - self.closed[number]
        return live

    def restart(self) -> None:
        """A new boot counts from what is open now."""
        for number, closed in enumerate(self.closed):
            self.opened[number] -= closed
            self.closed[number] = 0

    def _at(self, site: Site, kind: str, key: int) -> int:
        known = self._index.get((site, kind, key))
        if known is not None:
            return known
        if len(self.kind) >= MAX_CLASSES and kind != OTHER:
            return self._at((OTHER, 0), OTHER, key)
        return self._create(site, kind, key)

    def _create(self, site: Site, kind: str, key: int) -> int:
        number = len(self.kind)
        self._index[(site, kind, key)] = number
        service, marks = divmod(key, ALL_MARKS)
        service = service or self._services.intern(self.service_name(site[0]))
        name = f"{site[0]}:{site[1]}"
        place = (
            f'"service":{quote(self._services.names[service], 128)},"type":{quote(kind, 64)},"site":{quote(name, 256)}'
        )
        essential = ',"essential":true' if marks & ESSENTIAL else ""
        self.kind.append(kind)
        self.key.append(key)
        self.marks.append(marks)
        self.service.append(service)
        self.site.append(name)
        self.place.append(place)
        self.fragment.append(f",{place}{essential}")
        self.opened.append(0)
        self.closed.append(0)
        return number
