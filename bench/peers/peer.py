"""What every peer module yields, and how it is measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bench.loader import LoadResult, Script, prime, run_wrk
from bench.peers.child import Child


@dataclass(frozen=True, slots=True)
class Peer:
    """A running peer, ready to be measured.

    `goal` is how many times its rate connmon wants to reach (None: no goal). `acknowledgement` says what its
    2xx answer is worth. `primed`: its servers have sent their first request already.
    """

    name: str
    package: str
    url: str
    script: Script
    child: Child
    goal: float | None
    acknowledgement: str
    connections: int = 64
    primed: bool = False


def measure(peer: Peer, *, seconds: int, cores: str | None = None) -> dict[str, Any]:
    """Prime the peer's servers, load it for `seconds`, and return its figures ready for JSON."""
    script = peer.script if peer.primed else prime(peer.url, peer.script)
    used_before = peer.child.cpu_s()
    result = run_wrk(peer.url, script, seconds=seconds, connections=peer.connections, cores=cores)
    used = peer.child.cpu_s() - used_before
    return {
        "name": peer.name,
        "package": peer.package,
        "goal": peer.goal,
        "acknowledgement": peer.acknowledgement,
        "connections": peer.connections,
        "server_cpu_us_per_request": _per_request_us(used, result),
        **result.to_dict(),
    }


def _per_request_us(cpu_s: float, result: LoadResult) -> float | None:
    return round(cpu_s / result.answers * 1e6, 1) if result.answers else None
