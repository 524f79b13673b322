"""Connections opened and closed a second, from the history samples."""

from datetime import datetime, timedelta

from msgspec import Struct

from dashboard.queries.fetch import fetch

WINDOW = timedelta(seconds=70)  # seven samples, six steps between them: one minute


class Rates(Struct, frozen=True):
    """Per second; None while there are no two samples to compare."""

    opened: float | None = None
    closed: float | None = None


class _Row(Struct, frozen=True):
    service_id: int
    opened: float
    closed: float


# Counters are sums over the servers that reported at that moment. A step in which a server joined or left says
# nothing of the rate (the sum jumps by a whole boot's count), so only steps between equal numbers of servers count.
SERVICE_RATES = """
SELECT service_id, (sum(opened) / sum(seconds))::float8, (sum(closed) / sum(seconds))::float8
FROM (
    SELECT service_id,
           servers - lag(servers) OVER steps AS joined,
           opened - lag(opened) OVER steps AS opened,
           closed - lag(closed) OVER steps AS closed,
           extract(epoch FROM at - lag(at) OVER steps) AS seconds
    FROM telemetry_servicesample
    WHERE game_id = %(game)s AND step = 10 AND at > %(since)s AND at <= %(now)s
      AND (%(service)s::int IS NULL OR service_id = %(service)s)
    WINDOW steps AS (PARTITION BY service_id ORDER BY at)
) AS step
WHERE joined = 0 AND opened >= 0 AND closed >= 0 AND seconds > 0
GROUP BY service_id
"""


def service_rates(game_id: int, *, now: datetime, service_id: int | None = None) -> dict[int, Rates]:
    """Rates of the last minute by service id; of one service if it is named."""
    parameters = {"game": game_id, "service": service_id, "since": now - WINDOW, "now": now}
    rows = fetch(_Row, SERVICE_RATES, parameters)
    return {row.service_id: Rates(opened=row.opened, closed=row.closed) for row in rows}
