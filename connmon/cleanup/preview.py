"""Dry runs: what a scope names now, counted the ways in which people look at it. Changes nothing."""

from datetime import datetime
from typing import Any, Final, LiteralString

from django.db import connection

from connmon.cleanup import statements as sql
from connmon.cleanup.scope import Scope
from connmon.core.errors import Invalid
from connmon.registry.models import GameServer, Service
from connmon.registry.states import OWNER_KINDS, STATES, OwnerKind

SAMPLES: Final = 20
ROWS: Final = 50  # of services and servers, the largest first; the others are one sum
AGES: Final = ("under 1 min", "1 to 10 min", "10 to 60 min", "1 to 6 h", "over 6 h")
SAMPLE_FIELDS: Final = ("server", "service", "id", "owner", "type", "site", "state", "age_s")


def scope_values(game_id: int, scope: Scope, *, now: datetime) -> dict[str, Any]:
    """The bound values of statements._PICK. Raises Invalid for a service that the game does not have."""
    service_id = None
    if scope.service is not None:
        service_id = Service.objects.filter(game_id=game_id, name=scope.service).values_list("id", flat=True).first()
        if service_id is None:
            raise Invalid(f"This game has no service {scope.service!r}.")
    return {
        "game": game_id,
        "now": now,
        "now_s": now.timestamp(),
        "states": [STATES.index(state) for state in scope.states] or None,
        "owner": scope.owner,
        "service": service_id,
        "type": scope.type,
        "servers": list(scope.servers) or None,
        "older_than": scope.older_than,
        "younger_than": scope.younger_than,
        "without": list(scope.without) or None,
        "idle_servers": scope.idle_servers,
    }


def count_stale(game_id: int, *, now: datetime) -> int:
    """How many connections of reporting servers are stale, essential ones too."""
    with connection.cursor() as cursor:
        cursor.execute(sql.COUNT_STALE, [game_id, now])
        return int(cursor.fetchone()[0])


def count_scope(game_id: int, scope: Scope, *, now: datetime) -> dict[str, Any]:
    """What `scope` names now:

    {"connections", "servers", "players" (on these servers), "player_owners" (whose connections would close),
     "by_service", "by_server", "by_owner_kind", "by_state", "by_age": [{"name", "connections"}, …],
     "exempt": {"essential", "silent_servers", "silent_connections"}, "samples": [SAMPLE_FIELDS, …]}
    """
    values = scope_values(game_id, scope, now=now)
    groups: dict[str, list[tuple[int, int, int]]] = {}
    player = OWNER_KINDS.index(OwnerKind.PLAYER)
    for kind, key, count, players in _rows(sql.COUNT, values | {"player": player}):
        groups.setdefault(kind, []).append((key, count, players))
    of_servers = groups.get("server", [])
    silent_servers, silent_connections = _rows(sql.COUNT_SILENT, values)[0]
    return {
        "connections": sum(count for _, count, _ in of_servers),
        "servers": len(of_servers),
        "players": sum(players for _, _, players in of_servers),
        "player_owners": groups["owner"][0][1],
        "by_service": _largest(groups.get("service", []), _service_names(game_id)),
        "by_server": _largest(of_servers, _server_names([key for key, _, _ in of_servers])),
        "by_owner_kind": _largest(groups.get("owner_kind", []), dict(enumerate(OWNER_KINDS))),
        "by_state": _largest(groups.get("state", []), dict(enumerate(STATES))),
        "by_age": [{"name": AGES[key], "connections": count} for key, count, _ in sorted(groups.get("age", []))],
        "exempt": {
            "essential": groups["essential"][0][1],
            "silent_servers": silent_servers,
            "silent_connections": silent_connections,
        },
        "samples": _samples(values),
    }


def _largest(groups: list[tuple[int, int, int]], names: dict[int, Any]) -> list[dict[str, Any]]:
    ordered = sorted(groups, key=lambda group: (-group[1], group[0]))
    rows = [{"name": str(names.get(key, key)), "connections": count} for key, count, _ in ordered[:ROWS]]
    if len(ordered) > ROWS:
        rows.append({"name": f"{len(ordered) - ROWS} others", "connections": sum(n for _, n, _ in ordered[ROWS:])})
    return rows


def _service_names(game_id: int) -> dict[int, str]:
    return dict(Service.objects.filter(game_id=game_id).values_list("id", "name"))


def _server_names(keys: list[int]) -> dict[int, str]:
    return dict(GameServer.objects.filter(id__in=keys).values_list("id", "name"))


def _samples(values: dict[str, Any]) -> list[dict[str, Any]]:
    rows = [dict(zip(SAMPLE_FIELDS, row, strict=True)) for row in _rows(sql.SAMPLE, values | {"most": SAMPLES})]
    return [{**row, "state": STATES[row["state"]].value, "age_s": round(row["age_s"], 1)} for row in rows]


def _rows(statement: LiteralString, values: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return list(cursor.fetchall())
