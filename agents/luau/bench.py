"""Measures the agent in the VM and prints the figures of docs/agents/luau.md.

python -m agents.luau.bench
"""

import os
import time
from pathlib import Path

from luauvm import VM, VMOptions

FOLDER = Path(__file__).parent
AGENT = "ServerScriptService.connmon"
SECONDS = 60  # of idle frames
FPS = 60


def idle_frame(connections: int) -> float:
    """Microseconds of CPU that the running agent adds to a frame in which nothing happens."""
    costs = []
    for with_agent in (False, True):
        vm = VM(VMOptions(mask_types=False))
        if with_agent:
            vm.mount(FOLDER / "src", AGENT)
            vm.run(
                """
                local connmon = require(game:GetService("ServerScriptService").connmon)
                connmon.start({ Url = "http://backend", Key = "k", Interval = 3600 })
                for i = 1, ... do
                    local connection = { Connected = true, Disconnect = print }
                    connmon.ConnectionManager:RegisterConnection("Combat", "n" .. i, connection, "Custom")
                end
                """,
                connections,
            )
        vm.advance(5, FPS)
        best = float("inf")
        for _ in range(3):
            started = time.thread_time()
            vm.advance(SECONDS, FPS)
            best = min(best, time.thread_time() - started)
        costs.append(best / (SECONDS * FPS) * 1e6)
    return costs[1] - costs[0]


def main() -> None:
    vm = VM(VMOptions(mask_types=False, signals="Immediate"))
    vm.mount(FOLDER / "src", AGENT)
    vm.expose("collectgarbage")
    clock = vm.function(lambda: time.thread_time())
    memory = vm.function(lambda: float(vm.heap_bytes()))
    (figures,) = vm.run((FOLDER / "bench.luau").read_text(), clock, memory)
    print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    for name, value in figures.items():
        print(f"{value:10.1f} {name}")
    for connections in (1_000, 40_000):
        print(f"{idle_frame(connections):10.2f} us an idle frame with {connections:,} connections")


if __name__ == "__main__":
    main()
