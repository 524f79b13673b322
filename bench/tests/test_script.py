"""Templates and scripts: how they render, and which are refused."""

from __future__ import annotations

import json

import pytest

from bench.loader import (
    NOW,
    NOW_MS,
    SEQ,
    SERVER,
    PrimeError,
    Script,
    ScriptError,
    Slot,
    Template,
    prime,
    server_names,
)
from bench.loader.wrk import LoadError, LoadResult, parse_output
from bench.tests.recorder import Recorder, recording

PATH = Template.of("/reports")


def render(*pieces: str | Slot, seq: int = 5) -> str:
    script = Script(path=PATH, body=PATH, lag=2, ids_per_request=20)
    return script.render(Template.of(*pieces), server="server-0001", seq=seq, now_ms=1_700_000_000_042)


def test_a_template_joins_neighbouring_literals() -> None:
    assert Template.of("a", "b", SEQ, "c", "", "d").pieces == ("ab", SEQ, "cd")


def test_every_kind_of_slot_has_its_text() -> None:
    assert render(SERVER, " ", SEQ, " ", NOW, " ", NOW_MS) == "server-0001 5 1700000000.042 1700000000042"


def test_a_counter_grows_by_its_step_with_each_request() -> None:
    assert [render(Slot.counter(100, 3), seq=seq) for seq in (1, 2)] == ["103", "106"]


def test_ids_count_up_and_are_closed_lag_requests_later() -> None:
    assert render(Slot.open_id(4), seq=5) == render(Slot.close_id(4), seq=7) == "104"


def test_numbers_are_padded_to_their_width() -> None:
    assert render(Slot.open_id(4, width=6)) == "000104"


def test_server_names_of_unequal_length_are_refused() -> None:
    with pytest.raises(ScriptError, match="same length"):
        Script(path=PATH, body=PATH, servers=("a", "bc"))


def test_closing_before_anything_was_opened_is_refused() -> None:
    with pytest.raises(ScriptError, match="close_id needs lag"):
        Script(path=PATH, body=Template.of(Slot.close_id(0)), lag=3)


def test_closing_is_accepted_when_the_first_requests_are_over() -> None:
    assert Script(path=PATH, body=Template.of(Slot.close_id(0)), lag=3, first_seq=4).first_seq == 4


def test_a_time_in_the_path_is_refused() -> None:
    with pytest.raises(ScriptError, match="no time"):
        Script(path=Template.of("/", NOW), body=PATH)


def test_priming_stops_at_the_first_refused_request_and_shows_the_answer() -> None:
    script = Script(path=PATH, body=PATH, servers=("a", "b"))
    refusal = pytest.raises(PrimeError, match="answered 401, not 200: b'who are you")
    with recording(Recorder(status=401, answer=b"who are you?")) as recorder, refusal:
        prime(recorder.url, script)
    assert len(recorder.requests) == 1


def result(*, one_at_a_time: bool = False, **changes: object) -> LoadResult:
    figures = {
        "answers": 100,
        "duration_us": 2_000_000,
        "p50_us": 1500,
        "p99_us": 2500,
        "p999_us": 3500,
        "max_us": 4000,
        "statuses": {"503": 20},
        "first_status": 503,
        "first_body": "busy",
        "shortest_gap_us": 9000,
        "last_seq": 4,
        "next_server": 0,
        "socket_errors": {"connect": 0, "read": 0, "write": 0, "timeout": 0},
        **changes,
    }
    output = f"Running 2s test\n  100 requests\n{json.dumps(figures)}\n"
    return parse_output(output, one_at_a_time=one_at_a_time)


def test_the_next_run_begins_with_the_next_server_or_the_next_round() -> None:
    assert result(next_server=3).next_turn == (4, 3)
    assert result(next_server=0).next_turn == (5, 0)


def test_a_first_server_that_is_none_is_refused() -> None:
    with pytest.raises(ScriptError, match="first_server"):
        Script(path=PATH, body=PATH, servers=("a", "b"), first_server=2)


def test_a_name_of_two_lines_is_refused() -> None:
    with pytest.raises(ScriptError, match="one line"):
        Script(path=PATH, body=PATH, servers=("a\nb", "a\nc"))


def test_names_are_of_one_length_however_many() -> None:
    assert {len(name) for name in server_names(12_000)} == {len("server-12000")}


def test_the_rate_counts_expected_answers_only() -> None:
    assert result().requests_per_s == 40.0


def test_percentiles_are_read_in_milliseconds() -> None:
    assert (result().p50_ms, result().p99_ms, result().p999_ms, result().max_ms) == (1.5, 2.5, 3.5, 4.0)


def test_the_first_refused_answer_is_shown_with_its_status() -> None:
    assert result().first_error == "503: busy"


@pytest.mark.parametrize(("gap_us", "possible"), [(4001, False), (4000, True), (0, False)])
def test_an_overlap_is_possible_only_when_an_answer_took_longer_than_the_gap(gap_us: int, possible: bool) -> None:
    assert result(shortest_gap_us=gap_us).overlap_possible is possible


def test_a_time_out_makes_an_overlap_possible() -> None:
    errors = {"connect": 0, "read": 0, "write": 0, "timeout": 1}
    assert result(socket_errors=errors).overlap_possible


def test_no_overlap_is_possible_when_each_thread_has_one_connection() -> None:
    assert not result(shortest_gap_us=1, one_at_a_time=True).overlap_possible


def test_output_without_figures_is_an_error_that_shows_it() -> None:
    with pytest.raises(LoadError, match="printed no figures:\nRunning"):
        parse_output("Running 2s test\n")
