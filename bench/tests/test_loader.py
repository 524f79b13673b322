"""The load generator sends what its templates say, once each, in turn; and says what came back."""

from __future__ import annotations

import json
import shutil
from collections import defaultdict
from dataclasses import replace

import pytest

from bench.loader import (
    NOW,
    NOW_MS,
    SEQ,
    SERVER,
    LoadError,
    Script,
    Slot,
    Template,
    prime,
    run_wrk,
    server_names,
)
from bench.tests.recorder import Recorder, recording

needs_wrk = pytest.mark.skipif(shutil.which("wrk") is None, reason="wrk is missing: apt-get install wrk")

HEAD = ('{"server":"', SERVER, '","seq":', SEQ, ',"at":', NOW, ',"ms":', NOW_MS, ',"n":', Slot.counter(7, 3))
OPENED = (',"opened":["', Slot.open_id(0, width=8), '","', Slot.open_id(1, width=8), '"]')
CLOSED = (',"closed":["', Slot.close_id(0, width=8), '","', Slot.close_id(1, width=8), '"]')
TAIL = (',"text":"é \\"quoted\\" \\u0001\\n\\\\"}',)

SCRIPT = Script(
    path=Template.of("/reports/", SERVER),
    body=Template.of(*HEAD, *OPENED, *CLOSED, *TAIL),
    opening=Template.of(*HEAD, *OPENED, *TAIL),
    servers=server_names(7),
    ids_per_request=2,
    lag=3,
)


@pytest.fixture(scope="module")
def recorded() -> Recorder:
    """One second of two threads' load on seven servers."""
    if shutil.which("wrk") is None:
        pytest.skip("wrk is not installed: apt-get install wrk")
    with recording(Recorder()) as recorder:
        run_wrk(recorder.url, SCRIPT, seconds=1, connections=2, threads=2, headers={"Authorization": "Bearer k"})
    return recorder


def sequences(recorder: Recorder) -> dict[str, list[int]]:
    found = defaultdict(list)
    for _, body, _ in recorder.requests:
        report = json.loads(body)
        found[report["server"]].append(report["seq"])
    return found


def test_every_body_sent_equals_the_python_rendering_of_its_template(recorded: Recorder) -> None:
    assert max(json.loads(body)["seq"] for _, body, _ in recorded.requests) > SCRIPT.lag
    for path, body, _ in recorded.requests:
        report = json.loads(body)
        values = {"server": report["server"], "seq": report["seq"], "now_ms": report["ms"]}
        assert body == SCRIPT.render(SCRIPT.body_for(report["seq"]), **values)
        assert path == SCRIPT.render(SCRIPT.path, **values)


def test_each_server_sends_every_sequence_number_once_and_in_order(recorded: Recorder) -> None:
    found = sequences(recorded)
    assert set(found) == set(SCRIPT.servers)
    for numbers in found.values():
        assert numbers == list(range(1, len(numbers) + 1))


def test_a_request_closes_exactly_what_the_same_server_opened_lag_requests_before(recorded: Recorder) -> None:
    opened: dict[tuple[str, int], list[str]] = {}
    closings = 0
    for _, body, _ in recorded.requests:
        report = json.loads(body)
        opened[report["server"], report["seq"]] = report["opened"]
        if "closed" in report:
            closings += 1
            assert report["closed"] == opened[report["server"], report["seq"] - SCRIPT.lag]
    assert closings > 0


def test_an_opened_id_never_repeats_within_a_server(recorded: Recorder) -> None:
    reports = [json.loads(body) for _, body, _ in recorded.requests]
    ids = [(report["server"], name) for report in reports for name in report["opened"]]
    assert len(ids) == len(set(ids))


@needs_wrk
def test_a_run_goes_on_where_the_one_before_stopped() -> None:
    with recording(Recorder()) as recorder:
        first = run_wrk(recorder.url, SCRIPT, seconds=1, connections=1)
        run_wrk(recorder.url, SCRIPT.starting_at(*first.next_turn), seconds=1, connections=1)
    assert first.last_seq > 1
    for numbers in sequences(recorder).values():
        assert numbers == list(range(1, len(numbers) + 1))


@needs_wrk
def test_each_connection_waits_for_its_pause() -> None:
    with recording(Recorder()) as recorder:
        result = run_wrk(recorder.url, replace(SCRIPT, pause_ms=200), seconds=1, connections=2)
    assert 0 < result.requests_per_s <= 2 / 0.2


@needs_wrk
def test_more_servers_than_a_table_of_lua_may_name() -> None:
    many = replace(SCRIPT, servers=server_names(70_000))
    with recording(Recorder()) as recorder:
        result = run_wrk(recorder.url, many, seconds=1, connections=1)
    assert result.clean
    assert sequences(recorder).keys() <= set(many.servers)


def test_given_headers_and_the_content_type_are_sent(recorded: Recorder) -> None:
    headers = recorded.requests[0][2]
    assert headers["Authorization"] == "Bearer k"
    assert headers["Content-Type"] == "application/json"


@needs_wrk
def test_refused_requests_are_counted_by_status_and_the_first_answer_is_kept() -> None:
    with recording(Recorder(status=422, answer='{"why":"bad \xe9"}\n'.encode())) as recorder:
        result = run_wrk(recorder.url, SCRIPT, seconds=1, connections=1)
    assert result.errors_by_status == {422: result.answers}
    assert result.answers > 0
    assert result.requests_per_s == 0
    assert result.first_error.startswith('422: {"why":"bad ')
    assert not result.clean


def test_priming_sends_every_server_its_first_requests_and_goes_on_from_there() -> None:
    with recording(Recorder()) as recorder:
        following = prime(recorder.url, SCRIPT, rounds=2)
    assert sequences(recorder) == {server: [1, 2] for server in SCRIPT.servers}
    assert following.first_seq == 3


def test_more_connections_than_servers_are_refused() -> None:
    with pytest.raises(LoadError, match="7 connections need more than 7 servers"):
        run_wrk("http://127.0.0.1:9", SCRIPT, seconds=1, connections=7)


@needs_wrk
def test_a_server_that_does_not_listen_is_an_error_with_its_address() -> None:
    with pytest.raises(LoadError, match=r"unable to connect to 127\.0\.0\.1:9"):
        run_wrk("http://127.0.0.1:9", SCRIPT, seconds=1, connections=1)
