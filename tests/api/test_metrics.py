"""`/metrics` and `/api/v1/metrics`: what Prometheus reads, and who may."""

import json
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import DatabaseError
from django.test import RequestFactory
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families
from pytest_django.fixtures import Settings

from api import metrics
from api.health import Part
from connmon.accounts.models import Game
from connmon.core.ids import NewKey
from connmon.leaks.models import Leak, LeakEvent
from connmon.registry.models import ServerState
from tests.leaks.ledger import put_leak
from tests.machine import Answer, Machine, Site, pool, service

MakeServer = Callable[..., Machine]
MakeKey = Callable[..., NewKey]
DOCS = Path(__file__).parents[2] / "docs"
NAMES = re.compile(r"\bconnmon_[a-z_]+")


def samples(answer: Answer) -> dict[tuple[str, str], float]:
    """Value by name and the text of its one label."""
    assert (answer.status, answer.headers["content-type"].split(";")[0]) == (200, "text/plain")
    return {
        (sample.name, ",".join(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(answer.body)
        for sample in family.samples
    }


def test_own_health_tells_of_parts_reports_and_what_waits(server: Machine) -> None:
    before = samples(server.site.get("/metrics"))
    server.send_first()
    assert server.send(seq=1, players=99).status == 409
    after = samples(server.site.get("/metrics"))
    assert after["connmon_reports_total", ""] == before["connmon_reports_total", ""] + 1
    refused = ("connmon_reports_refused_total", "seq-conflict")
    assert after[refused] == before.get(refused, 0) + 1
    assert after["connmon_ingest_batch_reports_sum", ""] == before["connmon_ingest_batch_reports_sum", ""] + 1
    assert after["connmon_part_up", "database"] == 1
    assert after["connmon_games", ""] == Game.objects.count()
    assert after["connmon_database_bytes", ""] > 1_000_000


def test_own_health_names_no_game(server: Machine, game: Game) -> None:
    server.send_first(services=[service("SecretService")])
    body = server.site.get("/metrics").body
    assert game.name not in body
    assert "SecretService" not in body


def test_without_the_database_the_parts_still_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise DatabaseError

    monkeypatch.setattr(metrics, "site_families", fail)
    assert metrics.read_site() == []
    families = list(metrics.part_families({"database": Part("failed", None, "It is away.")}))
    assert b'connmon_part_up{part="database"} 0.0' in metrics.render(families, with_own=False)


@pytest.mark.parametrize(
    ("address", "headers", "token", "may"),
    [
        ("127.0.0.1", {}, "", True),
        ("::1", {}, "", True),
        ("10.0.0.7", {}, "", False),
        ("", {}, "", False),
        ("127.0.0.1", {"X-Forwarded-For": "10.0.0.7"}, "", False),
        ("127.0.0.1", {"Forwarded": "for=10.0.0.7"}, "", False),
        ("127.0.0.1", {}, "secret", False),
        ("10.0.0.7", {"Authorization": "Bearer secret"}, "secret", True),
        ("10.0.0.7", {"Authorization": "Bearer secreT"}, "secret", False),
        ("10.0.0.7", {"Authorization": "Bearer é"}, "secret", False),
    ],
)
def test_who_may_read_own_health(
    address: str, headers: dict[str, str], token: str, may: bool, settings: Settings, rf: RequestFactory
) -> None:
    settings.METRICS_TOKEN = token
    assert metrics.may_read(rf.get("/metrics", headers=headers, REMOTE_ADDR=address)) is may


def test_who_may_not_is_told_what_to_do(server: Machine, settings: Settings) -> None:
    settings.METRICS_TOKEN = "x" * 20
    answer = server.site.get("/metrics")
    assert answer.status == 403
    assert "CONNMON_METRICS_TOKEN" in answer.body


def test_a_games_series_are_summed_over_the_servers_that_report(make_server: MakeServer, make_key: MakeKey) -> None:
    one, two, silent = make_server(), make_server("server-2"), make_server("server-3")
    one.send_first(services=[service("A", live=1, orphaned=2)], pools=[pool(size=10, in_use=4)], players=3)
    two.send_first(services=[service("A", live=5)], pools=[pool(size=10, in_use=1)], players=4)
    silent.send_first(services=[service("A", live=500)], players=50)
    ServerState.objects.filter(server_id=silent.id).update(due_at=timezone.now())
    found = samples(one.site.get("/api/v1/metrics", key=make_key("read")))
    assert found["connmon_connections_live", "A"] == 6
    assert found["connmon_connections_orphaned", "A"] == 2
    assert (found["connmon_servers", "reporting"], found["connmon_servers", "silent"]) == (2, 1)
    assert found["connmon_players", ""] == 7
    assert (found["connmon_pool_size", "Heartbeat"], found["connmon_pool_in_use", "Heartbeat"]) == (20, 5)


def test_a_hostile_name_stays_one_label(server: Machine, make_key: MakeKey) -> None:
    name = 'A"} 1\\ connmon_players 99 <script>'
    server.send_first(services=[service(name)], players=1)
    found = samples(server.site.get("/api/v1/metrics", key=make_key("read")))
    assert ("connmon_connections_live", name) in found
    assert found["connmon_players", ""] == 1


def test_a_games_series_are_its_own(server: Machine, other_game: Game, make_key: MakeKey) -> None:
    server.send_first(services=[service("SecretService")])
    stranger = make_key("read", of=other_game)
    assert "SecretService" not in server.site.get("/api/v1/metrics", key=stranger).body


def test_leaks_are_told_by_rung_and_counted_when_they_are_found(
    server: Machine, game: Game, other_game: Game, make_key: MakeKey
) -> None:
    now = timezone.now()
    put_leak(other_game, now=now)
    leak = put_leak(game, now=now)
    put_leak(game, "Shop", rung="likely", now=now, last_seen_at=now - timedelta(hours=1))
    course = [("new", "likely"), ("new", "confirmed"), ("fixed", "confirmed"), ("regressed", "confirmed")]
    for state, rung in course:
        LeakEvent.objects.create(leak=leak, at=now, state=state, rung=rung)
    found = samples(server.site.get("/api/v1/metrics", key=make_key("read")))
    assert {rung: found["connmon_leaks", rung] for rung in ("confirmed", "likely", "suspect")} == {
        "confirmed": 1,
        "likely": 0,
        "suspect": 0,
    }
    assert found["connmon_leaks_found_total", ""] == 2
    LeakEvent.objects.create(leak=Leak.objects.get(game=other_game), at=now, state="new", rung="confirmed")
    assert samples(server.site.get("/api/v1/metrics", key=make_key("read")))["connmon_leaks_found_total", ""] == 2
    assert samples(server.site.get("/metrics"))["connmon_all_leaks_found_total", ""] == 3


def test_a_games_series_need_a_key_that_reads(server: Machine, site: Site) -> None:
    assert site.get("/api/v1/metrics").status == 401
    assert site.request("GET", "/api/v1/metrics", headers={"accept": "text/plain"}).code == "not-authenticated"
    assert site.get("/api/v1/metrics", key=server.key).status == 403


def test_what_the_docs_name_is_there(server: Machine, make_key: MakeKey) -> None:
    server.send_first(services=[service()], pools=[pool()])
    server.send(seq=1, players=99)
    told = {name for name, _ in samples(server.site.get("/metrics"))}
    told |= {name for name, _ in samples(server.site.get("/api/v1/metrics", key=make_key("read")))}
    rules = (DOCS / "prometheus" / "alerts.yml").read_text()
    board = json.loads((DOCS / "grafana" / "connmon.json").read_text())
    expressions = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    expressions += re.findall(r"expr: (.*)", rules)
    assert expressions
    assert {name for text in expressions for name in NAMES.findall(text)} <= told
