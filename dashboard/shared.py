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
from dashboard.queries.servers import find_server_name, server_page
from dashboard.queries.services import ServiceRow, Totals, find_service_name, overview, service_page
from dashboard.ranges import TimeRange
from dashboard.verdict import Verdict


class SharedOverview(Struct, frozen=True):
    """The overview without what is for members: its alerts can be snoozed."""

    verdict: Verdict
    totals: Totals
    services: list[ServiceRow]


def _overview(game_id: int, _: int, *, now: datetime) -> SharedOverview:
    state = overview(game_id, now=now)
    return SharedOverview(verdict=state.verdict, totals=state.totals, services=state.services)


STATES: Final[Mapping[Shown, Callable[..., Struct]]] = {
    Shown.OVERVIEW: _overview,
    Shown.SERVICE: service_page,
    Shown.SERVER: server_page,
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
