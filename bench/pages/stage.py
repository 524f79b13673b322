"""connmon as `manage.py up` runs it, with a game of 1,000 servers, 100 services and 1,000,000 connections."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, LiteralString
from urllib.parse import urlsplit

import psycopg
from playwright.sync_api import Browser, BrowserContext

from bench.ingest.site import fill
from bench.ingest.workloads import BUSY, script
from bench.loader import prime
from connmon.runtime.paths import embedded_database_url
from tests.e2e import house, visitor
from tests.e2e.visitor import Visitor

GAME, SLUG = "Bench", "bench"
MARKED_SERVER, MARKED_SERVICE = "marked-server", "MarkedService"
PATIENCE_S: Final = 30.0
FILL_INSIDE: Final = f"from bench.pages.inside import fill; fill({SLUG!r})"

ADD_AUDIT: Final[LiteralString] = """
    INSERT INTO accounts_auditentry (game_id, game_name, at, actor_kind, actor_id, actor, action, target, reason)
    SELECT %(game)s, 'Bench', now() - make_interval(secs => n), 'user', '1', 'dev@example.com',
           (ARRAY['plan.executed', 'key.created', 'configuration.changed'])[n %% 3 + 1], 'plan ' || n, 'Memory climbs'
    FROM generate_series(1, %(entries)s) n
"""


@dataclass
class Stage:
    """A running, filled connmon with its first member at a browser, and a server whose reports are watched for."""

    connmon: house.House
    browser: Browser
    context: BrowserContext  # the member is logged in here
    key: str
    game_id: int
    sizes: dict[str, int]
    first_seq: int  # of the next reports of all servers
    marks: int = field(default=0, init=False)

    @property
    def url(self) -> str:
        return self.connmon.url

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        parts = urlsplit(self.url)
        assert parts.hostname
        assert parts.port
        return parts.hostname, parts.port

    @property
    def cookie(self) -> str:
        """The member's session, as a header's value."""
        kept = [cookie for cookie in self.context.cookies() if cookie["name"] == "sessionid"]
        return f"sessionid={kept[0]['value']}"

    def path(self, rest: str = "") -> str:
        return f"/g/{SLUG}/{rest}"

    def query(self, statement: LiteralString, **values: Any) -> list[tuple[Any, ...]]:
        """Runs one statement on connmon's database, and commits; its rows, if it has any."""
        with psycopg.connect(database_url(self.connmon), autocommit=True) as connection:
            cursor = connection.execute(statement, values)
            return cursor.fetchall() if cursor.description else []

    def other_context(self) -> BrowserContext:
        """A browser profile with an empty cache, in which the member is logged in too."""
        context = self.browser.new_context(viewport={"width": 1440, "height": 1000})
        context.add_cookies(self.context.cookies())  # type: ignore[arg-type]
        return context

    def mark(self) -> tuple[int, float, float]:
        """One report of MARKED_SERVER; its live count, and when it was sent and acknowledged, in Unix seconds."""
        self.marks += 1
        live = self.marks % 900 + 1  # three digits at most, never twice the same in a row
        service = {"name": MARKED_SERVICE, "live": live, "opened": self.marks, "closed": 0}
        report = {
            "kind": "report", "v": 1, "seq": self.marks, "sent_at": time.time(), "interval": 30, "players": 1,
            "server": {"id": MARKED_SERVER, "boot": "bench", "agent": "bench"}, "services": [service],
            **({"snapshot": {"part": 1, "of": 1}} if self.marks == 1 else {}),
        }  # fmt: skip
        connection = http.client.HTTPConnection(*self.address, timeout=PATIENCE_S)
        connection.connect()
        sent = time.time()
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        connection.request("POST", "/api/v1/reports", json.dumps(report), headers)
        answer = connection.getresponse()
        body = answer.read()
        acknowledged = time.time()
        connection.close()
        assert answer.status == 200, body
        return live, sent, acknowledged


@contextmanager
def stage(*, connections: int) -> Iterator[Stage]:
    """All of it, on a durable database; ended at the end."""
    with house.running("--no-demo") as connmon, visitor.browser() as browser:
        context = browser.new_context(viewport={"width": 1440, "height": 1000})
        person = Visitor(context)
        person.sign_up(connmon.sign_up)
        person.create_game(connmon.url, GAME)
        key = person.create_key(connmon.url, SLUG)
        person.page.close()
        with psycopg.connect(database_url(connmon), autocommit=True) as connection:
            row = connection.execute("SELECT id FROM accounts_game WHERE slug = %s", [SLUG]).fetchone()
            assert row
            values = {"game": row[0], "entries": 100_000}
            fill(connection, row[0], connections=connections)
            connection.execute(ADD_AUDIT, values)
        reports = prime(connmon.url, script(BUSY), headers={"Authorization": f"Bearer {key}"})
        connmon.run("shell", "--no-imports", "-c", FILL_INSIDE)
        sizes = {"servers": 1_000, "services": 100, "connections": connections, "audit_entries": values["entries"]}
        found = Stage(connmon, browser, context, key, row[0], sizes, reports.first_seq)
        found.mark()
        found.query("ANALYZE")
        yield found


def database_url(connmon: house.House) -> str:
    return embedded_database_url(Path(connmon.environment["CONNMON_DATA"]))
