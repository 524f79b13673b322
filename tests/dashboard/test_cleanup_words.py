"""Scopes, questions and plans in sentences."""

from typing import Any

import pytest

from connmon.cleanup.models import Plan
from connmon.cleanup.queries import OUTCOME_FIELDS
from connmon.cleanup.scope import EVERYTHING, Scope
from connmon.cleanup.states import Origin, PlanState
from connmon.registry.states import ConnectionState
from dashboard.cleanup_forms import scope_query
from dashboard.cleanup_words import ORIGINS, describe, lead, question, span

LEAKED = (ConnectionState.STALE, ConnectionState.ORPHANED)
NAMES = {1: "lobby-1", 2: "lobby-2", 3: "lobby-3"}


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (1, "1 s"),
        (90, "90 s"),
        (300, "5 min"),
        (5400, "90 min"),
        (7200, "2 h"),
        (86_400, "1 d"),
        (1.5, "1.5 s"),
    ],
)
def test_a_span_is_told_in_its_largest_whole_unit(seconds: float, text: str) -> None:
    assert span(seconds) == text


@pytest.mark.parametrize(
    ("scope", "words", "query"),
    [
        (EVERYTHING, "All connections that are not essential", "everything=1"),
        (Scope(states=LEAKED), "Stale and orphaned connections", "state=stale&state=orphaned"),
        (
            Scope(states=LEAKED[:1], type="T", owner="player:1", service="Combat & Co"),
            "Stale connections of type T of player:1 in Combat & Co",
            "state=stale&service=Combat+%26+Co&owner=player%3A1&type=T",
        ),
        (
            Scope(servers=(1, 9), older_than=300.0, younger_than=7200.0),
            "All connections that are not essential on lobby-1, 9, open for more than 5 min, open for less than 2 h",
            "server=1&server=9&older_than=5+min&younger_than=2+h",
        ),
        (
            Scope(servers=(1, 2, 3, 4)),
            "All connections that are not essential on lobby-1, lobby-2, lobby-3 and 1 other server",
            "server=1&server=2&server=3&server=4",
        ),
        (Scope(without=(5, 6)), "All connections that are not essential in all services but 2", "everything=1"),
    ],
)
def test_a_scope_in_words_and_as_an_address(scope: Scope, words: str, query: str) -> None:
    assert (describe(scope, NAMES), scope_query(scope)) == (words, query)


def test_a_question_counts_and_names_the_service() -> None:
    assert question(EVERYTHING, connections=1, servers=1) == "Close 1 connection on 1 server?"
    asked = question(Scope(service="Combat"), connections=1214, servers=3)
    assert asked == "Close 1,214 connections in Combat on 3 servers?"


def say(state: PlanState, *, came_back: int = 0, **outcomes: Any) -> str:
    fields = {name: outcomes.pop(name) for name in list(outcomes) if name not in OUTCOME_FIELDS}
    values = {"planned": 9, "ordered": 9, "servers": 3, "canary": False, "summary": {"servers": 3}} | fields
    progress = dict.fromkeys(OUTCOME_FIELDS, 0) | outcomes
    return lead(Plan(state=state.value, **values), progress, came_back=came_back)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (say(PlanState.PLANNED), "It would close 9 connections on 3 servers. Nothing has happened yet."),
        (say(PlanState.PLANNED, planned=0), "Nothing is in this scope now, so there is nothing to close."),
        (
            say(PlanState.HELD),
            "It would close 9 connections on 3 servers. Nothing has been sent; until it runs it can be taken back.",
        ),
        (
            say(PlanState.RUNNING, servers_answered=1, closed=1),
            "1 of 3 servers has answered. 1 of 9 connections is closed.",
        ),
        (
            say(PlanState.RUNNING, canary=True, released=1),
            "0 of 3 servers have answered; the others wait for the first one, the canary. "
            "0 of 9 connections are closed.",
        ),
        (
            say(PlanState.RUNNING, canary=True, released=3, servers_answered=2),
            "2 of 3 servers have answered. 0 of 9 connections are closed.",
        ),
        (
            say(PlanState.WATCHING, closed=7, gone=1, changed=1),
            "7 closed, 1 already gone, 1 left alone. None came back so far.",
        ),
        (
            say(PlanState.DONE, closed=8, unclosed=1, came_back=4),
            "8 closed, 1 failed. 4 came back within five minutes.",
        ),
        (say(PlanState.ABORTED, detail="It grew."), "It grew. Nothing was sent."),
        (say(PlanState.ABORTED, detail="Stopped.", orders=2, never_sent=9), "Stopped. 0 closed, 9 never sent."),
        (say(PlanState.UNDONE, detail="Taken back by a."), "Taken back by a. Nothing was sent."),
        (say(PlanState.EXPIRED, detail="Nobody executed it in time."), "Nobody executed it in time. Nothing was sent."),
    ],
)
def test_how_a_plan_stands(said: str, words: str) -> None:
    assert said == words


def test_every_origin_has_a_word() -> None:
    assert set(ORIGINS) == set(Origin)
