"""Supervises what its arguments describe: `python -m tests.runtime.driver FOLDER STAGES LEFTOVER_PATIENCE`.

STAGES is JSON, a list of lists of processes. Each has a `name`; `postgres` and `valkey` are the embedded servers,
any other runs its `code` in Python with the data folder as its argument. Other keys go to ProcessSpec.
"""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

from connmon.runtime import locks, processes
from connmon.runtime.console import Console
from connmon.runtime.errors import StartError
from connmon.runtime.postgres import Postgres
from connmon.runtime.spec import ProcessSpec, StopOrder
from connmon.runtime.supervisor import RECORDS, Supervisor
from connmon.runtime.valkey import Valkey


def make_spec(data: Path, entry: dict[str, Any]) -> ProcessSpec:
    """The process that an entry describes."""
    match entry:
        case {"name": "postgres"}:
            return ProcessSpec("postgres", server=Postgres(data), stop_order=StopOrder.DATABASE)
        case {"name": "valkey"}:
            return ProcessSpec("valkey", server=Valkey(data), stop_order=StopOrder.BROKER)
        case {"code": code, **rest}:
            if "stop_order" in rest:
                rest["stop_order"] = StopOrder[rest["stop_order"]]
            if "pass_fds" in rest:
                rest["pass_fds"] = tuple(rest["pass_fds"])
            return ProcessSpec(command=(sys.executable, "-u", "-c", code, str(data)), **rest)
    raise ValueError(entry)


async def supervise(data: Path, stages: list[list[dict[str, Any]]]) -> int:
    console = Console()

    async def announce() -> None:
        console.say("all started")

    specs = [[make_spec(data, entry) for entry in stage] for stage in stages]
    return await Supervisor(specs, data, Path.cwd(), console).run(announce)


def main() -> int:
    data, stages = Path(sys.argv[1]), json.loads(sys.argv[2])
    data.mkdir(parents=True, exist_ok=True)
    processes.LEFTOVER_PATIENCE = float(sys.argv[3])
    try:
        with locks.folder_lock(data / "supervisor.lock", {"process": os.getpid(), "what": "the test driver"}):
            processes.end_recorded(data / RECORDS, Console().say)
            return asyncio.run(supervise(data, stages))
    except StartError as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
