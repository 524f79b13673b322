"""Bodies that no agent should send: answered typed, without effect, without harm to others, kept with their reason."""

import gzip
import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import pytest

from connmon.registry.models import RefusedReport
from tests.machine import Answer, Json, Machine, changed, closed, encode, make_report, opened, pool, service, wait_for

MakeServer = Callable[..., Machine]


@dataclass(frozen=True)
class Bad:
    """A body, sent as it is, and what it should be answered."""

    body: bytes
    status: int
    code: str
    pointer: str = ""
    encoding: str = ""
    names_server: bool = True  # whether the body says which server it is of


def report(**changes: Any) -> bytes:
    """The next report of the server, seq 2, with something wrong."""
    return encode(make_report(**{"seq": 2} | changes))


def written(name: str, number: str) -> bytes:
    """A report in which a number is written in a way that json.dumps does not know."""
    return report(**{name: 1}).replace(f'"{name}": 1'.encode(), f'"{name}": {number}'.encode())


def not_json(body: bytes, **changes: Any) -> Bad:
    return Bad(body, 400, "not-json", names_server=False, **changes)


def invalid(pointer: str, body: bytes = b"", **changes: Any) -> Bad:
    return Bad(body or report(**changes), 422, "invalid-report", pointer)


def unprintable(pointer: str, **changes: Any) -> Bad:
    return Bad(report(**changes), 422, "unprintable-text", pointer)


LONG: Final = "n" * 10_000
NOISE: Final = random.Random(7).randbytes(300_000)
DEEP: Final = b"[" * 100_000 + b"]" * 100_000

CASES: Final[dict[str, Bad]] = {
    "nothing": not_json(b""),
    "a form": not_json(b"seq=2&players=3"),
    "half a report": not_json(report()[:-20]),
    "two reports": not_json(report() * 2),
    "bytes that are no text": not_json(b"\x80\x81\xfe\xff" * 10),
    "text in another encoding": not_json(json.dumps(make_report(seq=2)).encode("utf-16")),
    "NaN": not_json(written("sent_at", "NaN")),
    "Infinity": not_json(written("sent_at", "Infinity")),
    "minus Infinity": not_json(written("sent_at", "-Infinity")),
    "1e999": Bad(written("sent_at", "1e999"), 422, "invalid-report", "$.sent_at"),
    "a number of a thousand digits": Bad(written("players", "9" * 1_000), 422, "invalid-report", "$.players"),
    "a raw NUL": not_json(report(players=1).replace(b"tests/1", b"tests\x00")),
    "an escaped NUL": unprintable("$.server.agent", server={"agent": "a\0b"}),
    "a lone surrogate": not_json(report().replace(b"tests/1", rb"tests\ud800")),
    "a lone low surrogate": not_json(report().replace(b"tests/1", rb"\udc00tests")),
    "a surrogate in UTF-8": Bad(report().replace(b"tests/1", b"tests\xed\xa0\x80"), 400, "not-json"),
    "arrays 100,000 deep": Bad(DEEP, 422, "invalid-report", names_server=False),
    "objects 60,000 deep": not_json(b'{"":' * 60_000),
    "arrays 100,000 deep in an unknown field": not_json(report()[:-1] + b', "more": ' + DEEP + b"}"),
    "a list": Bad(b"[1, 2]", 422, "invalid-report", names_server=False),
    "a word": Bad(b'"report"', 422, "invalid-report", names_server=False),
    "null": Bad(b"null", 422, "invalid-report", names_server=False),
    "an empty object": Bad(b"{}", 422, "invalid-report", names_server=False),
    "an unknown kind": invalid("$.kind", kind="order"),
    "another version": invalid("$.v", v=2),
    "a seq of text": invalid("$.seq", seq="2"),
    "a seq with a fraction": invalid("$.seq", seq=2.5),
    "a seq of zero": invalid("$.seq", seq=0),
    "a seq past 2^53": invalid("$.seq", seq=2**53),
    "a list for a text": invalid("$.server.boot", server={"boot": ["boot-1"]}),
    "an object for a list": invalid("$.services", services={}),
    "a number below its bound": invalid("$.players", players=-1),
    "1,001 services": invalid("$.services", services=[service(f"S{n}") for n in range(1_001)]),
    "65 pools": invalid("$.pools", pools=[pool(f"P{n}") for n in range(65)]),
    "5,001 closed": invalid("$.closed", closed=[closed(n) for n in range(1, 5_002)]),
    "a service name of 10,000 characters": invalid("$.services[0].name", services=[service(LONG)]),
    "an owner of 10,000 characters": invalid("$.opened[0].owner", opened=[opened(1, owner=LONG)]),
    "an empty name": invalid("$.opened[0].name", opened=[opened(1, name="")]),
    "an unknown state": invalid("$.changed[0].state", changed=[changed(1, "asleep")]),
    "a name with a line end": unprintable("$.services[0].name", services=[service("a\nb")]),
    "a name with a tab": unprintable("$.opened[0].owner", opened=[opened(1, owner="a\tb")]),
    "a name with an escape sequence": unprintable("$.services[0].name", services=[service("\x1b[31mred")]),
    "a name with DEL": Bad(report(services=[service("a\x7fb")]), 422, "unprintable-text", "$.services[0].name"),
    "a name that turns the reading direction": unprintable("$.services[0].name", services=[service("a\u202eb")]),
    "a service twice": Bad(report(services=[service(), service()]), 422, "duplicate", "$.services"),
    "a pool twice": Bad(report(pools=[pool(), pool()]), 422, "duplicate", "$.pools"),
    "an id twice": Bad(report(opened=[opened(1), opened(1)]), 422, "duplicate", "$.opened"),
    "a part past the last": invalid("$.snapshot.part", snapshot={"part": 2, "of": 1}),
    "a reason that would be its own pointer": invalid("$.kind", kind="x - at `\0"),
    "10 MB": Bad(report(more="x" * 10_000_000), 413, "body-too-large", names_server=False),
    "256 KB and one byte": Bad(report().ljust(256 * 1024 + 1), 413, "body-too-large", names_server=False),
    "2 MB and one byte once inflated": Bad(
        gzip.compress(NOISE[:25_000] * 84), 413, "body-too-large", encoding="gzip", names_server=False
    ),
    "a gzip bomb": Bad(gzip.compress(bytes(100_000_000)), 413, "body-too-large", encoding="gzip", names_server=False),
    "gzip that is none": Bad(report(), 400, "bad-gzip", encoding="gzip", names_server=False),
    "gzip that ends early": Bad(gzip.compress(report())[:-5], 400, "bad-gzip", encoding="gzip", names_server=False),
    "gzip with a wrong checksum": Bad(
        gzip.compress(report())[:-8] + bytes(8), 400, "bad-gzip", encoding="gzip", names_server=False
    ),
    "two gzip members": Bad(gzip.compress(report()) * 2, 400, "bad-gzip", encoding="gzip", names_server=False),
    "gzip of what is not JSON": not_json(gzip.compress(b"hello"), encoding="gzip"),
    "gzip of a bad report": Bad(gzip.compress(report(v=3)), 422, "invalid-report", "$.v", encoding="gzip"),
    "gzip that is not said to be": not_json(gzip.compress(report())),
    "another encoding": Bad(report(), 415, "unsupported-media-type", encoding="br", names_server=False),
    "gzip twice": Bad(report(), 415, "unsupported-media-type", encoding="gzip, gzip", names_server=False),
}


def assert_problem(answer: Answer, bad: Bad) -> None:
    assert (answer.status, answer.body.get("code"), answer.body.get("pointer", "")) == (
        bad.status,
        bad.code,
        bad.pointer,
    )
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.body["type"] == f"urn:connmon:problem:{bad.code}"
    assert answer.body["status"] == bad.status
    assert answer.body["title"]
    assert answer.body["detail"].endswith(".")
    assert len(answer.body["detail"]) < 500


@pytest.mark.parametrize("bad", CASES.values(), ids=CASES.keys())
def test_a_bad_body_is_refused_changes_nothing_and_is_kept_with_its_reason(bad: Bad, make_server: MakeServer) -> None:
    server, neighbour = make_server(), make_server("server-2")
    server.send_first(opened=[opened(1)], services=[service()], pools=[pool()])
    neighbour.send_first()
    before = server.everything()
    headers = {"content_encoding": bad.encoding} if bad.encoding else {}

    for _ in range(2):
        answer = server.site.post(bad.body, key=server.key, **headers)
        assert_problem(answer, bad)

    assert neighbour.send(opened=[opened(5)]).status == 200
    assert server.everything() == before
    assert server.send().body["resync"] is False
    row = wait_for(lambda: server.refusals().filter(count=2).first(), "both refusals to be counted")
    assert_kept(row, bad, answer.body)
    assert server.refusals().count() == 1


def assert_kept(row: RefusedReport, bad: Bad, problem: Json) -> None:
    assert (row.code, row.pointer) == (bad.code, bad.pointer)
    assert row.detail == "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in problem["detail"])
    assert row.server == ("server-1" if bad.names_server else "")
    if row.excerpt:
        inflated = bad.body if bad.encoding == "" else gzip.decompress(bad.body)
        assert row.excerpt[:20].encode() == inflated[:20] or not inflated[:20].isascii()


TAKEN: Final[dict[str, Json]] = {
    "unknown fields": {"more": {"deep": [1, {"x": None}]}, "server": {"colour": "red"}},
    "a script for a name": {"services": [service("<script>alert(1)</script>")]},
    "quotes for a name": {"opened": [opened(1, owner="'; DROP TABLE registry_connection; --", name='"\\"')]},
    "names of 128 characters": {"services": [service("n" * 128)], "opened": [opened(1, owner="ö" * 128)]},
    "names in other scripts": {"services": [service("خدمة القتال"), service("戦闘サービス"), service("🎮")]},
    "an empty table for memory": {"memory": []},
    "a clock a day ahead": {"sent_at": 1_763_870_000 + 86_400},
    "a clock at its beginning": {"sent_at": 0},
    "a thousand services": {"services": [service(f"S{n}", opened=0, closed=0, live=0) for n in range(1_000)]},
}


@pytest.mark.parametrize("changes", TAKEN.values(), ids=TAKEN.keys())
def test_what_is_unusual_but_right_is_taken(changes: Json, server: Machine) -> None:
    server.send_first()
    assert server.send(**changes).status == 200


def test_a_compressed_report_is_taken(server: Machine) -> None:
    body = gzip.compress(
        encode(server.report(snapshot={"part": 1, "of": 1}, opened=[opened(n) for n in range(1, 3_001)]))
    )
    answer = server.site.post(body, key=server.key, content_encoding="gzip")
    assert answer.status == 200
    assert len(server.registered()) == 3_000


def test_a_report_and_its_compressed_repeat_are_the_same_report(server: Machine) -> None:
    server.send_first()
    body = encode(server.report(opened=[opened(1)]))
    server.site.post(body, key=server.key)
    answer = server.site.post(gzip.compress(body), key=server.key, content_encoding="gzip")
    assert (answer.status, answer.body["ack"]) == (200, 2)


def test_a_body_at_its_bound_is_taken(server: Machine) -> None:
    body = encode(server.report()).ljust(256 * 1024)
    assert server.site.post(body, key=server.key).status == 200
