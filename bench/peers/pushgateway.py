"""The Prometheus Pushgateway from Debian: without its consistency check, and as shipped."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.loader import SERVER, Script, Slot, Template, prime
from bench.peers.child import Child, free_port, require, running
from bench.peers.information import subjects
from bench.peers.peer import Peer

PACKAGE = "prometheus-pushgateway"
PROGRAM = "prometheus-pushgateway"
GOAL = 1.5

# As shipped, each push is checked against all that every server has pushed, one at a time: more connections
# only wait longer (64 of them about 20 s), and a short run would end before they are answered.
CHECKED_CONNECTIONS = 2

ACKNOWLEDGEMENT = (
    "202 when the parsed push is queued in memory, before it is applied; a file is written every 5 minutes "
    "and at a clean stop, so kill -9 loses up to 5 minutes. It keeps each server's last report only."
)
ACKNOWLEDGEMENT_CHECKED = (
    "200 after the push was checked against every other server's and applied in memory; a file is written "
    "every 5 minutes and at a clean stop, so kill -9 loses up to 5 minutes. It keeps each server's last "
    "report only."
)


def script(*, checked: bool) -> Script:
    """A report in Prometheus' text format, the server being the group that it is pushed to."""
    return Script(
        path=Template.of("/metrics/job/connmon/instance/", SERVER),
        body=Template.of(*_families()),
        content_type="text/plain; version=0.0.4",
        expected_status=200 if checked else 202,
    )


def _families() -> Iterator[str | Slot]:
    families: defaultdict[tuple[str, str], list[str | Slot]] = defaultdict(list)
    for subject in subjects():
        for number in subject.numbers:
            name = f"connmon_{subject.kind}_{number.name}{'_total' if number.grows else ''}"
            sample = (f'{name}{{{subject.kind}="{subject.name}"}} ', number.value, "\n")
            families[name, "counter" if number.grows else "gauge"] += sample
    for (name, kind), samples in families.items():
        yield f"# TYPE {name} {kind}\n"
        yield from samples


@contextmanager
def serve(*, cores: str | None = None) -> Iterator[Peer]:
    """A fresh Pushgateway with its consistency check off. Raises PeerMissingError or PeerError."""
    with (
        TemporaryDirectory(prefix="connmon-pushgateway-") as folder,
        _running(folder, checked=False, cores=cores) as (url, child),
    ):
        yield Peer("pushgateway", PACKAGE, url, script(checked=False), child, GOAL, ACKNOWLEDGEMENT)


@contextmanager
def serve_as_shipped(*, cores: str | None = None) -> Iterator[Peer]:
    """A Pushgateway as shipped that all servers have pushed to before, for its check costs what it holds."""
    name = "pushgateway as shipped"
    with TemporaryDirectory(prefix="connmon-pushgateway-") as folder:
        with _running(folder, checked=False, cores=cores) as (url, _):
            following = prime(url, script(checked=False))
        sent = script(checked=True).starting_at(following.first_seq)
        with _running(folder, checked=True, cores=cores) as (url, child):
            peer = Peer(name, PACKAGE, url, sent, child, None, ACKNOWLEDGEMENT_CHECKED)
            yield replace(peer, connections=CHECKED_CONNECTIONS, primed=True)


@contextmanager
def _running(folder: str, *, checked: bool, cores: str | None) -> Iterator[tuple[str, Child]]:
    require(PROGRAM, PACKAGE)
    address = f"127.0.0.1:{free_port()}"
    command = [PROGRAM, f"--web.listen-address={address}", f"--persistence.file={folder}/metrics"]
    if not checked:
        command.append("--push.disable-consistency-check")
    url = f"http://{address}"
    with running(command, ready_url=f"{url}/-/ready", log=Path(folder, "log"), cores=cores) as child:
        yield url, child
