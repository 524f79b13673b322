"""Links for people without an account: each shows its one page to whoever has it, and nothing else to anybody."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from django.urls import reverse
from django.utils import timezone

from connmon.accounts.links import Shown, end_link, end_links, list_links, make_link
from tests.security.actors import nobody, visitors_of
from tests.security.table import Method
from tests.security.tally import TALLY, WHOLE
from tests.security.test_pages import header_faults
from tests.security.world import BY, Filled

PAGES: Final = ("shared", "shared-state", "shared-chart")
BADGE: Final = "badge"
LIFE: Final = timedelta(days=1)


def token_of(filled: Filled, shown: Shown, subject_id: int | None = None) -> str:
    ids = {Shown.OVERVIEW: 0, Shown.SERVER: filled.ids["server_id"]}
    found = ids.get(shown, filled.ids["service_id"]) if subject_id is None else subject_id
    return make_link(filled.game, shown, subject_id=found, name="Attack", life=LIFE, now=timezone.now(), by=BY)


def addresses(token: str) -> Iterator[tuple[str, str]]:
    for name in (*PAGES, BADGE):
        yield name, reverse(name, args=[token])


def test_a_link_shows_its_page_to_everybody_and_nothing_of_another_game(ours: Filled, theirs: Filled) -> None:
    wrong = []
    for actor in visitors_of(ours, theirs) if WHOLE else (nobody(), visitors_of(ours, theirs)[3]):
        for shown in Shown:
            for name, address in addresses(token_of(ours, shown)):
                answer = actor.ask("GET", address)
                TALLY.matrix_cells += 1
                wanted = 200 if (name == BADGE) == (shown is Shown.BADGE) else 404
                if answer.status != wanted:
                    wrong.append(f"{actor.name}: {shown} at {name} answered {answer.status}, not {wanted}")
                if theirs.mark in answer.text:
                    TALLY.leaks_across_games += 1
                    wrong.append(f"{actor.name}: {shown} at {name} showed {theirs.mark}")
    TALLY.matrix_wrong += len(wrong)
    assert not wrong, "\n".join(wrong)


def test_a_link_leads_to_nothing_of_another_game(ours: Filled, theirs: Filled) -> None:
    for shown, key in ((Shown.SERVICE, "service_id"), (Shown.SERVER, "server_id"), (Shown.BADGE, "service_id")):
        for _, address in addresses(token_of(theirs, shown, ours.ids[key])):
            answer = nobody().ask("GET", address)
            assert answer.status == 404
            assert ours.mark not in answer.text


def changed(token: str, ours: Filled, theirs: Filled) -> Iterator[str]:
    """The token as somebody would write it who has no key."""
    body, _, signature = token.rpartition(".")
    other_body, _, other_signature = token_of(ours, Shown.OVERVIEW).rpartition(".")
    their_body, _, their_signature = token_of(theirs, Shown.SERVICE).rpartition(".")
    yield f"{other_body}.{signature}"
    yield f"{body}.{other_signature}"
    yield f"{their_body}.{signature}"
    yield f"{body}.{their_signature}"
    yield f"{body.swapcase()}.{signature}"
    yield body
    yield f"{body}."
    yield f"{body}.{signature[:-1]}"


def test_what_was_changed_in_a_link_opens_nothing(ours: Filled, theirs: Filled) -> None:
    forged = list(changed(token_of(ours, Shown.SERVICE), ours, theirs))
    opened = [
        token for token in forged for _, address in addresses(token) if nobody().ask("GET", address).status != 404
    ]
    assert opened == []
    assert len(forged) == 8


def test_a_link_that_was_ended_alone_opens_nothing(ours: Filled) -> None:
    token, other = token_of(ours, Shown.OVERVIEW), token_of(ours, Shown.OVERVIEW)
    newest, *_ = list_links(ours.game, now=timezone.now())
    end_link(ours.game, link_id=newest.pk, now=timezone.now(), by=BY)
    assert [{nobody().ask("GET", reverse(name, args=[one])).status for name in PAGES} for one in (token, other)] == [
        {200},
        {404},
    ]


def test_an_ended_link_opens_nothing(ours: Filled) -> None:
    token = token_of(ours, Shown.OVERVIEW)
    end_links(ours.game, now=timezone.now(), by=BY)
    assert {nobody().ask("GET", address).status for _, address in addresses(token)} == {404}


def test_a_link_only_reads_and_makes_no_session(ours: Filled) -> None:
    for shown in Shown:
        for _, address in addresses(token_of(ours, shown)):
            for method in ("POST", "PUT", "PATCH", "DELETE") if WHOLE else ("POST",):
                assert nobody().ask(method, address, Method(None)).status == 405
            assert "Set-Cookie" not in nobody().ask("GET", address).headers


def test_a_links_page_is_guarded_as_every_other_and_tells_its_address_to_nobody(ours: Filled) -> None:
    for name, address in addresses(token_of(ours, Shown.SERVICE)):
        headers = nobody().ask("GET", address).headers
        faults = [fault for fault in header_faults(headers) if "Referrer-Policy" not in fault]
        assert faults == []
        if name != BADGE:
            assert headers["Referrer-Policy"] == "no-referrer"
            assert "noindex" in headers["X-Robots-Tag"]
            assert "no-" in headers["Cache-Control"]
