"""What the running agent adds to a frame in which nothing happens."""

from __future__ import annotations

import time

from bench.agent.vm import AGENT, AGENT_SOURCE
from luauvm import VM, VMOptions

SECONDS = 60
FPS = 60
ROUNDS = 5
START = """
    local connmon = require(game:GetService("ServerScriptService").connmon)
    connmon.start({ Url = "http://backend", Key = "k", Interval = 3600 })
    for i = 1, ... do
        local connection = { Connected = true, Disconnect = print }
        connmon.ConnectionManager:RegisterConnection("Combat", "n" .. i, connection, "Custom")
    end
"""


def idle_frame_us(connections: int) -> float:
    """Microseconds of CPU a frame, sweeps and reports included: a server with the agent less one without."""
    return _frame_us(connections) - _frame_us(None)


def _frame_us(connections: int | None) -> float:
    vm = VM(VMOptions(mask_types=False, optimization=2))
    if connections is not None:
        vm.mount(AGENT_SOURCE, AGENT)
        vm.run(START, connections)
    vm.advance(5, FPS)
    best = float("inf")
    for _ in range(ROUNDS):
        started = time.thread_time()
        vm.advance(SECONDS, FPS)
        best = min(best, time.thread_time() - started)
    return best / (SECONDS * FPS) * 1e6
