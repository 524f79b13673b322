"""Profiles: where callbacks spend their time."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from dashboard.access import Access, member_page
from dashboard.addresses import number
from dashboard.queries.profiles import profiles_page
from dashboard.queries.services import find_service_name
from dashboard.ranges import OFFERED, time_range

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
        "range": shown,
        "offered": OFFERED,
        "service_id": service_id,
        "service_name": find_service_name(access.game.pk, service_id) if service_id else "",
        "page": profiles_page(access.game.pk, shown, service_id=service_id, most=MOST_SITES),
    }
    return render(request, "pages/profiles.html", context)
