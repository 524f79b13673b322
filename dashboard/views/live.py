"""The pages that live sockets keep up to date: overview, services, servers, and what charts and tables fetch."""

from collections.abc import Mapping

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from dashboard import charts
from dashboard.access import Access, member_page
from dashboard.addresses import registry_query, servers_query
from dashboard.charts import ChartHead, Preset, chart_head
from dashboard.cleanup_forms import plan_query
from dashboard.queries.registry import RegistryQuery, registry_page
from dashboard.queries.servers import PER_PAGE, require_server, server_counts, server_page, server_rows
from dashboard.queries.services import overview as overview_state
from dashboard.queries.services import require_service, service_page
from dashboard.ranges import time_range


@require_safe
@member_page
def overview(request: HttpRequest, access: Access) -> HttpResponse:
    state = overview_state(access.game.pk, now=timezone.now())
    context = {"access": access, "nav": "overview", "live": "overview", "state": state}
    context["chart"] = _chart(request, access, charts.GAME, "game-chart")
    return render(request, "pages/overview.html", context)


@require_safe
@member_page
def service(request: HttpRequest, access: Access, service_id: int) -> HttpResponse:
    state = service_page(access.game.pk, service_id, now=timezone.now())
    context = _registry(request, access, registry_query(request.GET, service_id=service_id))
    context |= {"access": access, "nav": "overview", "live": f"service:{service_id}", "state": state}
    context["chart"] = _chart(request, access, charts.SERVICE, "service-chart", service_id=service_id)
    return render(request, "pages/service.html", context)


@require_safe
@member_page
def service_registry(request: HttpRequest, access: Access, service_id: int) -> HttpResponse:
    require_service(access.game.pk, service_id)
    context = _registry(request, access, registry_query(request.GET, service_id=service_id))
    return render(request, "parts/registry.html", context)


@require_safe
@member_page
def servers(request: HttpRequest, access: Access) -> HttpResponse:
    context = _servers(request, access)
    context |= {"access": access, "nav": "servers", "live": "servers"}
    return render(request, "pages/servers.html", context)


@require_safe
@member_page
def servers_table(request: HttpRequest, access: Access) -> HttpResponse:
    return render(request, "parts/servers.html", _servers(request, access))


@require_safe
@member_page
def server(request: HttpRequest, access: Access, server_id: int) -> HttpResponse:
    state = server_page(access.game.pk, server_id, now=timezone.now())
    context = _registry(request, access, registry_query(request.GET, server_id=server_id))
    context |= {"access": access, "nav": "servers", "live": f"server:{server_id}", "state": state}
    context["chart"] = _chart(request, access, charts.SERVER, "server-chart", server_id=server_id)
    return render(request, "pages/server.html", context)


@require_safe
@member_page
def server_registry(request: HttpRequest, access: Access, server_id: int) -> HttpResponse:
    require_server(access.game.pk, server_id)
    context = _registry(request, access, registry_query(request.GET, server_id=server_id))
    return render(request, "parts/registry.html", context)


def _chart(request: HttpRequest, access: Access, presets: Mapping[str, Preset], name: str, **of: int) -> ChartHead:
    url = reverse(name, kwargs={"slug": access.game.slug, **of})
    return chart_head(url, presets, request.GET, time_range(request.GET, now=timezone.now()))


def _registry(request: HttpRequest, access: Access, query: RegistryQuery) -> dict[str, object]:
    now = timezone.now()
    page = registry_page(access.game.pk, query, now=now)
    return {"query": query, "registry": page, "access": access, "now": now, "plan_query": plan_query(query, page)}


def _servers(request: HttpRequest, access: Access) -> dict[str, object]:
    now = timezone.now()
    query = servers_query(request.GET)
    rows, more = server_rows(access.game.pk, query, now=now)
    counts = server_counts(access.game.pk, now=now)
    first = (query.page - 1) * PER_PAGE + 1
    return {
        "query": query,
        "rows": rows,
        "first": first,
        "last": first + len(rows) - 1,
        "previous_page": query.page - 1,
        "next_page": query.page + 1,
        "more": more,
        "counts": counts,
        "access": access,
    }
