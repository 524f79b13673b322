"""The SQL of ingest. A batch is a handful of statements for all its reports; values are bound as array literals.

One literal per column, made from strings, is a third of the cost of psycopg's adapting of lists (docs/decisions/0003).
"""

from typing import Final, LiteralString

LIVE_KEYS: Final[LiteralString] = """
    SELECT id FROM accounts_apikey
    WHERE id = ANY(%s::text[]) AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())
"""

# Rows that are not as they are known; -1 stands for not known at all. Counters come as the text that they go back as.
LOAD: Final[LiteralString] = """
    SELECT s.server_id, s.last_seq, s.last_digest, s.snapshot, s.snapshot_part, s.synced, s.superseded,
           EXISTS (SELECT FROM registry_gameserver g WHERE g.id = s.server_id AND g.ended_at IS NOT NULL),
           s.service_ids::text, s.live::text, s.opened::text, s.closed::text, s.idle::text, s.orphaned::text,
           s.stale::text,
           s.pool_types, s.pool_size, s.pool_in_use, s.pool_hits, s.pool_misses
    FROM registry_serverstate s JOIN unnest(%s::bigint[], %s::bigint[]) AS known(server_id, seq) USING (server_id)
    WHERE s.last_seq <> known.seq OR s.superseded
"""

ADD_SERVERS: Final[LiteralString] = """
    INSERT INTO registry_gameserver
        (id, game_id, name, boot, agent, place_id, place_version, first_seen_at)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
    ON CONFLICT (id) DO NOTHING
"""

ADD_STATES: Final[LiteralString] = """
    INSERT INTO registry_serverstate
        (server_id, game_id, last_seq, last_digest, snapshot, snapshot_part, synced, superseded, received_at, due_at,
         clock_skew, players, config_revision, dropped, service_ids, live, opened, closed, idle, orphaned, stale,
         pool_types, pool_size, pool_in_use, pool_hits, pool_misses)
    VALUES (%s, %s, 0, 0, 0, 0, false, false, %s, %s, 0, 0, 0, 0,
            '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}')
    ON CONFLICT (server_id) DO NOTHING
"""

# A new boot ends the earlier ones of its server, and their registries with them. One that said farewell has ended
# already, and must not come back either. What another process is just taking of them is dropped by the sweep.
SUPERSEDE: Final[LiteralString] = """
    WITH ended AS (
        UPDATE registry_gameserver SET ended_at = %(now)s, holds_leftovers = true
        WHERE game_id = %(game)s AND name = %(name)s AND id <> %(server)s AND ended_at IS NULL
        RETURNING id
    ), closed AS (
        DELETE FROM registry_connection WHERE server_id IN (SELECT id FROM ended)
    )
    UPDATE registry_serverstate SET superseded = true
    WHERE server_id IN (SELECT id FROM registry_gameserver
                        WHERE game_id = %(game)s AND name = %(name)s AND id <> %(server)s)
      AND NOT superseded
"""

# Compare-and-set on the sequence: of two processes that take the same server's reports, one loses and reads again.
# A revoked key must stop at once, so keys are looked at in the very transaction that takes the reports. If one report
# lost or one key is dead the whole batch is undone: TAKE says whether it has to be, TAKE_OR_FAIL divides by zero, which
# needs no answer to wait for.
_TAKEN: Final[LiteralString] = """
    WITH taken AS (
    UPDATE registry_serverstate AS s SET
        last_seq = r.seq, last_digest = r.digest, snapshot = r.snapshot, snapshot_part = r.snapshot_part,
        synced = r.synced, received_at = %(now)s::timestamptz,
        due_at = %(now)s::timestamptz + make_interval(secs => r.lease),
        clock_skew = r.clock_skew, players = r.players, memory_mb = r.memory_mb, signals_mb = r.signals_mb,
        config_revision = r.config_revision, dropped = r.dropped,
        service_ids = r.service_ids::int[], live = r.live::int[], opened = r.opened::bigint[],
        closed = r.closed::bigint[], idle = r.idle::int[], orphaned = r.orphaned::int[], stale = r.stale::int[],
        pool_types = r.pool_types::text[], pool_size = r.pool_size::int[], pool_in_use = r.pool_in_use::int[],
        pool_hits = r.pool_hits::bigint[], pool_misses = r.pool_misses::bigint[]
    FROM unnest(
        %(server_id)s::bigint[], %(expected)s::bigint[], %(seq)s::bigint[], %(digest)s::bigint[],
        %(snapshot)s::smallint[], %(snapshot_part)s::int[], %(synced)s::bool[], %(lease)s::float8[],
        %(clock_skew)s::float8[], %(players)s::int[], %(memory_mb)s::float8[], %(signals_mb)s::float8[],
        %(config_revision)s::int[], %(dropped)s::int[],
        %(service_ids)s::text[], %(live)s::text[], %(opened)s::text[], %(closed)s::text[], %(idle)s::text[],
        %(orphaned)s::text[], %(stale)s::text[], %(pool_types)s::text[], %(pool_size)s::text[],
        %(pool_in_use)s::text[], %(pool_hits)s::text[], %(pool_misses)s::text[]
    ) AS r(server_id, expected, seq, digest, snapshot, snapshot_part, synced, lease, clock_skew, players,
           memory_mb, signals_mb, config_revision, dropped, service_ids, live, opened, closed, idle, orphaned, stale,
           pool_types, pool_size, pool_in_use, pool_hits, pool_misses)
    WHERE s.server_id = r.server_id AND s.last_seq = r.expected AND NOT s.superseded
    RETURNING 1
    ), live AS (
        SELECT FROM accounts_apikey
        WHERE id = ANY(%(keys)s::text[]) AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > %(now)s)
    )
"""
_WHOLE: Final[LiteralString] = """
    (SELECT count(*) FROM taken) = cardinality(%(server_id)s::bigint[])
    AND (SELECT count(*) FROM live) = cardinality(%(keys)s::text[])
"""
TAKE: Final[LiteralString] = f"{_TAKEN} SELECT {_WHOLE}"
TAKE_OR_FAIL: Final[LiteralString] = f"{_TAKEN} SELECT 1 / ({_WHOLE})::int"

CLOSE: Final[LiteralString] = """
    DELETE FROM registry_connection AS c
    USING unnest(%s::bigint[], %s::int[], %s::bigint[]) AS e(server_id, service_id, connection_id)
    WHERE c.server_id = e.server_id AND c.service_id = e.service_id AND c.connection_id = e.connection_id
"""

_CONNECTION_COLUMNS: Final[LiteralString] = (
    "server_id, service_id, connection_id, opened_at, state, owner_kind, snapshot, essential, owner, name, type, site"
)
OPEN: Final[LiteralString] = f"""
    INSERT INTO registry_connection ({_CONNECTION_COLUMNS})
    SELECT {_CONNECTION_COLUMNS} FROM unnest(
        %s::bigint[], %s::int[], %s::bigint[], %s::float8[], %s::smallint[], %s::smallint[], %s::smallint[],
        %s::bool[], %s::text[], %s::text[], %s::text[], %s::text[]
    ) AS e({_CONNECTION_COLUMNS})
"""
# For what may be there already: snapshots, and a batch in which an id was. Looking first costs half as much again.
OPEN_AGAIN: Final[LiteralString] = f"""{OPEN}
    ON CONFLICT (server_id, service_id, connection_id) DO UPDATE SET
        opened_at = excluded.opened_at, state = excluded.state, owner_kind = excluded.owner_kind,
        snapshot = excluded.snapshot, essential = excluded.essential, owner = excluded.owner,
        name = excluded.name, type = excluded.type, site = excluded.site
"""

CHANGE: Final[LiteralString] = """
    UPDATE registry_connection AS c SET state = e.state
    FROM unnest(%s::bigint[], %s::int[], %s::bigint[], %s::smallint[])
         AS e(server_id, service_id, connection_id, state)
    WHERE c.server_id = e.server_id AND c.service_id = e.service_id AND c.connection_id = e.connection_id
"""

# A complete snapshot names everything; what it did not name is gone.
DROP_OTHERS: Final[LiteralString] = """
    DELETE FROM registry_connection AS c
    USING unnest(%s::bigint[], %s::smallint[]) AS e(server_id, snapshot)
    WHERE c.server_id = e.server_id AND c.snapshot <> e.snapshot
"""

# A farewell. The sweep drops what the servers had registered, in batches.
END_SERVERS: Final[LiteralString] = """
    WITH ended AS (
        UPDATE registry_gameserver SET ended_at = %(now)s, lost_at = NULL, holds_leftovers = true
        WHERE id = ANY(%(servers)s::bigint[]) AND ended_at IS NULL
        RETURNING id, game_id
    )
    INSERT INTO registry_serverevent (server_id, game_id, kind, at) SELECT id, game_id, 'closed', %(now)s FROM ended
"""
# Reports after a farewell: the server is there again, and its registry comes with a snapshot.
RETURN_SERVERS: Final[LiteralString] = """
    WITH back AS (
        UPDATE registry_gameserver SET ended_at = NULL, holds_leftovers = false
        WHERE id = ANY(%(servers)s::bigint[]) AND ended_at IS NOT NULL
        RETURNING id, game_id
    )
    INSERT INTO registry_serverevent (server_id, game_id, kind, at) SELECT id, game_id, 'returned', %(now)s FROM back
"""

# Outcomes of orders, in the transaction of their report; arrays come as text, being of different lengths.
ADD_OUTCOMES: Final[LiteralString] = """
    INSERT INTO registry_orderoutcome
        (server_id, game_id, order_id, status, closed, gone, changed, detail, received_at)
    SELECT e.server_id, s.game_id, e.order_id, e.status, e.closed::bigint[], e.gone::bigint[], e.changed::bigint[],
           e.detail, %s
    FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[]) WITH ORDINALITY
         AS e(server_id, order_id, status, closed, gone, changed, detail, place)
         JOIN registry_serverstate s USING (server_id)
    ORDER BY e.place
"""

ADD_SERVICES: Final[LiteralString] = """
    INSERT INTO registry_service (game_id, name, first_seen_at)
    SELECT %(game)s, name, %(now)s FROM unnest(%(names)s::text[]) AS name
    WHERE EXISTS (SELECT FROM accounts_game WHERE id = %(game)s)
    ON CONFLICT (game_id, name) DO NOTHING
"""
LOAD_SERVICES: Final[LiteralString] = "SELECT name, id FROM registry_service WHERE game_id = %s"
