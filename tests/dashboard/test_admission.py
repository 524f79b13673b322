"""The doorkeeper of live sockets: one query for all of them, and the right ones turned out."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from asgiref.sync import async_to_sync
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from connmon.accounts import sessions
from connmon.accounts.models import Game, Membership, Role, User
from dashboard import admission
from dashboard.admission import Doorkeeper, Ticket
from dashboard.queries import games


def key_of(client: Client) -> str:
    return str(client.session.session_key)


@pytest.mark.django_db(transaction=True)
def test_those_whose_ticket_turned_bad_are_turned_out(
    game: Game, owner: User, make_member: Callable[[Role], User], log_in: Callable[[User], Client]
) -> None:
    viewer, planner, approver = (make_member(role) for role in (Role.VIEWER, Role.PLANNER, Role.APPROVER))
    clients = {user: log_in(user) for user in (owner, viewer, planner, approver)}
    turned_out: dict[int, int] = {}

    async def look() -> bool:
        doorkeeper = Doorkeeper()
        for user in clients:

            async def turn_out(code: int, number: int = user.pk) -> None:
                turned_out[number] = code

            doorkeeper.enter(user, Ticket(user.pk, game.pk, keys[user]), turn_out)
        await doorkeeper.step(now=timezone.now())
        return await doorkeeper.step(now=timezone.now())

    keys = {user: key_of(client) for user, client in clients.items()}
    Membership.objects.filter(user=viewer).delete()
    sessions.note_use(planner, session_key=keys[planner], address="::", user_agent="", now=timezone.now())
    sessions.end_all(planner)
    User.objects.filter(pk=approver.pk).update(is_active=False)
    assert not async_to_sync(look)()  # the second look finds nobody left to turn out
    assert turned_out == {
        viewer.pk: admission.NOT_A_MEMBER,
        planner.pk: admission.LOG_IN,
        approver.pk: admission.NOT_A_MEMBER,
    }


def test_many_are_looked_at_in_one_query(game: Game, owner: User, as_owner: Client) -> None:
    asked = [(owner.pk, game.pk, key_of(as_owner))] * 300
    with CaptureQueriesContext(connection) as captured:
        standings = games.standings(asked, now=timezone.now())
    assert len(captured) == 1
    assert {(one.has_session, one.is_member) for one in standings} == {(True, True)}
    assert len(standings) == 300


def test_answers_come_in_the_order_of_the_questions(
    game: Game, other_game: Game, owner: User, as_owner: Client
) -> None:
    key = key_of(as_owner)
    asked = [(owner.pk, other_game.pk, key), (owner.pk, game.pk, key), (owner.pk, game.pk, "gone")]
    found = [(one.has_session, one.is_member) for one in games.standings(asked, now=timezone.now())]
    assert found == [(True, False), (True, True), (False, True)]


def test_a_session_that_has_expired_counts_as_none(game: Game, owner: User, as_owner: Client) -> None:
    late = timezone.now() + timedelta(days=15)
    (standing,) = games.standings([(owner.pk, game.pk, key_of(as_owner))], now=late)
    assert not standing.has_session
