"""Destinations: who is told, the secret that is shown once, a test and its result, dead letters."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from connmon.accounts.models import AuditEntry, Game, Role, User
from connmon.alerts.models import Delivery, Destination
from dashboard.queries import alerts as queries
from dashboard.queries.alerts import destinations_live
from tests.dashboard.alarms import HOOK, put_alert, put_delivery, put_destination, put_rule
from tests.dashboard.factories import SCRIPT

WHOLE: dict[str, Any] = {"name": "Ops", "kind": "webhook", "address": HOOK, "secret": "", "least_severity": "warning"}


def page(client: Client, game: Game, query: str = "") -> str:
    answer = client.get(reverse("destinations", kwargs={"slug": game.slug}) + query)
    assert answer.status_code == 200
    return answer.content.decode()


def create(client: Client, game: Game, **fields: Any) -> HttpResponse:
    return client.post(reverse("create-destination", kwargs={"slug": game.slug}), WHOLE | fields)  # type: ignore[return-value]


def of(name: str, one: Destination | Delivery, game: Game) -> str:
    return reverse(name, kwargs={"slug": game.slug, "number": one.pk})


def test_a_webhook_gets_a_secret_that_is_shown_once(as_owner: Client, game: Game) -> None:
    answer = create(as_owner, game)
    secret = re.search(r'id="new-secret">([\w-]+)<', answer.content.decode())
    assert secret
    made = Destination.objects.get()
    assert made.secret == secret[1]
    assert len(made.secret) >= 40
    assert answer["Cache-Control"].startswith("max-age=0")
    assert made.secret not in page(as_owner, game)
    assert made.secret not in as_owner.get(of("destination", made, game)).content.decode()


def test_a_secret_of_ones_own_is_taken(as_owner: Client, game: Game) -> None:
    create(as_owner, game, secret="my-own-secret-of-24-chars")
    assert Destination.objects.get().secret == "my-own-secret-of-24-chars"


def test_an_address_is_never_shown_again(as_owner: Client, game: Game) -> None:
    answer = create(as_owner, game, kind="discord")
    html = answer.content.decode() + page(as_owner, game)
    html += as_owner.get(of("destination", Destination.objects.get(), game)).content.decode()
    assert "https://hooks.example.com/…" in html
    assert "secret-part" not in html
    assert "new-secret" not in html
    trail = str(list(AuditEntry.objects.filter(action__startswith="alert.dest").values()))
    assert "secret-part" not in trail


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"name": ""}, "This field is required."),
        ({"address": "http://hooks.example.com/x"}, "https://"),
        ({"address": "nonsense"}, "https://"),
        ({"kind": "pigeon"}, "not one of the available choices"),
        ({"kind": "discord", "secret": "s" * 20}, "Only a webhook takes a secret."),
        ({"secret": "short"}, "at least 16 characters"),
        ({"name": "Taken"}, "The game has a destination named"),
        ({"kind": "email", "address": "ops@example.com"}, "CONNMON_EMAIL_HOST"),
        ({"least_severity": "dire"}, "not one of the available choices"),
    ],
)
def test_a_destination_that_cannot_be_says_why(
    fields: dict[str, str], told: str, as_owner: Client, game: Game, settings: Any
) -> None:
    settings.EMAIL_HOST = ""
    put_destination(game, "Taken")
    answer = create(as_owner, game, **fields)
    assert (answer.status_code, Destination.objects.count()) == (422, 1)
    assert told in answer.content.decode()


def test_a_change_keeps_what_is_left_empty(as_owner: Client, game: Game) -> None:
    known = put_destination(game)
    fields = {"name": "On call", "address": "", "secret": "", "least_severity": "critical", "enabled": "on"}
    as_owner.post(of("destination", known, game), fields)
    after = Destination.objects.get()
    assert (after.name, after.least_severity, after.enabled) == ("On call", "critical", True)
    assert (after.address, after.secret) == (known.address, known.secret)
    as_owner.post(of("destination", known, game), fields | {"address": HOOK + "2", "enabled": ""})
    after = Destination.objects.get()
    assert (after.address, after.enabled) == (HOOK + "2", False)


def test_a_destination_is_removed(as_owner: Client, game: Game) -> None:
    known = put_destination(game)
    as_owner.post(of("remove-destination", known, game))
    assert not Destination.objects.exists()


def test_a_test_is_sent_and_its_line_tells_what_became_of_it(as_owner: Client, game: Game) -> None:
    known = put_destination(game)
    as_owner.post(of("test-destination", known, game))
    html = page(as_owner, game)
    assert "A test is on its way to Ops" in html
    assert ">Test</bdi>" in html
    Delivery.objects.update(state="sent", detail="Answered with 200.", attempts=1)
    (row,) = destinations_live(game.pk, now=timezone.now()).deliveries
    assert (row.state, row.detail, row.what) == ("sent", "Answered with 200.", "Test")
    as_owner.post(of("test-destination", known, game))
    assert "A test was just sent" in page(as_owner, game)


def test_a_dead_letter_is_sent_again_once(as_owner: Client, game: Game) -> None:
    alert = put_alert(put_rule(game))
    dead = put_delivery(put_destination(game), alert, "dead", detail="Answered with 404.")
    html = page(as_owner, game, "?state=dead")
    assert of("retry-delivery", dead, game) in html
    assert "Answered with 404." in html
    as_owner.post(of("retry-delivery", dead, game))
    assert Delivery.objects.get().state == "pending"
    as_owner.post(of("retry-delivery", dead, game))
    assert "Only a dead letter can be sent again" in page(as_owner, game)


def test_messages_are_filtered_and_paged(as_owner: Client, game: Game, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "DELIVERIES", 2)
    alert, to = put_alert(put_rule(game)), put_destination(game)
    keys = [put_delivery(to, alert, "sent").pk for _ in range(3)]
    first = page(as_owner, game)
    assert re.findall(r'<tr data-id="(\d+)">', first) == [str(keys[2]), str(keys[1])]
    assert "data-newest-first" in first
    older = page(as_owner, game, f"?after={keys[1]}")
    assert re.findall(r'<tr data-id="(\d+)">', older) == [str(keys[0])]
    assert "data-known-only" in older
    assert "No message is in this state." in page(as_owner, game, "?state=dead")
    assert page(as_owner, game, "?state=nonsense&after=%00")


@pytest.mark.parametrize("role", [Role.VIEWER, Role.APPROVER])
def test_only_admins_change_destinations(
    role: Role, game: Game, make_member: Callable[[Role], User], log_in: Callable[[User], Client]
) -> None:
    known = put_destination(game)
    dead = put_delivery(known, put_alert(put_rule(game)), "dead")
    client = log_in(make_member(role))
    html = page(client, game)
    assert not any(word in html for word in ("Add a destination", "Send again", "Test<"))
    assert create(client, game, name="Mine").status_code == 403
    assert client.get(of("destination", known, game)).status_code == 403
    for name in ("destination", "test-destination", "remove-destination"):
        assert client.post(of(name, known, game), WHOLE).status_code == 403
    assert client.post(of("retry-delivery", dead, game)).status_code == 403
    assert (Destination.objects.count(), Delivery.objects.get().state) == (1, "dead")


def test_another_games_destinations_are_neither_shown_nor_changed(
    as_owner: Client, game: Game, other_game: Game
) -> None:
    theirs = put_destination(other_game, "theirs")
    dead = put_delivery(theirs, put_alert(put_rule(other_game)), "dead")
    assert "theirs" not in page(as_owner, game)
    assert as_owner.get(of("destination", theirs, game)).status_code == 404
    for name in ("destination", "test-destination", "remove-destination"):
        assert as_owner.post(of(name, theirs, game), WHOLE).status_code == 404
    assert as_owner.post(of("retry-delivery", dead, game)).status_code == 404
    assert (Destination.objects.count(), Delivery.objects.get().state) == (1, "dead")


def test_hostile_names_are_text(as_owner: Client, game: Game) -> None:
    known = put_destination(game, SCRIPT)
    put_delivery(known, put_alert(put_rule(game, SCRIPT)), "dead", detail=SCRIPT)
    html = page(as_owner, game) + as_owner.get(of("destination", known, game)).content.decode()
    assert "<script>alert" not in html
    assert html.count("&lt;script&gt;alert(1)&lt;/script&gt;") >= 4
