"""What links show: for each kind its state, its charts and the address of the page that members see."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

from django.urls import reverse
from msgspec import Struct

from connmon.accounts.links import Link, Shown
from connmon.accounts.models import Game
from dashboard import charts
from dashboard.charts import Preset, Presets
from dashboard.queries.charts import ChartData, game_chart, server_chart, service_chart
from dashboard.queries.server import ServerHead, ServerPool, ServerService, ServerTotals, find_server_name, server_page
from dashboard.queries.service import ServiceServer, find_service_name, service_page
from dashboard.queries.services import ServiceRow, Totals, overview
from dashboard.ranges import TimeRange
from dashboard.verdict import Verdict


class SharedOverview(Struct, frozen=True):
    """The overview without what is for members: its alerts can be snoozed."""

    verdict: Verdict
    totals: Totals
    services: list[ServiceRow]


class SharedService(Struct, frozen=True):
    """A service without the place versions that run it."""

    service: ServiceRow
    servers: list[ServiceServer]


class SharedServer(Struct, frozen=True):
    """A server without its orders."""

    server: ServerHead
    totals: ServerTotals
    services: list[ServerService]
    pools: list[ServerPool]


def _overview(game_id: int, _: int, *, now: datetime) -> SharedOverview:
    state = overview(game_id, now=now)
    return SharedOverview(verdict=state.verdict, totals=state.totals, services=state.services)


def _service(game_id: int, service_id: int, *, now: datetime) -> SharedService:
    state = service_page(game_id, service_id, now=now)
    return SharedService(service=state.service, servers=state.servers)


def _server(game_id: int, server_id: int, *, now: datetime) -> SharedServer:
    state = server_page(game_id, server_id, now=now)
    return SharedServer(server=state.server, totals=state.totals, services=state.services, pools=state.pools)


STATES: Final[Mapping[Shown, Callable[..., Struct]]] = {
    Shown.OVERVIEW: _overview,
    Shown.SERVICE: _service,
    Shown.SERVER: _server,
}
PRESETS: Final[Mapping[Shown, Presets]] = {
    Shown.OVERVIEW: charts.GAME,
    Shown.SERVICE: charts.SERVICE,
    Shown.SERVER: charts.SERVER,
}


def state_of(link: Link, *, now: datetime) -> Struct:
    """Everything on the link's page that changes. Raises NotFound."""
    return STATES[link.shown](link.game.pk, link.subject_id, now=now)


def chart_of(link: Link, preset: Preset, shown: TimeRange) -> ChartData:
    """The chart of the link's page. Raises NotFound."""
    if link.shown is Shown.OVERVIEW:
        return game_chart(link.game, preset, shown)
    if link.shown is Shown.SERVICE:
        return service_chart(link.game, link.subject_id, preset, shown)
    return server_chart(link.game, find_server_name(link.game.pk, link.subject_id), preset, shown)


def name_of(game: Game, shown: Shown, subject_id: int) -> str:
    """What people call the subject. Raises NotFound."""
    if shown is Shown.OVERVIEW:
        return game.name
    if shown is Shown.SERVER:
        return find_server_name(game.pk, subject_id)
    return find_service_name(game.pk, subject_id)


def member_address(game: Game, shown: Shown, subject_id: int) -> str:
    """The page that members see of it."""
    if shown is Shown.OVERVIEW:
        return reverse("overview", kwargs={"slug": game.slug})
    if shown is Shown.SERVER:
        return reverse("server", kwargs={"slug": game.slug, "server_id": subject_id})
    return reverse("service", kwargs={"slug": game.slug, "service_id": subject_id})
