"""What pools save against connecting anew: connection objects that are not made, and their memory.

The mocked server counts engine connections in its ledger. Its connection is a Luau table of about 600 bytes; how much
memory the engine itself keeps for one is not published, so the share saved there may differ.
"""

from __future__ import annotations

from typing import Any

from bench.agent.vm import AGENT, AGENT_SOURCE, HERE
from luauvm import VM, VMOptions

EXAMPLE = AGENT_SOURCE.parent / "examples" / "after" / "ObstacleSpawnerService.luau"
SPAWNING_SECONDS = 600
FPS = 20
KEPT = 25  # MAX_POOL_SIZE_PER_TYPE, the default
HELD = 1_000  # connections held at once to tell their memory; fewer hide in the pages of the allocator


class Workload:
    """A server with the agent, its pools on or off. `kept`: free slots that a pool may keep."""

    def __init__(self, *, pooled: bool, kept: int = KEPT) -> None:
        self.vm = VM(VMOptions(signals="Immediate", mask_types=False))
        self.vm.mount(AGENT_SOURCE, AGENT)
        self.vm.add_script("ServerScriptService.ObstacleSpawnerService", EXAMPLE.read_text(encoding="utf-8"))
        source = (HERE / "pools.luau").read_text(encoding="utf-8")
        self.vm.add_script("ServerScriptService.Bench", f"return function(...) {source}\nend")
        self.vm.extend("local control = ... control.env.shared.ledger = control.signals.ledger")
        make = self.vm.require("ServerScriptService.Bench")
        self.vm.run(
            "local make, pooled, kept = ... shared.bench = make(pooled, kept, shared.ledger)", make, pooled, kept
        )
        self.before = self.made()
        self.connected_before = self.connected()

    def call(self, function: str, *args: Any) -> Any:
        """Calls a function of pools.luau."""
        results = self.vm.run(f"return shared.bench.{function}(...)", *args)
        return results[0] if results else None

    def made(self) -> int:
        """Connection objects made so far."""
        return int(self.call("made"))

    def connected(self) -> int:
        """Engine connections made so far."""
        return int(self.call("connected"))

    def spawn(self) -> None:
        """The ObstacleSpawnerService with two players."""
        self.vm.join("Ann", 1)
        self.vm.join("Bob", 2)
        self.call("startSpawner")
        self.vm.advance(SPAWNING_SECONDS, FPS)

    def reuse_rate(self) -> float:
        """Slots handed out again, of all slots handed out."""
        pool = self.call("pool")
        return float(pool["Hits"] / max(1, pool["Hits"] + pool["Misses"]))


def figures() -> dict[str, dict[str, float]]:
    """By workload: reuse_rate, creation_saved, engine_connections_saved and, once, memory_saved; shares from 0 to 1."""
    result = {
        "obstacle_spawner": _spawner(),
        "50_services_each_restarts": _services("restartEach"),
        "50_services_restart_at_once": _services("restartAll"),
        "50_services_restart_at_once_50_kept": _services("restartAll", kept=50),
    }
    result["50_services_each_restarts"]["memory_saved"] = round(1 - _bytes(pooled=True) / _bytes(pooled=False), 3)
    return result


def _spawner() -> dict[str, float]:
    with_pools, without = Workload(pooled=True), Workload(pooled=False)
    for workload in (with_pools, without):
        workload.spawn()
    made, anew = with_pools.made() - with_pools.before, without.made() - without.before
    unpooled = int(with_pools.call("spawned")) + 2 + 2  # Touched of each, players' events, two players' characters
    return {
        "reuse_rate": round(with_pools.reuse_rate(), 3),
        "creation_saved": round(1 - (made - unpooled) / (anew - unpooled), 3),
        "creation_saved_of_all_types": round(1 - made / anew, 3),
    }


def _services(function: str, kept: int = KEPT) -> dict[str, float]:
    with_pools, without = Workload(pooled=True, kept=kept), Workload(pooled=False)
    for workload in (with_pools, without):
        workload.call(function)
    made, anew = with_pools.made() - with_pools.before, without.made() - without.before
    connected = with_pools.connected() - with_pools.connected_before
    connected_anew = without.connected() - without.connected_before
    return {
        "reuse_rate": round(with_pools.reuse_rate(), 3),
        "creation_saved": round(1 - made / anew, 3),
        "engine_connections_saved": round(1 - connected / connected_anew, 3),
    }


def _bytes(*, pooled: bool) -> float:
    """Bytes of one connection of HELD, the pool's own tables included."""
    workload = Workload(pooled=pooled)
    readings = []
    for count in (0, 0, HELD):  # running a script takes memory as well: what the second one takes is that alone
        workload.call("hold", count)
        readings.append(workload.vm.used_memory())
    return (readings[2] - readings[1] - (readings[1] - readings[0])) / HELD
