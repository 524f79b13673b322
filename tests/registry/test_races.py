"""Rows that a report still on its way would leave behind."""

import threading
from collections.abc import Callable

import psycopg
from django.db import connection as django_connection

from connmon.accounts.models import Game
from connmon.core.database import conninfo
from connmon.registry import sweep
from connmon.registry.actions import forget_game
from connmon.registry.models import Connection, GameServer, ServerState
from tests.machine import Machine, opened, wait_for

ADD = """
    INSERT INTO registry_connection (server_id, service_id, connection_id, opened_at, state, owner_kind, snapshot,
        essential, owner, name, type, site)
    SELECT server_id, service_id, 99, opened_at, state, owner_kind, snapshot, essential, owner, name, type, site
    FROM registry_connection WHERE server_id = %s LIMIT 1
"""


def while_a_report_is_on_its_way(server: Machine, act: Callable[[], object]) -> None:
    """`act` begins while another process has taken a report of the server and has not committed yet."""

    def run() -> None:
        try:
            act()
        finally:
            django_connection.close()

    with psycopg.connect(conninfo()) as other:
        other.execute("UPDATE registry_serverstate SET last_seq = last_seq + 1 WHERE server_id = %s", [server.id])
        other.execute(ADD, [server.id])
        thread = threading.Thread(target=run)
        thread.start()
        with psycopg.connect(conninfo(), autocommit=True) as watcher:
            waiting = "SELECT 1 FROM pg_locks WHERE NOT granted"
            wait_for(lambda: watcher.execute(waiting).fetchone(), "the other one to wait")
        other.commit()
        thread.join(30)


def test_a_removed_game_leaves_no_connection(server: Machine, game: Game) -> None:
    server.send_first(opened=[opened(1)])

    def remove() -> None:
        from django.db import transaction

        with transaction.atomic():
            forget_game(game)
            game.delete()

    while_a_report_is_on_its_way(server, remove)
    assert (ServerState.objects.count(), Connection.objects.count()) == (0, 0)


def test_a_new_boot_leaves_no_connection_of_the_old_one(server: Machine, make_server: Callable[..., Machine]) -> None:
    server.send_first(opened=[opened(1)])
    new = make_server(boot="boot-2")
    while_a_report_is_on_its_way(server, lambda: new.send_first(opened=[opened(5)]))
    while sweep.drop_leftovers() is not None:
        pass
    assert GameServer.objects.get(ended_at=None).pk == new.id
    assert list(Connection.objects.values_list("server_id", "connection_id")) == [(new.id, 5)]
