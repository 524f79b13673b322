"""Pools: by type over the fleet, and by server."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from dashboard import charts
from dashboard.access import Access, member_page
from dashboard.addresses import pools_query
from dashboard.charts import chart_head
from dashboard.queries.pools import pools_live, server_pools
from dashboard.ranges import time_range


@require_safe
@member_page
def pools(request: HttpRequest, access: Access) -> HttpResponse:
    now = timezone.now()
    chart_url = reverse("pools-chart", kwargs={"slug": access.game.slug})
    context = _table(request, access)
    context |= {
        "nav": "pools",
        "live": "pools",
        "state": pools_live(access.game.pk, now=now),
        "chart": chart_head(chart_url, charts.POOLS, request.GET, time_range(request.GET, now=now)),
    }
    return render(request, "pages/pools.html", context)


@require_safe
@member_page
def pools_table(request: HttpRequest, access: Access) -> HttpResponse:
    return render(request, "parts/pools.html", _table(request, access))


def _table(request: HttpRequest, access: Access) -> dict[str, object]:
    query = pools_query(request.GET)
    return {"access": access, "query": query, "found": server_pools(access.game.pk, query, now=timezone.now())}
