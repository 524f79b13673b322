"""`GET /api/v1/openapi.json`: valid, and as whole as what it describes."""

import json
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]  # of drf-spectacular
import pytest
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.validation import validate_schema

from api.problems import STATUSES
from connmon.wire import v1
from tests.machine import Json, Site
from tests.wire.test_golden import GOLDEN

ADDRESSES = {
    "reports", "metrics", "services", "servers", "audit", "audit.csv", "audit.json", "history", "profiles",
    "configuration", "configuration/revisions", "configuration/revisions/{number}", "configuration/rollback",
    "configuration/rollout",
    "alerts", "alerts/history", "alerts/{number}/snooze", "alerts/rules", "alerts/rules/{number}",
    "alerts/silences", "alerts/silences/{number}",
    "alerts/destinations", "alerts/destinations/{number}", "alerts/destinations/{number}/test",
    "alerts/deliveries", "alerts/deliveries/{number}", "alerts/deliveries/{number}/retry",
    "leaks", "leaks/tidiness", "leaks/{number}", "leaks/{number}/cohorts", "leaks/{number}/assign",
    "leaks/{number}/ignore", "leaks/{number}/link",
    "source", "source/{number}", "source/{number}/findings", "source/{number}/patch",
    "source/{number}/changes", "source/{number}/changes/{change}",
    "cleanup/emergency", "cleanup/sweeps", "cleanup/plans", "cleanup/plans/{plan_id}",
    "cleanup/plans/{plan_id}/execute",
    "cleanup/plans/{plan_id}/undo", "cleanup/plans/{plan_id}/stop", "cleanup/plans/{plan_id}/orders",
    "cleanup/plans/{plan_id}/orders/{order_id}",
}  # fmt: skip


@pytest.fixture
def document(transactional_db: None, site: Site) -> Json:
    answer = site.get("/api/v1/openapi.json")
    assert answer.status == 200
    body: Json = answer.body
    return body


def test_the_document_is_valid(document: Json) -> None:
    assert document["openapi"].startswith("3.1")
    validate_schema(document)  # type: ignore[no-untyped-call]


def test_it_is_made_without_a_complaint(document: Json, capsys: pytest.CaptureFixture[str]) -> None:
    GENERATOR_STATS.reset()
    SchemaGenerator().get_schema(public=True)  # type: ignore[no-untyped-call]
    assert not GENERATOR_STATS
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.json")), ids=lambda path: path.stem)
def test_the_golden_messages_are_what_it_describes(document: Json, path: Path) -> None:
    schema = path.stem.partition("_")[0].capitalize()  # Report, Answer, Orders, Problem
    wanted = {"$ref": f"#/components/schemas/{schema}", "components": document["components"]}
    jsonschema.Draft202012Validator(wanted).validate(json.loads(path.read_text()))


def test_it_names_every_address_of_the_api(document: Json) -> None:
    assert {path.removeprefix("/api/v1/") for path in document["paths"]} == ADDRESSES


def test_every_problem_of_a_report_is_named_under_its_status(document: Json) -> None:
    answers = document["paths"]["/api/v1/reports"]["post"]["responses"]
    for code, status in STATUSES.items():
        if code not in {"not-found", "method-not-allowed"}:  # of other addresses; of no POST
            assert code in answers[str(status)]["description"].split(", "), code
            assert "application/problem+json" in answers[str(status)]["content"]


@pytest.mark.parametrize("struct", [v1.Report, v1.Answer, v1.Server, v1.Opened, v1.Order], ids=lambda one: one.__name__)
def test_it_has_every_field_of_the_messages(document: Json, struct: Any) -> None:
    properties = document["components"]["schemas"][struct.__name__]["properties"]
    assert set(struct.__struct_fields__) <= properties.keys()


def test_every_reference_leads_somewhere(document: Json) -> None:
    schemas = document["components"]["schemas"]
    assert {f"#/components/schemas/{name}" for name in schemas} >= set(references(document))


def references(part: Any) -> list[str]:
    if isinstance(part, dict):
        own = [part["$ref"]] if isinstance(part.get("$ref"), str) else []
        return own + [found for value in part.values() for found in references(value)]
    return [found for value in part for found in references(value)] if isinstance(part, list) else []


def test_every_operation_wants_a_key(document: Json) -> None:
    assert document["components"]["securitySchemes"]["key"]["scheme"] == "bearer"
    for operations in document["paths"].values():
        for operation in operations.values():
            assert {"key": []} in operation["security"]
