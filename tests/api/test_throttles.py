"""How much one key, and one address without a good one, may ask of the REST views."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from api.limits import Buckets, network_of
from connmon.core.ids import NewKey
from tests.api.test_limits import Clock

BURST = 5
SERVICES = "/api/v1/services"

Ask = Callable[..., Any]


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Buckets of BURST that get one more each second of a clock that stands."""
    clock = Clock()
    for place in ("api.throttles.by_key", "api.authentication.bad_keys"):
        monkeypatch.setattr(place, Buckets(rate=1, burst=BURST, clock=clock))
    return clock


@pytest.fixture
def ask(client: Client) -> Ask:
    def ask(key: str, address: str = "192.0.2.1") -> Any:
        return client.get(SERVICES, headers={"Authorization": f"Bearer {key}"}, REMOTE_ADDR=address)

    return ask


def test_a_key_that_asks_more_than_it_may_is_told_when_to_go_on(
    make_key: Callable[..., NewKey], ask: Ask, clock: Clock
) -> None:
    key = make_key("read").plaintext
    assert [ask(key).status_code for _ in range(BURST)] == [200] * BURST
    told = ask(key)
    assert (told.status_code, told["Retry-After"], told.json()["code"]) == (429, "1", "throttled")
    clock.now += 1
    assert [ask(key).status_code for _ in range(2)] == [200, 429]


def test_one_keys_haste_does_not_slow_another_of_the_same_game(make_key: Callable[..., NewKey], ask: Ask) -> None:
    hasty, calm = make_key("read").plaintext, make_key("read").plaintext
    assert {ask(hasty).status_code for _ in range(BURST + 1)} == {200, 429}
    assert ask(calm).status_code == 200


def test_bad_keys_from_one_address_are_limited(make_key: Callable[..., NewKey], ask: Ask) -> None:
    codes = [ask(f"cm_{number}_guess").status_code for number in range(BURST + 2)]
    assert codes == [401] * BURST + [429] * 2
    assert ask("cm_1_guess", "192.0.2.2").status_code == 401
    assert ask(make_key("read").plaintext).status_code == 200, "a good key is not held up"


def test_guessing_goes_no_faster_with_all_addresses_of_a_network(db: None, ask: Ask) -> None:
    codes = [ask("cm_1_guess", f"2001:db8::{number}").status_code for number in range(BURST + 1)]
    assert codes == [401] * BURST + [429]
    assert ask("cm_1_guess", "2001:db8:0:1::1").status_code == 401


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("", ""),
    ],
)
def test_addresses_are_counted_by_what_one_customer_has(address: str, counted: str) -> None:
    assert network_of(address) == counted
