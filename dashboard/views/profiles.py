"""Profiles: where callbacks spend their time."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from dashboard import charts
from dashboard.access import Access, member_page
from dashboard.addresses import number
from dashboard.charts import ChartHead, chart_head
from dashboard.queries.profiles import profiles_page
from dashboard.queries.service import find_service_name
from dashboard.ranges import TimeRange, time_range

MOST_SITES = 100  # rows on the page


@require_safe
@member_page
def profiles(request: HttpRequest, access: Access) -> HttpResponse:
    """`?service=` (an id) keeps to one service; one of another game is 404."""
    service_id = number(request.GET.get("service", "")) or None
    shown = time_range(request.GET, now=timezone.now())
    context = {
        "access": access,
        "nav": "profiles",
        "chart": _chart(request, access, shown, service_id),
        "service_id": service_id,
        "service_name": find_service_name(access.game.pk, service_id) if service_id else "",
        "page": profiles_page(access.game.pk, shown, service_id=service_id, most=MOST_SITES),
    }
    return render(request, "pages/profiles.html", context)


def _chart(request: HttpRequest, access: Access, shown: TimeRange, service_id: int | None) -> ChartHead:
    slug = access.game.slug
    if service_id is None:
        return chart_head(reverse("profiles-chart", kwargs={"slug": slug}), charts.PROFILES, request.GET, shown)
    url = reverse("service-profiles-chart", kwargs={"slug": slug, "service_id": service_id})
    return chart_head(url, charts.SERVICE_PROFILES, request.GET, shown)
