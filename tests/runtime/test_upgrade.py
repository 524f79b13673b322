"""Backups of earlier connmons are restored and brought forward by the next start; nothing of them is lost.

What stands in them: tests/runtime/release.py.
"""

import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import httpx
import psycopg
import pytest

from connmon.runtime import paths
from tests.machine import Machine, Site, bearer
from tests.runtime import release
from tests.runtime.conftest import START_PATIENCE, manage, new_folder, run_up

CSRF = re.compile(r'name="csrfmiddlewaretoken" value="(\w+)"')


@dataclass
class Upgraded:
    """A connmon of now that runs on what one of before has left."""

    folder: Path
    url: str

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        """Rows of its database."""
        with psycopg.connect(paths.embedded_database_url(self.folder), autocommit=True) as connection:
            return connection.execute(query.encode()).fetchall()

    def server(self, number: int) -> Machine:
        """One of the servers that reported before, in the same boot."""
        game = self.ask(f"SELECT id FROM accounts_game WHERE slug = '{release.SLUG}'")[0][0]
        site = Site(httpx.URL(self.url).port or 0, cast(Any, None), cast(Any, None))
        server = Machine(site, cast(Any, release.KEY), game, f"server-{number}")
        server.seq = release.LAST_SEQ
        return server


@pytest.fixture(scope="module", params=release.BACKUPS, ids=lambda path: path.stem)
def upgraded(request: pytest.FixtureRequest) -> Iterator[Upgraded]:
    with ExitStack() as last:
        folder = last.enter_context(new_folder())
        done = manage(folder, "restore", str(request.param))
        assert done.returncode == 0, done.stderr
        run = run_up(folder)
        last.callback(lambda: run.stop())
        run.wait_for_line("connmon is ready:", patience=START_PATIENCE)
        found = re.search(r"connmon is ready: +(\S+)", run.output())
        assert found
        yield Upgraded(folder, found[1])


def test_every_migration_is_applied(upgraded: Upgraded) -> None:
    assert manage(upgraded.folder, "migrate", "--check").returncode == 0


def test_the_registry_is_what_the_servers_last_said(upgraded: Upgraded) -> None:
    rows = upgraded.ask("SELECT server_id, connection_id FROM registry_connection")
    numbers = range(1, release.CONNECTIONS + 1)
    servers = [upgraded.server(number).id for number in range(1, release.SERVERS + 1)]
    assert set(rows) == {(server, number) for server in servers for number in numbers}


def test_a_server_reports_on_with_the_key_and_the_number_of_before(upgraded: Upgraded) -> None:
    answer = upgraded.server(1).send()
    assert (answer.status, answer.body["resync"]) == (200, False), answer
    assert upgraded.server(2).send(seq=release.LAST_SEQ).body["ack"] == release.LAST_SEQ  # a repeat, known as one


def test_agents_get_the_configuration_of_before(upgraded: Upgraded) -> None:
    config = upgraded.server(3).send().body["config"]
    assert config["CONNECTION_MANAGEMENT"]["MAX_POOL_SIZE_PER_TYPE"] == release.POOL_SIZE


def test_a_member_logs_in_with_the_password_of_before_and_sees_the_servers(upgraded: Upgraded) -> None:
    with httpx.Client(base_url=upgraded.url, follow_redirects=True) as browser:
        token = CSRF.search(browser.get("/login/").text)
        assert token
        form = {"csrfmiddlewaretoken": token[1], "login": release.EMAIL, "password": release.PASSWORD}
        browser.post("/login/", data=form)
        for page in ("", "servers/", "cleanup/", "leaks/", "alerts/", "configuration/", "members/", "audit/", "setup/"):
            answer = browser.get(f"/g/{release.SLUG}/{page}")
            assert answer.status_code == 200, page
        assert "server-3" in browser.get(f"/g/{release.SLUG}/servers/").text


def test_a_destination_keeps_its_address_and_secret_and_they_are_sealed(upgraded: Upgraded) -> None:
    code = "from connmon.alerts.models import Destination as D; d = D.objects.get(); print(d.address, d.secret)"
    done = manage(upgraded.folder, "shell", "-v0", "-c", code)
    assert done.stdout.split() == [release.WEBHOOK, release.WEBHOOK_SECRET], done.stderr
    stored = upgraded.ask("SELECT address || secret FROM alerts_destination")
    assert release.WEBHOOK not in stored[0][0]


def test_history_goes_on_from_its_samples(upgraded: Upgraded) -> None:
    found = httpx.get(f"{upgraded.url}/api/v1/metrics", headers={"authorization": bearer(release.KEY)})
    assert found.status_code == 200
    samples = upgraded.ask("SELECT live, servers FROM telemetry_gamesample WHERE servers > 0 ORDER BY at LIMIT 1")
    assert samples == [(3 * release.SERVERS, release.SERVERS)]


def test_the_plan_of_before_is_known_and_its_orders_ended(upgraded: Upgraded) -> None:
    assert upgraded.ask("SELECT reason FROM cleanup_plan") == [(release.REASON,)]
    assert upgraded.ask("SELECT count(*) FROM cleanup_order WHERE state IN ('sent', 'done')") == [(0,)]


def test_the_audit_trail_is_still_there_and_still_cannot_be_changed(upgraded: Upgraded) -> None:
    assert upgraded.ask("SELECT count(*) > 3 FROM accounts_auditentry") == [(True,)]
    with pytest.raises(psycopg.Error):
        upgraded.ask("DELETE FROM accounts_auditentry RETURNING id")
