"""What Django itself refuses: programs get a problem document, people a page."""

import json

import pytest
from django.test import Client

from tests.machine import Site


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_an_address_of_the_api_that_there_is_not_is_a_problem(transactional_db: None, site: Site, method: str) -> None:
    answer = site.request(method, "/api/v1/report", body=b"{}" if method == "POST" else b"")
    assert (answer.status, answer.code) == (404, "not-found")
    assert answer.headers["content-type"] == "application/problem+json"
    assert "/api/v1/reports" in answer.body["detail"]


@pytest.mark.parametrize(("path", "kind"), [("/api/v1/services", "application/problem+json"), ("/", "text/html")])
def test_a_fault_is_told_in_the_form_of_who_asked(path: str, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("planted")

    monkeypatch.setattr("django.core.handlers.base.BaseHandler.resolve_request", fail)
    answer = Client(raise_request_exception=False).get(path)
    assert (answer.status_code, answer["content-type"].split(";")[0]) == (500, kind)
    assert b"recorded in the server" in answer.content
    assert b"planted" not in answer.content
    if kind.endswith("json"):
        assert json.loads(answer.content)["code"] == "internal-error"


def test_a_page_that_there_is_not_is_a_page(db: None) -> None:
    answer = Client().get("/nowhere/")
    assert (answer.status_code, answer["content-type"]) == (404, "text/html; charset=utf-8")
