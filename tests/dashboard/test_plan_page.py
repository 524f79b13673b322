"""One plan: its dry run, letting it run with care, taking it back, stopping it, and what became of each connection."""

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from connmon.accounts.models import AuditEntry, Game, Role, User
from connmon.cleanup import actions
from connmon.cleanup.models import Fingerprint, Order, Plan
from connmon.cleanup.scope import Scope
from connmon.cleanup.states import Origin
from connmon.registry.states import ConnectionState
from dashboard.queries import plans as queries
from dashboard.queries.plans import plan_live
from tests.cleanup.steering import BY, advance, again, plan
from tests.dashboard.factories import ARABIC, HOSTILE_NAMES, LONGEST, SCRIPT
from tests.dashboard.plans import address_of, answer, by, put_busy_server, run, want_second_person

MakeMember = Callable[[Role], User]
LogIn = Callable[[User], Client]


def page(client: Client, made: Plan, query: str = "") -> str:
    answered = client.get(address_of("plan", made) + query)
    assert answered.status_code == 200
    return answered.content.decode()


def execute(client: Client, made: Plan, name: str = "Dungeon") -> tuple[int, str]:
    """The status and the plan's state afterwards."""
    answered = client.post(address_of("execute-plan", made), {"name": name})
    return answered.status_code, again(made).state


def shown(html: str, state: str) -> bool:
    """Whether the part for a state can be seen."""
    part = re.search(rf'<section [^>]*data-when="{state}[^>]*>', html)
    return part is not None and " hidden" not in part[0]


def test_a_dry_run_is_shown_the_ways_in_which_people_look_at_it(as_owner: Client, game: Game) -> None:
    put_busy_server(game, "lobby-1", count=3)
    put_busy_server(game, "lobby-2", service="Loot", count=2)
    html = page(as_owner, plan(game, Scope(states=(ConnectionState.ORPHANED,))))
    assert "Close 5 connections on 2 servers?" in html
    assert "24 players are on these servers" in html
    for name in ("Combat", "Loot", "lobby-1", "lobby-2", "player", "orphaned", "1 to 10 min"):
        assert f'title="{name}">{name}</bdi>' in html
    assert 'width="66.7%"' in html
    assert html.count("ServerScriptService.") == 5 * 2  # samples; each site stands in its tip too
    assert "Nothing has happened yet." in html


def test_the_question_names_the_service(as_owner: Client, game: Game) -> None:
    put_busy_server(game, count=1)
    assert "Close 1 connection in Combat on 1 server?" in page(as_owner, plan(game, Scope(service="Combat")))


def test_what_is_left_out_is_told(as_owner: Client, game: Game) -> None:
    put_busy_server(game, count=4, essential=True)
    html = page(as_owner, plan(game))
    assert re.search(r"Left out: essential</dt><dd>4<", html)
    assert "Nothing is in this scope now" in html
    assert "execute/" not in html


def test_executing_takes_the_games_name(as_owner: Client, game: Game) -> None:
    put_busy_server(game)
    made = plan(game)
    assert execute(as_owner, made, name="Raceway") == (422, "planned")
    assert (
        "This is not the game&#x27;s name. Type Dungeon."
        in as_owner.post(address_of("execute-plan", made), {"name": "Raceway"}).content.decode()
    )
    assert execute(as_owner, made, name="") == (422, "planned")
    assert execute(as_owner, made, name="  dungeon ") == (302, "held")


def test_an_executed_plan_is_held_and_can_be_taken_back(as_owner: Client, game: Game, owner: User) -> None:
    put_busy_server(game)
    made = plan(game)
    assert not shown(page(as_owner, made), "held")
    execute(as_owner, made)
    html = page(as_owner, made)
    assert shown(html, "held")
    assert "Take it back" in html
    assert as_owner.post(address_of("undo-plan", made))["Location"] == address_of("plan", made)
    assert (again(made).state, again(made).executed_by) == ("undone", owner.email)
    html = page(as_owner, made)
    assert not shown(html, "held")
    assert f"Taken back by {owner.email}. Nothing was sent." in html
    assert not Order.objects.exists()


def test_a_plan_is_executed_once_also_from_two_tabs(as_owner: Client, game: Game) -> None:
    put_busy_server(game)
    made = plan(game)
    tabs = [page(as_owner, made), page(as_owner, made)]
    assert all("execute/" in tab for tab in tabs)
    assert execute(as_owner, made) == (302, "held")
    assert execute(as_owner, made) == (302, "held")
    assert "is held and cannot be executed" in page(as_owner, made)
    assert AuditEntry.objects.filter(action="plan.executed").count() == 1


def test_a_plan_that_expired_is_not_executed(as_owner: Client, game: Game) -> None:
    put_busy_server(game)
    made = plan(game)
    Plan.objects.filter(pk=made.pk).update(next_at=timezone.now() - timedelta(seconds=1))
    assert execute(as_owner, made) == (302, "planned")
    assert "has expired: make a new one" in page(as_owner, made)
    advance()
    html = page(as_owner, made)
    assert "Nobody executed it in time. Nothing was sent." in html
    assert "execute/" not in html
    assert "Count the same scope again" in html


def test_taking_back_too_late_says_so(as_owner: Client, game: Game) -> None:
    put_busy_server(game)
    made = run(game)
    as_owner.post(address_of("undo-plan", made))
    assert "is running and cannot be taken back" in page(as_owner, made)


def test_a_running_plan_shows_each_server_and_is_stopped_with_a_reason(
    as_owner: Client, game: Game, owner: User
) -> None:
    servers = [put_busy_server(game, name, count=2) for name in ("lobby-1", "lobby-2")]
    made = run(game)
    html = page(as_owner, made)
    assert "0 of 2 servers have answered. 0 of 4 connections are closed." in html
    assert shown(html, "running")
    for server in servers:
        assert address_of("plan-server", made, server_id=server.pk) in html
    Order.objects.filter(server_id=servers[1].pk).update(state="waiting")
    Order.objects.filter(server_id=servers[0].pk).update(state="sent")
    as_owner.post(address_of("stop-plan", made), {"reason": "wrong service"})
    stopped = again(made)
    assert (stopped.state, stopped.detail) == ("aborted", f"Stopped by {owner.email}: wrong service")
    html = page(as_owner, made)
    assert "2 never sent" in html
    assert 'data-bind="plan.answered" data-as="count">0<' in html  # who was never asked has not answered
    assert "stop-plan" not in re.sub(r"<details[^>]*hidden.*?</details>", "", html, flags=re.S)
    as_owner.post(address_of("stop-plan", made))
    assert "is aborted and cannot be stopped" in page(as_owner, made)


def test_acknowledgements_are_counted_by_server_and_by_outcome(game: Game) -> None:
    put_busy_server(game, "lobby-1", count=3)
    put_busy_server(game, "lobby-2", count=2)
    made = run(game)
    answer(made)
    second = plan_live(game.pk, made.pk, now=timezone.now()).servers[1]
    broken = {"state": "failed", "closed": [1], "failed": 1, "detail": "broke off"}
    Order.objects.filter(plan=made, server_id=second.id).update(**broken)
    live = plan_live(game.pk, made.pk, now=timezone.now())
    states = {row.name: (row.state, row.closed, row.failed, row.took, row.detail) for row in live.servers}
    assert {states["lobby-1"][0], states["lobby-2"][0]} == {"done", "failed"}
    assert live.servers[0].state == "failed"  # trouble comes first
    assert live.servers[0].detail == "broke off"
    assert live.servers[1].took == 1.5
    assert (live.plan.answered, live.plan.servers, live.plan.unclosed) == (2, 2, 1)


def test_a_server_is_as_far_as_its_least_far_order(game: Game) -> None:
    put_busy_server(game, count=2)
    made = run(game)
    answer(made)
    order = Order.objects.get(plan=made)
    order.pk, order.state, order.closed = "second", "sent", []
    order.save(force_insert=True)
    (server,) = plan_live(game.pk, made.pk, now=timezone.now()).servers
    assert (server.state, server.ordered, server.closed) == ("sent", 4, 2)


def test_more_servers_than_can_be_listed_are_counted(
    as_owner: Client, game: Game, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "SERVERS_SHOWN", 2)
    monkeypatch.setattr(queries, "SERVERS_PER_PAGE", 2)
    for number in range(3):
        put_busy_server(game, f"lobby-{number}", count=1)
    made = run(game)
    assert "1 more; those with trouble come first." in page(as_owner, made)
    first = as_owner.get(address_of("plan-servers", made)).content.decode()
    second = as_owner.get(address_of("plan-servers", made) + "?page=2").content.decode()
    assert (first.count("data-id="), second.count("data-id=")) == (2, 1)
    filtered = as_owner.get(address_of("plan-servers", made) + "?state=done").content.decode()
    assert "No server is in this state." in filtered


def test_what_came_back_is_watched_for_five_minutes(as_owner: Client, game: Game) -> None:
    put_busy_server(game)
    made = run(game)
    answer(made)
    assert plan_live(game.pk, made.pk, now=timezone.now()).plan.came_back is None
    advance(2)
    Fingerprint.objects.filter(plan=made).update(came_back=2)
    html = page(as_owner, made)
    assert again(made).state == "watching"
    assert "3 closed. 2 came back so far." in html
    assert "watched for" in html
    advance(400)
    assert "came back within five minutes." in page(as_owner, made)


def test_a_plan_that_grew_says_why_it_was_aborted(as_owner: Client, game: Game) -> None:
    put_busy_server(game, count=1)
    made = plan(game)
    put_busy_server(game, "lobby-2", count=5)
    actions.execute_plan(game, made.pk, by=BY, now=timezone.now(), hold=timedelta(0))
    advance()
    assert "It grew from 1 to 6 connections since it was planned; look again. Nothing was sent." in page(as_owner, made)


def test_each_connections_outcome_is_listed_and_filtered(
    as_owner: Client, game: Game, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "OUTCOMES_PER_PAGE", 3)
    server = put_busy_server(game, count=5)
    made = run(game)
    answer(made, closed=[1, 2], gone=[3], changed=[4], failed=1, detail=SCRIPT)
    where = address_of("plan-server", made, server_id=server.pk)
    first, second = (as_owner.get(where + query).content.decode() for query in ("", "?page=2"))
    marks = [re.findall(r'<td><span class="state state-(\w+)"', html) for html in (first, second)]
    assert marks == [["closed", "closed", "gone"], ["changed", "failed"]]
    gone = as_owner.get(where + "?outcome=gone").content.decode()
    assert re.findall(r'<td><span class="state state-(\w+)"', gone) == ["gone"]
    assert "&lt;script&gt;" in first
    assert as_owner.get(where + "?outcome=nonsense&page=-3").status_code == 200


def test_an_outcome_of_a_server_without_orders_is_not_found(as_owner: Client, game: Game) -> None:
    put_busy_server(game)
    other = put_busy_server(game, "idle-1", count=0)
    made = run(game)
    assert as_owner.get(address_of("plan-server", made, server_id=other.pk)).status_code == 404


@pytest.mark.parametrize(
    ("role", "may"), [(Role.VIEWER, False), (Role.PLANNER, False), (Role.APPROVER, True), (Role.ADMIN, True)]
)
def test_who_may_execute_undo_and_stop(
    role: Role, may: bool, game: Game, make_member: MakeMember, log_in: LogIn
) -> None:
    put_busy_server(game)
    client = log_in(make_member(role))
    made = plan(game)
    html = page(client, made)
    acts = ("execute-plan", "undo-plan", "stop-plan")
    assert [address_of(act, made) in html for act in acts] == [may] * 3
    assert ("Approvers execute plans" in html) is not may
    assert execute(client, made) == ((302, "held") if may else (403, "planned"))
    for act in acts[1:]:
        assert client.post(address_of(act, made)).status_code == (302 if may else 403)


def test_a_plan_of_another_game_is_not_found(as_owner: Client, game: Game, other_game: Game) -> None:
    server = put_busy_server(other_game)
    theirs = run(other_game)
    mine = {"slug": game.slug, "plan_id": theirs.pk}
    theirs.game = game  # the address of my game with their plan's number
    for name in ("plan", "plan-servers"):
        assert as_owner.get(address_of(name, theirs)).status_code == 404
    assert as_owner.get(address_of("plan-server", theirs, server_id=server.pk)).status_code == 404
    for name in ("execute-plan", "undo-plan", "stop-plan"):
        assert as_owner.post(address_of(name, theirs), {"name": game.name}).status_code == 404
    assert (again(theirs).state, mine["slug"]) == ("running", game.slug)


def test_strangers_find_no_plan(game: Game, stranger: User, log_in: LogIn) -> None:
    put_busy_server(game)
    made = plan(game)
    outside = log_in(stranger)
    assert outside.get(address_of("plan", made)).status_code == 404
    assert execute(outside, made) == (404, "planned")


def test_a_second_person_executes_where_the_game_wants_one(
    game: Game, owner: User, as_owner: Client, make_member: MakeMember, log_in: LogIn
) -> None:
    want_second_person(game)
    put_busy_server(game)
    made = plan(game, by=by(owner))
    html = page(as_owner, made)
    assert "This game wants a second person" in html
    assert address_of("execute-plan", made) not in html
    assert execute(as_owner, made) == (403, "planned")
    second = log_in(make_member(Role.APPROVER))
    assert address_of("execute-plan", made) in page(second, made)
    assert execute(second, made) == (302, "held")


def test_an_old_page_in_another_tab_cannot_act_on_a_get(as_owner: Client, game: Game) -> None:
    put_busy_server(game)
    made = plan(game)
    assert {as_owner.get(address_of(act, made)).status_code for act in ("execute-plan", "undo-plan", "stop-plan")} == {
        405
    }


def test_hostile_names_are_text(as_owner: Client, game: Game) -> None:
    for number, name in enumerate(HOSTILE_NAMES):
        put_busy_server(
            game, f"{name}{number}"[:64], service=name, owner=name, name=name, type=name[:64], site=f"{name}:1"
        )
    made = plan(game, Scope(service=SCRIPT), reason=SCRIPT)
    everything = run(game)
    answer(everything, detail=SCRIPT)
    html = "".join(page(as_owner, one) for one in (made, everything))
    assert "<script>alert" not in html
    assert "<img src=x" not in html
    assert "Close 3 connections in &lt;script&gt;" in html
    assert ARABIC in html
    assert LONGEST in html


def test_a_plan_costs_few_queries(
    as_owner: Client, game: Game, django_assert_max_num_queries: Callable[[int], AbstractContextManager[object]]
) -> None:
    server = put_busy_server(game)
    made = run(game)
    answer(made)
    advance(2)
    Plan.objects.filter(pk=made.pk).update(scope={"servers": [str(server.pk)]})
    for name, more in (("plan", {}), ("plan-servers", {}), ("plan-server", {"server_id": server.pk})):
        with django_assert_max_num_queries(10):
            assert as_owner.get(address_of(name, made, **more)).status_code == 200


def test_plans_of_connmons_own_say_so_and_offer_no_copy(as_owner: Client, game: Game) -> None:
    put_busy_server(game)
    made = plan(game, origin=Origin.SWEEP)
    html = page(as_owner, made)
    assert "Stale sweep" in html
    assert "Count the same scope again" not in html
