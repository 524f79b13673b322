"""Every bound of the Structs: the last value inside is taken, the first one outside is refused and named."""

import copy
import json
import re
from collections.abc import Callable
from typing import Any, Final

import msgspec
import pytest
from msgspec import inspect

from connmon.wire import v1
from connmon.wire.codec import WireError, decode_report
from tests.machine import changed, closed, make_report, opened, pool, profile, service

MOST_COUNT: Final = 2**31 - 1
MOST_TOTAL: Final = 2**53 - 1
YEAR_2100: Final = 4_102_444_800

BASE: Final = make_report(
    server={"place_id": 1, "place_version": 1},
    interval=10,
    memory={"total_mb": 1.0, "signals_mb": 1.0},
    services=[service()],
    pools=[pool()],
    opened=[opened(1)],
    closed=[closed(2)],
    changed=[changed(3, "idle")],
    outcomes=[{"order": "ord_1", "status": "done", "closed": [1], "gone": [2], "changed": [3]}],
    profiles=[profile(1)],
    snapshot={"part": 1, "of": 10_000},
)


def text(most: int, *, least: int = 1) -> tuple[list[Any], list[Any]]:
    """Good and bad strings."""
    good, bad = ["x" * most, "ä" * most], ["x" * (most + 1), 7, None]
    return ([*good, "x"], [*bad, ""]) if least else ([*good, ""], bad)


def whole(least: int, most: int) -> tuple[list[Any], list[Any]]:
    """Good and bad whole numbers."""
    return [least, most], [least - 1, most + 1, 1.5, "1", True, None]


def number(least: float, most: float) -> tuple[list[Any], list[Any]]:
    """Good and bad numbers."""
    return [least, most], [least - 0.01, most * 1.001, "1", True]


def many(most: int, make: Callable[[int], Any]) -> tuple[list[Any], list[Any]]:
    """Good and bad lists."""
    return [[], [make(n) for n in range(1, most + 1)]], [[make(n) for n in range(1, most + 2)], {}, "x", None]


COUNT: Final = whole(0, MOST_COUNT)
TOTAL: Final = whole(0, MOST_TOTAL)
CONNECTION_ID: Final = whole(1, MOST_TOTAL)
NAME: Final = text(128)
WORD: Final = text(64)
SITE: Final = text(256, least=0)
SECONDS: Final = number(0, YEAR_2100)
MEGABYTES: Final = number(0, 1e9)
MICROSECONDS: Final = number(0, 1e15)
STATE: Final = (["live", "idle", "stale", "orphaned"], ["gone", "", None])

BOUNDS: Final[dict[str, tuple[list[Any], list[Any]]]] = {
    "v": ([1], [2, 0, "1", 1.5]),
    "server.id": NAME,
    "server.boot": WORD,
    "server.agent": WORD,
    "server.place_id": ([0, MOST_TOTAL, None], [-1, MOST_TOTAL + 1, 1.5]),
    "server.place_version": ([0, MOST_TOTAL, None], [-1, MOST_TOTAL + 1, 1.5]),
    "seq": whole(1, MOST_TOTAL),
    "sent_at": SECONDS,
    "interval": number(0.1, 3_600),
    "players": COUNT,
    "memory.total_mb": MEGABYTES,
    "memory.signals_mb": MEGABYTES,
    "memory": ([[], {}], [[1], "x", None]),
    "services": many(1_000, lambda n: service(f"Service{n}")),
    "services[0].name": NAME,
    "services[0].live": COUNT,
    "services[0].opened": TOTAL,
    "services[0].closed": TOTAL,
    "services[0].idle": COUNT,
    "services[0].orphaned": COUNT,
    "services[0].stale": COUNT,
    "pools": many(64, lambda n: pool(f"Type{n}")),
    "pools[0].type": WORD,
    "pools[0].size": COUNT,
    "pools[0].in_use": COUNT,
    "pools[0].hits": TOTAL,
    "pools[0].misses": TOTAL,
    "opened": many(5_000, opened),
    "opened[0].id": CONNECTION_ID,
    "opened[0].service": NAME,
    "opened[0].owner": NAME,
    "opened[0].owner_kind": (["service", "controller", "player", "system"], ["npc", "", None]),
    "opened[0].name": NAME,
    "opened[0].type": WORD,
    "opened[0].at": SECONDS,
    "opened[0].site": SITE,
    "opened[0].essential": ([True, False], [1, "true", None]),
    "opened[0].state": STATE,
    "closed": many(5_000, closed),
    "closed[0].id": CONNECTION_ID,
    "closed[0].service": NAME,
    "changed": many(5_000, lambda n: changed(n, "idle")),
    "changed[0].id": CONNECTION_ID,
    "changed[0].service": NAME,
    "changed[0].state": STATE,
    "outcomes": many(100, lambda n: {"order": f"ord_{n}", "status": "done"}),
    "outcomes[0].order": WORD,
    "outcomes[0].status": (["done", "refused", "failed"], ["lost", "", None]),
    "outcomes[0].closed": many(5_000, lambda n: n),
    "outcomes[0].gone": many(5_000, lambda n: n),
    "outcomes[0].changed": many(5_000, lambda n: n),
    "outcomes[0].detail": SITE,
    "profiles": many(100, profile),
    "profiles[0].service": NAME,
    "profiles[0].type": WORD,
    "profiles[0].site": SITE,
    "profiles[0].count": TOTAL,
    "profiles[0].total_us": MICROSECONDS,
    "profiles[0].p50_us": MICROSECONDS,
    "profiles[0].p95_us": MICROSECONDS,
    "profiles[0].max_us": MICROSECONDS,
    "snapshot.part": ([1, 10_000], [0, 10_001, None]),
    "snapshot.of": ([1, 10_000], [0, 10_001, None]),
    "config_revision": COUNT,
    "dropped": COUNT,
    "closing": ([True, False], [1, "true", None]),
}
GOOD: Final = [(path, value) for path, (good, _) in BOUNDS.items() for value in good]
BAD: Final = [(path, value) for path, (_, bad) in BOUNDS.items() for value in bad]


def name_case(value: object) -> str:
    shown = json.dumps(value)
    return shown if len(shown) < 24 else f"{shown[:12]}…{len(shown)}"


def find_place(report: Any, path: str) -> tuple[Any, str]:
    """What holds the field at `path`, and the field's name."""
    *parents, last = re.sub(r"\[(\d+)\]", r".\1", path).split(".")
    place = report
    for step in parents:
        place = place[int(step)] if isinstance(place, list) else place[step]
    return place, last


def laid_over(path: str, value: Any) -> bytes:
    """BASE with another value at `path`."""
    report = copy.deepcopy(BASE)
    place, name = find_place(report, path)
    place[name] = value
    return json.dumps(report).encode()


@pytest.mark.parametrize(("path", "value"), GOOD, ids=name_case)
def test_a_value_at_the_edge_of_its_bound_is_taken(path: str, value: Any) -> None:
    if path == "snapshot.of" and value == 1:
        assert decode_report(laid_over(path, value)).snapshot == v1.SnapshotPart(1, 1)
    else:
        decode_report(laid_over(path, value))


@pytest.mark.parametrize(("path", "value"), BAD, ids=name_case)
def test_a_value_past_its_bound_is_refused_with_its_place(path: str, value: Any) -> None:
    with pytest.raises(WireError) as refused:
        decode_report(laid_over(path, value))
    assert refused.value.code == "invalid-report"
    assert refused.value.pointer == f"$.{path}"


@pytest.mark.parametrize(
    "path",
    ["server", "seq", "sent_at", "v", "server.id", "server.boot", "server.agent", "services[0].live", "opened[0].at"],
)
def test_a_field_that_must_be_there_is_missed(path: str) -> None:
    report = copy.deepcopy(BASE)
    place, name = find_place(report, path)
    del place[name]
    with pytest.raises(WireError, match=f"missing required field `{name}`"):
        decode_report(json.dumps(report).encode())


def test_every_field_of_the_report_has_its_bound_tested() -> None:
    assert {re.sub(r"\[0\]", "", path) for path in BOUNDS} >= set(leaves(inspect.type_info(v1.Report)))


def leaves(kind: inspect.Type, path: str = "") -> list[str]:
    """The dotted paths of all fields that hold a value, through structs, unions and lists of structs."""
    if isinstance(kind, inspect.StructType):
        found = []
        for field in kind.fields:
            found += leaves(field.type, f"{path}.{field.encode_name}".lstrip("."))
        return found
    if isinstance(kind, inspect.UnionType):
        structs = [leaves(one, path) for one in kind.types if isinstance(one, inspect.StructType)]
        return [leaf for one in structs for leaf in one] or [path]
    if isinstance(kind, inspect.ListType) and isinstance(kind.item_type, inspect.StructType):
        return [path, *leaves(kind.item_type, path)]
    return [path]


def test_a_part_past_the_last_part_is_refused() -> None:
    body = laid_over("snapshot", {"part": 3, "of": 2})
    with pytest.raises(WireError) as refused:
        decode_report(body)
    assert (refused.value.code, refused.value.pointer) == ("invalid-report", "$.snapshot.part")


def test_defaults_stand_for_what_is_left_out() -> None:
    report = decode_report(json.dumps(make_report(players=None)).encode())
    assert msgspec.structs.asdict(report) | {"server": None, "memory": None} == {
        "v": 1,
        "server": None,
        "seq": 1,
        "sent_at": report.sent_at,
        "interval": 10.0,
        "players": 0,
        "memory": None,
        "services": [],
        "pools": [],
        "opened": [],
        "closed": [],
        "changed": [],
        "outcomes": [],
        "profiles": [],
        "snapshot": None,
        "config_revision": 0,
        "dropped": 0,
        "closing": False,
    }
