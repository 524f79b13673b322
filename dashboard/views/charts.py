"""The numbers behind charts and sparklines, as JSON."""

import msgspec
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from dashboard import charts
from dashboard.access import Access, member_page
from dashboard.charts import chosen_preset
from dashboard.queries.charts import game_chart, server_chart, service_chart
from dashboard.queries.history import sparklines
from dashboard.queries.servers import find_server_name
from dashboard.ranges import time_range


@require_safe
@member_page
def of_game(request: HttpRequest, access: Access) -> HttpResponse:
    preset = charts.GAME[chosen_preset(charts.GAME, request.GET)]
    return _json(game_chart(access.game, preset, time_range(request.GET, now=timezone.now())))


@require_safe
@member_page
def of_pools(request: HttpRequest, access: Access) -> HttpResponse:
    preset = charts.POOLS[chosen_preset(charts.POOLS, request.GET)]
    return _json(game_chart(access.game, preset, time_range(request.GET, now=timezone.now())))


@require_safe
@member_page
def of_service(request: HttpRequest, access: Access, service_id: int) -> HttpResponse:
    preset = charts.SERVICE[chosen_preset(charts.SERVICE, request.GET)]
    return _json(service_chart(access.game, service_id, preset, time_range(request.GET, now=timezone.now())))


@require_safe
@member_page
def of_profiles(request: HttpRequest, access: Access) -> HttpResponse:
    preset = charts.PROFILES[chosen_preset(charts.PROFILES, request.GET)]
    return _json(game_chart(access.game, preset, time_range(request.GET, now=timezone.now())))


@require_safe
@member_page
def of_service_profiles(request: HttpRequest, access: Access, service_id: int) -> HttpResponse:
    preset = charts.SERVICE_PROFILES[chosen_preset(charts.SERVICE_PROFILES, request.GET)]
    return _json(service_chart(access.game, service_id, preset, time_range(request.GET, now=timezone.now())))


@require_safe
@member_page
def of_server(request: HttpRequest, access: Access, server_id: int) -> HttpResponse:
    """Over all boots of the server: it keeps its name when it starts anew."""
    preset = charts.SERVER[chosen_preset(charts.SERVER, request.GET)]
    name = find_server_name(access.game.pk, server_id)
    return _json(server_chart(access.game, name, preset, time_range(request.GET, now=timezone.now())))


@require_safe
@member_page
def sparks(request: HttpRequest, access: Access) -> HttpResponse:
    return _json(sparklines(access.game.pk, now=timezone.now()))


def _json(value: msgspec.Struct) -> HttpResponse:
    return HttpResponse(msgspec.json.encode(value), content_type="application/json")
