"""Keys: made once, shown once, two live ones per name, ended at once."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection

from connmon.accounts.actions import LIVE_KEYS_PER_NAME, issue_key, revoke_key
from connmon.accounts.models import ApiKey, Game, Scope
from connmon.accounts.queries import find_live_key
from connmon.core import ids
from connmon.core.errors import Conflict, Invalid, NotFound
from connmon.core.ids import NewKey
from tests.conftest import NOW

MakeKey = Callable[..., NewKey]


def issue(game: Game, name: str = "Live servers", **changes: object) -> NewKey:
    values = {"scopes": ["report"], "expires_at": None, "now": NOW} | changes
    return issue_key(game, name=name, **values)  # type: ignore[arg-type]


def test_a_key_is_found_by_its_plaintext(game: Game) -> None:
    key = issue(game, scopes=["read", "report"])
    found = find_live_key(key.plaintext, now=NOW)
    assert found is not None
    assert (found.game, found.name, found.scopes, found.created_at) == (game, "Live servers", ["read", "report"], NOW)


def test_only_a_digest_of_the_secret_is_stored(game: Game) -> None:
    key = issue(game)
    with connection.cursor() as cursor:
        cursor.execute("SELECT k::text, encode(digest, 'escape') FROM accounts_apikey k")
        stored = str(cursor.fetchall())
    assert key.id in stored
    assert key.secret not in stored
    assert key.secret.encode().hex() not in stored
    assert bytes(ApiKey.objects.get().digest) == ids.digest(key.secret)


@pytest.mark.parametrize(
    "change", [lambda p: p[:-1], lambda p: p + "x", lambda p: p.upper(), lambda p: p[3:]], ids=range(4)
)
def test_another_plaintext_finds_nothing(game: Game, change: Callable[[str], str]) -> None:
    assert find_live_key(change(issue(game).plaintext), now=NOW) is None


def test_the_secret_of_one_key_does_not_open_another(game: Game) -> None:
    one, two = issue(game), issue(game)
    assert find_live_key(f"cm_{one.id}_{two.secret}", now=NOW) is None


def test_two_keys_of_one_name_may_live_so_that_servers_can_move_over(game: Game) -> None:
    old, new = issue(game), issue(game)
    assert LIVE_KEYS_PER_NAME == 2
    assert find_live_key(old.plaintext, now=NOW)
    assert find_live_key(new.plaintext, now=NOW)


def test_a_third_key_of_one_name_is_refused_with_what_to_do(game: Game) -> None:
    issue(game)
    issue(game)
    with pytest.raises(Conflict, match="revoke one"):
        issue(game)
    assert ApiKey.objects.count() == 2


def test_revoking_one_makes_room_for_the_next(game: Game) -> None:
    old, _ = issue(game), issue(game)
    revoke_key(game, key_id=old.id, now=NOW)
    assert issue(game)


def test_an_expired_key_leaves_room_too(game: Game) -> None:
    for _ in range(2):
        issue(game, expires_at=NOW + timedelta(hours=1))
    assert issue(game, now=NOW + timedelta(hours=1))


def test_names_are_counted_for_each_game_and_name(game: Game, other_game: Game) -> None:
    for _ in range(2):
        issue(game)
    assert issue(other_game)
    assert issue(game, "Studio")


def test_spaces_around_a_name_do_not_make_it_another(game: Game) -> None:
    issue(game, "Live")
    issue(game, " Live ")
    with pytest.raises(Conflict):
        issue(game, "Live")


@pytest.mark.parametrize("name", ["", "   ", "x" * 61, "a\nb", "a\x1b[31mb", "a\u202eb"], ids=ascii)
def test_a_name_that_cannot_be_shown_is_refused(game: Game, name: str) -> None:
    with pytest.raises(Invalid, match="1 to 60"):
        issue(game, name)


@pytest.mark.parametrize("scopes", [[], ["admin"], ["report", "everything"]], ids=str)
def test_scopes_that_do_not_exist_are_refused(game: Game, scopes: list[str]) -> None:
    with pytest.raises(Invalid, match="report, read, plan, execute"):
        issue(game, scopes=scopes)


def test_scopes_are_stored_once_each(game: Game) -> None:
    issue(game, scopes=["report", "read", "report"])
    assert ApiKey.objects.get().scopes == [Scope.READ, Scope.REPORT]


@pytest.mark.parametrize("ahead", [timedelta(0), -timedelta(seconds=1)], ids=["now", "a second ago"])
def test_a_key_cannot_be_made_expired(game: Game, ahead: timedelta) -> None:
    with pytest.raises(Invalid, match="future"):
        issue(game, expires_at=NOW + ahead)


def test_a_key_ends_at_its_expiry(game: Game) -> None:
    key = issue(game, expires_at=NOW + timedelta(hours=1))
    assert find_live_key(key.plaintext, now=NOW + timedelta(minutes=59))
    assert find_live_key(key.plaintext, now=NOW + timedelta(hours=1)) is None


def test_a_revoked_key_is_not_found_any_more(game: Game) -> None:
    key = issue(game)
    revoke_key(game, key_id=key.id, now=NOW)
    assert find_live_key(key.plaintext, now=NOW) is None


def test_revoking_twice_keeps_the_first_time(game: Game) -> None:
    key = issue(game)
    revoke_key(game, key_id=key.id, now=NOW)
    revoke_key(game, key_id=key.id, now=NOW + timedelta(hours=1))
    assert ApiKey.objects.get().revoked_at == NOW


def test_a_key_of_another_game_cannot_be_revoked(game: Game, other_game: Game) -> None:
    key = issue(game)
    with pytest.raises(NotFound):
        revoke_key(other_game, key_id=key.id, now=NOW)
    assert find_live_key(key.plaintext, now=NOW)
