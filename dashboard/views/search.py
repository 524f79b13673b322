"""The search over everything of a game, as JSON."""

import msgspec
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from dashboard.access import Access, member_page
from dashboard.addresses import search_text
from dashboard.queries.search import search


@require_safe
@member_page
def everything(request: HttpRequest, access: Access) -> HttpResponse:
    """`?q=`"""
    found = search(access.game, search_text(request.GET), now=timezone.now())
    return HttpResponse(msgspec.json.encode(found), content_type="application/json")
