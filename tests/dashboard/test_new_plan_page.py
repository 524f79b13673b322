"""The form of a new plan: filled in from the address, told what is wrong, counted and kept as a dry run."""

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from connmon.accounts.models import Game, Role, User
from connmon.cleanup.models import Order, Plan
from connmon.registry.models import GameServer, ServerState
from tests.dashboard.factories import SCRIPT, ServerSpec, put_server, put_service
from tests.dashboard.plans import put_busy_server


def new_plan(game: Game, query: str = "") -> str:
    return reverse("new-plan", kwargs={"slug": game.slug}) + query


def post(client: Client, game: Game, **fields: Any) -> HttpResponse:
    return client.post(new_plan(game), {"reason": "Memory climbs", "canary": "on"} | fields)  # type: ignore[return-value]


def scope_of(client: Client, game: Game, **fields: Any) -> dict[str, Any]:
    answer = post(client, game, **fields)
    assert answer.status_code == 302, answer.content.decode()
    scope: dict[str, Any] = Plan.objects.order_by("-pk")[0].scope
    return scope


def test_a_plan_is_counted_and_nothing_is_sent(as_owner: Client, game: Game, owner: User) -> None:
    put_busy_server(game, count=3)
    answer = post(as_owner, game, states=["orphaned"], servers_per_second="5")
    plan = Plan.objects.get()
    assert answer["Location"] == reverse("plan", kwargs={"slug": game.slug, "plan_id": plan.pk})
    assert (plan.state, plan.planned, plan.created_by, plan.reason) == ("planned", 3, owner.email, "Memory climbs")
    assert (plan.canary, plan.servers_per_second) == (True, 5.0)
    assert not Order.objects.exists()


def test_every_condition_comes_into_the_scope(as_owner: Client, game: Game) -> None:
    server = put_busy_server(game)
    asked = {
        "states": ["stale", "orphaned"],
        "service": "Combat",
        "owner": "player:261",
        "type": "Humanoid.Died",
        "servers": f"lobby-1\n{server.pk}\n",
        "older_than": "5 min",
        "younger_than": "1.5h",
    }
    assert scope_of(as_owner, game, **asked) == {
        "states": ["stale", "orphaned"],
        "service": "Combat",
        "owner": "player:261",
        "type": "Humanoid.Died",
        "servers": [str(server.pk)],
        "older_than": 300.0,
        "younger_than": 5400.0,
    }


def test_everything_stands_alone(as_owner: Client, game: Game) -> None:
    put_busy_server(game)
    assert scope_of(as_owner, game, everything="on") == {"everything": True}
    refused = post(as_owner, game, everything="on", states=["stale"])
    assert (refused.status_code, Plan.objects.count()) == (422, 1)
    assert "Everything stands alone" in refused.content.decode()


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({}, "Choose what to close"),
        ({"older_than": "soon", "states": ["stale"]}, "Write seconds, or 5 min, 2 h, 1 d."),
        ({"older_than": "99999 d", "states": ["stale"]}, "This is longer than ten years."),
        ({"service": "Nowhere"}, "no service &#x27;Nowhere&#x27;"),
        ({"servers": "nowhere-7"}, "No server named &#x27;nowhere-7&#x27; is running in this game."),
        ({"states": ["unknown"]}, "unknown is not one of the available choices"),
        ({"states": ["stale"], "reason": " "}, "This field is required."),
        ({"states": ["stale"], "servers_per_second": "0"}, "greater than or equal to 0.1"),
        ({"service": "a\0b"}, "Null characters are not allowed."),
    ],
)
def test_what_cannot_be_used_is_told_and_loses_nothing(
    fields: dict[str, Any], told: str, as_owner: Client, game: Game
) -> None:
    answer = post(as_owner, game, type="RunService.Heartbeat", **fields) if fields else post(as_owner, game)
    html = answer.content.decode()
    assert (answer.status_code, Plan.objects.count()) == (422, 0)
    assert told in html
    if fields:
        assert 'value="RunService.Heartbeat"' in html


def test_the_address_fills_the_form_in(as_owner: Client, game: Game) -> None:
    server = put_busy_server(game)
    query = f"?state=stale&state=orphaned&service={quote(SCRIPT)}&server={server.pk}&older_than=10+min&type=T"
    html = as_owner.get(new_plan(game, query)).content.decode()
    assert html.count(" checked") == 3  # two states and the canary
    assert ">\nlobby-1</textarea>" in html
    assert 'value="10 min"' in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert "<script>alert" not in html


@pytest.mark.parametrize(
    "query", ["?state=nonsense&server=x&server=99999999999999999999", "?service=%00&older_than=%00", "?everything="]
)
def test_an_odd_address_shows_the_form_all_the_same(query: str, as_owner: Client, game: Game) -> None:
    assert as_owner.get(new_plan(game, query)).status_code == 200


def test_a_server_of_another_game_is_not_named_and_not_found(as_owner: Client, game: Game, other_game: Game) -> None:
    theirs = put_busy_server(other_game, "their-server")
    html = as_owner.get(new_plan(game, f"?server={theirs.pk}")).content.decode()
    assert "their-server" not in html
    for named in ("their-server", str(theirs.pk)):
        assert post(as_owner, game, servers=named).status_code == 422
    assert not Plan.objects.exists()


def test_the_longest_ids_of_servers_are_understood(as_owner: Client, game: Game) -> None:
    server = put_busy_server(game)
    longest = 2**63 - 1
    GameServer.objects.filter(pk=server.pk).update(id=longest)
    ServerState.objects.filter(server_id=server.pk).update(server_id=longest)
    assert ">\nlobby-1</textarea>" in as_owner.get(new_plan(game, f"?server={longest}")).content.decode()
    assert scope_of(as_owner, game, servers=str(longest)) == {"servers": [str(longest)]}
    assert post(as_owner, game, servers=str(2**63)).status_code == 422


def test_an_ended_server_cannot_be_planned_for(as_owner: Client, game: Game) -> None:
    from django.utils import timezone

    put_server(game, ServerSpec("old-1", ended=True), now=timezone.now())
    assert post(as_owner, game, servers="old-1").status_code == 422


def test_two_boots_of_one_name_are_both_meant(as_owner: Client, game: Game) -> None:
    from django.utils import timezone

    keys = [
        str(put_server(game, ServerSpec("lobby", boot=boot), now=timezone.now()).pk) for boot in ("boot-1", "boot-2")
    ]
    assert sorted(scope_of(as_owner, game, servers="lobby")["servers"]) == sorted(keys)


def test_viewers_plan_nothing(
    game: Game, make_member: Callable[[Role], User], log_in: Callable[[User], Client], stranger: User, client: Client
) -> None:
    viewer = log_in(make_member(Role.VIEWER))
    assert [viewer.get(new_plan(game)).status_code, post(viewer, game, states=["stale"]).status_code] == [403, 403]
    outside = log_in(stranger)
    assert [outside.get(new_plan(game)).status_code, post(outside, game, everything="on").status_code] == [404, 404]
    assert client.get(new_plan(game))["Location"] == f"/login/?next={new_plan(game)}"
    assert not Plan.objects.exists()


def test_planners_plan(game: Game, make_member: Callable[[Role], User], log_in: Callable[[User], Client]) -> None:
    put_service(game, "Combat")
    assert post(log_in(make_member(Role.PLANNER)), game, service="Combat").status_code == 302


def test_pages_of_what_can_be_cleaned_up_lead_to_a_plan_of_it(
    as_owner: Client, game: Game, make_member: Callable[[Role], User], log_in: Callable[[User], Client]
) -> None:
    server = put_busy_server(game, service="Combat & Co")
    service = put_service(game, "Combat & Co")
    of_service = reverse("service", kwargs={"slug": game.slug, "service_id": service.pk})
    of_server = reverse("server", kwargs={"slug": game.slug, "server_id": server.pk})
    assert f"{new_plan(game)}?service=Combat%20%26%20Co" in as_owner.get(of_service).content.decode()
    assert f"{new_plan(game)}?server={server.pk}" in as_owner.get(of_server).content.decode()
    filtered = as_owner.get(of_service + "?state=orphaned").content.decode()
    assert f"{new_plan(game)}?state=orphaned&amp;service=Combat+%26+Co" in filtered
    searched = as_owner.get(of_service + "?q=player").content.decode()
    assert "Plan a cleanup of these" not in searched
    viewer = log_in(make_member(Role.VIEWER))
    assert new_plan(game) not in viewer.get(of_service).content.decode() + viewer.get(of_server).content.decode()
