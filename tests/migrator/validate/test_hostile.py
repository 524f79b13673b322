"""Scripts that mean harm, or merely do it: contained, named, and the caller goes on."""

import os
import subprocess
import sys

import pytest

from migrator.model import Source, SourceRefused
from migrator.validate import Limits, Outcome, validate_migration
from migrator.validate.sandbox import run_confined

TIGHT = Limits(cpu_seconds=1, wall_seconds=120)

NAMED = {
    "endless loop": (b"while true do end", "processor time"),
    "endless loop in pcall": (b"while true do pcall(function() while true do end end) end", "processor time"),
    "endless loop in a coroutine": (b"coroutine.wrap(function() while true do end end)()", "processor time"),
    "pattern": (b"('a'):rep(3000):find('.-.-.-.-b')", "processor time"),
    "memory in pcall": (
        b"local t = {} while true do pcall(function() t[#t + 1] = ('x'):rep(1e6) .. #t end) end",
        "processor time",
    ),
    "threads": (b"while true do task.spawn(function() task.wait(1e9) end) end", "more memory than it is granted"),
    "tampering": (b"local meta = getmetatable(game) meta.__index = nil", "broke the mocked server"),
    "deep source": (b"return " + b"(" * 100_000 + b"1" + b")" * 100_000, "does not compile"),
}
CONTAINED = {
    "memory": b"local t = {} while true do t[#t + 1] = ('x'):rep(1e6) .. #t end",
    "doubling": b"local s = 'x' while true do s = s .. s end",
    "a huge table": b"table.create(2 ^ 30)",
    "recursion": b"local function f() return 1 + f() end f()",
    "recursion through pcall": b"local function f() return pcall(f) end f()",
    "recursion through task.spawn": b"local function f() task.spawn(f) end f()",
    "recursion through task.defer": b"local function f() task.defer(f) end f()",
    "an event that fires on": b"e = Instance.new('BindableEvent') e.Event:Connect(function() e:Fire() end) e:Fire()",
    "waiting for ever": b"while true do task.wait() end",
    "a comparison that lies": b"local t = {} for i = 1, 1e5 do t[i] = i end table.sort(t, function() return true end)",
    "loadstring": b"loadstring('\\27LuaQ')()",
}


def run(text: bytes, limits: Limits = TIGHT) -> Outcome:
    """Validates a script against itself."""
    return validate_migration(Source("Evil.server.luau", text), text, limits=limits).outcome


@pytest.mark.parametrize("name", NAMED)
def test_a_script_that_has_to_be_stopped_is_named(name: str) -> None:
    text, words = NAMED[name]
    report = validate_migration(Source("Evil.server.luau", text), text, limits=TIGHT)
    assert report.outcome is Outcome.NOT_EXERCISED
    assert words in report.stopped


@pytest.mark.parametrize("name", CONTAINED)
def test_a_script_that_fails_by_itself_is_contained(name: str) -> None:
    assert run(CONTAINED[name], Limits(cpu_seconds=20, wall_seconds=120)) in (Outcome.NOT_EXERCISED, Outcome.PROVEN)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (bytes([6, 3, 1, 2, 255]), "compiled bytecode"),
        (b"local a\0b", "binary data"),
        (b"--" + b"x" * 2**20, "more than the 1048576 that are run"),
    ],
)
def test_what_is_no_source_is_refused(text: bytes, words: str) -> None:
    with pytest.raises(SourceRefused, match=words):
        run(text)
    with pytest.raises(SourceRefused, match=words):
        validate_migration(Source("Good.luau", b"return {}"), text)


def test_bytes_that_are_no_text_are_run_as_they_are() -> None:
    text = b"game:GetService('RunService').Heartbeat:Connect(function() return '\xff\xfe' end)"
    assert run(text) is Outcome.PROVEN


def test_a_run_that_sleeps_beyond_its_time_is_ended() -> None:
    child = run_confined({"script": None}, Limits(wall_seconds=0.0))
    assert child.result is None
    assert "did not end within 0 s" in child.stopped


def test_too_much_output_is_cut_off() -> None:
    text = b"game:GetService('RunService').Heartbeat:Connect(function() end)"
    report = validate_migration(Source("a.server.luau", text), text, limits=Limits(output_bytes=100))
    assert "wrote more than 100 bytes" in report.stopped


CONFINED = """
import os, sys
sys.path.insert(0, {root!r})
from migrator.validate.sandboxed import confine
from pathlib import Path
import resource
confine({{"memory_mb": 512, "cpu_seconds": 5}})
said = []
for what in (lambda: open({path!r}), lambda: os.fork(), lambda: bytearray(2 ** 30)):
    try:
        what()
        said.append("allowed")
    except (OSError, MemoryError) as error:
        said.append(type(error).__name__)
os.write(1, " ".join(said).encode())
"""


def test_the_child_can_open_no_file_start_no_process_and_hold_little_memory() -> None:
    root = os.fspath(__import__("pathlib").Path(__file__).parents[3])
    code = CONFINED.format(root=root, path="/etc/hostname")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False, timeout=120)
    assert done.stdout.decode() == "OSError BlockingIOError MemoryError"
