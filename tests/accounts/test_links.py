"""Links to read one page: what a token is good for, and when it is not any more."""

from datetime import timedelta

import pytest
from pytest_django.fixtures import Settings

from connmon.accounts import links
from connmon.accounts.audit import UNNAMED
from connmon.accounts.links import (
    MOST_CHARACTERS,
    Link,
    Shown,
    end_link,
    end_links,
    list_links,
    make_link,
    read_link,
)
from connmon.accounts.models import AuditEntry, Game, OpenLink
from connmon.core.errors import Conflict, Invalid, NotFound
from tests.conftest import NOW

DAY = timedelta(days=1)


def make(game: Game, shown: Shown = Shown.SERVICE, life: timedelta | None = DAY, subject_id: int = 7) -> str:
    return make_link(game, shown, subject_id=subject_id, name="CombatService", life=life, now=NOW, by=UNNAMED)


def test_a_token_says_what_it_shows_and_until_when(game: Game) -> None:
    assert read_link(make(game), now=NOW) == Link(game, Shown.SERVICE, 7, NOW + DAY)


def test_the_largest_ids_fit(game: Game) -> None:
    token = make(game, Shown.SERVER, subject_id=2**63 - 1)
    assert len(token) < MOST_CHARACTERS
    assert read_link(token, now=NOW).subject_id == 2**63 - 1


def test_it_is_good_up_to_its_end_and_not_beyond(game: Game) -> None:
    token = make(game)
    assert read_link(token, now=NOW + DAY - timedelta(seconds=1))
    with pytest.raises(NotFound):
        read_link(token, now=NOW + DAY)


def test_a_badge_may_be_good_for_ever_and_a_page_may_not(game: Game) -> None:
    assert read_link(make(game, Shown.BADGE, None), now=NOW + 4_000 * DAY).until is None
    for shown in set(Shown) - {Shown.BADGE}:
        with pytest.raises(Invalid, match="expires"):
            make(game, shown, None)


@pytest.mark.parametrize("life", [timedelta(0), -DAY, timedelta(days=366)])
def test_other_lives_are_refused(game: Game, life: timedelta) -> None:
    with pytest.raises(Invalid, match="year"):
        make(game, Shown.SERVICE, life)
    assert not AuditEntry.objects.filter(action="link.made").exists()


def test_ending_them_ends_all_of_the_game_and_none_of_another(game: Game, other_game: Game) -> None:
    ours = [make(game), make(game, Shown.BADGE, None)]
    theirs = make(other_game)
    end_links(game, now=NOW, by=UNNAMED)
    for token in ours:
        with pytest.raises(NotFound):
            read_link(token, now=NOW)
    assert read_link(theirs, now=NOW).game == other_game
    game.refresh_from_db()
    assert read_link(make(game), now=NOW)


def test_both_are_in_the_audit_trail_without_the_token(game: Game) -> None:
    token = make(game)
    end_links(game, now=NOW, by=UNNAMED)
    made, ended = AuditEntry.objects.filter(game_id=game.pk, action__startswith="link").order_by("id")
    assert (made.action, made.target) == ("link.made", "CombatService")
    assert made.after
    assert made.after["shows"] == "service"
    assert ended.action == "links.ended"
    assert token not in str(list(AuditEntry.objects.values()))


def test_what_was_changed_by_hand_is_not_good(game: Game, other_game: Game) -> None:
    (body, _, signature), (other, _, _), (theirs, _, _) = (
        token.rpartition(".") for token in (make(game), make(game), make(other_game))
    )
    for forged in (other, theirs, body[:-1], body.swapcase(), f" {body}", f"{body}."):
        with pytest.raises(NotFound):
            read_link(f"{forged}.{signature}", now=NOW)


def test_what_is_stored_of_a_link_opens_nothing(game: Game) -> None:
    token = make(game)
    (stored,) = OpenLink.objects.values()
    assert token not in stored.values()
    with pytest.raises(NotFound):
        read_link(str(stored["code"]), now=NOW)


def test_one_is_ended_alone_and_once(game: Game, other_game: Game) -> None:
    kept, ended = make(game), make(game, Shown.BADGE, None)
    newest = list_links(game, now=NOW)[0]
    with pytest.raises(NotFound):
        end_link(other_game, link_id=newest.pk, now=NOW, by=UNNAMED)
    assert read_link(ended, now=NOW)
    assert end_link(game, link_id=newest.pk, now=NOW, by=UNNAMED) == "CombatService"
    with pytest.raises(NotFound):
        read_link(ended, now=NOW)
    with pytest.raises(NotFound, match="already"):
        end_link(game, link_id=newest.pk, now=NOW, by=UNNAMED)
    assert read_link(kept, now=NOW)
    entry = AuditEntry.objects.get(action="link.ended")
    assert (entry.target, entry.before) == ("CombatService", {"shows": "badge", "expires_at": None})


def test_open_ones_are_listed_newest_first(game: Game, other_game: Game) -> None:
    make(game, Shown.OVERVIEW)
    make(game, Shown.BADGE, None)
    make(other_game)
    assert [one.shown for one in list_links(game, now=NOW)] == ["badge", "overview"]
    assert [one.shown for one in list_links(game, now=NOW + DAY)] == ["badge"]
    end_links(game, now=NOW, by=UNNAMED)
    assert not list_links(game, now=NOW)
    assert list_links(other_game, now=NOW)


def test_so_many_may_be_open_and_late_ones_do_not_count(game: Game, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(links, "MOST", 2)
    make(game)
    make(game, Shown.BADGE, None)
    with pytest.raises(Conflict, match="End some first"):
        make(game)
    later = make_link(game, Shown.OVERVIEW, name="", life=DAY, now=NOW + DAY, by=UNNAMED)
    assert read_link(later, now=NOW + DAY)
    assert OpenLink.objects.count() == 2


@pytest.mark.parametrize("token", ["", ".", "x", "1-overview-0-0", "1-overview-0-0.", "\0", "é", "1" * 5_000, "-" * 40])
def test_odd_tokens_are_not_found(db: None, token: str) -> None:
    with pytest.raises(NotFound):
        read_link(token, now=NOW)


def test_links_outlive_a_new_secret_key_while_the_old_one_is_named(game: Game, settings: Settings) -> None:
    token = make(game)
    old = settings.SECRET_KEY
    settings.SECRET_KEY = "another-" + "y" * 50
    with pytest.raises(NotFound):
        read_link(token, now=NOW)
    settings.SECRET_KEY_FALLBACKS = [old]
    assert read_link(token, now=NOW)
