"""Settings from the environment: typed, and wrong ones end the start with a sentence."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from connmon.core import env
from connmon.core.env import SettingError

NAME = "CONNMON_TEST_VALUE"
MANAGE = Path(__file__).parents[2] / "manage.py"


@pytest.fixture
def put(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.delenv(NAME, raising=False)
    monkeypatch.delenv(f"{NAME}_FILE", raising=False)
    return monkeypatch


def test_a_text_is_what_stands_there(put: pytest.MonkeyPatch) -> None:
    put.setenv(NAME, " as it is ")
    assert env.text(NAME, "default") == " as it is "


def test_what_is_not_set_has_its_default(put: pytest.MonkeyPatch) -> None:
    assert env.text(NAME, "default") == "default"
    assert env.integer(NAME, 5) == 5
    assert env.flag(NAME, default=True) is True
    assert env.words(NAME, ["a"]) == ["a"]


def test_a_secret_may_stand_in_a_file(put: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("from the file\n")
    put.setenv(f"{NAME}_FILE", str(tmp_path / "secret"))
    put.setenv(NAME, "from the environment")
    assert env.text(NAME) == "from the file"


def test_a_file_that_cannot_be_read_is_named(put: pytest.MonkeyPatch, tmp_path: Path) -> None:
    put.setenv(f"{NAME}_FILE", str(tmp_path / "missing"))
    with pytest.raises(SettingError, match=rf"{NAME}_FILE names '.*missing'"):
        env.text(NAME)


@pytest.mark.parametrize(("raw", "value"), [("1", 1), ("10", 10), (" 7 ", 7), ("", 5)])
def test_a_whole_number_within_its_bounds_is_taken(put: pytest.MonkeyPatch, raw: str, value: int) -> None:
    put.setenv(NAME, raw)
    assert env.integer(NAME, 5, minimum=1, maximum=10) == value


@pytest.mark.parametrize("raw", ["0", "11", "1.5", "many", "-1", "1e3", "٣٣"])
def test_any_other_number_is_refused_with_what_is_taken(put: pytest.MonkeyPatch, raw: str) -> None:
    put.setenv(NAME, raw)
    with pytest.raises(SettingError, match=f"{NAME} takes"):
        env.integer(NAME, 5, minimum=1, maximum=10)


@pytest.mark.parametrize("raw", ["1", "true", "YES", "on"])
def test_a_switch_is_on(put: pytest.MonkeyPatch, raw: str) -> None:
    put.setenv(NAME, raw)
    assert env.flag(NAME, default=False) is True


@pytest.mark.parametrize("raw", ["0", "false", "No", "OFF"])
def test_a_switch_is_off(put: pytest.MonkeyPatch, raw: str) -> None:
    put.setenv(NAME, raw)
    assert env.flag(NAME, default=True) is False


def test_a_switch_that_is_neither_is_refused(put: pytest.MonkeyPatch) -> None:
    put.setenv(NAME, "maybe")
    with pytest.raises(SettingError, match=f"{NAME} takes 1 or 0"):
        env.flag(NAME, default=False)


def test_words_are_separated_by_commas(put: pytest.MonkeyPatch) -> None:
    put.setenv(NAME, "a.example.com, b.example.com,,")
    assert env.words(NAME, []) == ["a.example.com", "b.example.com"]


def test_the_command_line_ends_with_the_sentence_alone() -> None:
    environment = os.environ | {"CONNMON_KEY_RATE": "many"}
    done = subprocess.run(
        [sys.executable, MANAGE, "check"], env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (1, "CONNMON_KEY_RATE takes a whole number, not 'many'.\n")
