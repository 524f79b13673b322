"""Bundles src/ into one file, connmon.luau, for games that paste a ModuleScript instead of using Wally.

    python agents/luau/build.py --out connmon.luau --url https://connmon.example.com

The same sources always give the same bytes. Each module becomes a function that runs at its first use; requires become
calls by name; `export` is dropped, since types cannot leave a function.
"""

import argparse
import re
import sys
from pathlib import Path

SOURCE = Path(__file__).parent / "src"
ADDRESS = re.compile(r"https?://[A-Za-z0-9.:\[\]_/~%-]+")
NO_ADDRESS = "Defaults.URL = nil"
REQUIRE = re.compile(r"require\(script(?:\.Parent)?\.(\w+)\)")
EXPORT = re.compile(r"^export (?=type )", re.MULTILINE)
HEADER = """--!nocheck
-- connmon {version}: bundled from src/ by build.py; do not edit.
local __modules: {{ [string]: () -> any }} = {{}}
local __loaded: {{ [string]: any }} = {{}}
local function __require(name: string): any
\tif __loaded[name] == nil then
\t\t__loaded[name] = __modules[name]()
\tend
\treturn __loaded[name]
end
"""


class BuildError(ValueError):
    """The sources cannot be bundled; the message names the module."""


def version(manifest: str) -> str:
    """The version in wally.toml. Raises BuildError."""
    found = re.search(r'^version = "([^"]+)"', manifest, re.MULTILINE)
    if found is None:
        raise BuildError("wally.toml names no version.")
    return found[1]


def bundle_module(name: str, source: str, known: frozenset[str]) -> str:
    """One module as an entry of the bundle. Raises BuildError when it requires something that is not in `known`."""
    missing = set(REQUIRE.findall(source)) - known
    if missing:
        raise BuildError(f"{name} requires {', '.join(sorted(missing))}, which src/ does not have.")
    body = EXPORT.sub("", REQUIRE.sub(r'__require("\1")', source)).removeprefix("--!strict\n")
    if "require(script" in body:
        raise BuildError(f"{name} requires in a form that cannot be bundled; write require(script.Parent.Name).")
    return f'__modules["{name}"] = function()\n{body.rstrip()}\nend\n'


def with_address(defaults: str, url: str) -> str:
    """The module Defaults with the backend's address. Raises BuildError for what cannot be one."""
    if ADDRESS.fullmatch(url) is None:
        raise BuildError(f"{url!r} is no address of a backend; it looks like https://connmon.example.com.")
    if NO_ADDRESS not in defaults:
        raise BuildError(f"Defaults has no line {NO_ADDRESS} to fill in.")
    return defaults.replace(NO_ADDRESS, f'Defaults.URL = "{url}"')


def bundle(folder: Path = SOURCE, *, url: str | None = None) -> str:
    """The whole bundle as Luau source; with `url` it reports there without being told. Raises BuildError."""
    sources = {path.stem: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.luau"))}
    if url is not None:
        sources["Defaults"] = with_address(sources["Defaults"], url)
    known = frozenset(sources)
    manifest = (folder.parent / "wally.toml").read_text(encoding="utf-8")
    parts = [HEADER.format(version=version(manifest))]
    parts += [bundle_module(name, source, known) for name, source in sources.items()]
    return "".join([*parts, 'return __require("init")\n'])


def main() -> None:
    parser = argparse.ArgumentParser(description="Bundles the Luau agent into one file.")
    parser.add_argument("--out", type=Path, help="where to write; standard output without it")
    parser.add_argument("--url", help="of the backend, so that connmon.start needs none")
    arguments = parser.parse_args()
    out: Path | None = arguments.out
    try:
        text = bundle(url=arguments.url)
    except BuildError as error:
        parser.error(str(error))
    if out is None:
        sys.stdout.write(text)
    else:
        out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
