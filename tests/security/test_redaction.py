"""Planted secrets, used in every way that succeeds and fails: none is in a log, a refusal or the database."""

import io
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from connmon.accounts.invitations import invite
from connmon.accounts.models import Role
from tests.machine import Site, bearer, encode, make_report
from tests.security.tally import TALLY
from tests.security.world import BY, PASSWORD, Filled

TABLES = "SELECT format('%I', tablename) FROM pg_tables WHERE schemaname = 'public'"
HOOK = "https://hooks.example.com/services/PlantedHookPath77"
HOOK_SECRET = "PlantedHookSecret77aaaa"
WRONG_PASSWORD = "planted wrong passphrase 77"
NEW_KEY = re.compile(r"cm_[a-z0-9]+_[A-Za-z0-9_-]{20,}")


def dump() -> str:
    """Every row of every table, as text."""
    with connection.cursor() as cursor:
        cursor.execute(TABLES)
        tables = [name for (name,) in cursor.fetchall()]
        rows: list[str] = []
        for table in tables:
            cursor.execute(f"SELECT t::text FROM {table} t")
            rows += [row for (row,) in cursor.fetchall()]
    return "\n".join(rows)


@contextmanager
def listening() -> Iterator[io.StringIO]:
    """What the log holds of all that happens meanwhile."""
    (console,) = [handler for handler in logging.getLogger().handlers if handler.get_name() == "console"]
    assert isinstance(console, logging.StreamHandler)
    stream = io.StringIO()
    before = console.setStream(stream)
    try:
        yield stream
    finally:
        console.setStream(before)


def use_keys(site: Site, ours: Filled) -> list[str]:
    """Every key, rightly and wrongly; what was answered."""
    told = []
    for key in ours.keys.values():
        for path in ("/api/v1/services", "/api/v1/leaks/1", "/api/v1/nowhere", "/g/x/", "/metrics"):
            told.append(str(site.get(path, key=key)))
        for body in (encode(make_report()), b"not json", encode({"kind": "x"})):
            told.append(str(site.post(body, key=key)))
        told.append(str(site.request("GET", "/api/v1/reports", headers={"authorization": bearer(key)})))
        TALLY.requests += 9
    return told


def use_forms(ours: Filled) -> list[str]:
    """A key and a destination made by forms, passwords right and wrong; the secrets that were made."""
    client = Client()
    email = ours.members[Role.ADMIN].email
    client.post("/login/", {"login": email, "password": WRONG_PASSWORD})
    client.post("/login/", {"login": WRONG_PASSWORD, "password": PASSWORD})
    assert client.post("/login/", {"login": email, "password": PASSWORD}).status_code == 302
    page = f"/g/{ours.game.slug}"
    made = client.post(f"{page}/setup/keys/", {"name": "Planted", "scopes": ["read"], "lifetime": "never"})
    sent = {"name": "Planted", "kind": "webhook", "address": HOOK, "secret": HOOK_SECRET, "least_severity": "info"}
    assert client.post(f"{page}/alerts/destinations/new/", sent).status_code == 200
    TALLY.requests += 5
    return sorted(set(NEW_KEY.findall(made.content.decode())))


def use_links(ours: Filled) -> list[str]:
    """One-time links by every method, as whoever mistypes or replays them does; their tokens."""
    token = invite(ours.game, role=Role.VIEWER, now=timezone.now(), by=BY).token
    guarded, plain = Client(enforce_csrf_checks=True), Client()
    for path in (f"/join/{token}/", f"/join/{token}x/", f"/account/password/reset/key/1-{token}/"):
        for ask in (plain.get, plain.put, plain.delete, guarded.post):
            ask(path)
            TALLY.requests += 1
    return [token]


def test_no_secret_is_written_anywhere(transactional_db: None, site: Site, ours: Filled) -> None:
    with listening() as log:
        told = use_keys(site, ours)
        secrets = [*ours.keys.values(), *use_forms(ours), *use_links(ours), PASSWORD, WRONG_PASSWORD, HOOK, HOOK_SECRET]
    secrets += [key.rpartition("_")[2] for key in ours.keys.values()]
    written = log.getvalue()
    rows = dump()
    assert len(secrets) > 18
    assert ours.mark in rows, "the dump holds what is stored"
    assert "/join/" in written, "the log holds what was asked"
    assert [secret for secret in secrets if secret in rows] == []
    assert [secret for secret in secrets if secret in written] == []
    assert [secret for secret in secrets if secret in "".join(told)] == []


def test_a_fault_shows_neither_key_nor_secret(
    transactional_db: None, site: Site, ours: Filled, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("planted fault")

    monkeypatch.setattr("api.views.list_services", fail)
    with listening() as log:
        answer = site.get("/api/v1/services", key=ours.keys["all"])
    assert answer.status == 500
    assert "planted fault" in log.getvalue()
    assert "planted fault" not in str(answer)
    assert ours.keys["all"].rpartition("_")[2] not in log.getvalue() + str(answer)
