"""Links to read one page, and badges: who makes them, what they show, and what they do not."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from xml.etree import ElementTree

import pytest
from django.db import connection
from django.http import HttpResponse, HttpResponseBase
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from pytest_django.fixtures import Settings

from connmon.accounts.audit import UNNAMED
from connmon.accounts.links import Shown, end_links, make_link
from connmon.accounts.models import AuditEntry, Game, OpenLink, Role, User
from connmon.registry.models import Service
from tests.dashboard.factories import HOSTILE_NAMES, SCRIPT, Counters, ServerSpec, put_server, put_service
from tests.dashboard.pages import fill
from tests.dashboard.people import PASSWORD, give_password, said_password

pytestmark = pytest.mark.usefixtures("fresh_limits")  # a cache of its own
MOST_QUERIES = 14


@pytest.fixture
def moment() -> datetime:
    return timezone.now()


@pytest.fixture
def admin(as_owner: Client, owner: User) -> Client:
    """The admin, who has said the password a moment ago."""
    return said_password(as_owner, owner)


@pytest.fixture
def guest() -> Client:
    """Whoever has a link, without a session."""
    return Client()


def make(client: Client, game: Game, **form: str) -> HttpResponse:
    asked = {"shows": "overview", "name": "", "life": "week", "view": ""} | form
    return client.post(reverse("make-link", kwargs={"slug": game.slug}), asked)  # type: ignore[return-value]


def shown_link(answer: HttpResponseBase) -> str:
    assert isinstance(answer, HttpResponse)
    found = re.search(r'id="new-link">http://testserver([^<]+)<', answer.content.decode())
    assert found
    return found[1].replace("&amp;", "&")


def link_to(game: Game, shown: Shown, subject_id: int = 0) -> str:
    life = None if shown is Shown.BADGE else timedelta(days=1)
    return make_link(game, shown, subject_id=subject_id, name="", life=life, now=timezone.now(), by=UNNAMED)


def badge_of(game: Game, service: Service) -> str:
    return reverse("badge", args=[link_to(game, Shown.BADGE, service.pk)])


def test_a_link_to_the_overview_opens_it_for_anybody_to_read(
    game: Game, admin: Client, guest: Client, moment: datetime
) -> None:
    put_server(game, ServerSpec("server-1", {"CombatService": Counters(live=1_234)}), now=moment)
    link = shown_link(make(admin, game, view="from=now-6h&to=now&chart=rates"))
    assert link.endswith("?from=now-6h&to=now&chart=rates")
    html = guest.get(link).content.decode()
    assert "CombatService" in html
    assert "1,234" in html
    assert "Last 6 h" in html
    assert f"/g/{game.slug}/" not in html
    assert "<form" not in html.replace("data-range-form", "").replace('<form class="range-fixed"', "")
    assert "sessionid" not in guest.cookies


@pytest.mark.parametrize(("shows", "name"), [("service", "CombatService"), ("server", "server-1")])
def test_a_link_to_a_service_or_server_is_made_by_its_name(
    shows: str, name: str, game: Game, admin: Client, guest: Client, moment: datetime
) -> None:
    put_server(game, ServerSpec("server-1", {"CombatService": Counters(live=7)}), now=moment)
    html = guest.get(shown_link(make(admin, game, shows=shows, name=name))).content.decode()
    assert f"<h1><bdi>{name}</bdi></h1>" in html
    assert {"CombatService", "server-1"} <= set(re.findall(r"[\w-]+", html))


def test_what_belongs_to_members_is_not_shown(game: Game, guest: Client) -> None:
    filled = fill(game)
    for shown, subject in (
        (Shown.OVERVIEW, 0),
        (Shown.SERVICE, filled.service.pk),
        (Shown.SERVER, filled.server.pk),
    ):
        token = link_to(game, shown, subject)
        page, state = guest.get(f"/shared/{token}/"), guest.get(f"/shared/{token}/live.json")
        assert "Registry" not in page.content.decode()
        assert not {"alerts", "orders", "versions"} & state.json()["data"].keys()
        chart = guest.get(f"/shared/{token}/chart.json").json()
        assert (chart["alerts"], chart["alerts_url"]) == ([], "")


def test_hostile_names_are_text(game: Game, guest: Client) -> None:
    filled = fill(game)
    for shown, subject in (
        (Shown.OVERVIEW, 0),
        (Shown.SERVICE, filled.service.pk),
        (Shown.SERVER, filled.server.pk),
    ):
        answer = guest.get(f"/shared/{link_to(game, shown, subject)}/")
        html = answer.content.decode()
        assert "<script>alert" not in html
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
        assert "unsafe" not in answer["Content-Security-Policy"]


def test_nobody_keeps_or_finds_a_shared_page(game: Game, guest: Client) -> None:
    answer = guest.get(f"/shared/{link_to(game, Shown.OVERVIEW)}/")
    assert "no-store" in answer["Cache-Control"]
    assert "noindex" in answer["X-Robots-Tag"]
    assert answer["Referrer-Policy"] == "no-referrer"


def test_a_shared_page_costs_few_queries(game: Game, guest: Client) -> None:
    filled = fill(game)
    address = f"/shared/{link_to(game, Shown.SERVICE, filled.service.pk)}/"
    for part in ("", "live.json", "chart.json"):
        with CaptureQueriesContext(connection) as captured:
            assert guest.get(address + part).status_code == 200
        assert len(captured) <= MOST_QUERIES


def test_links_that_have_ended_and_other_kinds_of_links_are_not_found(game: Game, guest: Client) -> None:
    overview, badge = link_to(game, Shown.OVERVIEW), link_to(game, Shown.BADGE, put_service(game, "Combat").pk)
    parts = ("", "live.json", "chart.json")
    assert {guest.get(f"/shared/{badge}/{part}").status_code for part in parts} == {404}
    assert guest.get(f"/badge/{overview}/service.svg").status_code == 404
    end_links(game, now=timezone.now(), by=UNNAMED)
    answers = [guest.get(f"/shared/{overview}/{part}") for part in parts]
    assert {answer.status_code for answer in answers} == {404}
    assert "Ask whoever sent it" in answers[0].content.decode()


def test_a_link_to_what_is_gone_or_of_another_game_is_not_found(
    game: Game, other_game: Game, guest: Client, moment: datetime
) -> None:
    theirs = put_service(other_game, "Theirs")
    server = put_server(other_game, now=moment)
    for shown, subject in ((Shown.SERVICE, theirs.pk), (Shown.SERVER, server.pk), (Shown.SERVICE, 2**40)):
        token = link_to(game, shown, subject)
        for part in ("", "live.json", "chart.json"):
            assert guest.get(f"/shared/{token}/{part}").status_code == 404
    assert guest.get(f"/badge/{link_to(game, Shown.BADGE, theirs.pk)}/service.svg").status_code == 404


@pytest.mark.parametrize("role", [Role.VIEWER, Role.PLANNER, Role.APPROVER])
def test_only_admins_make_and_end_links(
    role: Role, game: Game, make_member: Callable[[Role], User], log_in: Callable[[User], Client]
) -> None:
    client = log_in(make_member(role))
    assert make(client, game).status_code == 403
    assert client.post(reverse("end-links", kwargs={"slug": game.slug})).status_code == 403
    link_to(game, Shown.OVERVIEW)
    one = reverse("end-link", kwargs={"slug": game.slug, "number": OpenLink.objects.get().pk})
    assert client.post(one).status_code == 403
    assert client.get(reverse("links", kwargs={"slug": game.slug})).status_code == 403
    overview = client.get(reverse("overview", kwargs={"slug": game.slug})).content.decode()
    assert "data-share" not in overview
    assert [entry.action for entry in AuditEntry.objects.filter(action__startswith="link")] == ["link.made"]  # above


def test_making_one_asks_for_the_password(game: Game, owner: User) -> None:
    client = Client()
    client.force_login(give_password(owner))
    asked = make(client, game)
    assert asked["Location"].startswith("/account/reauthenticate/")
    assert shown_link(client.post(asked["Location"], {"password": PASSWORD}))


def test_making_and_ending_bear_the_members_name(game: Game, admin: Client, owner: User, guest: Client) -> None:
    link = shown_link(make(admin, game))
    admin.post(reverse("end-links", kwargs={"slug": game.slug}))
    entries = AuditEntry.objects.filter(action__startswith="link").order_by("id")
    assert [(one.action, one.actor) for one in entries] == [("link.made", owner.email), ("links.ended", owner.email)]
    assert guest.get(link).status_code == 404


def test_one_is_ended_from_the_list_and_the_others_stay(game: Game, admin: Client, owner: User, guest: Client) -> None:
    put_service(game, SCRIPT)
    kept, ended = shown_link(make(admin, game)), shown_link(make(admin, game, shows="service", name=SCRIPT))
    listed = admin.get(reverse("links", kwargs={"slug": game.slug})).content.decode()
    assert "<script>alert" not in listed
    addresses = re.findall(r'action="(/g/[^"]+/links/\d+/end/)"', listed)
    assert len(addresses) == 2
    answer = admin.post(addresses[0], follow=True).content.decode()
    assert "is dead" in answer
    assert addresses[0] not in answer
    assert [guest.get(link).status_code for link in (kept, ended)] == [200, 404]
    entry = AuditEntry.objects.get(action="link.ended")
    assert (entry.actor, entry.target) == (owner.email, SCRIPT)
    assert admin.post(addresses[0]).status_code == 404


def test_nobody_ends_a_link_of_another_game(game: Game, other_game: Game, admin: Client, guest: Client) -> None:
    link = link_to(other_game, Shown.OVERVIEW)
    number = OpenLink.objects.get().pk
    assert admin.post(reverse("end-link", kwargs={"slug": game.slug, "number": number})).status_code == 404
    assert guest.get(f"/shared/{link}/").status_code == 200


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"shows": "service", "name": "Nobody"}, "no service of this name"),
        ({"shows": "server", "name": ""}, "no server of this name"),
        ({"shows": "badge", "name": "Theirs"}, "no service of this name"),
        ({"shows": "overview", "life": "never"}, "expires; choose when"),
        ({"shows": "everything"}, "Select a valid choice"),
        ({"life": "1000"}, "Select a valid choice"),
    ],
)
def test_what_cannot_be_linked_is_said_and_makes_nothing(
    form: dict[str, str], said: str, game: Game, other_game: Game, admin: Client
) -> None:
    put_service(other_game, "Theirs")
    answer = make(admin, game, **form)
    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert not AuditEntry.objects.filter(action="link.made").exists()


def test_of_a_pages_address_only_time_and_chart_go_along(game: Game, admin: Client) -> None:
    link = shown_link(make(admin, game, view='from=now-1h&q=x&next="><script>&chart=rates'))
    assert link.endswith("/?from=now-1h&chart=rates")


def test_the_form_is_filled_in_from_the_page_that_was_shared(game: Game, admin: Client) -> None:
    asked = {"shows": "service", "name": SCRIPT, "from": "now-6h", "to": "now"}
    html = admin.get(reverse("links", kwargs={"slug": game.slug}), asked).content.decode()
    assert '<option value="service" selected>' in html
    assert 'value="from=now-6h&amp;to=now"' in html
    assert "<script>alert" not in html


def test_a_badge_comes_with_markdown_that_shows_it(game: Game, admin: Client, guest: Client, moment: datetime) -> None:
    name = "Combat](x)"
    put_server(game, ServerSpec("server-1", {name: Counters(live=3)}), now=moment)
    answer = make(admin, game, shows="badge", name=name, life="never")
    link = shown_link(answer)
    assert f"[![Connections of Combat  x ](http://testserver{link})]" in answer.content.decode()
    picture = guest.get(link)
    assert (picture.status_code, picture["Content-Type"]) == (200, "image/svg+xml")
    assert "max-age=60" in picture["Cache-Control"]
    assert "sessionid" not in picture.cookies


@pytest.mark.parametrize(
    ("spec", "word"),
    [
        (ServerSpec(services={"CombatService": Counters(live=5)}), "none orphaned"),
        (ServerSpec(services={"CombatService": Counters(live=5, stale=2)}), "2 stale"),
        (ServerSpec(services={"CombatService": Counters(live=5_000, orphaned=1_234, stale=2)}), "1,234 orphaned"),
        (ServerSpec(services={"CombatService": Counters(live=5)}, age=timedelta(hours=1)), "silent"),
        (ServerSpec(services={"Other": Counters(live=5)}), "not running"),
    ],
)
def test_a_badge_says_the_services_state_in_a_word(
    spec: ServerSpec, word: str, game: Game, guest: Client, moment: datetime
) -> None:
    put_server(game, spec, now=moment)
    picture = guest.get(badge_of(game, put_service(game, "CombatService")))
    drawn = ElementTree.fromstring(picture.content)
    assert drawn.attrib["aria-label"] == f"CombatService: {word}"
    assert [text.text for text in drawn.iter("{http://www.w3.org/2000/svg}text")] == ["CombatService", word]


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_a_hostile_name_is_text_in_a_badge(name: str, game: Game, guest: Client) -> None:
    drawn = ElementTree.fromstring(guest.get(badge_of(game, put_service(game, name))).content)
    assert {element.tag.rpartition("}")[2] for element in drawn.iter()} <= {
        "svg", "title", "clipPath", "rect", "g", "text"
    }  # fmt: skip
    assert len(drawn.attrib["aria-label"]) <= 60


def test_a_dead_badge_says_so_in_the_picture(game: Game, guest: Client) -> None:
    address = badge_of(game, put_service(game, "CombatService"))
    end_links(game, now=timezone.now(), by=UNNAMED)
    picture = guest.get(address)
    assert (picture.status_code, picture["Content-Type"]) == (404, "image/svg+xml")
    assert "link ended" in picture.content.decode()


def test_many_readers_of_a_badge_cost_one_look_at_the_registry(game: Game, guest: Client, moment: datetime) -> None:
    put_server(game, now=moment)
    address = badge_of(game, put_service(game, "CombatService"))
    guest.get(address)
    with CaptureQueriesContext(connection) as captured:
        assert guest.get(address).status_code == 200
    assert len(captured) == 1


def test_a_link_survives_a_new_secret_key_while_the_old_one_is_named(
    game: Game, guest: Client, settings: Settings
) -> None:
    token = link_to(game, Shown.OVERVIEW)
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another-" + "y" * 50
    assert guest.get(f"/shared/{token}/").status_code == 200
