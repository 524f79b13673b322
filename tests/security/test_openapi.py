"""What the OpenAPI document says, turned into requests, right ones and wrong ones: no fault, and answers as it says."""

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any, Final

import pytest
import requests
import schemathesis
from django.urls import reverse
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from schemathesis import APIOperation, Case, GenerationMode
from schemathesis.checks import content_type_conformance, not_a_server_error, response_schema_conformance
from schemathesis.core.result import Ok
from schemathesis.openapi import from_dict

from tests.machine import Site, bearer
from tests.security import table
from tests.security.tally import TALLY, WHOLE
from tests.security.world import Filled

Operation = APIOperation[Any, Any, Any, Any]
AnyCase = Case[Any]
EXAMPLES: Final = 25 if WHOLE else 1  # of each operation, once right and once wrong, with and without ids that exist
PATIENCE: Final = 30  # seconds
CHECKS: Final = [not_a_server_error, response_schema_conformance, content_type_conformance]


@pytest.fixture
def attacked(transactional_db: None, site: Site, ours: Filled) -> Site:
    """The real site, with a game that has something at every address."""
    return site


def operations(site: Site) -> Iterator[Operation]:
    """Each method of each address of the document."""
    document = site.get("/api/v1/openapi.json").body
    yield from read(document)


def read(document: dict[str, Any]) -> Iterator[Operation]:
    for result in from_dict(document).get_all_operations():
        assert isinstance(result, Ok), result
        yield result.ok()


def ids_of(operation: Operation, ours: Filled) -> dict[str, Any]:
    """The ids with which its address leads to something."""
    for name, address in table.API.items():
        braces = {argument: f"{{{argument}}}" for argument in address.ids}
        if operation.path == _template(name, braces):
            return {argument: ours.ids[key] for argument, key in address.ids.items()}
    return {}


def _template(name: str, braces: dict[str, str]) -> str:
    numbers = {argument: 7_777_000 + place for place, argument in enumerate(braces)}
    path = reverse(name, kwargs=numbers)
    for argument, number in numbers.items():
        path = path.replace(str(number), braces[argument])
    return path


def test_no_request_that_the_document_leads_to_breaks_anything(attacked: Site, ours: Filled) -> None:
    faults: dict[str, str] = {}  # by operation and status: the first of each
    session = requests.Session()
    session.headers["Authorization"] = bearer(ours.keys["all"])

    def ask(case: AnyCase) -> None:
        answer = case.call(base_url=f"http://127.0.0.1:{attacked.port}", session=session, timeout=PATIENCE)
        TALLY.note(answer.status_code)
        try:
            case.validate_response(answer, checks=CHECKS)
        except (AssertionError, BaseExceptionGroup) as failure:
            faults.setdefault(f"{case.method} {case.operation.path} {answer.status_code}", str(failure))

    for operation in operations(attacked):
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            for ids in ({}, ids_of(operation, ours)) if operation.path_parameters else ({},):
                attack(operation, mode, ids, ask)
    assert not faults, "\n\n".join(f"{where}: {what}" for where, what in faults.items())


def attack(operation: Operation, mode: GenerationMode, ids: dict[str, Any], ask: Any) -> None:
    """EXAMPLES requests of one operation, the same in each run."""
    strategy = operation.as_strategy(generation_mode=mode, path_parameters=ids or None)

    @hypothesis_settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=strategy)
    def run(case: AnyCase) -> None:
        ask(case)

    run()


def test_a_fault_would_be_noticed() -> None:
    """The checks themselves: an answer of 500 and one that lacks what the document requires."""
    document = {
        "openapi": "3.1.0",
        "info": {"title": "x", "version": "1"},
        "paths": {
            "/x": {
                "get": {
                    "responses": {
                        "200": {
                            "description": "x",
                            "content": {"application/json": {"schema": {"type": "object", "required": ["id"]}}},
                        }
                    }
                }
            }
        },
    }
    (operation,) = read(document)
    case = operation.Case()
    for status, body in ((HTTPStatus.INTERNAL_SERVER_ERROR, b"{}"), (HTTPStatus.OK, b"{}")):
        answer = schemathesis.Response(
            status_code=int(status),
            headers={"content-type": ["application/json"]},
            content=body,
            request=requests.Request("GET", "http://127.0.0.1/x").prepare(),
            elapsed=0.1,
            verify=False,
        )
        with pytest.raises((AssertionError, BaseExceptionGroup)):
            case.validate_response(answer, checks=CHECKS)
