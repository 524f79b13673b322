"""InfluxDB 1.6 from Debian, each write flushed to its log before it is acknowledged."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.request import Request, urlopen

from bench.loader import NOW_MS, SERVER, Script, Slot, Template
from bench.peers.child import free_port, require, running
from bench.peers.information import Subject, subjects
from bench.peers.peer import Peer

PACKAGE = "influxdb"
PROGRAM = "influxd"
GOAL = 5.0
DATABASE = "connmon"

ACKNOWLEDGEMENT = (
    "204 after the points are written to the write-ahead log and that file is fsynced (writes in flight "
    "share one fsync): an acknowledged report survives kill -9 and a power cut."
)

# Its own statistics and its access log are off: neither belongs to taking a report in.
CONFIGURATION = """
reporting-disabled = true
bind-address = "127.0.0.1:{backup_port}"
[meta]
  dir = "{folder}/meta"
[data]
  dir = "{folder}/data"
  wal-dir = "{folder}/wal"
  wal-fsync-delay = "0s"
[monitor]
  store-enabled = false
[http]
  bind-address = "127.0.0.1:{port}"
  log-enabled = false
"""


def script() -> Script:
    """A report in line protocol as InfluxDB likes it: a line for each service and pool, four fields each."""
    return _script(_line(subject) for subject in subjects())


def script_of_single_values() -> Script:
    """The same report as 224 points of one value each, the way collectors of samples write it."""
    return _script(_single_value_lines(subject) for subject in subjects())


def _script(lines: Iterable[Iterable[str | Slot]]) -> Script:
    return Script(
        path=Template.of(f"/write?db={DATABASE}&precision=ms"),
        body=Template.of(*chain.from_iterable(lines)),
        content_type="text/plain",
        expected_status=204,
    )


def _single_value_lines(subject: Subject) -> Iterator[str | Slot]:
    for number in subject.numbers:
        yield f"{subject.kind}_{number.name},server="
        yield SERVER
        yield f",{subject.kind}={subject.name} value="
        yield number.value
        yield "i "
        yield NOW_MS
        yield "\n"


def _line(subject: Subject) -> Iterator[str | Slot]:
    yield f"{subject.kind},server="
    yield SERVER
    yield f",{subject.kind}={subject.name}"
    for index, number in enumerate(subject.numbers):
        yield f"{',' if index else ' '}{number.name}="
        yield number.value
        yield "i"
    yield " "
    yield NOW_MS
    yield "\n"


@contextmanager
def serve(*, cores: str | None = None) -> Iterator[Peer]:
    """A fresh InfluxDB with an empty database. Raises PeerMissingError or PeerError."""
    require(PROGRAM, PACKAGE)
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with TemporaryDirectory(prefix="connmon-influxdb-") as name:
        folder = Path(name)
        configuration = folder / "influxdb.conf"
        configuration.write_text(CONFIGURATION.format(folder=folder, port=port, backup_port=free_port()))
        command = [PROGRAM, "run", "-config", str(configuration)]
        with running(command, ready_url=f"{url}/ping", log=folder / "log", cores=cores) as child:
            _create_database(url)
            yield Peer("influxdb", PACKAGE, url, script(), child, GOAL, ACKNOWLEDGEMENT)


@contextmanager
def serve_single_values(*, cores: str | None = None) -> Iterator[Peer]:
    """The same server, given its report as 224 points of one value. Raises PeerMissingError or PeerError."""
    with serve(cores=cores) as peer:
        yield replace(peer, name="influxdb, single values", script=script_of_single_values())


def _create_database(url: str) -> None:
    query = Request(f"{url}/query", data=f"q=CREATE DATABASE {DATABASE}".encode(), method="POST")
    with urlopen(query, timeout=10) as answer:
        answer.read()
