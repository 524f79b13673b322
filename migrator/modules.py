"""What the other modules of a project say about one: what they release of it, and how often they call it."""

import re
from collections import defaultdict
from functools import lru_cache

from migrator.facts import Chain, Facts, Variable
from migrator.flow import Flow, Modules
from migrator.grammar import CALL, chain, strip
from migrator.model import Project, Source, SourceRefused
from migrator.rates import Rate, worse
from migrator.releases import Releases
from migrator.sites import find_connects
from migrator.syntax import parse
from migrator.walk import gather

_REQUIRE = re.compile(rb"\brequire\s*\(?\s*((?:[\w.:\"'@/ ()-]|\[[^\]\n]*\])*)")
_NAME = re.compile(rb"[A-Za-z_]\w*")
_WORDS = frozenset(
    {b"WaitForChild", b"FindFirstChild", b"GetService", b"game", b"script", b"Parent", b"require", b"self"}
)
MAX_RELATED = 40  # modules that are looked into for one
MAX_BYTES = 2**18  # of one of them; larger ones hold data


def modules_of(project: Project | None, source: Source) -> Modules | None:
    """What is known of `source` from the modules that require it and those it requires; None without a project."""
    if project is None or source.path not in project.sources:
        return None
    requirers, required = _requires(project)
    users = sorted(requirers.get(source.path, ()))[:MAX_RELATED]
    used = sorted(required.get(source.path, ()))[:MAX_RELATED]
    rates: dict[str, Rate] = {}
    released: set[str] = set()
    for path in (*users, *used):
        flow = _flow(project.sources[path])
        if flow is None:
            continue
        released |= _released(flow)
        if path in users:
            _add_calls(project, path, source.path, flow, rates)
    return Modules(rates, frozenset(released))


# --- who requires whom -----------------------------------------------------------------------------------------------

_Paths = dict[str, set[str]]


def _requires(project: Project) -> tuple[_Paths, _Paths]:
    """Path → paths of those that require it; path → paths it requires. Kept with the project, which never changes."""
    kept = vars(project)
    if "_requires" not in kept:
        kept["_requires"] = _find_requires(project)
    found: tuple[_Paths, _Paths] = kept["_requires"]
    return found


def _find_requires(project: Project) -> tuple[_Paths, _Paths]:
    by_name: dict[str, list[str]] = defaultdict(list)
    for path in project.sources:
        by_name[_place(project, path)[-1]].append(path)
    requirers: _Paths = defaultdict(set)
    required: _Paths = defaultdict(set)
    for path, source in project.sources.items():
        for match in _REQUIRE.finditer(source.text):
            target = _resolve(project, path, match[1], by_name)
            if target is not None and target != path:
                requirers[target].add(path)
                required[path].add(target)
    return requirers, required


def _place(project: Project, path: str) -> tuple[str, ...]:
    return project.instances.get(path) or (Source(path, b"").service_name,)


def _resolve(project: Project, path: str, expression: bytes, by_name: dict[str, list[str]]) -> str | None:
    """The file that the expression in a require leads to: by script.Parent paths, else by a name only one file has."""
    words = [word.decode("latin-1") for word in _NAME.findall(expression)]
    steps = [word for word in words if word.encode() not in _WORDS]
    if not steps:
        return None
    candidates = by_name.get(steps[-1], [])
    if words[0] == "script":
        place = list(_place(project, path))
        for word in words[1:]:
            if word == "Parent":
                place = place[:-1]
            elif word.encode() not in _WORDS:
                place.append(word)
        exact = [one for one in candidates if list(_place(project, one)) == place]
        if exact:
            return exact[0]
    tail = tuple(steps)
    ending = [one for one in candidates if _place(project, one)[-len(tail) :] == tail]
    best = ending or candidates
    return best[0] if len(best) == 1 else None


# --- what another module does ----------------------------------------------------------------------------------------


@lru_cache(maxsize=256)
def _flow(source: Source) -> Flow | None:
    if len(source.text) > MAX_BYTES:
        return None
    try:
        facts = gather(parse(source))
    except SourceRefused:
        return None
    return Flow(facts, find_connects(facts))


@lru_cache(maxsize=256)
def _released(flow: Flow) -> frozenset[str]:
    """Names of fields that a module disconnects or cleans."""
    found = Releases(flow.facts, flow).by_name
    return frozenset(name for name, ended in found.items() if any(one.sure for one in ended))


def _add_calls(project: Project, path: str, target: str, flow: Flow, rates: dict[str, Rate]) -> None:
    """How often a module calls the functions of `target`, which it requires."""
    name = _place(project, target)[-1]
    bound = {variable for variable in flow.facts.chunk_locals if _is_require_of(flow.facts, variable, name)}
    for call in flow.facts.calls:
        receiver = call.receiver
        if receiver is not None and receiver.root in bound and not receiver.path:
            _add(rates, call.name, flow.rate(call.region))
        for argument in call.arguments:
            handed = chain(flow.facts, argument)
            if handed.root in bound and len(handed.path) == 1:
                _add(rates, handed.path[0], flow.handed_rate(call, argument))


def _add(rates: dict[str, Rate], name: str, rate: Rate) -> None:
    rates[name] = worse(rates[name], rate) if name in rates else rate


def _is_require_of(facts: Facts, variable: Variable, name: str) -> bool:
    node = strip(variable.values[0].node)
    if node.kind_id not in CALL or chain(facts, node) != Chain(facts.globals.get("require"), ("()",)):
        return False
    words = _NAME.findall(facts.raw(node).encode("latin-1"))
    return bool(words) and words[-1].decode() == name
