"""The leak pages: the ledger, one leak, what people do."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from connmon.accounts.models import AuditEntry, Game, Role, User
from connmon.leaks.models import Leak, Tick, Tidiness
from tests.dashboard.factories import SCRIPT, ServerSpec, make_connection, put_server, save_connections
from tests.leaks.ledger import LINE, put_leak

LogIn = Callable[[User], Client]
MakeMember = Callable[[Role], User]


@pytest.fixture
def client(owner: User, log_in: LogIn) -> Client:
    return log_in(owner)


@pytest.fixture
def leak(game: Game) -> Leak:
    return put_leak(game, now=timezone.now())


def address(leak: Leak, act: str = "leak") -> str:
    return reverse(act, kwargs={"slug": leak.game.slug, "number": leak.pk})


def page(client: Client, where: str) -> str:
    answer = client.get(where)
    assert answer.status_code == 200
    return answer.content.decode()


def ledger(client: Client, game: Game, query: str = "") -> str:
    return page(client, reverse("leaks", kwargs={"slug": game.slug}) + query)


def test_a_game_without_leaks_is_told_so(client: Client, game: Game) -> None:
    assert "No leak was ever found here." in ledger(client, game)


def test_the_ledger_names_each_leak(client: Client, game: Game, leak: Leak) -> None:
    put_leak(game, "Shop", site="Shop:7", rung="likely", state="fixed", fixed_in=143, now=timezone.now())
    text = ledger(client, game)
    assert "1 confirmed · 1 likely · 0 suspect" in text
    assert leak.summary in text
    assert "fixed in 143" in text
    assert text.index("CombatService") < text.index("Shop:7")


def test_filters_stand_in_the_address(client: Client, game: Game, leak: Leak) -> None:
    put_leak(game, "Shop", site="Shop:7", rung="likely", state="ongoing", now=timezone.now())
    assert "Combat:118" not in ledger(client, game, "?rung=likely")
    assert "Shop:7" not in ledger(client, game, "?state=new")
    assert "Shop:7" in ledger(client, game, "?service=Shop&rung=nonsense&page=0")
    assert "Nothing matches." in ledger(client, game, "?rung=suspect")


def test_a_long_ledger_has_pages_and_few_queries(
    client: Client, game: Game, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(51):
        put_leak(game, site=f"Site:{number}", count=100 - number, now=timezone.now())
    with django_assert_max_num_queries(9):
        assert 'rel="next"' in ledger(client, game)
    assert 'rel="next"' not in ledger(client, game, "?page=2")
    assert "Site:" in ledger(client, game, "?page=2")


def test_automatic_cleanup_is_told_as_it_happened(client: Client, game: Game) -> None:
    hour = timezone.now().replace(minute=0, second=0, microsecond=0)
    Tidiness.objects.create(game_id=game.pk, hour=hour, owner_kind=2, tidy=199, left_behind=1)
    text = ledger(client, game)
    assert "<dt>Players who left</dt><dd>200</dd>" in text
    assert "<dt>left nothing behind</dt><dd>99 %</dd>" in text
    assert "<dt>Services that stopped</dt><dd>0</dd>" in text


def test_a_leak_shows_its_evidence_chart_and_cohorts(client: Client, game: Game) -> None:
    now = timezone.now()
    line = LINE | {"start": now.timestamp() - 3_600, "end": now.timestamp()}
    evidence = {"owners": [], "servers": ["s-1"], "server_count": 1, "players": 12, "line": line}
    leak = put_leak(game, rung="likely", cause="growing", evidence=evidence, since_version=142, now=now)
    server = put_server(game, ServerSpec("s-1"), now=now)
    for minute in range(61):
        at = now - timedelta(minutes=minute)
        Tick.objects.create(
            server_id=server.pk, at=at, players=12, origin_ids=[leak.origin_id], live=[90 - minute], owners=[0]
        )
    service = leak.origin.service
    save_connections([make_connection(server, service, n, site="Combat:118", now=now) for n in range(1, 8)])
    text = page(client, address(leak))
    assert "Live, at most 90" in text
    assert 'class="plot-fitted" d="M0.0 106.7L720.0 0.0"' in text
    assert "60 ± 4 connections more than players explain" in text
    assert "version 142: an earlier one ran with as many players and did not leak" in text
    assert "7 live, opened 5 min ago" in text


def test_a_leak_that_nobody_reports_now_says_so(client: Client, leak: Leak) -> None:
    Leak.objects.update(last_seen_at=timezone.now() - timedelta(hours=1))
    text = page(client, address(leak))
    assert "not found any more" in text
    assert "No server reports it now." in text


def test_names_that_games_send_are_escaped(client: Client, game: Game) -> None:
    leak = put_leak(game, SCRIPT, site=SCRIPT, kind=SCRIPT, summary=SCRIPT, now=timezone.now())
    for text in (ledger(client, game), page(client, address(leak))):
        assert SCRIPT not in text
        assert "&lt;script&gt;" in text


def test_a_member_is_assigned_and_the_audit_trail_says_by_whom(client: Client, leak: Leak, owner: User) -> None:
    answer = client.post(address(leak, "assign-leak"), {"email": owner.email}, follow=True)
    assert "Assigned." in answer.content.decode()
    leak.refresh_from_db()
    assert leak.assignee == owner
    assert AuditEntry.objects.get(action="leak.assigned").actor == owner.email


def test_a_link_is_kept_and_one_that_is_none_is_told(client: Client, leak: Leak) -> None:
    client.post(address(leak, "link-leak"), {"link": "https://example.com/7"})
    assert 'href="https://example.com/7"' in page(client, address(leak))
    answer = client.post(address(leak, "link-leak"), {"link": "javascript:alert(1)"}, follow=True)
    assert "A link is an address that begins with https://" in answer.content.decode()
    leak.refresh_from_db()
    assert leak.link == "https://example.com/7"


def test_an_ignored_leak_is_shown_and_can_be_heard_again(client: Client, game: Game, leak: Leak) -> None:
    client.post(address(leak, "ignore-leak"), {"span": "7 d"})
    assert "ignored" in ledger(client, game)
    client.post(address(leak, "ignore-leak"), {"span": ""})
    leak.refresh_from_db()
    assert leak.ignored_until is None


@pytest.mark.parametrize("span", ["forever", "8 d"])
def test_a_span_that_is_not_offered_is_told(client: Client, leak: Leak, span: str) -> None:
    answer = client.post(address(leak, "ignore-leak"), {"span": span}, follow=True)
    assert "Choose from what the page offers." in answer.content.decode()


@pytest.mark.parametrize(("role", "may"), [(Role.VIEWER, []), (Role.PLANNER, ["assign-leak", "link-leak"])])
def test_who_may_not_act_sees_no_button_and_is_refused(
    role: Role, may: list[str], leak: Leak, make_member: MakeMember, log_in: LogIn
) -> None:
    client = log_in(make_member(role))
    text = page(client, address(leak))
    for act in ("assign-leak", "link-leak", "ignore-leak"):
        assert (address(leak, act) in text) is (act in may)
        assert client.post(address(leak, act), {"link": ""}).status_code == (302 if act in may else 403)


def test_another_games_leak_is_not_found(leak: Leak, other_game: Game, log_in: LogIn) -> None:
    client = log_in(User.objects.get(memberships__game=other_game))
    own = {"slug": other_game.slug, "number": leak.pk}
    assert client.get(reverse("leak", kwargs=own)).status_code == 404
    assert client.post(reverse("link-leak", kwargs=own), {"link": ""}).status_code == 404
