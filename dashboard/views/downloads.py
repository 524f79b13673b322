"""Files that are no pages: agents to take along, made for the address they are taken from, and the site's icon."""

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.templatetags.static import static
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from agents.luau.build import bundle
from dashboard.access import Access, member_page


@never_cache
@require_safe
@member_page
def luau_agent(request: HttpRequest, access: Access) -> HttpResponse:
    """The Luau agent as one file that reports to this site. It holds no key."""
    source = bundle(url=request.build_absolute_uri("/").rstrip("/"))
    disposition = 'attachment; filename="connmon.luau"'
    return HttpResponse(source, content_type="text/plain; charset=utf-8", headers={"Content-Disposition": disposition})


@require_safe
def favicon(request: HttpRequest) -> HttpResponse:
    """Asked for by browsers that show what is no page: a badge, a file."""
    return HttpResponseRedirect(static("img/favicon.svg"), preserve_request=True)
