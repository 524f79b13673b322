"""Diffs made of replacements: `git apply` turns the original into exactly what splicing does."""

import os
import random
import subprocess
from pathlib import Path

import pytest

from migrator.diffs import diff_of
from migrator.pieces import Part, Piece, Shared, agreed, splice


def applied(folder: Path, name: str, original: bytes, diff: bytes) -> bytes:
    """What git makes of the original."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(original)
    environment = {**os.environ, "GIT_CEILING_DIRECTORIES": os.fspath(folder.parent)}
    done = subprocess.run(["git", "apply"], cwd=folder, input=diff, env=environment, capture_output=True, check=False)
    assert done.returncode == 0, (done.stderr, diff)
    return path.read_bytes()


def random_case(chance: random.Random) -> tuple[bytes, list[Piece]]:
    """A source with odd line ends and bytes, and replacements that do not overlap."""
    lines = [chance.choice([b"", b"a", b"b\r", b"\xff\xfe", b"\x0c", b"same"]) for _ in range(chance.randint(0, 60))]
    original = b"\n".join(lines) + chance.choice([b"", b"\n"])
    places = sorted(chance.randrange(len(original) + 1) for _ in range(2 * chance.randint(1, 6)))
    texts = [b"", b"\n", b"new\n", b"x", b"one\ntwo\r\n", b"\xfe"]
    return original, [((a, b), chance.choice(texts)) for a, b in zip(places[::2], places[1::2], strict=True)]


def test_git_applies_a_diff_to_what_splicing_makes(tmp_path: Path) -> None:
    chance = random.Random(11)
    changed = 0
    for _ in range(150):
        original, pieces = random_case(chance)
        diff, after = diff_of("src/a b ü.luau", original, pieces), splice(original, pieces)
        assert bool(diff) == (original != after)
        if diff and original and after:  # git deletes and makes files by other headers
            changed += 1
            assert applied(tmp_path, "src/a b ü.luau", original, diff) == after
    assert changed > 100


def test_a_diff_holds_only_the_lines_that_change() -> None:
    original = b"".join(b"line %d\n" % number for number in range(1, 41))
    start = original.index(b"line 20\n")
    diff = diff_of("a.luau", original, [((start, start), b"new\n"), ((start + 8, start + 12), b"LINE")])
    assert diff.decode() == (
        "--- a/a.luau\n+++ b/a.luau\n@@ -17,8 +17,9 @@\n line 17\n line 18\n line 19\n+new\n line 20\n"
        "-line 21\n+LINE 21\n line 22\n line 23\n line 24\n"
    )
    far = diff_of("a.luau", original, [((0, 0), b"first\n"), ((start, start + 8), b"")])
    assert [line for line in far.decode().splitlines() if line.startswith("@@")] == [
        "@@ -1,3 +1,4 @@",
        "@@ -17,7 +18,6 @@",
    ]


def test_a_large_source_of_equal_lines_takes_one_pass() -> None:
    """Comparing line by line as difflib does would not come to an end here."""
    original = b"x\n" * 500_000
    diff = diff_of("a.luau", original, [((at, at + 1), b"y") for at in range(0, len(original), 20_000)])
    assert diff.count(b"\n+y") == 50


def test_changes_that_overlap_are_refused() -> None:
    with pytest.raises(ValueError, match="overlap at byte 2"):
        splice(b"abcdef", [((0, 3), b"x"), ((2, 4), b"y")])


def test_shared_lines_come_with_the_changes_that_need_them() -> None:
    shared = [Shared(Part((0, 0), b"require ")), Shared(Part((9, 9), b"destroy "), needed_by=(2, 3))]
    one, two = [Part((3, 4), b"one ")], [Part((5, 6), b"two ")]
    assert agreed({}, shared) == []
    assert [text for _, text in agreed({1: one}, shared)] == [b"require ", b"one "]
    assert [text for _, text in agreed({1: one, 2: two}, shared)] == [b"require ", b"destroy ", b"one ", b"two "]
