"""A folder of sources as a project: what is there, and where each file stands in the game."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from migrator.files import SUFFIXES, Found, InputRefused, read_path
from migrator.model import Project

ROJO_NAMES = ("default.project.json",)
MAX_PROJECT_BYTES = 2**20
MAX_DEPTH = 64  # of the tree in a project file
KINDS = (".server", ".client", ".plugin")  # in front of the suffix; they say what a script is, not what it is called
Place = tuple[str, ...]


def load_project(path: Path) -> Project:
    """Reads a folder, a Rojo project file, a zip archive or one source file.

    In a folder with a default.project.json the files stand where it puts them; else under ServerScriptService, as their
    folders are. Paths of a Rojo project that lead out of its folder are refused by name. Raises InputRefused.
    """
    if path.name.endswith(".project.json"):
        return _load_rojo(path.parent, path)
    if path.is_dir() and not path.is_symlink():
        for name in ROJO_NAMES:
            if (path / name).is_file():
                return _load_rojo(path, path / name)
    found = read_path(path)
    return Project(found.sources, dict(_plain_places(found)), found.refused)


def project_of_files(found: Found) -> Project:
    """Sources that came without a place file, an upload for instance, as a project."""
    return Project(found.sources, dict(_plain_places(found)), found.refused)


def _plain_places(found: Found) -> Iterator[tuple[str, Place]]:
    for path in found.sources:
        yield path, ("ServerScriptService", *_names(PurePosixPath(path)))


def _names(path: PurePosixPath) -> Place:
    """What a file and its folders are called in the game: "server/Combat/init.luau" → ("server", "Combat")."""
    name = _script_name(path.name)
    parents = tuple(part for part in path.parent.parts if part not in ("", "."))
    return parents if name == "init" and parents else (*parents, name)


def _script_name(name: str) -> str:
    for suffix in SUFFIXES:
        if name.endswith(suffix):
            stem = name.removesuffix(suffix)
            for kind in KINDS:
                stem = stem.removesuffix(kind)
            return stem
    return name


def _load_rojo(root: Path, file: Path) -> Project:
    found = read_path(root)
    places = dict(_plain_places(found))
    refused = dict(found.refused)
    for target, place in _mounts(root, _read_tree(file), (), refused, file.name):
        for path in found.sources:
            inside = _inside(PurePosixPath(path), target)
            if inside is not None:
                places[path] = (*place, *inside) or ("DataModel",)
    return Project(found.sources, places, refused)


def _inside(path: PurePosixPath, target: PurePosixPath) -> Place | None:
    """The names below a mounted folder (or file), None when `path` is not in it."""
    if path == target:
        return ()
    if not path.is_relative_to(target):
        return None
    names = _names(path.relative_to(target))
    return () if names == ("init",) else names


def _read_tree(file: Path) -> Mapping[str, Any]:
    try:
        data = file.read_bytes()
        if len(data) > MAX_PROJECT_BYTES:
            raise InputRefused(f"{file} has {len(data)} bytes; a Rojo project has at most {MAX_PROJECT_BYTES}.")
        content = json.loads(data)
    except (OSError, ValueError, RecursionError) as error:
        if isinstance(error, InputRefused):
            raise
        raise InputRefused(f"{file} is no Rojo project that can be read ({error}).") from None
    tree = content.get("tree") if isinstance(content, dict) else None
    if not isinstance(tree, dict):
        raise InputRefused(f"{file} is no Rojo project: it has no tree.")
    return tree


def _mounts(
    root: Path, tree: Mapping[str, Any], place: Place, refused: dict[str, str], name: str
) -> Iterator[tuple[PurePosixPath, Place]]:
    """Every $path of a tree with its place in the game, outer ones first, so that inner ones overrule them."""
    path = tree.get("$path")
    if isinstance(path, dict):
        path = path.get("optional")
    if isinstance(path, str):
        target = _resolve(root, path)
        if target is None:
            refused[path] = f"{name} points out of its folder; only files within are read."
        else:
            yield target, place
    if len(place) >= MAX_DEPTH:
        return
    for key, below in tree.items():
        if not key.startswith("$") and isinstance(below, dict):
            yield from _mounts(root, below, (*place, key), refused, name)


def _resolve(root: Path, path: str) -> PurePosixPath | None:
    """A path of the project relative to its folder; None when it leads elsewhere, by a link too."""
    try:
        inside = (root / path).resolve().relative_to(root.resolve())
    except (ValueError, OSError, RuntimeError):
        return None
    return PurePosixPath(inside.as_posix())
