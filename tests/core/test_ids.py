"""Names that are made here."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connmon.core import ids

NAMES = st.text(min_size=1, max_size=64)


def test_a_key_names_itself_and_can_be_taken_apart_again() -> None:
    key = ids.new_key()
    assert re.fullmatch(r"cm_[a-z2-9]{10}_[a-z2-9]{40}", key.plaintext)
    assert ids.split_key(key.plaintext) == (key.id, key.secret)


def test_keys_and_tokens_differ() -> None:
    assert len({ids.new_key().plaintext for _ in range(100)} | {ids.new_token() for _ in range(100)}) == 200


@pytest.mark.parametrize("text", ["", "cm", "cm_", "cm_a", "cm_a_", "cm__b", "xx_a_b", "CM_a_b", f"cm_a_{'b' * 96}"])
def test_what_is_no_key_is_told_apart(text: str) -> None:
    assert ids.split_key(text) is None


@given(st.text())
def test_any_text_is_a_key_or_none(text: str) -> None:
    parts = ids.split_key(text)
    assert parts is None or text == f"cm_{parts[0]}_{parts[1]}"


def test_a_digest_is_32_bytes_and_always_the_same() -> None:
    assert ids.digest("secret") == ids.digest("secret") != ids.digest("Secret")
    assert len(ids.digest("ä")) == 32


@given(st.integers(1, 2**63 - 1), NAMES, NAMES)
def test_a_servers_key_is_a_positive_bigint_and_always_the_same(game: int, server: str, boot: str) -> None:
    key = ids.server_key(game, server, boot)
    assert 0 <= key < 2**63
    assert key == ids.server_key(game, server, boot)


def test_a_servers_key_differs_by_game_name_and_boot() -> None:
    named = [(1, "ab", "c"), (1, "a", "bc"), (11, "ab", "c"), (1, "1ab", "c"), (2, "ab", "c"), (1, "ab", "d")]
    assert len({ids.server_key(*names) for names in named}) == len(named)
