"""The configuration: what is shown, how it is changed after a look at the difference, and gone back to."""

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from urllib.parse import quote

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from connmon.accounts.audit import Actor
from connmon.accounts.models import AuditEntry, Game, Role, User
from connmon.configuration.actions import change_configuration
from connmon.configuration.models import Revision
from connmon.configuration.queries import current
from connmon.configuration.schema import SETTINGS
from connmon.registry.models import ServerState
from dashboard.explained import EXPLAINED
from dashboard.queries.configuration import configuration_live
from tests.dashboard.factories import SCRIPT, ServerSpec, put_server

STALE = "CONNECTION_MANAGEMENT.STALE_CONNECTION_THRESHOLD"
MOST = "CONNECTION_POOLS.MAX_POOL_SIZE"
DEFAULT = "CONNECTION_POOLS.DEFAULT_POOL_SIZE"
TYPES = "CONNECTION_POOLS.POOL_TYPES"


def put_revision(game: Game, value: int, **services: object) -> Revision:
    return change_configuration(
        game,
        settings={"CONNECTION_POOLS": {"MAX_POOL_SIZE": value}},
        services=services,
        reason=f"Tuning to {value}",
        by=Actor.of_command("ops"),
        now=timezone.now(),
    )


def page(client: Client, name: str, game: Game, query: str = "", **more: object) -> str:
    return client.get(reverse(name, kwargs={"slug": game.slug} | more) + query).content.decode()


def post(client: Client, game: Game, *, query: str = "", **fields: object) -> HttpResponse:
    address = reverse("edit-configuration", kwargs={"slug": game.slug}) + query
    expected = Revision.objects.filter(game=game).count()
    return client.post(address, {"reason": "Why not", "expected": expected, "step": "preview"} | fields)  # type: ignore[return-value]


def save(client: Client, game: Game, *, query: str = "", **fields: object) -> HttpResponse:
    """Looks at the difference, then saves it, as a person does."""
    shown = post(client, game, query=query, **fields).content.decode()
    seen = re.search(r'name="seen" value="([0-9a-f]{64})"', shown)
    assert seen, shown
    return post(client, game, query=query, **fields | {"step": "save", "seen": seen[1]})


def test_every_setting_is_shown_with_its_value_and_explained(as_owner: Client, game: Game) -> None:
    html = page(as_owner, "configuration", game)
    names = {name for named in SETTINGS.values() for name in named}
    assert set(EXPLAINED) == names
    assert {name for name in names if name not in html} == set()
    assert html.count(">default</span>") == len(names)


def test_a_changed_setting_stands_beside_its_default(as_owner: Client, game: Game) -> None:
    put_revision(game, 70)
    html = page(as_owner, "configuration", game)
    assert re.search(r'is-set">70</span>.*default: 50', html)


def test_only_admins_see_how_to_change_anything(
    game: Game, make_member: Callable[[Role], User], log_in: Callable[[User], Client]
) -> None:
    put_revision(game, 60)
    put_revision(game, 70)
    client = log_in(make_member(Role.APPROVER))
    html = page(client, "configuration", game) + page(client, "revision", game, number=1)
    assert not any(word in html for word in ("configuration/edit/", "Go back", "Set values"))
    assert "Admins change it" in html


@pytest.mark.parametrize("role", [Role.VIEWER, Role.PLANNER, Role.APPROVER])
def test_only_admins_open_the_form(
    role: Role, game: Game, make_member: Callable[[Role], User], log_in: Callable[[User], Client]
) -> None:
    address = reverse("edit-configuration", kwargs={"slug": game.slug})
    client = log_in(make_member(role))
    assert [client.get(address).status_code, client.post(address, {MOST: "70"}).status_code] == [403, 403]
    assert not Revision.objects.exists()


def test_strangers_find_no_form_and_anonymous_visitors_log_in(game: Game, stranger: User, client: Client) -> None:
    address = reverse("edit-configuration", kwargs={"slug": game.slug})
    assert client.get(address)["Location"] == f"/login/?next={address}"
    client.force_login(stranger)
    assert [client.get(address).status_code, client.post(address).status_code] == [404, 404]


def test_the_form_costs_few_queries(
    game: Game, as_owner: Client, django_assert_max_num_queries: Callable[[int], AbstractContextManager[object]]
) -> None:
    with django_assert_max_num_queries(10):
        assert post(as_owner, game, **{MOST: "70"}).status_code == 200


def test_a_hostile_services_name_is_text_and_is_refused(game: Game, as_owner: Client) -> None:
    assert "<script>alert" not in page(as_owner, "edit-configuration", game, f"?service={quote(SCRIPT)}")
    answer = post(as_owner, game, query="?service=a%07b", **{STALE: "120"})
    assert (answer.status_code, Revision.objects.count()) == (422, 0)
    assert "printable characters" in answer.content.decode()


def test_the_difference_is_shown_before_anything_is_saved(as_owner: Client, game: Game) -> None:
    answer = post(as_owner, game, **{MOST: "70", TYPES: "Custom\nHumanoid.Died"})
    html = answer.content.decode()
    assert "This would change" in html
    assert re.search(r"MAX_POOL_SIZE</bdi>.*<bdi>50</bdi></del>.*<bdi>70</bdi></ins>", html)
    assert "RunService.Heartbeat</bdi></del>" in html
    assert not Revision.objects.exists()


def test_what_was_shown_is_saved_as_a_revision_in_the_admins_name(as_owner: Client, game: Game, owner: User) -> None:
    answer = save(as_owner, game, **{MOST: "70"})
    assert (answer.status_code, current(game.pk).get("CONNECTION_POOLS", "MAX_POOL_SIZE")) == (302, 70)
    revision = Revision.objects.get()
    assert (revision.author, revision.reason) == (owner.email, "Why not")
    assert AuditEntry.objects.filter(action="configuration.changed", actor_id=str(owner.pk)).count() == 1


def test_what_was_not_shown_is_shown_first(as_owner: Client, game: Game) -> None:
    shown = post(as_owner, game, **{MOST: "70"}).content.decode()
    seen = re.search(r'name="seen" value="([0-9a-f]{64})"', shown)
    assert seen
    answer = post(as_owner, game, **{MOST: "71", "step": "save", "seen": seen[1]})
    assert "This would change" in answer.content.decode()
    assert not Revision.objects.exists()


def test_a_change_that_came_between_is_not_undone(as_owner: Client, game: Game) -> None:
    shown = post(as_owner, game, **{MOST: "70"}).content.decode()
    seen = re.search(r'name="seen" value="([0-9a-f]{64})"', shown)
    put_revision(game, 90)
    assert seen
    answer = post(as_owner, game, expected=0, step="save", seen=seen[1], **{MOST: "70"})
    assert (answer.status_code, Revision.objects.count()) == (422, 1)
    assert "Revision 1 holds by now, not 0" in answer.content.decode()


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        (MOST, "many", "This takes a whole number, 0 to 1,000 slots"),
        (MOST, "1001", "This takes a whole number, 0 to 1,000 slots"),
        (MOST, "9" * 5000, "This takes a whole number, 0 to 1,000 slots"),
        (STALE, "NaN", "This takes 60 to 86,400 seconds"),
        (STALE, "1,5", "This takes 60 to 86,400 seconds"),
        (TYPES, "Custom\nCustom", "This takes a list of at most 64 different types"),
        ("OPERATIONS.EMERGENCY_SCOPE", "all", "This takes leaked or everything"),
        (DEFAULT, "51", "is above MAX_POOL_SIZE (50)"),
        ("reason", "", "This field is required"),
    ],
)
def test_a_value_that_cannot_be_is_told_at_its_field(
    field: str, value: str, says: str, as_owner: Client, game: Game
) -> None:
    answer = post(as_owner, game, **{field: value})
    html = answer.content.decode()
    assert answer.status_code == 422
    assert re.search(rf'<ul class="errorlist" id="id_{field}_error"><li>[^<]*{re.escape(says)}', html)
    assert not Revision.objects.exists()


def test_an_empty_field_goes_back_to_the_default(as_owner: Client, game: Game) -> None:
    put_revision(game, 70)
    save(as_owner, game, **{MOST: "", DEFAULT: "12"})
    assert current(game.pk).overrides.settings == {"CONNECTION_POOLS": {"DEFAULT_POOL_SIZE": 12}}


def test_numbers_may_be_written_as_pages_write_them(as_owner: Client, game: Game) -> None:
    save(as_owner, game, **{STALE: "1,200"})
    assert current(game.pk).get("CONNECTION_MANAGEMENT", "STALE_CONNECTION_THRESHOLD") == 1200


def test_the_form_is_filled_with_what_holds(as_owner: Client, game: Game) -> None:
    save(as_owner, game, **{MOST: "70", TYPES: "Custom\nHumanoid.Died"})
    html = page(as_owner, "edit-configuration", game)
    assert re.search(rf'name="{MOST}" value="70"', html)
    assert "Custom\nHumanoid.Died</textarea>" in html


def test_a_service_gets_a_value_of_its_own_and_loses_it_again(as_owner: Client, game: Game) -> None:
    save(as_owner, game, query="?service=Combat", **{STALE: "120"})
    assert current(game.pk).get("CONNECTION_MANAGEMENT", "STALE_CONNECTION_THRESHOLD", "Combat") == 120
    html = page(as_owner, "configuration", game)
    assert "service=Combat" in html
    assert re.search(r'is-set">120</strong> <span class="meta">seconds, in the game 300', html)
    save(as_owner, game, query="?service=Combat", **{STALE: ""})
    assert current(game.pk).overrides.services == {}


def test_a_service_has_fields_only_for_what_may_differ(as_owner: Client, game: Game) -> None:
    html = page(as_owner, "edit-configuration", game, "?service=Combat")
    assert STALE in html
    assert MOST not in html
    assert "As in the game: 300" in html


def test_nothing_to_change_is_said(as_owner: Client, game: Game) -> None:
    assert "Nothing would change" in post(as_owner, game).content.decode()


def test_a_revision_shows_its_difference_to_any_other(as_owner: Client, game: Game) -> None:
    for value in (60, 70, 80):
        put_revision(game, value)
    html = page(as_owner, "revision", game, "?with=1", number=2)
    assert re.search(r"From revision 1.*to revision 2", html)
    assert re.search(r"<bdi>60</bdi></del>.*<bdi>70</bdi></ins>", html)


def test_a_revision_that_does_not_exist_is_not_found(as_owner: Client, game: Game) -> None:
    for number in (1, 99_999_999_999):
        assert as_owner.get(reverse("revision", kwargs={"slug": game.slug, "number": number})).status_code == 404


@pytest.mark.parametrize(("number", "value"), [(1, 60), (0, 50)])
def test_any_revision_and_the_defaults_are_gone_back_to(number: int, value: int, as_owner: Client, game: Game) -> None:
    put_revision(game, 60)
    put_revision(game, 70)
    address = reverse("restore-revision", kwargs={"slug": game.slug, "number": number})
    answer = as_owner.post(address, {"reason": "It was better", "expected": 2}, follow=True)
    assert "as revision 3" in answer.content.decode()
    assert current(game.pk).get("CONNECTION_POOLS", "MAX_POOL_SIZE") == value


def test_going_back_takes_a_reason(as_owner: Client, game: Game) -> None:
    put_revision(game, 60)
    answer = as_owner.post(
        reverse("restore-revision", kwargs={"slug": game.slug, "number": 0}), {"reason": " ", "expected": 1}
    )
    assert (answer.status_code, Revision.objects.count()) == (422, 1)
    assert "errorlist" in answer.content.decode()


def test_going_back_over_a_change_in_between_is_refused_and_shows_it(as_owner: Client, game: Game) -> None:
    put_revision(game, 60)
    put_revision(game, 70)
    address = reverse("restore-revision", kwargs={"slug": game.slug, "number": 0})
    answer = as_owner.post(address, {"reason": "It was better", "expected": 1})
    assert (answer.status_code, Revision.objects.count()) == (422, 2)
    assert "Revision 2 holds by now" in answer.content.decode()
    assert '<input type="hidden" name="expected" value="2">' in answer.content.decode()


def test_older_revisions_are_a_page_further(as_owner: Client, game: Game) -> None:
    for value in range(51, 73):
        put_revision(game, value)
    html = page(as_owner, "configuration", game)
    assert "Tuning to 53" in html
    assert "Tuning to 52" not in html
    assert "Tuning to 52" in page(as_owner, "configuration", game, "?below=3")


def test_the_rollout_tells_who_runs_the_newest_revision(game: Game) -> None:
    now = timezone.now()
    put_revision(game, 60)
    put_revision(game, 70)
    servers = {name: put_server(game, ServerSpec(name), now=now) for name in ("new", "old")}
    put_server(game, ServerSpec("gone", age=timedelta(minutes=5)), now=now)
    put_server(game, ServerSpec("ended", ended=True), now=now)
    ServerState.objects.filter(server_id=servers["new"].pk).update(config_revision=2)
    live = configuration_live(game.pk, now=now)
    assert {row.name: row.status.value for row in live.servers} == {"new": "current", "old": "behind", "gone": "silent"}
    counts = live.rollout
    assert (counts.revision, counts.running, counts.current, counts.behind, counts.silent) == (2, 3, 1, 1, 1)
