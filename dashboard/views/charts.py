"""The numbers behind charts and sparklines, as JSON."""

import msgspec
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from dashboard import charts
from dashboard.access import Access, member_page
from dashboard.charts import Preset, Presets, chosen_preset
from dashboard.queries.charts import game_chart, server_chart, service_chart
from dashboard.queries.history import sparklines
from dashboard.queries.server import find_server_name
from dashboard.ranges import TimeRange, time_range


@require_safe
@member_page
def of_game(request: HttpRequest, access: Access) -> HttpResponse:
    return _of_game(request, access, charts.GAME)


@require_safe
@member_page
def of_pools(request: HttpRequest, access: Access) -> HttpResponse:
    return _of_game(request, access, charts.POOLS)


@require_safe
@member_page
def of_profiles(request: HttpRequest, access: Access) -> HttpResponse:
    return _of_game(request, access, charts.PROFILES)


@require_safe
@member_page
def of_service(request: HttpRequest, access: Access, service_id: int) -> HttpResponse:
    return _of_service(request, access, service_id, charts.SERVICE)


@require_safe
@member_page
def of_service_profiles(request: HttpRequest, access: Access, service_id: int) -> HttpResponse:
    return _of_service(request, access, service_id, charts.SERVICE_PROFILES)


@require_safe
@member_page
def of_server(request: HttpRequest, access: Access, server_id: int) -> HttpResponse:
    """Over all boots of the server: it keeps its name when it starts anew."""
    name = find_server_name(access.game.pk, server_id)
    return _json(server_chart(access.game, name, *_asked(request, charts.SERVER)))


@require_safe
@member_page
def sparks(request: HttpRequest, access: Access) -> HttpResponse:
    return _json(sparklines(access.game.pk, now=timezone.now()))


def _json(value: msgspec.Struct) -> HttpResponse:
    return HttpResponse(msgspec.json.encode(value), content_type="application/json")


def _of_game(request: HttpRequest, access: Access, presets: Presets) -> HttpResponse:
    return _json(game_chart(access.game, *_asked(request, presets)))


def _of_service(request: HttpRequest, access: Access, service_id: int, presets: Presets) -> HttpResponse:
    return _json(service_chart(access.game, service_id, *_asked(request, presets)))


def _asked(request: HttpRequest, presets: Presets) -> tuple[Preset, TimeRange]:
    """What the address names: a chart, and the time that it shows."""
    return presets[chosen_preset(presets, request.GET)], time_range(request.GET, now=timezone.now())
