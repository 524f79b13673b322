"""Whoever may send a request: keys, sessions, and nobody."""

import json
import time
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.http import HttpResponseBase
from django.test import Client

from connmon.accounts.models import Role, Scope, User
from tests.security.table import Method
from tests.security.tally import TALLY
from tests.security.world import Filled, give_password


@dataclass(frozen=True)
class Actor:
    """One sender. `game`: whose member or key it is, if it is let in at all."""

    name: str
    client: Client
    headers: Mapping[str, str]
    game: Filled | None = None
    role: Role | None = None
    scopes: frozenset[str] = frozenset()
    is_logged_in: bool = False

    def may(self, least: Scope | Role | None) -> bool:
        """Whether the role or a scope reaches `least`."""
        if isinstance(least, Scope):
            return least.value in self.scopes
        return least is None or (self.role is not None and self.role.rank >= least.rank)

    def ask(self, method: str, address: str, asked: Method | None = None, *, as_json: bool = False) -> "Answer":
        """One request, whose effects are taken back."""
        asked = asked or Method(None)
        data: Any = json.dumps(asked.body) if as_json else asked.body
        more: dict[str, Any] = {"content_type": "application/json"} if as_json else {}
        if method == "GET":
            data, more = asked.body, {}
        send = getattr(self.client, method.lower())
        cookies = deepcopy(self.client.cookies)
        with transaction.atomic():
            response = send(address, data, headers={**self.headers, **asked.headers}, **more)
            answer = Answer(response.status_code, dict(response.items()), text_of(response))
            transaction.set_rollback(True)
        self.client.cookies = cookies
        TALLY.note(answer.status)
        return answer


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    text: str


def text_of(response: HttpResponseBase) -> str:
    parts = response.streaming_content if response.streaming else [response.content]  # type: ignore[attr-defined]
    return b"".join(parts).decode("utf-8", "replace")


def _client() -> Client:
    return Client(raise_request_exception=False)


def by_key(name: str, key: str, *scopes: str, game: Filled | None = None) -> Actor:
    return Actor(name, _client(), {"Authorization": f"Bearer {key}"}, game, scopes=frozenset(scopes))


def by_session(name: str, user: User, *, game: Filled | None = None, role: Role | None = None) -> Actor:
    client = _client()
    client.force_login(user)
    session = client.session
    session.update(
        {
            "account_authentication_methods": [
                {"method": "password", "at": time.time(), "reauthenticated": True}
            ],  # so that nothing asks again
            "account_authentication_methods_user": str(user.pk),
        }
    )
    session.save()
    return Actor(name, client, {}, game, role, is_logged_in=True)


def nobody() -> Actor:
    return Actor("nobody", _client(), {})


def keys_of(ours: Filled, theirs: Filled) -> list[Actor]:
    """Every kind of key, good and bad."""
    refused = [
        nobody(),
        by_key("unknown key", "cm_nobody_nothing"),
        by_key("wrong secret", ours.keys["all"][:-4] + "xxxx"),
        by_key("revoked key", ours.keys["revoked"]),
        by_key("expired key", ours.keys["expired"]),
        by_session("session of the admin", ours.members[Role.ADMIN]),
    ]
    good = [
        by_key(f"{scope} key of {game.game.slug}", game.keys[scope], scope, game=game)
        for game in (ours, theirs)
        for scope in Scope.values
    ]
    return refused + good


def visitors_of(ours: Filled, theirs: Filled) -> list[Actor]:
    """Every kind of visitor of `ours`' pages."""
    stranger = User.objects.create_user("stranger@example.com")
    give_password(stranger)
    strangers = [
        nobody(),
        by_key("key of the game", ours.keys["all"]),
        by_session("stranger", stranger),
        by_session("rival admin", theirs.members[Role.ADMIN]),
    ]
    return strangers + [by_session(f"{role}", ours.members[role], game=ours, role=role) for role in Role]
