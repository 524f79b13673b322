"""docs/threat-model.md names a test for each control: all of them exist."""

import re
from pathlib import Path
from typing import Final

import pytest
from django.conf import settings

NAMED: Final = re.compile(r"`([a-z_]+/test_\w+\.py)(?:::(test_\w+))?`")
NUMBERS: Final = re.compile(r"\d+\.\d+\.\d+(?:(?:, | to )\d+\.\d+\.\d+)*")
ROOT: Final = Path(settings.BASE_DIR)
MODEL: Final = (ROOT / "docs" / "threat-model.md").read_text()


@pytest.mark.parametrize(("path", "name"), sorted(set(NAMED.findall(MODEL))))
def test_the_test_of_a_control_exists(path: str, name: str) -> None:
    source = (ROOT / "tests" / path).read_text()
    assert not name or f"def {name}(" in source


def test_every_control_has_a_test_and_a_number() -> None:
    rows = [line.strip("| \n").split(" | ") for line in MODEL.splitlines() if line.startswith("| ")]
    controls = [row for row in rows if len(row) == 4 and row[0] not in {"threat", "---"}]
    assert len(controls) > 40
    lacking = [row[0] for row in controls if not NAMED.search(row[2]) and not row[2].startswith("none: ")]
    assert lacking == []
    assert [row[0] for row in controls if not NUMBERS.fullmatch(row[3])] == []
