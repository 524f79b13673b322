"""Luau sources from a folder, an archive, texts by name, a git range. What cannot be trusted is refused by name."""

import io
import os
import stat
import struct
import subprocess
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from migrator.model import Source
from migrator.syntax import MAX_BYTES

SUFFIXES = (".luau", ".lua")
# Other people's code, and what is no source of the game.
SKIPPED_FOLDERS = frozenset(
    {"node_modules", "Packages", "ServerPackages", "DevPackages", "roblox_packages", "_Index", "__pycache__"}
)
MAX_FILES = 50_000
MAX_TOTAL_BYTES = 512 * 2**20
MAX_ARCHIVE_BYTES = 64 * 2**20
MAX_UNPACKED_BYTES = 256 * 2**20
MAX_RATIO = 200  # unpacked to packed, of one file; text packs to a tenth
SMALL = 2**20  # below it the ratio does not matter
MAX_PATH = 500  # characters
ROJO_NAME = "default.project.json"
MAX_ROJO_BYTES = 2**20


class InputRefused(ValueError):
    """A path, archive or range that cannot be read at all; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What is taken at most: entries and files, bytes of an archive, bytes of all files together."""

    files: int = MAX_FILES
    archive_bytes: int = MAX_ARCHIVE_BYTES
    total_bytes: int = MAX_UNPACKED_BYTES


@dataclass
class Found:
    """Sources by their path (relative, forward slashes), and what was left out: path → why.

    `rojo`: the outermost default.project.json of an archive or of texts, as its path and its bytes.
    """

    sources: dict[str, Source] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    total: int = 0
    bounds: Bounds = Bounds(total_bytes=MAX_TOTAL_BYTES)
    rojo: tuple[str, bytes] | None = None

    def add(self, path: str, text: bytes) -> None:
        """Takes a source, or refuses it when it is too large or one too many."""
        if len(text) > MAX_BYTES:
            self.refused[path] = f"{len(text)} bytes are more than the {MAX_BYTES} that are read."
        elif len(self.sources) >= self.bounds.files or self.total + len(text) > self.bounds.total_bytes:
            self.refused[path] = (
                f"One run takes {self.bounds.files} files and {self.bounds.total_bytes} bytes; give a folder at a time."
            )
        else:
            self.sources[path] = Source(path, text)
            self.total += len(text)

    def add_rojo(self, path: str, text: bytes) -> None:
        """Takes a project file unless one further out is known."""
        if len(text) > MAX_ROJO_BYTES:
            self.refused[path] = f"A Rojo project has at most {MAX_ROJO_BYTES} bytes."
        elif self.rojo is None or path.count("/") < self.rojo[0].count("/"):
            self.rojo = (path, text)


def is_source(name: str) -> bool:
    """Whether a file of this name holds Luau; type definitions do not."""
    return name.endswith(SUFFIXES) and not name.endswith((".d.lua", ".d.luau"))


def read_path(path: Path) -> Found:
    """A folder, a zip archive or a single file. Raises InputRefused."""
    if path.is_symlink():
        raise InputRefused(f"{path} is a symbolic link; give what it points to.")
    if path.is_dir():
        return read_folder(path)
    if not path.is_file():
        raise InputRefused(f"{path} does not exist; give a Luau file, a folder or a zip archive.")
    if path.suffix == ".zip":
        return read_zip(path.read_bytes())
    if not is_source(path.name):
        raise InputRefused(f"{path} is no Luau file; its name has to end in .luau or .lua.")
    found = Found()
    found.add(path.name, path.read_bytes())
    return found


def read_folder(root: Path) -> Found:
    """Every source below a folder. Symbolic links are refused, packages and hidden folders left out."""
    found = Found()
    for path in _walk(root, found):
        relative = path.relative_to(root).as_posix()
        try:
            text = path.read_bytes() if path.stat().st_size <= MAX_BYTES else bytes(MAX_BYTES + 1)
        except OSError as error:
            found.refused[relative] = f"It cannot be read: {error.strerror}."
            continue
        found.add(relative, text)
    return found


def _walk(root: Path, found: Found) -> Iterator[Path]:
    todo = [root]
    while todo:
        folder = todo.pop()
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as error:
            found.refused[folder.relative_to(root).as_posix()] = f"It cannot be read: {error.strerror}."
            continue
        folders = []
        for entry in entries:
            path = Path(entry.path)
            if entry.is_symlink():
                if path.is_dir() or is_source(entry.name):
                    found.refused[path.relative_to(root).as_posix()] = "It is a symbolic link; give what it points to."
            elif entry.is_dir():
                if entry.name not in SKIPPED_FOLDERS and not entry.name.startswith("."):
                    folders.append(path)
            elif entry.is_file() and is_source(entry.name):
                yield path
        todo.extend(reversed(folders))


def read_zip(data: bytes, bounds: Bounds | None = None) -> Found:
    """Every source in a zip archive; nothing is unpacked to disk. Raises InputRefused for what is no archive."""
    found = Found(bounds=bounds or Bounds())
    if len(data) > found.bounds.archive_bytes:
        raise InputRefused(f"The archive has {len(data)} bytes; at most {found.bounds.archive_bytes} are taken.")
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except (zipfile.BadZipFile, ValueError, OverflowError, NotImplementedError, struct.error) as error:
        raise InputRefused(f"This is no zip archive that can be read ({error}).") from None
    unpacked = 0
    with archive:
        if len(archive.infolist()) > found.bounds.files:
            raise InputRefused(f"The archive has more than {found.bounds.files} entries; give a folder at a time.")
        for entry in archive.infolist():
            why = _why_refuse(entry, found)
            if why:
                found.refused[entry.filename] = why
            elif not entry.is_dir() and _is_wanted(entry.filename):
                text = _unpack(archive, entry, found, found.bounds.total_bytes - unpacked)
                unpacked += len(text)
                if entry.filename not in found.refused:
                    _take(found, entry.filename, text)
    return found


def read_texts(texts: Iterable[tuple[str, bytes]], bounds: Bounds | None = None) -> Found:
    """Files that came by name and content; paths are held to what an archive's are."""
    found = Found(bounds=bounds or Bounds())
    for path, text in texts:
        why = _why_refuse_path(path, found)
        if why:
            found.refused[path] = why
        elif _is_wanted(path):
            _take(found, path, text)
        else:
            found.refused[path] = "It is no Luau file of the game; its name has to end in .luau or .lua."
    return found


def _is_wanted(name: str) -> bool:
    return (is_source(name) or PurePosixPath(name).name == ROJO_NAME) and not _is_skipped(name)


def _take(found: Found, path: str, text: bytes) -> None:
    if is_source(path):
        found.add(path, text)
    else:
        found.add_rojo(path, text)


def _is_skipped(name: str) -> bool:
    return any(part in SKIPPED_FOLDERS or part.startswith(".") for part in PurePosixPath(name).parts)


def _why_refuse(entry: zipfile.ZipInfo, found: Found) -> str:
    why = _why_refuse_path(entry.filename, found)
    if why:
        return why
    if stat.S_ISLNK(entry.external_attr >> 16):
        return "It is a symbolic link."
    if entry.flag_bits & 1:
        return "It is encrypted; give an archive without a password."
    return ""


def _why_refuse_path(name: str, found: Found) -> str:
    parts = PurePosixPath(name).parts
    if name.startswith("/") or "\\" in name or ":" in name or ".." in parts or not parts:
        return "Its path leads out of the archive."
    if len(name) > MAX_PATH or not name.isprintable():
        return f"A path has at most {MAX_PATH} characters, all of them printable."
    if name in found.sources:
        return "The archive has two files of this name."
    return ""


def _unpack(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, found: Found, left: int) -> bytes:
    """The bytes of an entry, however large it says it is; refused when they are more than a source may have."""
    most = min(MAX_BYTES, left)
    try:
        with archive.open(entry) as file:
            text = file.read(most + 1)
    except (zipfile.BadZipFile, NotImplementedError, OSError, EOFError, ValueError) as error:
        found.refused[entry.filename] = f"It cannot be unpacked ({error})."
        return b""
    except Exception as error:  # zlib and lzma raise errors of their own
        found.refused[entry.filename] = f"It is damaged ({error})."
        return b""
    if len(text) > most or (len(text) > SMALL and len(text) > MAX_RATIO * max(entry.compress_size, 1)):
        found.refused[entry.filename] = f"It unpacks to more than is taken ({MAX_BYTES} bytes a file)."
        return b""
    return text


def changed_in(root: Path, git_range: str) -> frozenset[str]:
    """Paths below `root` that a git range ("origin/main...HEAD") adds or changes. Raises InputRefused."""
    command = ["git", "-C", os.fspath(root), "diff", "--name-only", "-z", "--relative", "--diff-filter=ACMR"]
    try:
        done = subprocess.run(
            [*command, "--end-of-options", git_range, "--"], capture_output=True, check=False, timeout=120
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise InputRefused(f"git could not be asked for {git_range}: {error}.") from None
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().partition("\n")[0]
        raise InputRefused(f"git knows no range {git_range!r} in {root}: {said}")
    names = done.stdout.decode("utf-8", "surrogateescape").split("\0")
    return frozenset(name for name in names if is_source(name))
