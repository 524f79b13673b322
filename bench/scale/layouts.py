"""Web processes and the way in which reports come to them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from bench.ingest.site import Database, web


@dataclass(frozen=True, slots=True)
class Layout:
    """So many web processes. Sticky: a server's reports all go to one of them, as over a connection that is kept alive
    or a socket; else each goes to any of them, as behind a proxy that balances by request."""

    processes: int
    sticky: bool = True

    @property
    def name(self) -> str:
        """`1`, `2`, `2 random`."""
        return str(self.processes) if self.sticky else f"{self.processes} random"


@dataclass(frozen=True, slots=True)
class Running:
    """Web processes that answer; each address takes an equal share of the servers."""

    addresses: Sequence[str]
    pids: Sequence[int]


def layouts(processes: Sequence[int]) -> list[Layout]:
    """Each number of processes sticky, and where there are several, with random turns beside."""
    return [Layout(count, sticky) for count in processes for sticky in ((True,) if count == 1 else (True, False))]


@contextmanager
def running(base: Database, layout: Layout) -> Iterator[Running]:
    """Sticky processes listen each at an address of their own, others all at one."""
    groups = [1] * layout.processes if layout.sticky else [layout.processes]
    with ExitStack() as stack:
        webs = [stack.enter_context(web(base, processes=count)) for count in groups]
        yield Running([address for address, _ in webs], [pid for _, pids in webs for pid in pids])
