"""The scripts of `python -m bench.agent`, and the figures of theirs that do not depend on the machine."""

import shutil
from pathlib import Path

import pytest

from bench.agent import peers, pools
from bench.agent.vm import BenchVM


def test_a_report_of_fifty_services_is_built_and_timed() -> None:
    all_changed, busy = BenchVM().run("report.luau")
    assert 0 < all_changed < 10_000
    assert 0 < busy < 10_000


def test_pools_save_what_was_promised_where_callbacks_come_and_go() -> None:
    figures = pools.figures()
    for workload in ("obstacle_spawner", "50_services_each_restarts", "50_services_restart_at_once_50_kept"):
        assert figures[workload]["reuse_rate"] >= 0.7
        assert figures[workload]["creation_saved"] >= 0.8
    assert figures["50_services_each_restarts"]["memory_saved"] >= 0.6
    for workload in ("50_services_each_restarts", "50_services_restart_at_once"):
        assert figures[workload]["engine_connections_saved"] >= 0.8


def test_without_npm_the_way_out_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(peers.PeersError, match="--without-peers"):
        peers.source(peers.PEERS["Maid"], tmp_path)


def test_a_broken_package_is_named(tmp_path: Path) -> None:
    (tmp_path / peers.PEERS["Maid"].archive).write_bytes(b"no archive")
    with pytest.raises(peers.PeersError, match=r"rbxts-maid-1\.1\.0\.tgz is no package"):
        peers.source(peers.PEERS["Maid"], tmp_path)
