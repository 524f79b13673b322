"""What is sealed can be read with the key it was sealed with, and with no other."""

from typing import Any

import pytest

from connmon.core.sealing import Unreadable, seal, unseal

OLD, NEW = "old-" + "k" * 50, "new-" + "k" * 50


@pytest.mark.parametrize("text", ["https://example.com/T0/part", "x", "schlüssel ✓", "a" * 1_000])
def test_what_was_sealed_is_read_again_and_stands_nowhere_in_the_seal(text: str) -> None:
    sealed = seal(text)
    assert unseal(sealed) == text
    assert len(text) < 3 or text not in sealed
    assert seal(text) != sealed


def test_nothing_stays_nothing() -> None:
    assert seal("") == unseal("") == ""


def test_another_key_reads_nothing(settings: Any) -> None:
    settings.SECRET_KEY = OLD
    sealed = seal("text")
    settings.SECRET_KEY = NEW
    with pytest.raises(Unreadable):
        unseal(sealed)


def test_a_fallback_reads_but_never_seals(settings: Any) -> None:
    settings.SECRET_KEY = OLD
    sealed = seal("text")
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = NEW, [OLD]
    assert unseal(sealed) == "text"
    anew = seal("text")
    settings.SECRET_KEY_FALLBACKS = []
    assert unseal(anew) == "text"


@pytest.mark.parametrize("sealed", ["text", "gAAAAA", "é", " "])
def test_what_was_never_sealed_is_not_read(sealed: str) -> None:
    with pytest.raises(Unreadable):
        unseal(sealed)
