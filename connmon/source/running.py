"""Runs the child process that analyses an upload, and holds it to its limits whatever it does."""

import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final

import msgspec

from connmon.source.reports import FileReport, Job, Placed, ProofReport, Report, Total

ROOT: Final = Path(__file__).resolve().parents[2]
CHUNK: Final = 65_536
BEAT: Final = 5.0  # seconds between two calls of `beat` at most


class AnalysisFailed(Exception):
    """The child came to no end of its own; the message says why."""


@dataclass(frozen=True, slots=True)
class Limits:
    """`seconds`: after these the child begins nothing new; `wall_seconds`: then it is ended."""

    seconds: float = 480.0
    wall_seconds: float = 600.0
    memory_mb: int = 2_048  # of each process
    output_bytes: int = 128 * 2**20


@dataclass
class Analysis:
    """What came of an upload, by path."""

    files: dict[str, FileReport] = field(default_factory=dict)
    proofs: dict[str, ProofReport] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    steps: int = 0  # that there will be

    @property
    def done(self) -> int:
        """Steps that were taken."""
        return len(self.files) + len(self.proofs)

    def take(self, report: Report) -> None:
        match report:
            case FileReport():
                self.files[report.path] = report
            case ProofReport():
                self.proofs[report.path] = report
            case Total():
                self.steps = report.steps
            case Placed():
                self.refused = report.refused


_DECODER: Final = msgspec.json.Decoder(Report)


def run_analysis(job: Job, limits: Limits, beat: Callable[[Analysis], None]) -> Analysis:
    """Analyses a job in a child process. Raises AnalysisFailed; what `beat` raises ends the child too.

    `beat` is called with what there is so far, every BEAT seconds at least.
    """
    with subprocess.Popen(
        [sys.executable, "-m", "connmon.source.child"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        cwd=ROOT,
        env={"PYTHONDONTWRITEBYTECODE": "1", "LANG": "C.UTF-8"},
    ) as child:
        try:
            return _Conversation(child, limits, beat).run(job)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)


class _Conversation:
    def __init__(self, child: "subprocess.Popen[bytes]", limits: Limits, beat: Callable[[Analysis], None]) -> None:
        self._child, self._limits, self._beat = child, limits, beat
        self._ends_at = time.monotonic() + limits.wall_seconds
        self._analysis = Analysis()
        self._rest = b""
        self._size = 0

    def run(self, job: Job) -> Analysis:
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        with suppress(BrokenPipeError), self._child.stdin as pipe:
            pipe.write(msgspec.msgpack.encode(job))  # it reads all of it before it says anything
        self._listen(self._child.stdout)
        self._child.wait()
        self._check_end()
        return self._analysis

    def _listen(self, output: IO[bytes]) -> None:
        """Until the child closes its output. Beats after each part and after each silence of BEAT seconds."""
        with selectors.DefaultSelector() as selector:
            selector.register(output, selectors.EVENT_READ)
            while True:
                self._beat(self._analysis)
                left = self._ends_at - time.monotonic()
                if left <= 0:
                    raise AnalysisFailed(f"The analysis did not end within {self._limits.wall_seconds:g} s.")
                if selector.select(min(left, BEAT)):
                    part = os.read(output.fileno(), CHUNK)
                    if not part:
                        return
                    self._take(part)

    def _take(self, part: bytes) -> None:
        self._size += len(part)
        if self._size > self._limits.output_bytes:
            raise AnalysisFailed(f"The findings are more than {self._limits.output_bytes:,} bytes; upload fewer files.")
        *lines, self._rest = (self._rest + part).split(b"\n")
        for line in lines:
            try:
                self._analysis.take(_DECODER.decode(line))
            except msgspec.DecodeError as error:
                raise AnalysisFailed(f"The analysis said something that cannot be read: {error}.") from None

    def _check_end(self) -> None:
        """A child that was killed, or ended before its last step, has failed."""
        code = self._child.returncode
        if code or self._analysis.done < self._analysis.steps or not self._analysis.steps:
            why = f"was ended by signal {-code}" if code and code < 0 else f"ended with status {code}"
            raise AnalysisFailed(f"The process that analyses {why}; the upload may need more memory than there is.")
