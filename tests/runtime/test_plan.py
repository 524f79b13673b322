"""Which processes run, by what was asked for."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from connmon.runtime import plan, web
from connmon.runtime.plan import Options
from connmon.runtime.web import Site

OPTIONS = Options(Path("/srv/data"), web_processes=1, with_demo=True, embedded_database=True, embedded_broker=True)


@pytest.fixture
def site() -> Iterator[Site]:
    with web.bind("127.0.0.1", 0, "localhost") as found:
        yield found


def names(options: Options, site: Site) -> list[list[str]]:
    return [[spec.name for spec in stage] for stage in plan.make_stages(options, site)]


def test_everything_runs_on_one_machine(site: Site) -> None:
    expected = [["postgres", "valkey"], ["migrate", "static"], ["web", "worker", "urgent", "beat", "demo"]]
    assert names(OPTIONS, site) == expected


def test_a_server_named_by_url_is_waited_for_instead_of_started(site: Site) -> None:
    options = replace(OPTIONS, embedded_database=False)
    assert names(options, site)[:2] == [["valkey"], ["external"]]


def test_several_web_processes_share_one_socket(site: Site) -> None:
    stages = plan.make_stages(replace(OPTIONS, web_processes=2, with_demo=False), site)
    assert [spec.name for spec in stages[-1]] == ["web-1", "web-2", "worker", "urgent", "beat"]
    assert stages[-1][0].pass_fds == stages[-1][1].pass_fds == (site.listener.fileno(),)


def test_who_writes_is_stopped_before_what_it_writes_to(site: Site) -> None:
    order = {spec.name: spec.stop_order for stage in plan.make_stages(OPTIONS, site) for spec in stage}
    assert order["demo"] < order["web"] < order["worker"] == order["urgent"] == order["beat"]
    assert order["beat"] < order["valkey"] < order["postgres"]
