"""One supervised process: prepared, started, watched, started again, stopped."""

import asyncio
import os
import signal
import threading
import time
import traceback
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from connmon.runtime import processes, servers
from connmon.runtime.accounts import Account
from connmon.runtime.console import Console
from connmon.runtime.errors import StartError, StopAsked
from connmon.runtime.postgres import plain_environment
from connmon.runtime.processes import Recorded
from connmon.runtime.spec import ProcessSpec

FIRST_DELAY = 0.5  # seconds before a dead process is started again; doubles …
LONGEST_DELAY = 15.0  # … up to this
HEALTHY_AFTER = 60.0  # seconds of life after which the delay starts over
STARTS_BEFORE_GIVING_UP = 3  # for a server that never became ready since the supervisor started
HURRY_PATIENCE = 5.0  # seconds between the hurry signal and SIGKILL
DRAIN_PATIENCE = 1.0  # seconds for the last lines of a dead process
LONGEST_LINE = 65_536  # bytes; a longer line is shown in pieces


@dataclass(slots=True)
class Surroundings:
    """What all children of one supervisor share."""

    console: Console
    records_path: Path
    working_directory: Path
    records: dict[str, Recorded] = field(default_factory=dict)
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    hurry: asyncio.Event = field(default_factory=asyncio.Event)
    stopping_threads: threading.Event = field(default_factory=threading.Event)

    def remember(self, spec: ProcessSpec, pid: int) -> None:
        """Write a child down, so that the next start can end it if we cannot. Servers are known by their lock."""
        if spec.server is None:
            with suppress(psutil.NoSuchProcess):
                self.records[spec.name] = processes.record(spec.name, pid, spec.command)
            self.write_records()

    def forget(self, spec: ProcessSpec) -> None:
        """The child has ended."""
        if self.records.pop(spec.name, None):
            self.write_records()

    def write_records(self) -> None:
        """A disk without room must not end what runs: the next change writes all of them again."""
        try:
            processes.write_records(self.records_path, self.records.values())
        except OSError as error:
            self.console.say(f"{self.records_path} could not be written: {error.strerror}. Make room on its disk.")

    def ask_to_stop(self) -> None:
        """Stop everything that waits, in the event loop and in threads."""
        self.stopping.set()
        self.stopping_threads.set()


@dataclass(frozen=True, slots=True)
class Ending:
    """How one run ended: a code (negative for a signal), or None when it could not even be started."""

    code: int | None
    sentence: str


class Child:
    """A process and its restarts. `settled` is set once it runs (a server: is ready; a step: is done) or cannot."""

    def __init__(self, spec: ProcessSpec, around: Surroundings) -> None:
        self.spec = spec
        self.around = around
        self.process: asyncio.subprocess.Process | None = None
        self.settled = asyncio.Event()
        self.stop_asked = False
        self.failure: StartError | None = None
        self.task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to run it, in a task of its own."""
        self.task = asyncio.create_task(self.keep_running(), name=self.spec.name)

    async def keep_running(self) -> None:
        """Run it again and again until it is asked to stop, has finished, or cannot run."""
        try:
            await self.run_repeatedly()
        except Exception:
            # A fault of the supervisor's own: better to stop everything visibly than to watch over nothing.
            self.around.console.line(self.spec.name, traceback.format_exc())
            self.fail(f"The supervisor failed while it ran {self.spec.name}; please report the lines above.")
            self.around.ask_to_stop()

    async def run_repeatedly(self) -> None:
        delay, attempts = FIRST_DELAY, 0
        while not self.around.stopping.is_set():
            began = time.monotonic()
            ending = await self.run_once()
            attempts += 1
            if self.around.stopping.is_set() or self.is_last(ending, attempts):
                return
            if time.monotonic() - began > HEALTHY_AFTER:
                delay = FIRST_DELAY
            self.around.console.say(f"{self.spec.name} {ending.sentence}; starting it again in {delay:g} s")
            with suppress(TimeoutError):
                await asyncio.wait_for(self.around.stopping.wait(), delay)
            delay = min(delay * 2, LONGEST_DELAY)

    def is_last(self, ending: Ending, attempts: int) -> bool:
        """Whether it is not to be started again."""
        spec = self.spec
        if spec.is_step and ending.code == 0:
            self.settled.set()
            return True
        if spec.may_finish and ending.code == 0:
            self.around.console.say(f"{spec.name} has nothing (more) to do")
            return True
        if self.settled.is_set():
            return False
        if ending.code is None or spec.is_step:
            self.fail(f"{spec.name} {ending.sentence}")
        elif attempts == STARTS_BEFORE_GIVING_UP:
            self.fail(f"{spec.name} ended {attempts} times before it was ready; its lines above say why.")
        return self.failure is not None

    def fail(self, sentence: str) -> None:
        """It cannot run: tell whoever waits for it."""
        self.failure = StartError(sentence)
        self.settled.set()

    async def run_once(self) -> Ending:
        """Run it to its end."""
        read_end, write_end = os.pipe()
        lines = asyncio.create_task(self.show_lines(read_end))
        try:
            try:
                self.process = await self.launch(write_end)
            finally:
                os.close(write_end)
            self.around.remember(self.spec, self.process.pid)
            if self.stop_asked:  # while it was being started
                self.send(self.spec.stop_signal)
            await self.await_settled(self.process)
            return Ending(await self.process.wait(), describe(self.process.returncode))
        except StopAsked:
            return Ending(None, "was asked to stop")
        except (StartError, OSError) as error:
            return Ending(None, f"could not be started: {error}")
        finally:
            await self.clear_up(lines)

    async def launch(self, output: int) -> asyncio.subprocess.Process:
        """Start the process with its lines going to `output`. Raises StopAsked, StartError, OSError."""
        command, account, lock = self.spec.command, None, -1
        if self.spec.server is not None:
            lock, account = await asyncio.to_thread(self.prepare_server, self.spec.server)
            command = tuple(self.spec.server.command())
        try:
            if self.around.stopping.is_set():
                raise StopAsked
            if self.spec.before_start is not None:
                self.spec.before_start()
            return await asyncio.create_subprocess_exec(
                *processes.launch_command(
                    command,
                    death_signal=self.spec.stop_signal,
                    uid=account.uid if account else -1,
                    gid=account.gid if account else -1,
                ),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=self.spec.server.folder if self.spec.server else self.around.working_directory,
                env=self.environment(),
                pass_fds=(*self.spec.pass_fds, lock) if self.spec.server else self.spec.pass_fds,
                start_new_session=True,
            )
        finally:
            if lock >= 0:
                os.close(lock)

    def environment(self) -> dict[str, str]:
        """The child's environment."""
        base = plain_environment() if self.spec.server else dict(os.environ)
        return {**base, **self.spec.environment}

    def prepare_server(self, server: servers.Server) -> tuple[int, Account | None]:
        """Claim the server's folder and make it ready; blocks, so it runs in a thread. The lock and the account."""
        say = self.around.console.say
        lock = servers.claim(server, say, self.around.stopping_threads)
        try:
            return lock, server.prepare(say, lock)
        except BaseException:
            os.close(lock)
            raise

    async def await_settled(self, process: asyncio.subprocess.Process) -> None:
        """Set `settled` when the process counts as running."""
        if self.spec.is_step:
            return
        if self.spec.server is not None:
            with suppress(StopAsked):
                ready = await asyncio.to_thread(
                    servers.await_ready,
                    self.spec.server,
                    process.pid,
                    lambda: process.returncode is None,
                    self.around.console.say,
                    self.around.stopping_threads,
                )
                if not ready:
                    return
        self.settled.set()

    async def show_lines(self, read_end: int) -> None:
        """Show what the process writes until all its descendants have closed the pipe."""
        reader = asyncio.StreamReader(limit=LONGEST_LINE)
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(read_end, "rb", buffering=0)
        )
        rest = b""
        try:
            while chunk := await reader.read(LONGEST_LINE):
                *complete, rest = (rest + chunk).split(b"\n")
                if len(rest) > LONGEST_LINE:
                    complete, rest = [*complete, rest], b""
                for line in complete:
                    self.show_line(line)
        finally:
            if rest:
                self.show_line(rest)
            transport.close()

    def show_line(self, line: bytes) -> None:
        """Show one line, unless it is known to tell nobody anything."""
        text = line.decode(errors="replace")
        if not any(words in text for words in self.spec.hidden_lines):
            self.around.console.line(self.spec.name, text)

    async def clear_up(self, lines: asyncio.Task[None]) -> None:
        """After its end: kill what it left behind, show its last lines, forget it."""
        if self.process is not None:
            processes.kill_group(self.process.pid)
            if self.spec.server is not None:
                servers.kill_orphans(self.spec.server)
            self.process = None
        self.around.forget(self.spec)
        with suppress(TimeoutError):
            await asyncio.wait_for(lines, DRAIN_PATIENCE)

    def send(self, number: signal.Signals) -> None:
        """Signal the process if it runs."""
        if self.process is not None and self.process.returncode is None:
            with suppress(ProcessLookupError):
                self.process.send_signal(number)

    async def stop(self) -> None:
        """End it and stay ended: cleanly, else in a hurry, else by force."""
        self.stop_asked = True
        if self.task is None:
            return
        hurry = asyncio.create_task(self.around.hurry.wait())
        steps = ((self.spec.stop_signal, self.spec.stop_patience), (self.spec.hurry_signal, HURRY_PATIENCE))
        for number, patience in steps:
            self.send(number)
            waiting = {self.task, hurry} if number == self.spec.stop_signal else {self.task}
            await asyncio.wait(waiting, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
            if self.task.done():
                break
            self.around.console.say(f"{self.spec.name} has not ended yet; ending it by force")
        hurry.cancel()
        self.send(signal.SIGKILL)
        await self.task


def describe(code: int | None) -> str:
    """An exit code in words."""
    if code is not None and code < 0:
        return f"was killed by {signal.Signals(-code).name}"
    return f"ended with code {code}"
