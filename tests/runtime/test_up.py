"""`manage.py up`, whole: every process, the address, the setup link, a crash, the end."""

import json
import os
import re
import signal
from pathlib import Path
from urllib.request import urlopen

from connmon.runtime import processes
from connmon.runtime.processes import Recorded
from connmon.runtime.supervisor import RECORDS
from tests.runtime.conftest import START_PATIENCE, processes_of, run_up, wait_for


def test_up_starts_everything_survives_a_crash_and_leaves_nothing(folder: Path) -> None:
    run = run_up(folder)
    try:
        run.wait_for_line("connmon is ready:", patience=START_PATIENCE)
        address = re.search(r"connmon is ready:  (http://127\.0\.0\.1:\d+)", run.output())
        assert address is not None
        assert f"first sign-up:     {address[1]}/setup/" in run.output()
        with urlopen(f"{address[1]}/readyz") as response:
            assert json.load(response)["status"] == "ok"
        web = next(entry for entry in recorded(folder) if entry.name == "web")
        os.kill(web.pid, signal.SIGKILL)
        # The supervisor holds the socket, so this waits for the next web process instead of being refused.
        wait_for(lambda: web not in recorded(folder), "the end of the web process to be noticed")
        with urlopen(f"{address[1]}/healthz", timeout=30) as response:
            assert response.status == 200
        assert run.stop(signal.SIGINT) == 0
        assert not processes_of(folder)
    finally:
        if run.process.poll() is None:
            run.kill()


def recorded(folder: Path) -> list[Recorded]:
    return processes.read_records(folder / RECORDS)
