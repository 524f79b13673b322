"""The supervisor with small Python one-liners for children."""

import signal
import socket
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from connmon.runtime import processes
from connmon.runtime.supervisor import RECORDS
from tests.runtime.conftest import StartRun, processes_of, wait_for

FOREVER = "import signal; print('running', flush=True); signal.pause()"
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + FOREVER
WITH_GRANDCHILD = (
    "import subprocess, sys; "
    "subprocess.Popen([sys.executable, '-c', 'import signal; signal.pause()', sys.argv[1], 'grandchild']); " + FOREVER
)


def entry(name: str, code: str, **rest: Any) -> dict[str, Any]:
    return {"name": name, "code": code, **rest}


def children(folder: Path) -> list[psutil.Process]:
    """The processes of the one-liners."""
    return [process for process in processes_of(folder) if "-c" in process.cmdline()]


def test_a_process_that_dies_is_started_again_after_growing_delays(start: StartRun) -> None:
    run = start([entry("shaky", "raise SystemExit(3)")])
    run.wait_for_line("shaky ended with code 3; starting it again in 0.5 s")
    run.wait_for_line("starting it again in 1 s")
    run.wait_for_line("starting it again in 2 s")
    assert run.stop() == 0


def test_a_killed_process_is_named_with_its_signal(start: StartRun, folder: Path) -> None:
    run = start([entry("victim", FOREVER)])
    run.wait_for_line("running")
    children(folder)[0].kill()
    run.wait_for_line("victim was killed by SIGKILL")
    run.wait_for_line("running", times=2)


def test_a_process_that_may_finish_is_not_started_again(start: StartRun, folder: Path) -> None:
    run = start([entry("demo", "print('once')", may_finish=True)])
    run.wait_for_line("demo has nothing (more) to do")
    assert run.stop() == 0
    assert run.output().count("once") == 1


def test_a_process_that_may_finish_is_started_again_when_it_failed(start: StartRun) -> None:
    run = start([entry("demo", "raise SystemExit(1)", may_finish=True)])
    run.wait_for_line("demo ended with code 1; starting it again")


def test_a_stage_waits_for_the_step_before_it(start: StartRun) -> None:
    step = entry("step", "import time; time.sleep(0.2); print('step done')", is_step=True)
    run = start([step], [entry("user", FOREVER)])
    run.wait_for_line("running")
    assert run.output().index("step done") < run.output().index("running")


def test_a_step_that_fails_ends_the_start_with_code_1_and_stops_what_runs(start: StartRun, folder: Path) -> None:
    step = entry("migrate", "raise SystemExit(2)", is_step=True)
    run = start([entry("early", FOREVER)], [step], [entry("late", FOREVER)], wait=False)
    assert run.process.wait(30) == 1
    assert "migrate ended with code 2" in run.output()
    assert not processes_of(folder)


def test_a_program_that_is_not_there_ends_the_start_with_its_name(start: StartRun, folder: Path) -> None:
    run = start([entry("step", "import os, sys; os.execv('/nowhere', ['x'])", is_step=True)], wait=False)
    assert run.process.wait(30) == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_stops_everything_and_exits_with_0(start: StartRun, folder: Path, number: signal.Signals) -> None:
    run = start([entry("one", FOREVER), entry("two", WITH_GRANDCHILD)])
    run.wait_for_line("running", times=2)
    assert run.stop(number) == 0
    assert not processes_of(folder)


def test_groups_are_stopped_one_after_the_other(start: StartRun) -> None:
    slow = (
        "import signal, sys, time\n"
        "def end(*_): time.sleep(0.2); print('ended', flush=True); sys.exit()\n"
        "signal.signal(signal.SIGTERM, end); print('running', flush=True)\n"
        "while True: signal.pause()"
    )
    run = start([entry("base", slow, stop_order="DATABASE"), entry("web", slow, stop_order="WEB")])
    run.wait_for_line("running", times=2)
    assert run.stop() == 0
    assert run.output().index("web      | ended") < run.output().index("base     | ended")


def test_a_process_that_ignores_the_stop_signal_is_killed_after_its_patience(start: StartRun, folder: Path) -> None:
    run = start([entry("deaf", STUBBORN, stop_patience=0.2)])
    run.wait_for_line("running")
    assert run.stop() == 0
    assert "deaf has not ended yet; ending it by force" in run.output()
    assert not processes_of(folder)


def test_a_second_signal_hurries(start: StartRun, folder: Path) -> None:
    run = start([entry("deaf", STUBBORN, stop_patience=600)])
    run.wait_for_line("running")
    run.process.send_signal(signal.SIGINT)
    run.wait_for_line("Ctrl-C again to hurry")
    assert run.stop(signal.SIGINT) == 0
    assert not processes_of(folder)


def test_a_stop_during_a_step_ends_the_step(start: StartRun, folder: Path) -> None:
    run = start([entry("migrate", FOREVER, is_step=True)], wait=False)
    run.wait_for_line("running")
    assert run.stop() == 0
    assert not processes_of(folder)


def test_what_a_dead_process_left_in_its_group_is_killed(start: StartRun, folder: Path) -> None:
    run = start([entry("parent", WITH_GRANDCHILD)])
    run.wait_for_line("running")
    grandchild = wait_for(lambda: [one for one in children(folder) if "grandchild" in one.cmdline()], "the grandchild")[
        0
    ]
    parent = grandchild.parent()
    assert parent is not None
    parent.kill()
    run.wait_for_line("running", times=2)
    assert not processes.is_alive(grandchild)


@pytest.mark.skipif(
    sys.platform != "linux", reason="macOS has no signal for a parent's death; the next start ends them"
)
def test_killing_the_supervisor_ends_its_children(start: StartRun, folder: Path) -> None:
    run = start([entry("one", FOREVER), entry("two", FOREVER)])
    run.wait_for_line("running", times=2)
    run.kill()
    wait_for(lambda: not processes_of(folder), "the children to end")


def test_a_start_ends_the_child_that_a_killed_supervisor_left(start: StartRun, folder: Path) -> None:
    run = start([entry("left", STUBBORN)])
    run.wait_for_line("running")
    (left,) = children(folder)
    run.kill()
    again = start([entry("left", FOREVER)], leftover_patience=0.2)
    assert "ending what an earlier run has left: left …" in again.output()
    assert not processes.is_alive(left)


def test_records_that_cannot_be_written_end_nothing(start: StartRun, folder: Path) -> None:
    run = start([entry("victim", FOREVER), entry("other", FOREVER)])
    run.wait_for_line("running", times=2)
    others = {process.pid for process in children(folder)}
    (folder / RECORDS).with_suffix(".new").mkdir()  # in the way of the draft, as a full disk is
    victim = next(child for child in processes.read_records(folder / RECORDS) if child.name == "victim").pid
    psutil.Process(victim).kill()
    run.wait_for_line("victim was killed by SIGKILL; starting it again in 0.5 s")
    run.wait_for_line("running", times=3)
    assert "processes.json could not be written" in run.output()
    assert others - {victim} < {process.pid for process in children(folder)}
    assert run.stop() == 0


def test_a_connection_made_while_the_web_process_is_down_is_answered_by_the_next(start: StartRun) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        number = listener.fileno()
        code = (
            "import socket\n"
            f"listener = socket.socket(fileno={number})\n"
            "print('running', flush=True)\n"
            "connection, _ = listener.accept()\n"
            "connection.sendall(b'served'); connection.close()\n"
            "raise SystemExit(1)"
        )
        run = start([entry("web", code, pass_fds=[number])], pass_fds=(number,))
        for _ in range(2):
            with socket.create_connection(listener.getsockname(), timeout=30) as client:
                assert client.recv(16) == b"served"
        assert run.stop() == 0


def test_a_line_of_any_length_is_shown(start: StartRun) -> None:
    run = start([entry("long", "print('x' * 300_000); print('after')", may_finish=True)])
    run.wait_for_line("long     | after")
    assert run.output().count("x") == 300_000
