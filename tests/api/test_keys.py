"""Which keys may report. Key errors are answered, but not kept among a game's refused reports."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone

from connmon.accounts.actions import revoke_key
from connmon.accounts.models import ApiKey, Game
from connmon.core.ids import NewKey
from connmon.registry.models import RefusedReport, ServerState, Service
from tests.conftest import NOW
from tests.machine import REPORTS, Answer, Machine, encode, opened, service, wait_for

MakeServer = Callable[..., Machine]
MakeKey = Callable[..., NewKey]


def assert_refused(answer: Answer, status: int, code: str) -> None:
    assert (answer.status, answer.body["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers.get("www-authenticate") == ("Bearer" if status == 401 else None)


@pytest.mark.parametrize(
    "authorization",
    ["", "Bearer", "Bearer ", "Basic Y206eA==", "Bearer secret", "Bearer xx_abc_def", "Bearer cm_abc", "Bearer cm__x",
     "Bearer cm_abc_", f"Bearer cm_abc_{'x' * 200}", "cm_abc_def"],
)  # fmt: skip
def test_a_request_without_a_key_is_refused(server: Machine, authorization: str) -> None:
    headers = {"authorization": authorization, "content-type": "application/json"}
    answer = server.site.request("POST", REPORTS, body=encode(server.report()), headers=headers)
    assert_refused(answer, 401, "no-key")


def test_no_authorization_at_all_is_refused(server: Machine) -> None:
    assert_refused(server.site.request("POST", REPORTS, body=encode(server.report())), 401, "no-key")


def test_the_word_bearer_may_be_written_in_any_case(server: Machine) -> None:
    headers = {"authorization": f"bearer  {server.key.plaintext} "}
    assert server.site.request("POST", REPORTS, body=encode(server.report()), headers=headers).status == 200


def test_an_unknown_key_is_refused(server: Machine) -> None:
    assert_refused(server.site.post(server.report(), key="cm_nobody_nothing"), 401, "bad-key")


@pytest.mark.parametrize("secret", ["x", "ä", "é" * 20])
def test_a_known_key_with_another_secret_is_refused(server: Machine, secret: str) -> None:
    server.send_first()
    answer = server.site.post(server.report(), key=f"cm_{server.key.id}_{secret}".encode().decode("latin-1"))
    assert_refused(answer, 401, "bad-key")
    assert server.send(seq=2).status == 200


def test_a_revoked_key_is_refused_at_once_though_it_was_just_used(server: Machine, game: Game) -> None:
    server.send_first(opened=[opened(1)])
    before = server.everything()
    revoke_key(game, key_id=server.key.id, now=NOW)
    for _ in range(3):
        assert_refused(server.send(opened=[opened(2)], services=[service()]), 401, "key-revoked")
    assert server.everything() == before


def test_a_revoked_key_makes_no_new_service(server: Machine, game: Game) -> None:
    server.send_first()
    revoke_key(game, key_id=server.key.id, now=NOW)
    assert_refused(server.send(services=[service("NewService")]), 401, "key-revoked")
    assert not Service.objects.filter(name="NewService").exists()


def test_a_key_that_expires_is_refused_from_then_on(make_server: MakeServer, make_key: MakeKey) -> None:
    server = make_server(key=make_key(expires_at=NOW + timedelta(days=1)))
    ApiKey.objects.filter(pk=server.key.id).update(expires_at=timezone.now() + timedelta(seconds=0.3))
    server.send_first(opened=[opened(1)])
    wait_for(lambda: server.send().status == 401, "the key to expire")
    assert_refused(server.send(), 401, "key-expired")
    assert server.registered() == {1}


def test_an_expired_key_is_refused(make_server: MakeServer, make_key: MakeKey) -> None:
    server = make_server(key=make_key(expires_at=NOW + timedelta(days=1)))
    ApiKey.objects.filter(pk=server.key.id).update(expires_at=timezone.now())
    assert_refused(server.send(), 401, "key-expired")


@pytest.mark.parametrize("scopes", [("read",), ("plan", "execute"), ("read", "plan", "execute")])
def test_a_key_without_the_scope_report_may_not_report(
    make_server: MakeServer, make_key: MakeKey, scopes: tuple[str, ...]
) -> None:
    server = make_server(key=make_key(*scopes))
    assert_refused(server.send(), 403, "scope-missing")
    assert not ServerState.objects.exists()


def test_a_key_with_several_scopes_may_report(make_server: MakeServer, make_key: MakeKey) -> None:
    assert make_server(key=make_key("read", "report")).send().status == 200


def test_two_keys_of_a_game_may_report_for_one_server(server: Machine, make_key: MakeKey) -> None:
    server.send_first(opened=[opened(1)])
    server.key = make_key()
    assert server.send(opened=[opened(2)]).body["resync"] is False
    assert server.registered() == {1, 2}


def test_a_revoked_key_leaves_the_other_keys_of_its_game_alone(server: Machine, make_key: MakeKey, game: Game) -> None:
    server.send_first()
    old, server.key = server.key, make_key()
    revoke_key(game, key_id=old.id, now=NOW)
    assert_refused(server.site.post(server.report(), key=old), 401, "key-revoked")
    assert server.send(seq=2).status == 200


def test_key_errors_are_not_among_the_refused_reports(server: Machine, make_key: MakeKey, game: Game) -> None:
    server.send_first()
    read_only = make_key("read")
    revoke_key(game, key_id=server.key.id, now=NOW)
    server.send()
    server.send()
    server.site.post(b"not json", key=read_only)
    server.site.post(b"not json", key="cm_nobody_nothing")
    server.key = make_key()
    server.send(kind="x")
    wait_for(RefusedReport.objects.exists, "the one refusal to be kept")
    assert list(RefusedReport.objects.values_list("code", flat=True)) == ["invalid-report"]


def test_a_keys_use_is_noted_for_the_page_that_lists_keys(server: Machine) -> None:
    assert ApiKey.objects.get(pk=server.key.id).last_used_at is None
    server.send_first()
    assert ApiKey.objects.get(pk=server.key.id).last_used_at is not None


def test_a_guess_at_a_secret_is_no_use_of_its_key(server: Machine) -> None:
    guess = NewKey(server.key.id, "x" * 40)
    assert_refused(server.site.post(server.report(), key=guess), 401, "bad-key")
    assert ApiKey.objects.get(pk=server.key.id).last_used_at is None
