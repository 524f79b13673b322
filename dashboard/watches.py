"""How a feed looks at its page again and again: whole, or as far as the servers go that changed.

The overview sums counters of all services over all servers. Done anew at each look it would take most of a core at a
thousand busy servers, so its watch keeps the sums, takes the changed servers' counters out and in, and compares the
versions of all servers' rows now and then: nobody tells of a server that ended, and a message may be lost.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final, Protocol

from msgspec import Struct

from dashboard.pages import Page
from dashboard.queries.alerts import AlertRow, alert_strip
from dashboard.queries.fleet import has_ever_reported, running_counters, running_versions, service_names
from dashboard.queries.rates import Rates, service_rates
from dashboard.queries.services import SERVICES_MAX, FleetSums, Overview, ServiceRow, overview_of
from dashboard.tally import Sums, Tally

COMPARED_EVERY: Final = timedelta(seconds=2)  # versions, and what no report changes: rates and alerts
AT_ONCE: Final = 500  # servers read in one statement: reading their rows holds up the process that takes reports


class Watch(Protocol):
    """A page that is looked at again and again."""

    def look(self, changed: set[int] | None, *, now: datetime) -> Struct:
        """Everything on the page that changes; `changed`: servers since the last look, None: maybe any.

        Raises NotFound. After a fault the next look is to be asked for with None.
        """


class WholeWatch:
    """Asks for the page's whole state each time."""

    def __init__(self, page: Page, game_id: int) -> None:
        self._page, self._game_id = page, game_id

    def look(self, changed: set[int] | None, *, now: datetime) -> Struct:
        return self._page.state(self._game_id, now=now)


class OverviewWatch:
    """The overview; what it gives is what `overview` would, but for rates and alerts up to COMPARED_EVERY old."""

    def __init__(self, game_id: int) -> None:
        self._game_id = game_id
        self._tally = Tally()
        self._names: dict[int, str] = {}
        self._rates: dict[int, Rates] = {}
        self._alerts: list[AlertRow] = []
        self._ever = False
        self._compared_at: datetime | None = None

    def look(self, changed: set[int] | None, *, now: datetime) -> Overview:
        if changed is None or self._is_due(now) or not all(id in self._tally for id in changed):
            self._compare(now)
        else:
            self._take(changed, now)
        self._tally.expire(now=now.timestamp())
        return overview_of(self._fleet(), self._rows(), self._rates, self._alerts)

    def _is_due(self, now: datetime) -> bool:
        return self._compared_at is None or now - self._compared_at >= COMPARED_EVERY

    def _compare(self, now: datetime) -> None:
        versions = running_versions(self._game_id)
        self._tally.keep(versions.keys())
        self._take(self._tally.outdated(versions), now)
        self._rates = service_rates(self._game_id, now=now)
        self._alerts = alert_strip(self._game_id, now=now)
        self._ever = self._ever or has_ever_reported(self._game_id)
        self._compared_at = now

    def _take(self, servers: Iterable[int], now: datetime) -> None:
        wanted = list(servers)
        for start in range(0, len(wanted), AT_ONCE):
            asked = wanted[start : start + AT_ONCE]
            found = running_counters(self._game_id, asked)
            self._tally.drop(set(asked) - {server.id for server in found})
            self._tally.put(found, now=now.timestamp())

    def _fleet(self) -> FleetSums:
        tally, services = self._tally, self._tally.services.values()
        return FleetSums(
            ever=self._ever,
            reporting=tally.reporting,
            silent=tally.silent,
            syncing=tally.syncing,
            players=tally.players,
            memory_mb=tally.memory_mb,
            live=sum(one.live for one in services),
            idle=sum(one.idle for one in services),
            orphaned=sum(one.orphaned for one in services),
            stale=sum(one.stale for one in services),
            unknown=sum(one.unknown for one in services),
            hits=tally.hits,
            misses=tally.misses,
        )

    def _rows(self) -> list[ServiceRow]:
        services = self._tally.services
        if services.keys() - self._names.keys():
            self._names = service_names(self._game_id)
        rows = [_row(id, self._names[id], sums) for id, sums in services.items() if id in self._names]
        return sorted(rows, key=lambda row: (-row.orphaned, -row.live, row.name))[:SERVICES_MAX]


def _row(id: int, name: str, sums: Sums) -> ServiceRow:
    return ServiceRow(
        id=id,
        name=name,
        servers=sums.servers,
        live=sums.live,
        idle=sums.idle,
        orphaned=sums.orphaned,
        stale=sums.stale,
        unknown=sums.unknown,
    )


def watch(page: Page, game_id: int) -> Watch:
    """How this page of this game is looked at."""
    return OverviewWatch(game_id) if page == Page("overview") else WholeWatch(page, game_id)
