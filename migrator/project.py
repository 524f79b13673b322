"""A folder of sources as a project: what is there, and where each file stands in the game."""

import json
import posixpath
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from migrator.files import MAX_ROJO_BYTES, ROJO_NAME, SUFFIXES, Found, InputRefused, read_path
from migrator.model import Project

MAX_DEPTH = 64  # of the tree in a project file
KINDS = (".server", ".client", ".plugin")  # in front of the suffix; they say what a script is, not what it is called
Place = tuple[str, ...]
Resolve = Callable[[str], PurePosixPath | None]  # a path of the project, relative to all; None: it leads out


def load_project(path: Path) -> Project:
    """Reads a folder, a Rojo project file, a zip archive or one source file.

    In a folder with a default.project.json the files stand where it puts them; else under ServerScriptService, as their
    folders are. Paths of a Rojo project that lead out of its folder are refused by name. Raises InputRefused.
    """
    if path.name.endswith(".project.json"):
        return _load_rojo(path.parent, path)
    if path.is_dir() and not path.is_symlink() and (path / ROJO_NAME).is_file():
        return _load_rojo(path, path / ROJO_NAME)
    return project_of_files(read_path(path))


def project_of_files(found: Found) -> Project:
    """Sources that are not on disk, an archive or an upload, as a project. A Rojo project among them places the files
    below it; one that cannot be read is named and places none."""
    places = dict(_plain_places(found))
    refused = dict(found.refused)
    if found.rojo is not None:
        name, text = found.rojo
        base = PurePosixPath(name).parent
        try:
            mounts = list(_mounts(partial(_resolve_inside, base), _tree_of(text, name), (), refused, name))
        except InputRefused as why:
            return Project(found.sources, places, refused | {name: str(why)})
        _mount(places, mounts)
    return Project(found.sources, places, refused)


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
    _mount(places, _mounts(partial(_resolve, root), _read_tree(file), (), refused, file.name))
    return Project(found.sources, places, refused)


def _mount(places: dict[str, Place], mounts: Iterable[tuple[PurePosixPath, Place]]) -> None:
    """Lets every file stand where the last mount that has it puts it."""
    for target, place in mounts:
        for path in places:
            inside = _inside(PurePosixPath(path), target)
            if inside is not None:
                places[path] = (*place, *inside) or ("DataModel",)


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
        return _tree_of(file.read_bytes(), str(file))
    except OSError as error:
        raise InputRefused(f"{file} is no Rojo project that can be read ({error}).") from None


def _tree_of(data: bytes, name: str) -> Mapping[str, Any]:
    if len(data) > MAX_ROJO_BYTES:
        raise InputRefused(f"{name} has {len(data)} bytes; a Rojo project has at most {MAX_ROJO_BYTES}.")
    try:
        content = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise InputRefused(f"{name} is no Rojo project that can be read ({error}).") from None
    tree = content.get("tree") if isinstance(content, dict) else None
    if not isinstance(tree, dict):
        raise InputRefused(f"{name} is no Rojo project: it has no tree.")
    return tree


def _mounts(
    resolve: Resolve, tree: Mapping[str, Any], place: Place, refused: dict[str, str], name: str
) -> Iterator[tuple[PurePosixPath, Place]]:
    """Every $path of a tree with its place in the game, outer ones first, so that inner ones overrule them."""
    path = tree.get("$path")
    if isinstance(path, dict):
        path = path.get("optional")
    if isinstance(path, str):
        target = resolve(path)
        if target is None:
            refused[path] = f"{name} points out of its folder; only files within are read."
        else:
            yield target, place
    if len(place) >= MAX_DEPTH:
        return
    for key, below in tree.items():
        if not key.startswith("$") and isinstance(below, dict):
            yield from _mounts(resolve, below, (*place, key), refused, name)


def _resolve(root: Path, path: str) -> PurePosixPath | None:
    """A path of the project relative to its folder; None when it leads elsewhere, by a link too."""
    try:
        inside = (root / path).resolve().relative_to(root.resolve())
    except (ValueError, OSError, RuntimeError):
        return None
    return PurePosixPath(inside.as_posix())


def _resolve_inside(base: PurePosixPath, path: str) -> PurePosixPath | None:
    """The same for files that are not on disk; `base` is where their project file stands."""
    target = PurePosixPath(posixpath.normpath(base / path))
    return None if target.is_absolute() or ".." in target.parts else target
