"""The golden files, which the agents' tests read too, say what the server really reads and writes."""

import json
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from api.problems import problem
from connmon.registry.rules import UNKNOWN, decide
from connmon.wire import v1
from connmon.wire.codec import WireError, decode_report, encode

GOLDEN: Final = Path(v1.__file__).parent / "golden"
REPORTS: Final = sorted(GOLDEN.glob("report_*.json"))


def read(name: str) -> Any:
    return json.loads((GOLDEN / name).read_text())


def test_every_golden_file_is_one_that_a_test_knows() -> None:
    known = {"answer.json", "answer_order.json", "answer_resync.json", "orders.json", "problem.json"}
    assert {path.name for path in GOLDEN.glob("*.json")} == known | {path.name for path in REPORTS}


@pytest.mark.parametrize("path", REPORTS, ids=lambda path: path.stem)
def test_a_golden_report_decodes_to_what_it_says(path: Path) -> None:
    said = json.loads(path.read_bytes())
    read_back = msgspec.to_builtins(decode_report(path.read_bytes()))
    assert_contains(read_back, said)


@pytest.mark.parametrize("path", REPORTS, ids=lambda path: path.stem)
def test_a_golden_report_names_only_fields_of_the_protocol(path: Path) -> None:
    known = msgspec.to_builtins(decode_report(path.read_bytes()))
    assert json.loads(path.read_bytes()).keys() <= known.keys()


def test_a_plain_answer_is_the_golden_one() -> None:
    assert json.loads(encode(v1.Answer(ack=17, resync=False, interval=10.0))) == read("answer.json")


def test_an_answer_that_asks_for_a_resync_is_the_golden_one() -> None:
    assert json.loads(encode(v1.Answer(ack=42, resync=True, interval=10.0))) == read("answer_resync.json")


def test_an_answer_with_orders_and_configuration_is_the_golden_one() -> None:
    golden = read("answer_order.json")
    orders = [v1.Order(id="ord_1", connections=[(1790, 1763869900.5), (1688, 1763869000.0)])]
    answer = v1.Answer(ack=17, resync=False, interval=10.0, orders=orders, config=golden["config"])
    assert json.loads(encode(answer)) == golden


def test_an_answer_stays_what_it_is_through_the_codec() -> None:
    golden = read("answer_order.json")
    assert json.loads(encode(msgspec.convert(golden, v1.Answer))) == golden


def test_orders_outside_an_answer_are_the_golden_ones() -> None:
    orders = v1.Orders([v1.Order(id="ord_1", connections=[(1790, 1763869900.5), (1688, 1763869000.0)])])
    assert json.loads(encode(orders)) == read("orders.json")


def test_a_refusal_is_the_golden_problem() -> None:
    report = decode_report((GOLDEN / "report_full.json").read_bytes())
    known = decide(UNKNOWN, report, 1).position
    with pytest.raises(WireError) as refused:
        decide(known, report, 2)
    error = refused.value
    assert problem(error.code, error.detail, pointer=error.pointer) == read("problem.json")


def assert_contains(whole: Any, part: Any) -> None:
    """`part` stands in `whole`, which may have defaults beside it. An empty table may stand for an empty object."""
    if isinstance(part, dict):
        for name, value in part.items():
            assert_contains(whole[name], value)
    elif isinstance(part, list) and part:
        assert len(whole) == len(part)
        for one, other in zip(whole, part, strict=True):
            assert_contains(one, other)
    else:
        assert whole == part
