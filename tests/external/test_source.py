"""An uploaded source whose worker is killed on the way, as the kernel does when memory runs out."""

import os
import signal
import sys
from contextlib import suppress

import psutil

from tests.external.installation import Installation, until
from tests.machine import PATIENCE
from tests.source.uploads import PETS

ENDLESS = PETS.replace("return Pets", "while true do end")  # each is run until its time is over
FILES = {f"src/Pets{number}.server.luau": ENDLESS for number in range(3)}
LEASE = 60.0  # seconds until another worker takes what a dead one had: connmon/source/analysis.py
CHILD = "connmon.source.child"


def send(external: Installation) -> int:
    """The upload's number."""
    lines = (
        "import django; django.setup()",
        "from connmon.accounts.models import Game",
        "from tests.external.test_source import FILES",
        "from tests.source.uploads import put_upload",
        f"print(put_upload(Game.objects.get(pk={external.game_id}), FILES).pk)",
    )
    return int(external.call([sys.executable, "-c", "\n".join(lines)]))


def state_of(external: Installation, upload: int) -> tuple[str, int]:
    """Its state and how many workers have begun it."""
    query = f"SELECT state || ' ' || attempts FROM source_upload WHERE id = {upload}"
    state, attempts = str(external.postgres.ask("connmon", query)).split()
    return state, int(attempts)


def analysing(external: Installation) -> psutil.Process | None:
    """The process that analyses, while it has others that run sources."""
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):  # others come and go meanwhile
            if CHILD in process.cmdline() and process.children():
                return process
    return None


def kill_worker_of(external: Installation, child: psutil.Process) -> None:
    """Celery's main process and its pool, not what they began."""
    pool = child.parent()
    assert pool
    main = pool.parent()
    assert main
    is_second = main.pid == external.second_worker.process.pid
    for process in (main, *main.children()):
        os.kill(process.pid, signal.SIGKILL)
    if is_second:
        external.start_second_worker()


def is_gone(process: psutil.Process) -> bool:
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_a_source_whose_worker_is_killed_is_analysed_by_the_next(external: Installation) -> None:
    upload = send(external)
    child = until(lambda: analysing(external), "the analysis to run a source")
    tree = [child, *child.children(recursive=True)]
    assert state_of(external, upload) == ("running", 1)
    kill_worker_of(external, child)
    until(lambda: all(map(is_gone, tree)), "all that the dead worker began to end")
    until(lambda: state_of(external, upload) == ("running", 2), "another worker", patience=2 * LEASE + PATIENCE)
    until(lambda: state_of(external, upload) == ("done", 2), "its end", patience=4 * LEASE)
    query = f"SELECT count(*) FROM source_change JOIN source_sourcefile f ON f.id = file_id WHERE upload_id = {upload}"
    assert external.postgres.ask("connmon", query) == 3 * len(FILES)
