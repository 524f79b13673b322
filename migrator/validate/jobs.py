"""What a child process is told to run: the source with its probes, the modules it requires, the agent, the plan."""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Literal

from migrator.mask import mask_modern_syntax
from migrator.model import Project, Source, SourceRefused
from migrator.syntax import Syntax
from migrator.validate.probes import Anatomy, Connect, Function, instrument
from migrator.validate.results import TestCase

MAX_BYTES = 2**20  # of a source that is run; a larger one is data
MAX_MODULES = 200  # of the project given along
MAX_MODULE_BYTES = 8 * 2**20

AGENT_SOURCE = Path(__file__).resolve().parents[2] / "agents" / "luau" / "src"
AGENT = "ServerScriptService.connmon"
REQUIRE = re.compile(rb"\brequire\s*\(?([^\n]{0,300})")
BARE_TYPEOF = re.compile(rb"\btypeof\b(?!\s*\()")
WORD = re.compile(rb"[A-Za-z_]\w*")

Signals = Literal["Deferred", "Immediate"]


def refuse_what_cannot_run(source: Source) -> None:
    """Raises SourceRefused for sources that are too large to run."""
    if len(source.text) > MAX_BYTES:
        raise SourceRefused(f"{source.path}: {len(source.text)} bytes are more than the {MAX_BYTES} that are run.")


@cache
def agent_modules() -> tuple[tuple[str, str], ...]:
    """The connmon agent as (place, source), for code that requires it."""
    found = []
    for path in sorted(AGENT_SOURCE.glob("*.luau")):
        place = AGENT if path.stem == "init" else f"{AGENT}.{path.stem}"
        found.append((place, path.read_text(encoding="utf-8")))
    return tuple(sorted(found))


def for_older_vm(text: bytes) -> bytes:
    """The source with the syntax masked that came after the VM's version; every byte keeps its place."""
    # The mask blanks what stands in `typeof(…)`, which the grammar takes and the VM does not.
    return BARE_TYPEOF.sub(b"any   ", mask_modern_syntax(text))


def place_of(source: Source, project: Project | None) -> str:
    """Where the script stands in the game."""
    known = project.instances.get(source.path) if project else None
    folders = ("Game", "Source", *source.path.split("/")[-4:-1])[-3:]  # so that script.Parent.Parent.Parent is there
    words = known or ("ServerScriptService", *folders, source.service_name)
    return ".".join(re.sub(r"[^\w ]", "_", word) for word in words)


def class_of(source: Source) -> str:
    """Script, LocalScript or ModuleScript, by the end of the name as Rojo reads it."""
    stem = source.path.rpartition("/")[2].lower()
    if re.search(r"\.server\.luau?$", stem):
        return "Script"
    return "LocalScript" if re.search(r"\.client\.luau?$", stem) else "ModuleScript"


def is_client(source: Source) -> bool:
    """Whether it runs on a player's machine."""
    return class_of(source) == "LocalScript" or b"LocalPlayer" in source.text


def required_modules(source: Source, project: Project | None) -> list[tuple[str, str]]:
    """The modules of the project that the source may require, directly or through others, as (place, source)."""
    if project is None:
        return []
    by_name: dict[bytes, list[str]] = {}
    for path, place in project.instances.items():
        by_name.setdefault(place[-1].encode(), []).append(path)
    chosen: dict[str, Source] = {}
    size, todo = 0, [source]
    while todo and len(chosen) < MAX_MODULES and size < MAX_MODULE_BYTES:
        for path in _names_required(todo.pop().text, by_name):
            module = project.sources.get(path)
            if module is None or path == source.path or path in chosen or class_of(module) != "ModuleScript":
                continue
            chosen[path] = module
            size += len(module.text)
            todo.append(module)
    return [(place_of(module, project), _text(module.text)) for module in chosen.values()]


def _names_required(text: bytes, by_name: Mapping[bytes, Sequence[str]]) -> list[str]:
    words = {word for match in REQUIRE.finditer(text) for word in WORD.findall(match[1])}
    return [path for word in sorted(words) for path in by_name.get(word, ())]


def _text(source: bytes) -> str:
    return source.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape")


def _described(function: Function | None) -> dict[str, Any]:
    if function is None:
        return {"line": -1}
    return {
        "line": function.line,
        "name": function.name,
        "arity": function.arity,
        "method": function.method,
        "parameters": list(function.parameters),
    }


def _around(connect: Connect | None) -> dict[str, Any]:
    if connect is None:
        return {"functions": [], "inline": False}
    return {"functions": list(connect.around), "inline": connect.function != 0}


def make_job(
    syntax: Syntax,
    anatomy: Anatomy,
    *,
    project: Project | None,
    cases: Sequence[TestCase],
    signals: Signals,
    plan: Mapping[str, Any] | None = None,
    numbers: Mapping[int, int] | None = None,
) -> dict[str, Any]:
    """The job of one run; `masked` is the source without syntax that an older VM may not know.

    `numbers`: for migrated code, its functions' numbers → those of the original; other functions are new, unprobed.
    """
    source = syntax.source
    migrated = numbers is not None
    known = numbers if numbers is not None else {f.number: f.number for f in anatomy.functions}
    functions = {known[f.number]: f for f in anatomy.functions if f.number in known}
    connects = {} if migrated else {connect.number: connect for connect in anatomy.connects}
    return {
        "script": place_of(source, project),
        "class": class_of(source),
        "client": is_client(source),
        "source": _text(instrument(source.text, functions, connects.values())),
        "masked": _text(instrument(for_older_vm(source.text), functions, connects.values())),
        "signals": signals,
        "functions": [_described(functions.get(number)) for number in range(1, max(functions, default=0) + 1)],
        "sites": [_around(connects.get(number)) for number in range(1, max(connects, default=0) + 1)],
        "agent": agent_modules(),
        "modules": required_modules(source, project),
        "cases": [{"name": case.name, "source": case.source} for case in cases],
        "plan": plan,
    }


def masked_text(text: str) -> str:
    """A source as jobs hold it, with the syntax masked that an older VM may not know."""
    return _text(for_older_vm(text.encode("utf-8", "surrogateescape")))


def compile_job(source: Source) -> dict[str, Any]:
    """The job of a compilation that runs nothing. The lines of what it says begin with "it:"."""
    return {"only_compile": True, "script": "it", "source": _text(source.text)}
