"""Runs one script in a child process with limits, and says how it ended, whatever it does."""

import json
import selectors
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CHILD = Path(__file__).with_name("sandboxed.py")
CHUNK = 65536


@dataclass(frozen=True, slots=True)
class Limits:
    """What one run may use. Both runs of a validation have these limits each."""

    memory_mb: int = 512
    cpu_seconds: int = 10
    wall_seconds: float = 60.0
    output_bytes: int = 16 * 2**20


@dataclass(frozen=True, slots=True)
class RunEnd:
    """How a run ended: its `result`, or `stopped`, a clause that says why, and the step it was in."""

    result: dict[str, Any] | None
    stopped: str
    step: str


def run_confined(job: dict[str, Any], limits: Limits) -> RunEnd:
    """Runs a job (see sandboxed.py) to its end or to its limits."""
    job = {**job, "limits": {"memory_mb": limits.memory_mb, "cpu_seconds": limits.cpu_seconds}}
    with subprocess.Popen(
        [sys.executable, "-I", str(CHILD)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        env={},
    ) as child:
        try:
            output, why = _converse(child, json.dumps(job).encode(), limits)
        finally:
            child.kill()  # of a child that has ended already nothing is left to kill
    return _end_of(output, why or _death(child.returncode, limits))


def _converse(child: "subprocess.Popen[bytes]", job: bytes, limits: Limits) -> tuple[bytes, str]:
    """Gives the child its job and reads what it says; the reason when that had to be cut short."""
    assert child.stdin is not None
    assert child.stdout is not None
    deadline = time.monotonic() + limits.wall_seconds
    try:
        child.stdin.write(job)  # it reads all of it before it says anything
        child.stdin.close()
    except BrokenPipeError:
        return b"", ""
    parts: list[bytes] = []
    size = 0
    with selectors.DefaultSelector() as selector:
        selector.register(child.stdout, selectors.EVENT_READ)
        while True:
            left = deadline - time.monotonic()
            if left <= 0 or not selector.select(left):
                return b"".join(parts), f"it did not end within {limits.wall_seconds:g} s"
            part = child.stdout.read1(CHUNK)  # type: ignore[attr-defined]
            if not part:
                child.wait()
                return b"".join(parts), ""
            size += len(part)
            if size > limits.output_bytes:
                return b"".join(parts), f"it wrote more than {limits.output_bytes} bytes"
            parts.append(part)


def _death(code: int | None, limits: Limits) -> str:
    if code == -signal.SIGXCPU or code == -signal.SIGKILL:
        return f"it used more than {limits.cpu_seconds} s of processor time"
    if code in (-signal.SIGABRT, -signal.SIGSEGV, -signal.SIGBUS, -signal.SIGILL, -signal.SIGTRAP):
        return f"it made the VM crash ({signal.Signals(-code).name})"
    return f"its process ended with status {code}"


def _end_of(output: bytes, why: str) -> RunEnd:
    step = ""
    for line in output.splitlines():
        try:
            message = json.loads(line)
        except ValueError:  # cut off by the end of the process
            break
        if "result" in message:
            return RunEnd(message["result"], "", step)
        if "problem" in message:
            return RunEnd(None, str(message["problem"]), step)
        step = str(message["step"])
    return RunEnd(None, why, step)
