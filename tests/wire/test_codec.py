"""Bytes to a report: whatever comes, it is a report or a typed refusal."""

import gzip
import json
import random
import zlib
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connmon.wire import v1
from connmon.wire.codec import WireError, body_digest, decode_report, gunzip
from tests.machine import encode, make_report, opened, pool, profile, service

SMALL: Final = encode(make_report())
UNPRINTABLE: Final = ["\0", "\t", "\n", "\x1f", "\x7f", "\x85", "\u200e", "\u202e", "\u2066", "\u061c", "\ufeff"]


def refusal_of(work: Callable[[bytes], Any], body: bytes) -> WireError:
    with pytest.raises(WireError) as refused:
        work(body)
    return refused.value


@pytest.mark.parametrize("character", UNPRINTABLE, ids=ascii)
def test_an_escaped_unprintable_character_is_refused_with_its_place(character: str) -> None:
    report = make_report(opened=[opened(1), opened(2, owner=f"a{character}b")])
    error = refusal_of(decode_report, json.dumps(report).encode())
    assert (error.code, error.pointer) == ("unprintable-text", "$.opened[1].owner")


@pytest.mark.parametrize("character", [c for c in UNPRINTABLE if c >= "\x7f"], ids=ascii)
def test_a_raw_unprintable_character_is_refused(character: str) -> None:
    report = make_report(services=[service(f"a{character}b")])
    error = refusal_of(decode_report, json.dumps(report, ensure_ascii=False).encode())
    assert (error.code, error.pointer) == ("unprintable-text", "$.services[0].name")


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "خدمة القتال", "戦闘", "a\\b'c\"d{e},f", "🎮", "a b"])
def test_printable_text_of_any_script_is_taken_as_it_is(name: str) -> None:
    report = decode_report(encode(make_report(services=[service(name)])))
    assert report.services[0].name == name


TWICE: Final = {
    "services": [service(), service(live=7)],
    "pools": [pool(), pool(in_use=7)],
    "opened": [opened(1), opened(1, name="Touched")],
    "profiles": [profile(1), profile(1, count=7)],
}


@pytest.mark.parametrize("field", TWICE)
def test_a_name_or_id_twice_is_refused(field: str) -> None:
    error = refusal_of(decode_report, encode(make_report(**{field: TWICE[field]})))
    assert (error.code, error.pointer) == ("duplicate", f"$.{field}")


@pytest.mark.parametrize("other", [{"service": "Lobby"}, {"type": "Stepped"}, {"site": "Lobby:1"}], ids=str)
def test_profiles_that_differ_in_service_type_or_site_stand_side_by_side(other: dict[str, str]) -> None:
    report = decode_report(encode(make_report(profiles=[profile(1), profile(1, **other)])))
    assert len(report.profiles) == 2


@pytest.mark.parametrize("field", ["service", "type", "site"])
@pytest.mark.parametrize("character", UNPRINTABLE, ids=ascii)
def test_a_profile_with_an_unprintable_character_is_refused_with_its_place(field: str, character: str) -> None:
    report = make_report(profiles=[profile(1), profile(2, **{field: f"a{character}b"})])
    error = refusal_of(decode_report, json.dumps(report).encode())
    assert (error.code, error.pointer) == ("unprintable-text", f"$.profiles[1].{field}")


@pytest.mark.parametrize("field", ["total_us", "p50_us", "p95_us", "max_us"])
@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e999"])
def test_a_profile_without_a_finite_number_is_refused(field: str, number: str) -> None:
    body = json.dumps(make_report(profiles=[profile(1, **{field: 123456789})])).replace("123456789", number)
    assert refusal_of(decode_report, body.encode()).code in {"not-json", "invalid-report"}


def test_unknown_fields_are_ignored_wherever_they_stand() -> None:
    more = make_report(services=[service() | {"colour": "red"}], weather={"rain": [1, 2]})
    plain = make_report(services=[service()])
    assert decode_report(encode(more)) == decode_report(encode(plain))


def test_an_unknown_kind_is_refused() -> None:
    error = refusal_of(decode_report, encode(make_report(kind="greeting")))
    assert (error.code, error.pointer) == ("invalid-report", "$.kind")


def test_a_refused_value_cannot_forge_the_pointer() -> None:
    error = refusal_of(decode_report, encode(make_report(kind="x - at `$.forged\0`")))
    assert error.pointer == "$.kind"


def test_the_reason_does_not_give_a_long_body_back() -> None:
    error = refusal_of(decode_report, encode(make_report(opened=[opened(1, state="x" * 100_000)])))
    assert error.pointer == "$.opened[0].state"
    assert len(error.detail) < 500


@given(st.binary(max_size=200))
def test_any_bytes_are_a_report_or_a_refusal(body: bytes) -> None:
    assert refusal_of(decode_report, body).code in {"not-json", "invalid-report"}


@given(st.integers(0, len(SMALL) - 1), st.binary(min_size=1, max_size=3))
def test_a_spoilt_report_is_a_report_or_a_refusal(at: int, spoilt: bytes) -> None:
    with suppress(WireError):
        assert isinstance(decode_report(SMALL[:at] + spoilt + SMALL[at + len(spoilt) :]), v1.Report)


def test_gzip_is_inflated() -> None:
    assert gunzip(gzip.compress(SMALL)) == SMALL


def test_a_body_just_below_its_inflated_bound_is_inflated() -> None:
    body = random.Random(1).randbytes(20_000) * (v1.MAX_INFLATED // 20_000)
    assert gunzip(gzip.compress(body)) == body


@pytest.mark.parametrize(
    ("body", "code"),
    [
        pytest.param(SMALL, "bad-gzip", id="not compressed"),
        pytest.param(b"", "bad-gzip", id="empty"),
        pytest.param(gzip.compress(SMALL)[:-4], "bad-gzip", id="truncated"),
        pytest.param(gzip.compress(SMALL)[:-8] + bytes(8), "bad-gzip", id="wrong checksum"),
        pytest.param(zlib.compress(SMALL), "bad-gzip", id="zlib, not gzip"),
        pytest.param(gzip.compress(SMALL) * 2, "bad-gzip", id="two members"),
        pytest.param(gzip.compress(SMALL) + b"more", "bad-gzip", id="something after the end"),
        pytest.param(gzip.compress(bytes(10_000_000)), "body-too-large", id="a bomb by ratio"),
        pytest.param(
            gzip.compress(random.Random(2).randbytes(v1.MAX_INFLATED + 1)),
            "body-too-large",
            id="one byte past the bound",
        ),
    ],
)
def test_a_compressed_body_that_is_not_right_is_refused(body: bytes, code: str) -> None:
    assert refusal_of(gunzip, body).code == code


def test_a_bomb_within_a_bomb_is_opened_once() -> None:
    assert gunzip(gzip.compress(gzip.compress(bytes(10_000_000)))).startswith(b"\x1f\x8b")


@given(st.binary(max_size=100))
def test_any_bytes_inflate_or_are_refused(body: bytes) -> None:
    assert refusal_of(gunzip, body).code == "bad-gzip"


def test_a_digest_tells_bodies_apart_and_fits_a_bigint() -> None:
    other = SMALL.replace(b"boot-1", b"boot-2")
    assert body_digest(SMALL) == body_digest(bytes(SMALL))
    assert body_digest(SMALL) != body_digest(other)
    assert 0 <= body_digest(b"\xff" * v1.MAX_INFLATED) < 2**63
