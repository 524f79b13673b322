"""The SQL of a look. Times of agents are put on our clock by the server's skew. Values are bound."""

from typing import Final, LiteralString

from connmon.registry.states import OWNER_KINDS, STATES, ConnectionState, OwnerKind

# Kept as numbers in the tables; they are constants of the code, never values from outside.
PLAYER: Final = OWNER_KINDS.index(OwnerKind.PLAYER)
SYSTEM: Final = OWNER_KINDS.index(OwnerKind.SYSTEM)
ORPHANED: Final = STATES.index(ConnectionState.ORPHANED)
STALE: Final = STATES.index(ConnectionState.STALE)
AGENT: Final = "system:connmon"  # owner of what an agent connects for itself

# Of a game, the servers of which something is known: they report, and their registry is complete.
HEARD: Final[LiteralString] = """
    SELECT g.id FROM registry_gameserver g JOIN registry_serverstate s ON s.server_id = g.id
    WHERE g.game_id = %(game)s AND g.ended_at IS NULL AND s.due_at > %(now)s AND s.synced
"""
# One scan of the game's connections for everything a look needs. First by owner: that makes distinct owners a count.
# The agent's own are left out: they listen for the end of a game's things, so where those leak they grow along.
COUNT: Final[LiteralString] = """
    CREATE TEMPORARY TABLE leaks_counted ON COMMIT DROP AS
    WITH running AS MATERIALIZED (
        SELECT g.id, extract(epoch FROM g.first_seen_at)::float8 AS booted, s.clock_skew AS skew
        FROM registry_gameserver g JOIN registry_serverstate s ON s.server_id = g.id
        WHERE g.game_id = %(game)s AND g.ended_at IS NULL AND s.due_at > %(now)s AND s.synced
    ), by_owner AS (
        SELECT c.server_id, c.service_id, c.type, c.site, c.owner_kind, c.owner, count(*) AS live,
               count(*) FILTER (WHERE c.state IN (%(orphaned)s, %(stale)s)) AS remnants,
               bool_or(c.state = %(orphaned)s) AS is_gone,
               count(*) FILTER (WHERE c.opened_at - r.skew > r.booted + %(start_up)s
                                      AND c.opened_at - r.skew <= %(old)s) AS old
        FROM running r JOIN registry_connection c ON c.server_id = r.id
        WHERE NOT (c.owner_kind = %(system)s AND c.owner = %(agent)s)
        GROUP BY c.server_id, c.service_id, c.type, c.site, c.owner_kind, c.owner
    )
    SELECT * FROM by_owner
"""
ADD_ORIGINS: Final[LiteralString] = """
    INSERT INTO leaks_origin (game_id, service_id, type, site, seen_at)
    SELECT DISTINCT %(game)s, n.service_id, n.type, n.site, %(now)s::timestamptz FROM leaks_counted n
    WHERE NOT EXISTS (SELECT FROM leaks_origin o
                      WHERE o.service_id = n.service_id AND o.type = n.type AND o.site = n.site)
    LIMIT greatest(0, %(origins)s - (SELECT count(*) FROM leaks_origin WHERE game_id = %(game)s))
    ON CONFLICT DO NOTHING
"""
TOUCH_ORIGINS: Final[LiteralString] = """
    UPDATE leaks_origin o SET seen_at = %(now)s
    FROM (SELECT DISTINCT service_id, type, site FROM leaks_counted) n
    WHERE o.service_id = n.service_id AND o.type = n.type AND o.site = n.site
      AND o.seen_at < %(now)s::timestamptz - interval '1 hour'
"""
ADD_TICKS: Final[LiteralString] = """
    INSERT INTO leaks_tick (server_id, at, players, origin_ids, live, owners)
    SELECT s.server_id, %(at)s, s.players, coalesce(array_agg(o.id) FILTER (WHERE o.id IS NOT NULL), '{}'),
           coalesce(array_agg(n.live) FILTER (WHERE o.id IS NOT NULL), '{}'),
           coalesce(array_agg(n.owners) FILTER (WHERE o.id IS NOT NULL), '{}')
    FROM registry_gameserver g
    JOIN registry_serverstate s ON s.server_id = g.id
    LEFT JOIN (
        SELECT server_id, service_id, type, site, sum(live)::int AS live,
               (count(*) FILTER (WHERE owner_kind = %(player)s))::int AS owners
        FROM leaks_counted GROUP BY server_id, service_id, type, site
    ) n ON n.server_id = s.server_id
    LEFT JOIN leaks_origin o ON o.service_id = n.service_id AND o.type = n.type AND o.site = n.site
    WHERE g.game_id = %(game)s AND g.ended_at IS NULL AND s.due_at > %(now)s AND s.synced
    GROUP BY s.server_id, s.players
    ON CONFLICT DO NOTHING
"""
# What is no longer so is forgotten; of servers that are silent nothing is known, so nothing is changed.
FORGET_SIGHTINGS: Final[LiteralString] = """
    DELETE FROM leaks_sighting x USING registry_gameserver g JOIN registry_serverstate s ON s.server_id = g.id
    WHERE g.game_id = %(game)s AND x.server_id = g.id AND (g.ended_at IS NOT NULL OR s.due_at > %(now)s)
      AND NOT EXISTS (SELECT FROM registry_connection c
                      WHERE c.server_id = x.server_id AND c.service_id = x.service_id
                        AND c.connection_id = x.connection_id AND c.state = x.state AND g.ended_at IS NULL)
"""
ADD_SIGHTINGS: Final[LiteralString] = """
    INSERT INTO leaks_sighting (server_id, service_id, connection_id, state, first_at)
    SELECT c.server_id, c.service_id, c.connection_id, c.state, %(now)s
    FROM (SELECT DISTINCT server_id, service_id FROM leaks_counted WHERE remnants > 0) n
    JOIN registry_connection c USING (server_id, service_id)
    WHERE c.state IN (%(orphaned)s, %(stale)s)
    ORDER BY c.server_id, c.service_id, c.connection_id LIMIT %(most)s
    ON CONFLICT DO NOTHING
"""
# Sites worth the fine rule, those with most to tell first: something stays, or something outlived its owner.
CANDIDATES: Final[LiteralString] = """
    SELECT o.id FROM leaks_counted n JOIN leaks_origin o
        ON o.service_id = n.service_id AND o.type = n.type AND o.site = n.site
    GROUP BY o.id HAVING sum(n.remnants) > 0 OR sum(n.old) >= %(least)s OR max(n.live) >= %(hoard)s
    ORDER BY sum(n.remnants) > 0 DESC, sum(n.old) DESC, o.id LIMIT %(most)s
"""
# The servers on which a site has most to tell; a leak on thousands shows on these.
PLACES: Final[LiteralString] = """
    SELECT id, server_id FROM (
        SELECT o.id, n.server_id,
               row_number() OVER (PARTITION BY o.id
                                  ORDER BY sum(n.remnants) DESC, sum(n.old) DESC, n.server_id) AS place
        FROM leaks_counted n JOIN leaks_origin o
            ON o.service_id = n.service_id AND o.type = n.type AND o.site = n.site
        WHERE o.id = ANY(%(origins)s)
        GROUP BY o.id, n.server_id
    ) ranked WHERE place <= %(servers)s ORDER BY id, server_id
"""
SERVERS: Final[LiteralString] = """
    SELECT g.id, g.name, extract(epoch FROM g.first_seen_at)::float8, g.place_version, s.clock_skew,
           array_agg(extract(epoch FROM t.at)::float8 ORDER BY t.at), array_agg(t.players::float8 ORDER BY t.at)
    FROM registry_gameserver g JOIN registry_serverstate s ON s.server_id = g.id JOIN leaks_tick t ON t.server_id = g.id
    WHERE g.id = ANY(%(servers)s) AND t.at > %(since)s AND t.at <= %(now)s
    GROUP BY g.id, s.clock_skew
"""
SERIES: Final[LiteralString] = """
    SELECT origin_id, server_id, array_agg(extract(epoch FROM t.at)::float8 ORDER BY t.at),
           array_agg(u.live::float8 ORDER BY t.at), array_agg(u.owners::float8 ORDER BY t.at)
    FROM leaks_tick t CROSS JOIN unnest(t.origin_ids, t.live, t.owners) AS u(origin_id, live, owners)
    JOIN unnest(%(origins)s::int[], %(places)s::bigint[]) AS p(origin_id, server_id) USING (origin_id, server_id)
    WHERE t.server_id = ANY(%(servers)s) AND t.at > %(since)s AND t.at <= %(now)s
    GROUP BY origin_id, server_id
"""
# Creation times of what is alive, at most so many of a site on a server, in the order of their ids: an even sample
# would cost a sort, and past this many the verdict stands anyway.
BIRTHS: Final[LiteralString] = """
    SELECT p.origin_id, p.server_id, b.opened, b.kinds, b.owners
    FROM unnest(%(origins)s::int[], %(places)s::bigint[]) AS p(origin_id, server_id)
    JOIN leaks_origin o ON o.id = p.origin_id,
    LATERAL (
        SELECT array_agg(opened_at) AS opened, array_agg(owner_kind) AS kinds, array_agg(owner) AS owners
        FROM (SELECT opened_at, owner_kind, owner FROM registry_connection c
              WHERE c.server_id = p.server_id AND c.service_id = o.service_id AND c.type = o.type AND c.site = o.site
              LIMIT %(most)s) first_ones
    ) b
    WHERE b.opened IS NOT NULL
"""
REMNANTS: Final[LiteralString] = """
    SELECT o.id, x.server_id, c.owner, c.opened_at, extract(epoch FROM x.first_at)::float8, x.state = %(stale)s
    FROM leaks_sighting x
    JOIN registry_connection c ON c.server_id = x.server_id AND c.service_id = x.service_id
                              AND c.connection_id = x.connection_id
    JOIN leaks_origin o ON o.service_id = c.service_id AND o.type = c.type AND o.site = c.site
    WHERE x.server_id = ANY(%(servers)s) AND o.id = ANY(%(origins)s)
    ORDER BY x.first_at, x.connection_id LIMIT %(most)s
"""
VERSIONS: Final[LiteralString] = """
    SELECT place_id, place_version, sum(minutes)::int, sum(players)::float8 / sum(minutes), max(minutes)::int,
           min(first_seen_at), bool_or(ended_at IS NULL)
    FROM (
        SELECT g.place_id, g.place_version, g.first_seen_at, g.ended_at, count(*) AS minutes, sum(t.players) AS players
        FROM leaks_tick t JOIN registry_gameserver g ON g.id = t.server_id
        WHERE g.game_id = %(game)s AND g.place_version IS NOT NULL
        GROUP BY g.id
    ) AS each_server
    GROUP BY place_id, place_version ORDER BY place_version
"""
# What these servers ran. A game's places are numbered each by itself: one place's versions say nothing of another's.
PLACES_OF: Final[LiteralString] = """
    SELECT name, array_agg(DISTINCT place_id) FROM registry_gameserver
    WHERE game_id = %(game)s AND name = ANY(%(names)s) GROUP BY name
"""
GAMES: Final[LiteralString] = """
    SELECT DISTINCT game_id FROM registry_serverstate WHERE due_at > %(now)s AND NOT superseded ORDER BY game_id
"""
TRY_LOCK: Final[LiteralString] = "SELECT pg_try_advisory_xact_lock(%(room)s, %(game)s)"
