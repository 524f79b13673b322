"""Each peer starts as our child, is given the whole report, keeps it, and is gone afterwards."""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote
from urllib.request import urlopen

import pytest

from bench.loader import Script, prime, server_names
from bench.peers import influxdb, pushgateway, victoriametrics
from bench.peers.child import PeerError, PeerMissingError, free_port, require, running
from bench.peers.information import POOLS, SAMPLES, SERVICES
from bench.peers.peer import Peer
from bench.peers.run import PEERS, measure_peers

SERVERS = server_names(2)


def rendered(script: Script) -> str:
    return script.render(script.body, server="server-0001", seq=3, now_ms=1_700_000_000_000)


def read(url: str) -> str:
    with urlopen(url, timeout=10) as answer:
        return str(answer.read().decode())


def needs(program: str, package: str) -> pytest.MarkDecorator:
    reason = f"{package} is not installed: python -m bench.peers.install"
    return pytest.mark.skipif(shutil.which(program) is None, reason=reason)


def prime_two_servers(peer: Peer) -> None:
    prime(peer.url, replace(peer.script, servers=SERVERS))


def wait_until(condition: Callable[[], bool], *, deadline_s: float = 20.0) -> None:
    end = time.monotonic() + deadline_s
    while not condition():
        assert time.monotonic() < end, f"not so within {deadline_s} s"
        time.sleep(0.05)


def test_the_report_has_224_samples() -> None:
    assert SAMPLES == 224


@pytest.mark.parametrize("script", [influxdb.script(), victoriametrics.script()])
def test_line_protocol_carries_every_sample_in_a_line_for_each_subject(script: Script) -> None:
    lines = rendered(script).splitlines()
    assert len(lines) == SERVICES + POOLS
    assert sum(line.split(" ")[1].count("=") for line in lines) == SAMPLES


def test_single_values_are_a_line_for_each_sample() -> None:
    assert len(rendered(influxdb.script_of_single_values()).splitlines()) == SAMPLES


def test_the_pushgateways_text_carries_every_sample_under_one_type_line_a_family() -> None:
    lines = rendered(pushgateway.script(checked=False)).splitlines()
    types = [line.split()[2] for line in lines if line.startswith("#")]
    assert len(types) == len(set(types))
    assert len(lines) - len(types) == SAMPLES


@needs(influxdb.PROGRAM, influxdb.PACKAGE)
def test_influxdb_keeps_every_value_of_a_report() -> None:
    with influxdb.serve() as peer:
        prime_two_servers(peer)
        query = quote("SELECT count(*) FROM service, pool GROUP BY server")
        found = json.loads(read(f"{peer.url}/query?db={influxdb.DATABASE}&q={query}"))
    series = found["results"][0]["series"]
    assert {entry["tags"]["server"] for entry in series} == set(SERVERS)
    counts = [count for entry in series for count in entry["values"][0][1:] if count is not None]
    assert sum(counts) == SAMPLES * len(SERVERS)


def stored_in_pushgateway(url: str) -> int:
    lines = read(f"{url}/metrics").splitlines()
    return sum(line.startswith("connmon_") and 'instance="server-' in line for line in lines)


@needs(pushgateway.PROGRAM, pushgateway.PACKAGE)
def test_the_pushgateway_keeps_every_value_of_a_report() -> None:
    with pushgateway.serve() as peer:
        prime_two_servers(peer)
        assert stored_in_pushgateway(peer.url) == SAMPLES * len(SERVERS)


@needs(pushgateway.PROGRAM, pushgateway.PACKAGE)
def test_the_pushgateway_as_shipped_starts_with_the_reports_of_all_servers() -> None:
    with pushgateway.serve_as_shipped() as peer:
        assert stored_in_pushgateway(peer.url) == SAMPLES * len(peer.script.servers)


def stored_in_victoriametrics(url: str) -> int:
    read(f"{url}/internal/force_flush")
    match = quote('{server=~"server-.*"}')
    series = read(f"{url}/api/v1/export?match[]={match}").splitlines()
    return sum(len(json.loads(line)["values"]) for line in series)


@needs(victoriametrics.PROGRAM, victoriametrics.PACKAGE)
def test_victoriametrics_keeps_every_value_of_a_report() -> None:
    with victoriametrics.serve() as peer:
        prime_two_servers(peer)
        wait_until(lambda: stored_in_victoriametrics(peer.url) == SAMPLES * len(SERVERS))


def serve_folder(folder: Path, port: int) -> list[str]:
    return [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", "--directory", str(folder), str(port)]


def test_a_child_runs_until_its_block_ends_and_is_gone_then(tmp_path: Path) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}/"
    with running(serve_folder(tmp_path, port), ready_url=url, log=tmp_path / "log", cores="0") as child:
        assert os.sched_getaffinity(child.pid) == {0}
        assert child.cpu_s() > 0
    assert not Path(f"/proc/{child.pid}").exists()


def test_a_child_that_ends_at_its_start_is_an_error_with_the_end_of_its_log(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "raise SystemExit('no such folder')"]
    expected = pytest.raises(PeerError, match=r"ended with 1 at its start:\nno such folder")
    with expected, running(command, ready_url="http://127.0.0.1:9/", log=tmp_path / "log", cores=None):
        pass


def test_a_missing_program_names_the_package_to_install() -> None:
    with pytest.raises(PeerMissingError, match="apt-get install no-such-package"):
        require("no-such-program", "no-such-package")


def test_a_peer_that_is_missing_is_left_out_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    def serve(*, cores: str | None) -> AbstractContextManager[Peer]:
        raise PeerMissingError("influxd is missing: install it")

    monkeypatch.setitem(PEERS, "influxdb", serve)
    figures = measure_peers(["influxdb"], seconds=1)
    assert figures["peers"] == {}
    assert figures["left_out"] == {"influxdb": "influxd is missing: install it"}
