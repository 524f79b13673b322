"""Runs the processes of a plan: starts them stage by stage, keeps them running, stops them in order."""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Sequence
from itertools import groupby
from pathlib import Path

from connmon.runtime.child import Child, Surroundings
from connmon.runtime.console import Console
from connmon.runtime.errors import StartError, StopAsked
from connmon.runtime.spec import ProcessSpec

Stage = Sequence[ProcessSpec]  # started together; the next stage waits until all of it has settled
RECORDS = "processes.json"  # in the data folder


class Supervisor:
    """The parent of all processes. Its caller holds the data folder's lock and has ended what is in its records."""

    def __init__(self, stages: Sequence[Stage], data: Path, working_directory: Path, console: Console) -> None:
        self.stages = stages
        self.around = Surroundings(console, data / RECORDS, working_directory)
        self.children: list[Child] = []

    async def run(self, when_started: Callable[[], Awaitable[None]]) -> int:
        """Run until SIGINT, SIGTERM or SIGHUP; the exit code: 0 when asked to stop, 1 when it could not start."""
        self.install_signals()
        try:
            for stage in self.stages:
                await self.start_stage(stage)
            await self.unless_stopped(when_started())
            await self.around.stopping.wait()
        except StopAsked:
            pass
        except StartError as error:
            self.around.console.say(str(error))
            return 1
        finally:
            self.around.ask_to_stop()
            await self.stop_children()
        return 1 if any(child.failure for child in self.children) else 0

    def install_signals(self) -> None:
        """SIGINT, SIGTERM and a closed terminal stop; asking twice hurries."""
        loop = asyncio.get_running_loop()
        wanted = [signal.SIGINT, signal.SIGTERM]
        if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # nohup
            wanted.append(signal.SIGHUP)
        for number in wanted:
            loop.add_signal_handler(number, self.take_signal)

    def take_signal(self) -> None:
        if not self.around.stopping.is_set():
            self.around.console.say("stopping; Ctrl-C again to hurry")
            self.around.ask_to_stop()
        elif not self.around.hurry.is_set():
            self.around.console.say("hurrying")
            self.around.hurry.set()

    async def start_stage(self, stage: Stage) -> None:
        """Start its processes and wait until each has settled. Raises StartError, StopAsked."""
        started = [Child(spec, self.around) for spec in stage]
        self.children += started
        for child in started:
            child.start()
        for child in started:
            await self.unless_stopped(child.settled.wait())
            if child.failure is not None:
                raise child.failure

    async def unless_stopped(self, work: Awaitable[object]) -> None:
        """Wait for the work. Raises StopAsked, and drops the work, when the end is asked for first."""
        task = asyncio.ensure_future(work)
        stopping = asyncio.ensure_future(self.around.stopping.wait())
        try:
            await asyncio.wait({task, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                raise StopAsked
            task.result()
        finally:
            task.cancel()
            stopping.cancel()

    async def stop_children(self) -> None:
        """Stop them group by group."""
        by_order = sorted(self.children, key=lambda child: child.spec.stop_order)
        for _, group in groupby(by_order, key=lambda child: child.spec.stop_order):
            await asyncio.gather(*(child.stop() for child in group))
