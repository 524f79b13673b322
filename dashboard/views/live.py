"""The pages that live sockets keep up to date: overview, services, servers, and what charts and tables fetch."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from connmon.core.errors import NotFound
from connmon.leaks.queries import service_strip
from dashboard import charts
from dashboard.access import Access, member_page
from dashboard.addresses import registry_query, servers_query
from dashboard.charts import ChartHead, Presets, chart_head
from dashboard.cleanup_forms import plan_query
from dashboard.leak_chart import shade
from dashboard.pages import parse_page
from dashboard.polling import polled
from dashboard.queries.registry import RegistryQuery, registry_page
from dashboard.queries.server import require_server, server_page
from dashboard.queries.servers import server_counts, server_rows
from dashboard.queries.service import require_service, service_page
from dashboard.queries.service_source import service_source as find_source
from dashboard.queries.services import overview as overview_state
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
def service_cohorts(request: HttpRequest, access: Access, service_id: int) -> HttpResponse:
    """The strip alone: it looks at every connection of the service, so the page does not wait for it."""
    require_service(access.game.pk, service_id)
    cells = shade(service_strip(access.game.pk, service_id, now=timezone.now()))
    return render(request, "parts/cohorts.html", {"cells": cells})


@require_safe
@member_page
def service_source(request: HttpRequest, access: Access, service_id: int) -> HttpResponse:
    """What the newest uploaded source says of it, alone: the page does not wait for it."""
    found = find_source(access.game.pk, service_id)
    return render(request, "parts/service_source.html", {"access": access, "source": found})


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


@require_safe
@member_page
def state(request: HttpRequest, access: Access) -> HttpResponse:
    """What the live socket would send for `?page=`, for browsers that reach none."""
    page = parse_page(request.GET.get("page", ""))
    if page is None:
        raise NotFound("There is no such live page.")
    key = f"{access.game.pk}:{page.kind}:{page.id or 0}"
    return polled(request, key, lambda now: page.state(access.game.pk, now=now))


def _chart(request: HttpRequest, access: Access, presets: Presets, name: str, **of: int) -> ChartHead:
    url = reverse(name, kwargs={"slug": access.game.slug, **of})
    return chart_head(url, presets, request.GET, time_range(request.GET, now=timezone.now()))


def _registry(request: HttpRequest, access: Access, query: RegistryQuery) -> dict[str, object]:
    now = timezone.now()
    page = registry_page(access.game.pk, query, now=now)
    return {"query": query, "registry": page, "access": access, "now": now, "plan_query": plan_query(query, page)}


def _servers(request: HttpRequest, access: Access) -> dict[str, object]:
    now = timezone.now()
    query = servers_query(request.GET)
    return {
        "query": query,
        "found": server_rows(access.game.pk, query, now=now),
        "counts": server_counts(access.game.pk, now=now),
        "access": access,
    }
