"""Reports: what they contain, and that sources cannot speak through them."""

import io
import json
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
from rich.console import Console

from migrator.baseline import BaselineRefused, make_baseline, read_baseline, write_baseline
from migrator.batch import BatchOptions, BatchReport, Step, batch_migrate
from migrator.model import Shape
from migrator.project import load_project
from migrator.report import findings_of, html_report, json_report, print_report, sarif_report, summarize
from migrator.report.sarif import RULES
from tests.migrator.game import BROKEN_WORDS, LEAKING, make_game

# What SARIF 2.1.0 demands of the members that are used (OASIS sarif-schema-2.1.0).
LOCATION: dict[str, Any] = {
    "type": "object",
    "required": ["physicalLocation"],
    "properties": {
        "physicalLocation": {
            "type": "object",
            "required": ["artifactLocation"],
            "properties": {
                "artifactLocation": {
                    "type": "object",
                    "properties": {"uri": {"type": "string", "format": "uri-reference", "pattern": r"^[!-~]+$"}},
                    "required": ["uri"],
                },
                "region": {
                    "type": "object",
                    "properties": {
                        "startLine": {"type": "integer", "minimum": 1},
                        "startColumn": {"type": "integer", "minimum": 1},
                    },
                    "additionalProperties": False,
                },
            },
            "additionalProperties": False,
        },
        "logicalLocations": {"type": "array", "items": {"type": "object"}},
    },
    "additionalProperties": False,
}
MESSAGE = {"type": "object", "required": ["text"], "properties": {"text": {"type": "string", "minLength": 1}}}
LEVEL = {"enum": ["none", "note", "warning", "error"]}
SARIF = {
    "type": "object",
    "required": ["version", "runs"],
    "properties": {
        "$schema": {"type": "string", "format": "uri"},
        "version": {"const": "2.1.0"},
        "runs": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["tool", "results"],
                "properties": {
                    "tool": {
                        "type": "object",
                        "required": ["driver"],
                        "properties": {
                            "driver": {
                                "type": "object",
                                "required": ["name"],
                                "properties": {
                                    "rules": {
                                        "type": "array",
                                        "uniqueItems": True,
                                        "items": {
                                            "type": "object",
                                            "required": ["id"],
                                            "properties": {"shortDescription": MESSAGE},
                                        },
                                    }
                                },
                            }
                        },
                    },
                    "columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
                    "results": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "required": ["message"],
                            "properties": {
                                "ruleId": {"type": "string"},
                                "level": LEVEL,
                                "message": MESSAGE,
                                "locations": {"type": "array", "items": LOCATION},
                                "partialFingerprints": {
                                    "type": "object",
                                    "additionalProperties": {"type": "string"},
                                },
                                "baselineState": {"enum": ["new", "unchanged", "updated", "absent"]},
                            },
                            "additionalProperties": False,
                        },
                    },
                    "invocations": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "required": ["executionSuccessful"],
                            "properties": {
                                "toolExecutionNotifications": {
                                    "type": "array",
                                    "items": {
                                        "type": "object",
                                        "required": ["message"],
                                        "properties": {
                                            "level": LEVEL,
                                            "message": MESSAGE,
                                            "locations": {"type": "array", "items": LOCATION},
                                        },
                                        "additionalProperties": False,
                                    },
                                }
                            },
                        },
                    },
                    "originalUriBaseIds": {"type": "object"},
                },
                "additionalProperties": False,
            },
        },
    },
    "additionalProperties": False,
}


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> BatchReport:
    """A batch over the small game, a link in it."""
    root = make_game(tmp_path_factory.mktemp("game"))
    (root / "link.luau").symlink_to(root / "src/Clean.server.luau")
    return batch_migrate(load_project(root), BatchOptions(jobs=1))


@pytest.fixture
def hostile(tmp_path: Path) -> BatchReport:
    """A file whose name and code speak HTML, terminal control and SARIF's own words."""
    name = "</code><script>alert(1)</script> [bold]ü\x1b[31m.server.luau".replace("/", "\N{DIVISION SLASH}")
    text = LEAKING.replace('"Players")', '"Players") --\x1b[2J</pre><script>alert(2)</script>', 1)
    text = text.replace("RunService.Heartbeat:", 'RunService["<img src=x onerror=alert(3)>"]:')
    (tmp_path / name).write_text(text)
    return batch_migrate(load_project(tmp_path), BatchOptions(Step.FIX, jobs=1))


def test_the_json_report_has_findings_files_and_problems(report: BatchReport) -> None:
    content = json.loads(json_report(report))
    (finding,) = content["findings"]
    assert (finding["path"], finding["line"], finding["new"]) == ("src/Leaking.server.luau", 5, True)
    assert finding["validation"]["outcome"] == "proven"
    assert content["summary"]["leaks"] == 1
    assert content["summary"]["coverage"] == pytest.approx(2 / 3)
    problems = {problem["path"]: problem["message"] for problem in content["problems"]}
    assert "symbolic link" in problems["link.luau"]
    assert BROKEN_WORDS in problems["src/Broken.luau"]


def test_the_sarif_report_keeps_the_schema(report: BatchReport, hostile: BatchReport) -> None:
    for one in (report, hostile):
        jsonschema.validate(json.loads(sarif_report(one)), SARIF)
    (run,) = json.loads(sarif_report(report))["runs"]
    (result,) = run["results"]
    assert result["ruleId"] in {rule["id"] for rule in run["tool"]["driver"]["rules"]}
    region = result["locations"][0]["physicalLocation"]["region"]
    assert region["startLine"] == 5
    assert len(run["invocations"][0]["toolExecutionNotifications"]) == 2


def test_every_shape_has_a_rule() -> None:
    assert set(RULES) == set(Shape)


def test_nothing_in_a_source_is_markup_in_the_html_report(hostile: BatchReport) -> None:
    page = html_report(hostile)
    assert "<script" not in page
    assert "<img" not in page
    assert "&lt;img src=x onerror=alert(3)&gt;" in page
    assert "default-src 'none'" in page
    assert "<h1>1 leak in 1 file, 1 new</h1>" in page


def printed(report: BatchReport) -> str:
    """The terminal report as a file would get it."""
    out = io.StringIO()
    print_report(Console(file=out, width=80), report)
    return out.getvalue()


def test_the_terminal_report_names_place_reason_and_numbers(report: BatchReport) -> None:
    text = printed(report)
    assert "src/Leaking.server.luau:5:" in text
    assert "rewrite: proven" in text
    assert "symbolic link" in text
    assert "1 leak (1 new)" in text


def test_nothing_in_a_source_steers_the_terminal(hostile: BatchReport) -> None:
    text = printed(hostile)
    assert "\x1b" not in text
    assert "[bold]" in text


def test_findings_of_a_baseline_are_known_whatever_moves_around_them(report: BatchReport, tmp_path: Path) -> None:
    path = tmp_path / "baseline.json"
    write_baseline(path, make_baseline(report.analyses))
    baseline = read_baseline(path)
    assert [finding.new for finding in findings_of(report, baseline)] == [False]
    root = make_game(tmp_path / "game")
    (root / "src/Leaking.server.luau").write_text("-- moved\n\n" + LEAKING)
    moved = batch_migrate(load_project(root), BatchOptions(Step.ANALYZE, jobs=1))
    assert [finding.new for finding in findings_of(moved, baseline)] == [False]
    second = LEAKING.replace("Players.PlayerAdded", "Players.PlayerRemoving").partition("\n\n")[2]
    (root / "src/Leaking.server.luau").write_text(LEAKING + second)
    more = batch_migrate(load_project(root), BatchOptions(Step.ANALYZE, jobs=1))
    assert summarize(more, findings_of(more, baseline)).new == 1


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"version": 9, "findings": {}}', '{"version": 1, "findings": 3}'])
def test_a_damaged_baseline_says_what_to_do(tmp_path: Path, content: str) -> None:
    (tmp_path / "baseline.json").write_text(content)
    with pytest.raises(BaselineRefused, match="--write-baseline"):
        read_baseline(tmp_path / "baseline.json")


def test_a_missing_baseline_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(BaselineRefused, match="does not exist"):
        read_baseline(tmp_path / "baseline.json")
