"""VictoriaMetrics 1.79 from Debian, as shipped."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.loader import Script, Template
from bench.peers import influxdb
from bench.peers.child import free_port, require, running
from bench.peers.peer import Peer

PACKAGE = "victoria-metrics"
PROGRAM = "victoria-metrics"
GOAL = 0.6

ACKNOWLEDGEMENT = (
    "204 after the samples are parsed into buffers in memory, which go to disk some seconds later (it has no "
    "write-ahead log): kill -9 or a power cut loses the last seconds of acknowledged reports."
)


def script() -> Script:
    """The same lines that InfluxDB gets.

    Tried too: without the server or the time in each line, Prometheus' text, JSON lines. They gave 0.78 to
    1.06 times this one's rate.
    """
    return replace(influxdb.script(), path=Template.of("/write?precision=ms"))


@contextmanager
def serve(*, cores: str | None = None) -> Iterator[Peer]:
    """A fresh, empty VictoriaMetrics. Raises PeerMissingError or PeerError."""
    require(PROGRAM, PACKAGE)
    address = f"127.0.0.1:{free_port()}"
    url = f"http://{address}"
    with TemporaryDirectory(prefix="connmon-victoriametrics-") as folder:
        command = [PROGRAM, f"-httpListenAddr={address}", f"-storageDataPath={folder}/data"]
        with running(command, ready_url=f"{url}/health", log=Path(folder, "log"), cores=cores) as child:
            yield Peer("victoriametrics", PACKAGE, url, script(), child, GOAL, ACKNOWLEDGEMENT)
