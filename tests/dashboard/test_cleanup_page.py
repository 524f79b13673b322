"""The list of plans, the sweeps, and the emergency."""

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from connmon.accounts.models import AuditEntry, Game, Role, User
from connmon.cleanup.models import Plan, Sweep
from connmon.cleanup.scope import Scope
from connmon.cleanup.states import Origin
from dashboard.queries import cleanup as queries
from dashboard.queries.cleanup import cleanup_live
from tests.cleanup.steering import again, plan
from tests.dashboard.factories import SCRIPT, ServerSpec, put_server
from tests.dashboard.plans import put_busy_server, run, want_second_person

MakeMember = Callable[[Role], User]
LogIn = Callable[[User], Client]


def cleanup(client: Client, game: Game, query: str = "", name: str = "cleanup") -> str:
    answer = client.get(reverse(name, kwargs={"slug": game.slug}) + query)
    assert answer.status_code == 200
    return answer.content.decode()


def listed(html: str) -> list[int]:
    return [int(number) for number in re.findall(r'<tr data-id="(\d+)">', html)]


def emergency(game: Game) -> str:
    return reverse("emergency", kwargs={"slug": game.slug})


def token_of(client: Client, game: Game) -> str:
    found = re.search(r'name="token" value="([0-9a-f]{32})"', client.get(emergency(game)).content.decode())
    assert found
    return found[1]


def test_plans_are_listed_with_scope_state_counts_and_who(as_owner: Client, game: Game) -> None:
    put_busy_server(game, count=3)
    plan(game, Scope(service="Combat", older_than=300), reason="first")
    run(game)
    html = cleanup(as_owner, game)
    assert listed(html) == sorted((made.pk for made in Plan.objects.all()), reverse=True)
    assert "All connections that are not essential in Combat, open for more than 5 min" in html
    assert 'state state-planned"' in html
    assert 'state state-running"' in html
    assert html.count("tests</bdi>") == 3  # made by, twice, and executed by


def test_plans_are_filtered_and_odd_filters_are_none(as_owner: Client, game: Game) -> None:
    first, second = plan(game), plan(game, origin=Origin.SWEEP)
    Plan.objects.filter(pk=first.pk).update(state="done")
    assert listed(cleanup(as_owner, game, "?state=done")) == [first.pk]
    assert listed(cleanup(as_owner, game, "?origin=sweep", "cleanup-table")) == [second.pk]
    assert listed(cleanup(as_owner, game, "?state=nonsense&origin=x&after=%00")) == [second.pk, first.pk]
    assert "No plan matches." in cleanup(as_owner, game, "?state=aborted")


def test_pages_of_plans_go_on_where_the_last_one_ended(
    as_owner: Client, game: Game, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "PER_PAGE", 2)
    keys = [plan(game).pk for _ in range(3)]
    assert listed(cleanup(as_owner, game)) == [keys[2], keys[1]]
    assert listed(cleanup(as_owner, game, f"?after={keys[1]}")) == [keys[0]]
    assert listed(cleanup(as_owner, game, f"?before={keys[0]}")) == [keys[2], keys[1]]


def test_without_plans_the_page_says_what_to_do(as_owner: Client, game: Game) -> None:
    html = cleanup(as_owner, game)
    assert "There is no plan yet." in html
    assert "?state=stale&amp;state=orphaned" in html


def test_the_list_follows_plans_as_they_change(game: Game) -> None:
    assert cleanup_live(game.pk, now=timezone.now()).newest.id == 0
    made = plan(game)
    live = cleanup_live(game.pk, now=timezone.now())
    assert (live.newest.id, live.plans[0].state) == (made.pk, "planned")


def test_another_games_plans_are_not_listed(as_owner: Client, game: Game, other_game: Game) -> None:
    plan(other_game, reason="theirs")
    assert listed(cleanup(as_owner, game)) == []


def test_hostile_names_in_scopes_are_text(as_owner: Client, game: Game) -> None:
    put_busy_server(game, service=SCRIPT)
    plan(game, Scope(service=SCRIPT), reason=SCRIPT)
    assert "<script>alert" not in cleanup(as_owner, game)


def test_the_list_costs_few_queries(
    as_owner: Client, game: Game, django_assert_max_num_queries: Callable[[int], AbstractContextManager[object]]
) -> None:
    server = put_busy_server(game)
    for _ in range(5):
        plan(game, Scope(servers=(server.pk,)))
    with django_assert_max_num_queries(8):
        assert "on lobby-1" in cleanup(as_owner, game)


@pytest.mark.parametrize(
    ("role", "plans", "runs"),
    [(Role.VIEWER, False, False), (Role.PLANNER, True, False), (Role.APPROVER, True, True)],
)
def test_buttons_that_one_may_not_press_are_absent(
    role: Role, plans: bool, runs: bool, game: Game, make_member: MakeMember, log_in: LogIn
) -> None:
    html = cleanup(log_in(make_member(role)), game)
    assert (reverse("new-plan", kwargs={"slug": game.slug}) in html) is plans
    assert (reverse("sweep", kwargs={"slug": game.slug}) in html) is runs
    assert (emergency(game) in html) is runs


def test_sweeps_are_listed_and_one_more_is_made_on_demand(as_owner: Client, game: Game) -> None:
    put_busy_server(game)
    answer = as_owner.post(reverse("sweep", kwargs={"slug": game.slug}), follow=True)
    swept = Sweep.objects.get()
    assert swept.skipped  # no web process has a pulse here
    html = answer.content.decode()
    assert f"Looked at nothing: {swept.skipped}" in html
    assert AuditEntry.objects.filter(action="sweep.ordered").count() == 1


@pytest.mark.parametrize("role", [Role.VIEWER, Role.PLANNER])
def test_only_approvers_sweep_and_declare_emergencies(
    role: Role, game: Game, make_member: MakeMember, log_in: LogIn
) -> None:
    client = log_in(make_member(role))
    assert client.post(reverse("sweep", kwargs={"slug": game.slug})).status_code == 403
    assert client.get(emergency(game)).status_code == 403
    fields = {"name": game.name, "reason": "fire", "token": "0" * 32}
    assert client.post(emergency(game), fields).status_code == 403
    assert (Plan.objects.count(), Sweep.objects.count()) == (0, 0)


def test_strangers_find_neither(game: Game, stranger: User, log_in: LogIn) -> None:
    client = log_in(stranger)
    for name in ("cleanup", "cleanup-table", "emergency"):
        assert client.get(reverse(name, kwargs={"slug": game.slug})).status_code == 404
    assert client.post(emergency(game), {"name": game.name, "reason": "x", "token": "0" * 32}).status_code == 404


def test_every_page_of_a_game_has_the_red_handle(as_owner: Client, game: Game) -> None:
    for name in ("overview", "servers", "configuration", "audit", "setup", "cleanup", "alerts"):
        assert f'class="handle" href="{emergency(game)}"' in cleanup(as_owner, game, name=name)


def test_an_emergency_says_what_it_would_close(as_owner: Client, game: Game) -> None:
    put_server(game, ServerSpec("lobby-1"), now=timezone.now())
    put_server(game, ServerSpec("lobby-2", age=timedelta(minutes=5)), now=timezone.now())
    html = as_owner.get(emergency(game)).content.decode()
    assert "Close about 10 connections on 1 server?" in html
    assert "12 players are on these servers." in html
    assert "and 1 silent server." in html


def test_without_reporting_servers_there_is_nothing_to_send(as_owner: Client, game: Game) -> None:
    put_server(game, ServerSpec("lobby-2", age=timedelta(minutes=5)), now=timezone.now())
    html = as_owner.get(emergency(game)).content.decode()
    assert "No server reports" in html
    assert 'name="token"' not in html


def test_an_emergency_is_held_for_ten_seconds(as_owner: Client, game: Game, owner: User) -> None:
    put_busy_server(game)
    fields = {"name": "Dungeon", "reason": "servers die", "token": token_of(as_owner, game)}
    answer = as_owner.post(emergency(game), fields)
    made = Plan.objects.get()
    assert answer["Location"] == reverse("plan", kwargs={"slug": game.slug, "plan_id": made.pk})
    assert (made.state, made.origin, made.executed_by, made.reason) == ("held", "emergency", owner.email, "servers die")
    assert timedelta(seconds=5) < made.next_at - timezone.now() <= timedelta(seconds=10)


def test_an_emergency_sent_twice_is_one(as_owner: Client, game: Game) -> None:
    put_busy_server(game)
    fields = {"name": "Dungeon", "reason": "servers die", "token": token_of(as_owner, game)}
    answers = [as_owner.post(emergency(game), fields)["Location"] for _ in range(2)]
    assert (len(set(answers)), Plan.objects.count()) == (1, 1)
    other = as_owner.post(emergency(game), fields | {"reason": "another reason"})
    assert (other.status_code, Plan.objects.count()) == (422, 1)


@pytest.mark.parametrize(
    "fields", [{"name": "Raceway"}, {"reason": "  "}, {"token": "x"}, {"token": ""}, {"name": "a\0b"}]
)
def test_an_emergency_without_care_is_none(fields: dict[str, str], as_owner: Client, game: Game) -> None:
    put_busy_server(game)
    whole = {"name": "Dungeon", "reason": "servers die", "token": "0" * 32} | fields
    assert (as_owner.post(emergency(game), whole).status_code, Plan.objects.count()) == (422, 0)


def test_an_emergency_alone_is_refused_where_a_second_person_is_wanted(as_owner: Client, game: Game) -> None:
    put_busy_server(game)
    want_second_person(game)
    html = as_owner.get(emergency(game)).content.decode()
    assert "This game wants a second person." in html
    assert "?everything=1" in html
    fields = {"name": "Dungeon", "reason": "servers die", "token": "0" * 32}
    assert (as_owner.post(emergency(game), fields).status_code, Plan.objects.count()) == (403, 0)


def test_a_plan_is_not_made_by_looking(as_owner: Client, game: Game) -> None:
    made = plan(game)
    for query in ("?state=planned", ""):
        cleanup(as_owner, game, query)
    assert again(made).state == "planned"
    assert Plan.objects.count() == 1
