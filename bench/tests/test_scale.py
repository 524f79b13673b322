"""What `make bench-scale` reckons, apart from what it measures."""

from __future__ import annotations

import pytest

from bench.loader import LoadResult
from bench.scale.arithmetic import check_reports, slope
from bench.scale.fleet import cell_of
from bench.scale.layouts import layouts


def result(**changes: object) -> LoadResult:
    values: dict[str, object] = {
        "requests_per_s": 100.0,
        "p50_ms": 1.0,
        "p99_ms": 2.0,
        "p999_ms": 3.0,
        "max_ms": 4.0,
        "answers": 1_000,
        "seconds": 10.0,
        "errors_by_status": {},
        "first_error": "",
        "socket_errors": {},
        "shortest_gap_ms": 1.0,
        "overlap_possible": False,
        "last_seq": 1,
        "next_server": 0,
        "loader_cpu_s": 0.0,
    }
    return LoadResult(**values | changes)  # type: ignore[arg-type]


def test_each_number_of_processes_is_tried_sticky_and_with_random_turns() -> None:
    assert [layout.name for layout in layouts([1, 2, 4])] == ["1", "2", "2 random", "4", "4 random"]


def test_the_parts_of_a_fleet_make_one_figure() -> None:
    whole = cell_of([result(p99_ms=2.0), result(p99_ms=7.0, answers=3_000)], [0.8, 0.4, 0.04])
    assert (whole.reports_per_s, whole.reports, whole.p99_ms) == (200.0, 4_000, 7.0)
    assert (whole.web_cpu_us, whole.database_cpu_us, whole.loader_cpu_us) == (200.0, 100.0, 10.0)
    assert (whole.busy_cores, whole.clean) == (0.12, True)


def test_a_part_that_was_refused_spoils_the_whole() -> None:
    whole = cell_of([result(), result(errors_by_status={503: 1}, first_error="503: busy")], [1.0, 1.0, 1.0])
    assert (whole.clean, whole.first_error) == (False, "503: busy")


def test_a_check_compares_the_cost_of_a_report_with_the_one_that_was_assumed() -> None:
    made = cell_of([result()], [0.2, 0.1, 0.05])  # 300 µs a report
    found = check_reports(made, cost_us=250.0, servers=10, layout="1", workload="busy")
    assert (found.predicted_cores, found.measured_cores) == pytest.approx((0.025, 0.03))
    assert found.to_dict()["ratio"] == 1.2


def test_a_slope_is_growth_for_each_more() -> None:
    assert slope({1_000: 50_000, 5_000: 70_000, 11_000: 130_000}) == 8.0
    assert slope({1_000: 50_000}) == 0.0
