"""The SQL of cleanup. Conditions of a scope are bound values; one that is NULL is folded away by the planner."""

from typing import Final, LiteralString

# The connections that a scope names, on servers that report. `opened_at` is the agent's clock, `clock_skew` how far it
# is ahead of ours. Essential ones are told apart here so that a dry run can count them; nothing orders them.
_PICK: Final[LiteralString] = """
    SELECT c.server_id, c.service_id, c.connection_id, c.opened_at, c.state, c.owner_kind, c.owner, c.type, c.site,
           c.essential, %(now_s)s + s.clock_skew - c.opened_at AS age, s.players
    FROM registry_gameserver g
    JOIN registry_serverstate s ON s.server_id = g.id
    JOIN registry_connection c ON c.server_id = g.id
    WHERE g.game_id = %(game)s AND g.ended_at IS NULL AND s.due_at > %(now)s
      AND (%(states)s::smallint[] IS NULL OR c.state = ANY(%(states)s::smallint[]))
      AND (%(owner)s::text IS NULL OR c.owner = %(owner)s::text)
      AND (%(service)s::int IS NULL OR c.service_id = %(service)s::int)
      AND (%(type)s::text IS NULL OR c.type = %(type)s::text)
      AND (%(servers)s::bigint[] IS NULL OR c.server_id = ANY(%(servers)s::bigint[]))
      AND (%(older_than)s::float8 IS NULL OR c.opened_at < %(now_s)s + s.clock_skew - %(older_than)s::float8)
      AND (%(younger_than)s::float8 IS NULL OR c.opened_at > %(now_s)s + s.clock_skew - %(younger_than)s::float8)
      AND (%(without)s::int[] IS NULL OR c.service_id <> ALL(%(without)s::int[]))
      AND (NOT %(idle_servers)s OR NOT EXISTS (
          SELECT FROM cleanup_order o WHERE o.server_id = g.id AND o.state IN ('pending', 'sent')))
      AND (NOT %(idle_servers)s OR g.id NOT IN (
          SELECT o.server_id FROM cleanup_plan r JOIN cleanup_order o ON o.plan_id = r.id
          WHERE r.game_id = %(game)s AND r.state = 'running' AND o.state = 'waiting'))
"""

# How many connections of reporting servers are stale; answered from the partial index alone.
COUNT_STALE: Final[LiteralString] = """
    SELECT count(*) FROM registry_gameserver g
    JOIN registry_serverstate s ON s.server_id = g.id
    JOIN registry_connection c ON c.server_id = g.id AND c.state = 2
    WHERE g.game_id = %s AND g.ended_at IS NULL AND s.due_at > %s
"""

# A dry run: the registry is read once, then what, how many, by each of the ways in which a plan is looked at. Players
# as owners are told beside the players who visit the servers.
COUNT: Final[LiteralString] = f"""
    WITH picked AS MATERIALIZED ({_PICK}),
    aged AS (
        SELECT server_id, service_id, owner_kind, state, players,
               width_bucket(age, ARRAY[60, 600, 3600, 21600]::float8[]) AS bucket
        FROM picked WHERE NOT essential
    )
    SELECT CASE grouping(service_id, server_id, owner_kind, state, bucket)
               WHEN 15 THEN 'service' WHEN 23 THEN 'server' WHEN 27 THEN 'owner_kind' WHEN 29 THEN 'state'
               WHEN 30 THEN 'age' END,
           coalesce(service_id, server_id, owner_kind, state, bucket), count(*), max(players)
    FROM aged GROUP BY GROUPING SETS ((service_id), (server_id), (owner_kind), (state), (bucket))
    UNION ALL
    SELECT 'owner', NULL, count(*), NULL FROM (
        SELECT DISTINCT server_id, owner FROM picked WHERE NOT essential AND owner_kind = %(player)s
    ) AS owners
    UNION ALL
    SELECT 'essential', NULL, count(*), NULL FROM picked WHERE essential
"""
SAMPLE: Final[LiteralString] = f"""
    WITH picked AS ({_PICK})
    SELECT g.name, v.name, p.connection_id, p.owner, p.type, p.site, p.state, p.age
    FROM (SELECT * FROM picked WHERE NOT essential LIMIT %(most)s) p
    JOIN registry_gameserver g ON g.id = p.server_id JOIN registry_service v ON v.id = p.service_id
"""
# Unknown, not in scope: nobody can say what has become of them.
COUNT_SILENT: Final[LiteralString] = """
    SELECT count(DISTINCT g.id), coalesce(sum(n), 0)::bigint
    FROM registry_gameserver g JOIN registry_serverstate s ON s.server_id = g.id, unnest(s.live) n
    WHERE g.game_id = %(game)s AND g.ended_at IS NULL AND s.due_at <= %(now)s
      AND (%(servers)s::bigint[] IS NULL OR g.id = ANY(%(servers)s::bigint[]))
"""

# The second count and the orders are one statement: what is counted is what is ordered. The canary is the server with
# the fewest players that has any: it can show harm, and shows it to few.
ORDER: Final[LiteralString] = f"""
    WITH picked AS MATERIALIZED (
        SELECT server_id, service_id, connection_id, opened_at, type, site, players,
               (row_number() OVER (PARTITION BY server_id ORDER BY service_id, connection_id) - 1) / %(chunk)s AS part
        FROM (SELECT * FROM ({_PICK}) q WHERE NOT essential LIMIT %(most)s) p
    ), places AS (
        SELECT server_id, row_number() OVER (ORDER BY (max(players) = 0), max(players), server_id) - 1 AS place
        FROM picked GROUP BY server_id
    ), kinds AS (
        INSERT INTO cleanup_fingerprint (plan_id, service_id, type, site, ordered, came_back)
        SELECT %(plan)s, service_id, type, site, count(*), 0 FROM picked GROUP BY service_id, type, site
    )
    INSERT INTO cleanup_order
        (id, plan_id, server_id, place, state, connection_ids, opened_at, service_ids, players, created_at, sends,
         closed, gone, changed, failed, detail, woken)
    SELECT 'ord_' || replace(gen_random_uuid()::text, '-', ''), %(plan)s, server_id, max(place), 'waiting',
           array_agg(connection_id ORDER BY service_id, connection_id),
           array_agg(opened_at ORDER BY service_id, connection_id),
           array_agg(service_id ORDER BY service_id, connection_id),
           max(players), %(now)s, 0, '{{}}', '{{}}', '{{}}', 0, '', false
    FROM picked JOIN places USING (server_id) GROUP BY server_id, part
    RETURNING server_id, cardinality(connection_ids)
"""

RELEASE: Final[LiteralString] = """
    UPDATE cleanup_order SET state = 'pending', deliver_at = %(now)s,
           expires_at = %(now)s + make_interval(secs => %(life)s)
    WHERE plan_id = %(plan)s AND state = 'waiting' AND place < %(released)s
"""
# Wakes the delivery of every web process when this transaction commits; who misses it looks a second later.
WAKE: Final[LiteralString] = "SELECT pg_notify('connmon_orders', '')"

# A server that said farewell is not silent: it has ended in an orderly way (docs/protocol.md, Farewell).
PROGRESS: Final[LiteralString] = """
    WITH servers AS (
        SELECT o.server_id, o.place < %(released)s AS out, max(o.players) AS before,
               bool_and(o.state NOT IN ('waiting', 'pending', 'sent')) AS answered,
               bool_or(o.state IN ('refused', 'failed', 'expired')) AS failed
        FROM cleanup_order o WHERE o.plan_id = %(plan)s GROUP BY o.server_id, o.place
    )
    SELECT count(*) FILTER (WHERE out), count(*) FILTER (WHERE out AND answered),
           count(*) FILTER (WHERE out AND failed), count(*) FILTER (WHERE out AND s.due_at <= %(now)s AND NOT EXISTS (
               SELECT FROM registry_serverevent e
               WHERE e.server_id = g.id AND e.at = g.ended_at AND e.kind = 'closed')),
           coalesce(sum(before) FILTER (WHERE out), 0), coalesce(sum(s.players) FILTER (WHERE out), 0),
           coalesce(sum(before) FILTER (WHERE NOT out), 0), coalesce(sum(s.players) FILTER (WHERE NOT out), 0)
    FROM servers JOIN registry_serverstate s USING (server_id) JOIN registry_gameserver g ON g.id = server_id
"""

# What nobody answered in time, and what nobody can answer any more because the server has ended. An outcome that has
# come and waits to be settled is an answer. The answer to a farewell may have brought orders: their outcome comes with
# a second farewell.
UNANSWERED: Final[LiteralString] = """
    NOT EXISTS (SELECT FROM registry_orderoutcome r WHERE r.settled_at IS NULL AND r.order_id = o.id)
"""
EXPIRE: Final[LiteralString] = f"""
    UPDATE cleanup_order o SET state = 'expired', finished_at = %(now)s, failed = cardinality(connection_ids),
           detail = CASE sends WHEN 0 THEN 'Its server never fetched it.' ELSE 'Its server never told the outcome.' END
    WHERE state IN ('pending', 'sent') AND expires_at <= %(now)s AND {UNANSWERED}
"""
END_WITH_SERVER: Final[LiteralString] = f"""
    UPDATE cleanup_order o SET state = 'failed', finished_at = %(now)s, failed = cardinality(o.connection_ids),
           detail = 'The server ended before it told the outcome; its connections ended with it.'
    FROM registry_gameserver g LEFT JOIN registry_serverstate s ON s.server_id = g.id
    WHERE o.state IN ('waiting', 'pending', 'sent') AND g.id = o.server_id AND g.ended_at IS NOT NULL
      AND (o.state <> 'sent' OR s.superseded IS NOT FALSE
           OR g.ended_at <= %(now)s::timestamptz - make_interval(secs => %(grace)s))
      AND o.plan_id = %(plan)s AND {UNANSWERED}
"""
CANCEL: Final[LiteralString] = """
    UPDATE cleanup_order SET state = 'cancelled', finished_at = %(now)s
    WHERE plan_id = %(plan)s AND state IN ('waiting', 'pending')
"""

# Delivery. SKIP LOCKED: while one process hands a server its orders, another that holds its socket hands out others.
# MATERIALIZED: as a part of the join the choice may be run anew for each row of the table, and passes over those that
# it has locked before; so more went out at once than should, whenever the table was thought to be empty.
CLAIM: Final[LiteralString] = """
    WITH due AS MATERIALIZED (
        SELECT d.id FROM unnest(%(servers)s::bigint[]) AS asked(key), LATERAL (
            SELECT id FROM cleanup_order
            WHERE server_id = asked.key AND state IN ('pending', 'sent') AND deliver_at <= %(now)s
              AND expires_at > %(now)s
            ORDER BY sends, id LIMIT %(most)s FOR UPDATE SKIP LOCKED
        ) AS d
    )
    UPDATE cleanup_order o SET state = 'sent', sends = o.sends + 1, sent_at = coalesce(o.sent_at, %(now)s),
           deliver_at = %(now)s::timestamptz + make_interval(secs => %(again_after)s)
    FROM due WHERE o.id = due.id
    RETURNING o.server_id, o.id, o.connection_ids, o.opened_at
"""
# What carried them is lost, an answer or a socket: they are due again, all of them.
RECALL: Final[LiteralString] = """
    UPDATE cleanup_order SET deliver_at = %(now)s
    WHERE server_id = ANY(%(servers)s::bigint[]) AND state = 'sent' AND deliver_at > %(now)s AND expires_at > %(now)s
"""
DELIVERABLE: Final[LiteralString] = """
    SELECT DISTINCT server_id FROM cleanup_order
    WHERE state IN ('pending', 'sent') AND deliver_at <= %s AND expires_at > %s
"""

# Of the same service, type and creation site, on the same servers, opened since the plan began.
CAME_BACK: Final[LiteralString] = """
    UPDATE cleanup_fingerprint f SET came_back = found.n
    FROM (
        SELECT c.service_id, c.type, c.site, count(*) AS n
        FROM (SELECT DISTINCT server_id FROM cleanup_order WHERE plan_id = %(plan)s) o
        JOIN registry_serverstate s USING (server_id)
        JOIN registry_connection c ON c.server_id = o.server_id
             AND c.service_id IN (SELECT service_id FROM cleanup_fingerprint WHERE plan_id = %(plan)s)
        WHERE c.opened_at > %(since_s)s + s.clock_skew
        GROUP BY c.service_id, c.type, c.site
    ) AS found
    WHERE f.plan_id = %(plan)s AND (f.service_id, f.type, f.site) = (found.service_id, found.type, found.site)
"""
