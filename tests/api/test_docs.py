"""What machines and operators rely on is named in docs/."""

import ast
import re
from pathlib import Path
from typing import Final

import msgspec
import pytest
from msgspec import inspect

from api.agent_socket import AgentSocket
from api.problems import STATUSES
from connmon.core import logs
from connmon.wire import v1
from tests.machine import AGENT, REPORTS

ROOT: Final = Path(__file__).resolve().parents[2]
PROTOCOL: Final = (ROOT / "docs" / "protocol.md").read_text()
READERS: Final = {"text", "integer", "flag", "words"}


def structs() -> list[type[msgspec.Struct]]:
    return [one for one in vars(v1).values() if isinstance(one, type) and issubclass(one, msgspec.Struct)]


FIELDS: Final = sorted({(one.__name__, field) for one in structs() for field in one.__struct_fields__})


@pytest.mark.parametrize("path", [REPORTS, AGENT, "/api/v1/openapi.json"])
def test_every_address_of_the_protocol_is_named(path: str) -> None:
    assert path in PROTOCOL


@pytest.mark.parametrize("code", [code for code in STATUSES if code != "not-found"])  # no report is answered with that
def test_every_problem_code_is_named_beside_its_status(code: str) -> None:
    rows = [line for line in PROTOCOL.splitlines() if f"`{code}`" in line and line.startswith("|")]
    assert any(str(STATUSES[code]) in row.split("|")[1] or "409" in row for row in rows), f"{code} is in no table"


@pytest.mark.parametrize(("struct", "field"), FIELDS, ids=lambda value: str(value))
def test_every_field_of_a_message_is_named(struct: str, field: str) -> None:
    assert re.search(rf"[`\".]{field}[`\"]", PROTOCOL), f"{struct}.{field} is not in docs/protocol.md"


def test_every_word_that_a_field_may_hold_is_named() -> None:
    words = {word for one in structs() for field in inspect.type_info(one).fields for word in literals(field.type)}  # type: ignore[attr-defined]
    assert words >= {"live", "orphaned", "player", "refused"}
    missing = {word for word in words if not re.search(rf"\b{word}\b", PROTOCOL)}
    assert not missing


def literals(kind: inspect.Type) -> list[str]:
    return [str(value) for value in kind.values] if isinstance(kind, inspect.LiteralType) else []


def test_every_code_that_closes_a_socket_is_named() -> None:
    source = (ROOT / "api" / "agent_socket.py").read_text()
    codes = set(re.findall(r"\b(?:44\d\d|10\d\d)\b", source))
    assert codes >= {"4401", "4403", "4408", "4429"}
    assert AgentSocket.__doc__
    assert {code for code in codes if code not in PROTOCOL} == set()


def test_every_bound_of_a_message_is_named() -> None:
    for words in ("256 KB", "2 MB", "100 times", "1,000", "5,000", "at most 64", "at most 100"):
        assert words in PROTOCOL
    assert (v1.MAX_BODY, v1.MAX_INFLATED, v1.MAX_INFLATE_RATIO) == (256 * 1024, 2 * 1024 * 1024, 100)
    assert (v1.MAX_SERVICES, v1.MAX_EVENTS, v1.MAX_POOLS, v1.MAX_OUTCOMES) == (1_000, 5_000, 64, 100)


def read_variables() -> set[str]:
    """The environment variables that the project reads through connmon.core.env, found in its sources."""
    found = set()
    for room in ("connmon", "api", "dashboard"):
        for path in (ROOT / room).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call) and is_reader(node.func) and isinstance(node.args[0], ast.Constant):
                    found.add(str(node.args[0].value))
    return found


def is_reader(function: ast.expr) -> bool:
    return (
        isinstance(function, ast.Attribute)
        and function.attr in READERS
        and isinstance(function.value, ast.Name)
        and function.value.id == "env"
    )


OPERATIONS: Final = (ROOT / "docs" / "operations.md").read_text()


def test_every_setting_stands_in_the_table_of_settings() -> None:
    variables = read_variables()
    assert variables >= {"SECRET_KEY", "DATABASE_URL", "CONNMON_KEY_RATE", "CONNMON_LOG"}
    table = "\n".join(line.split("|")[1] for line in OPERATIONS.splitlines() if line.startswith("| `"))
    assert {name for name in variables if f"`{name}`" not in table} == set()


def test_every_alarm_of_our_own_says_what_to_do() -> None:
    alarms = set(re.findall(r"- alert: (\w+)", (ROOT / "docs" / "prometheus" / "alerts.yml").read_text()))
    assert "ConnmonPartDown" in alarms
    cells = [line.split("|") for line in OPERATIONS.splitlines() if line.startswith("| `Connmon")]
    rows = {cell[1].strip(" `"): cell[3].strip() for cell in cells}
    assert {alarm for alarm in alarms if not rows.get(alarm)} == set()
    assert rows.keys() == alarms


def test_every_member_of_a_log_line_is_named() -> None:
    assert {name for name in logs.FIELDS if f"`{name}`" not in OPERATIONS} == set()
