"""What callbacks cost, by service, type and creation site: as last reported, and over time.

Agents count from their boot on (docs/protocol.md, Profiles), so a report that is lost loses nothing.
"""

from datetime import datetime, timedelta
from typing import Final, LiteralString

from django.db import connection

KEEP_ENDED: Final = timedelta(hours=1)  # a server that said farewell may come back and go on counting

# The statement of ingest, for the entries of a whole batch: parallel arrays (literals do), in order of arrival.
# Of two reports of one boot in a batch the later one's entry holds.
TAKE: Final[LiteralString] = """
    INSERT INTO telemetry_profilestate
        (server_id, service_id, type, site, count, total_us, p50_us, p95_us, max_us)
    SELECT DISTINCT ON (server_id, service_id, type, site)
           server_id, service_id, type, site, count, total_us, p50_us, p95_us, max_us
    FROM unnest(%s::bigint[], %s::int[], %s::text[], %s::text[], %s::bigint[], %s::float8[], %s::float8[],
                %s::float8[], %s::float8[]) WITH ORDINALITY
         AS e(server_id, service_id, type, site, count, total_us, p50_us, p95_us, max_us, place)
    ORDER BY server_id, service_id, type, site, place DESC
    ON CONFLICT (server_id, service_id, type, site) DO UPDATE SET
        count = excluded.count, total_us = excluded.total_us, p50_us = excluded.p50_us, p95_us = excluded.p95_us,
        max_us = excluded.max_us, sampled = false
"""

# The rows that were reported since the last pass: marked as counted, and their growth added up over the servers.
SAMPLE: Final[LiteralString] = """
    WITH fresh AS (
        SELECT p.*, s.game_id,
               CASE WHEN p.count >= p.sampled_count THEN p.count - p.sampled_count ELSE p.count END AS calls,
               CASE WHEN p.total_us >= p.sampled_us THEN p.total_us - p.sampled_us ELSE p.total_us END AS spent
        FROM telemetry_profilestate p JOIN registry_serverstate s USING (server_id)
        WHERE NOT p.sampled
        FOR UPDATE OF p
    ), marked AS (
        UPDATE telemetry_profilestate p SET sampled = true, sampled_count = fresh.count, sampled_us = fresh.total_us
        FROM fresh
        WHERE (p.server_id, p.service_id, p.type, p.site)
              = (fresh.server_id, fresh.service_id, fresh.type, fresh.site)
    )
    INSERT INTO telemetry_profilesample
        (step, game_id, at, service_id, type, site, p50_us, p95_us, max_us, count_new, total_us_new)
    SELECT 60, game_id, %(at)s, service_id, type, site,
           coalesce(sum(p50_us * calls) / nullif(sum(calls), 0), max(p50_us)), max(p95_us), max(max_us),
           LEAST(sum(calls), 9223372036854775807)::bigint, sum(spent)
    FROM fresh
    GROUP BY game_id, service_id, type, site
"""

# Counters of a removed game can be sampled no more.
DROP_ENDED: Final[LiteralString] = """
    DELETE FROM telemetry_profilestate p
    WHERE (p.sampled OR NOT EXISTS (SELECT FROM registry_serverstate s WHERE s.server_id = p.server_id))
      AND NOT EXISTS (
        SELECT FROM registry_gameserver g
        WHERE g.id = p.server_id AND (g.ended_at IS NULL OR g.ended_at > %(before)s)
    )
"""


def drop_ended(*, now: datetime) -> None:
    """Forgets the counters of servers that ended a while ago; their history stays."""
    with connection.cursor() as cursor:
        cursor.execute(DROP_ENDED, {"before": now - KEEP_ENDED})
