"""Whose request id counts."""

from typing import Any

import pytest

from connmon.core import logs, request_ids
from connmon.core.proxies import Proxies, read_networks

PROXIES = Proxies(read_networks(["10.0.0.0/8"]))
GIVEN = b"4bf92f3577b34da6a3ce929d0e0e4736"


def scope(peer: str | None, *values: bytes) -> dict[str, Any]:
    return {"client": (peer, 1) if peer else None, "headers": [(b"x-request-id", value) for value in values]}


def test_a_named_proxys_id_is_kept() -> None:
    assert request_ids.begin(scope("10.0.0.2", GIVEN), PROXIES) == GIVEN.decode()
    assert request_ids.current() == GIVEN.decode()


@pytest.mark.parametrize(
    "asked",
    [
        scope("203.0.113.9", GIVEN),
        scope(None, GIVEN),
        scope("10.0.0.2"),
        scope("10.0.0.2", b"short"),
        scope("10.0.0.2", b"x" * 65),
        scope("10.0.0.2", b"a line\nof its own"),
        scope("10.0.0.2", GIVEN + b"\n"),
        scope("10.0.0.2", GIVEN, GIVEN),
    ],
    ids=["stranger", "no address", "none", "short", "long", "control", "line break", "two"],
)
def test_anybody_elses_is_replaced_by_a_new_one(asked: dict[str, Any]) -> None:
    first, second = (request_ids.begin(asked, PROXIES) for _ in range(2))
    assert GIVEN.decode() not in (first, second)
    assert first != second
    assert logs.about.get() == {"request_id": second}
