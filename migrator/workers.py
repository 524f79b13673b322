"""Work on many items in several processes. An item that crashes its process, or never ends, costs that item alone."""

import ctypes
import multiprocessing
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any, Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")

PR_SET_PDEATHSIG = 1
SPAWN = multiprocessing.get_context("spawn")  # a forked process would inherit locks and descriptors


@dataclass(frozen=True, slots=True)
class Done(Generic[T, R]):
    """An item with its result, or with the reason why there is none."""

    item: T
    result: R | None
    problem: str


def _die_with_parent() -> None:
    """On Linux a parent that is killed takes its workers along, whatever they are at."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def _serve(make: Callable[[Any], Callable[[Any], Any]], setup: Any, pipe: "Connection[Any, Any]") -> None:
    """A worker: makes its function once, then answers items until it is given None."""
    _die_with_parent()
    try:
        work = make(setup)
        while (item := pipe.recv()) is not None:
            pipe.send(work(item))
    except (EOFError, KeyboardInterrupt, BrokenPipeError):
        return


class _Worker(Generic[T, R]):
    """One process and the item it has."""

    def __init__(self, make: Callable[[Any], Callable[[T], R]], setup: Any) -> None:
        self.pipe, theirs = SPAWN.Pipe()
        self._process = SPAWN.Process(target=_serve, args=(make, setup, theirs), daemon=False)
        self._process.start()
        theirs.close()
        self.item: T | None = None
        self.deadline = 0.0

    def give(self, item: T, seconds: float) -> None:
        """Hands it an item."""
        self.item, self.deadline = item, time.monotonic() + seconds
        self.pipe.send(item)

    def take(self) -> Done[T, R]:
        """What it says about its item; a process that has died says nothing."""
        item = self.item
        assert item is not None
        try:
            result: R = self.pipe.recv()
        except (EOFError, ConnectionResetError):
            self._process.join()
            return Done(item, None, f"its process ended with status {self._process.exitcode}")
        self.item = None
        return Done(item, result, "")

    def end(self) -> None:
        """Ends the process, whatever it does."""
        try:
            if self.item is None:
                self.pipe.send(None)
                self._process.join(5)
        except (BrokenPipeError, OSError):
            pass
        self._process.kill()
        self._process.join()
        self.pipe.close()


def work_through(
    items: Sequence[T], make: Callable[[Any], Callable[[T], R]], setup: Any, *, jobs: int, seconds: float
) -> Iterator[Done[T, R]]:
    """Yields each item's end as it comes. `make(setup)` is called once in each of `jobs` processes and gives the
    function that works on an item; `seconds`: what one item may take.

    `make`, `setup`, items and results are pickled.
    """
    todo = list(reversed(items))
    workers: list[_Worker[T, R]] = []
    try:
        while todo or any(worker.item is not None for worker in workers):
            while todo and len(workers) < jobs:
                workers.append(_Worker(make, setup))
            for worker in workers:
                if worker.item is None and todo:
                    worker.give(todo.pop(), seconds)
            yield from _collect(workers, seconds)
    finally:
        for worker in workers:
            worker.end()


def _collect(workers: list[_Worker[T, R]], seconds: float) -> Iterator[Done[T, R]]:
    """What has come by now, or the first thing that comes; workers that died or took too long are ended."""
    busy = {worker.pipe: worker for worker in workers if worker.item is not None}
    patience = min(worker.deadline for worker in busy.values()) - time.monotonic()
    for pipe in wait(list(busy), max(0.0, patience)):
        worker = busy[pipe]  # type: ignore[index]
        done = worker.take()
        if done.problem:
            workers.remove(worker)
            worker.end()
        yield done
    for worker in busy.values():
        if worker.item is not None and worker in workers and time.monotonic() > worker.deadline:
            item = worker.item
            workers.remove(worker)
            worker.end()
            yield Done(item, None, f"it did not end within {seconds:g} s")
