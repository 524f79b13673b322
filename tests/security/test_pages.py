"""What every answer of a page carries: no foreign form, no frame, no script but our own, cookies that stay put."""

import re
from collections.abc import Iterator
from typing import Final

import pytest
from django.conf import settings
from django.test import Client, override_settings
from django.urls import reverse

from connmon.accounts.models import Role
from tests.machine import Site
from tests.security import table
from tests.security.actors import Actor, by_session
from tests.security.table import Address, Method
from tests.security.tally import TALLY
from tests.security.test_matrix import address_of, filled_in
from tests.security.world import PASSWORD, Filled

OWN_CODE_ONLY: Final = re.compile(r"(?:^|; )script-src 'self'(?:;|$)")
EXPIRED: Final = "This form has expired"


@pytest.fixture
def admin(ours: Filled) -> Actor:
    return by_session("admin", ours.members[Role.ADMIN], game=ours, role=Role.ADMIN)


def forms(ours: Filled) -> Iterator[tuple[str, str, Method]]:
    """Name, address and body of every POST of a page."""
    for name, address in table.PAGES.items():
        if "POST" in address.methods:
            yield name, address_of(name, address, ours, slug=ours.game.slug), filled_in(address.methods["POST"], ours)
    for name, address in table.SITE.items():
        if "POST" in address.methods:
            yield name, _plain(name, address), address.methods["POST"]


def _plain(name: str, address: Address) -> str:
    ids = {argument: 1 if key == "number" else key for argument, key in address.ids.items()}
    return reverse(name, kwargs=ids)


def test_no_form_is_taken_from_another_site(ours: Filled) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(ours.members[Role.ADMIN])
    taken = []
    asked = list(forms(ours))
    for name, address, method in asked:
        for headers in ({}, {"Origin": "https://evil.example", "X-CSRFToken": "x" * 32}):
            answer = client.post(address, method.body, headers=headers)
            TALLY.note(answer.status_code)
            taken += [] if answer.status_code == 403 else [f"{name}: {answer.status_code}"]
    assert taken == []
    assert len(asked) > 30


def test_every_answer_forbids_frames_foreign_code_and_guessing(ours: Filled, admin: Actor) -> None:
    faults = []
    for name, address in table.PAGES.items():
        path = address_of(name, address, ours, slug=ours.game.slug)
        method = "GET" if "GET" in address.methods else "POST"
        answer = admin.ask(method, path, filled_in(address.methods[method], ours))
        faults += [f"{name}: {fault}" for fault in header_faults(answer.headers)]
    for path in ("/login/", "/nowhere/", "/healthz", "/api/v1/services", "/api/v1/openapi.json"):
        faults += [f"{path}: {fault}" for fault in header_faults(admin.ask("GET", path).headers)]
    assert not faults, "\n".join(faults)


def header_faults(headers: dict[str, str]) -> Iterator[str]:
    policy = headers.get("Content-Security-Policy", "")
    if "unsafe" in policy or "*" in policy or not OWN_CODE_ONLY.search(policy) or "default-src 'none'" not in policy:
        yield f"Content-Security-Policy: {policy!r}"
    if "frame-ancestors 'none'" not in policy or headers.get("X-Frame-Options") != "DENY":
        yield "it can be framed"
    if headers.get("X-Content-Type-Options") != "nosniff":
        yield "its type can be guessed"
    if headers.get("Referrer-Policy") != "same-origin":
        yield f"Referrer-Policy: {headers.get('Referrer-Policy')}"
    if headers.get("Cross-Origin-Opener-Policy") != "same-origin":
        yield "another window can hold on to it"
    if "Access-Control-Allow-Origin" in headers:
        yield "another origin may read it"


def test_what_is_wrong_with_headers_would_be_noticed() -> None:
    assert len(list(header_faults({"Content-Security-Policy": "script-src 'self' 'unsafe-inline'"}))) == 5
    assert len(list(header_faults({"Access-Control-Allow-Origin": "*"}))) == 6


@override_settings(SESSION_COOKIE_SECURE=True, CSRF_COOKIE_SECURE=True)
def test_cookies_stay_where_they_belong(ours: Filled) -> None:
    client = Client()
    page = client.get("/login/")
    credentials = {"login": ours.members[Role.ADMIN].email, "password": PASSWORD}
    answer = client.post("/login/", credentials)
    assert answer.status_code == 302
    session = answer.cookies["sessionid"]
    assert (session["httponly"], session["samesite"], session["secure"], session["domain"]) == (True, "Lax", True, "")
    csrf = (answer.cookies | page.cookies)["csrftoken"]
    assert (csrf["samesite"], csrf["secure"], csrf["domain"]) == ("Lax", True, "")


def test_logging_in_makes_a_new_session(ours: Filled) -> None:
    client = Client()
    client.force_login(ours.members[Role.VIEWER])
    planted = client.cookies["sessionid"].value
    client.post("/login/", {"login": ours.members[Role.ADMIN].email, "password": PASSWORD})
    client.post("/logout/")
    assert client.cookies["sessionid"].value != planted


@pytest.mark.parametrize("to", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"])
def test_logging_in_leads_to_no_other_site(ours: Filled, to: str) -> None:
    credentials = {"login": ours.members[Role.ADMIN].email, "password": PASSWORD}
    answer = Client().post(f"/login/?next={to}", credentials | {"next": to})
    assert "evil" not in answer.headers.get("Location", "")
    assert "javascript" not in answer.headers.get("Location", "")


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "127.0.0.1:80@evil.example", ""])
def test_a_host_that_is_not_ours_is_refused(transactional_db: None, site: Site, host: str) -> None:
    answer = site.request("GET", "/login/", headers={"Host": host})
    TALLY.note(answer.status)
    assert answer.status == 400
    assert "evil" not in f"{answer.headers}{answer.body}"


@pytest.mark.parametrize("path", ["/", "/login/", "/healthz", "/nowhere/", "/api/v1/services"])
def test_trace_tells_nothing_back(ours: Filled, admin: Actor, path: str) -> None:
    answer = admin.client.trace(path, headers={"X-Planted": "planted-77"})
    assert answer.status_code in {302, 401, 404, 405}
    assert b"planted-77" not in answer.content


def test_our_own_metrics_are_told_to_this_machine_only(db: None) -> None:
    answer = Client(REMOTE_ADDR="203.0.113.9").get("/metrics")
    assert answer.status_code == 403
    assert Client(headers={"X-Forwarded-For": "203.0.113.9"}).get("/metrics").status_code == 403


def test_the_policy_of_the_settings_has_nothing_unsafe() -> None:
    words = [word for values in settings.CONTENT_SECURITY_POLICY["DIRECTIVES"].values() for word in values]
    assert set(words) <= {"'none'", "'self'", "data:"}
