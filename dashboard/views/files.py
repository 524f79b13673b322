"""Tables as files: what the page's filters find, whole."""

from django.http import HttpRequest, StreamingHttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from dashboard.access import Access, member_page
from dashboard.addresses import leaks_query, plans_query, pools_query, registry_query, servers_query
from dashboard.files import file_answer
from dashboard.queries import exports
from dashboard.queries.server import require_server
from dashboard.queries.service import require_service


@require_safe
@member_page
def services(request: HttpRequest, access: Access, form: str) -> StreamingHttpResponse:
    return file_answer(request, exports.services(access.game.pk, now=timezone.now()), form)


@require_safe
@member_page
def servers(request: HttpRequest, access: Access, form: str) -> StreamingHttpResponse:
    query = servers_query(request.GET)
    return file_answer(request, exports.servers(access.game.pk, query, now=timezone.now()), form)


@require_safe
@member_page
def pools(request: HttpRequest, access: Access, form: str) -> StreamingHttpResponse:
    query = pools_query(request.GET)
    return file_answer(request, exports.pools(access.game.pk, query, now=timezone.now()), form)


@require_safe
@member_page
def leaks(request: HttpRequest, access: Access, form: str) -> StreamingHttpResponse:
    return file_answer(request, exports.leaks(access.game.pk, leaks_query(request.GET)), form)


@require_safe
@member_page
def plans(request: HttpRequest, access: Access, form: str) -> StreamingHttpResponse:
    return file_answer(request, exports.plans(access.game.pk, plans_query(request.GET)), form)


@require_safe
@member_page
def service_registry(request: HttpRequest, access: Access, service_id: int, form: str) -> StreamingHttpResponse:
    require_service(access.game.pk, service_id)
    query = registry_query(request.GET, service_id=service_id)
    return file_answer(request, exports.registry(access.game.pk, query, now=timezone.now()), form)


@require_safe
@member_page
def server_registry(request: HttpRequest, access: Access, server_id: int, form: str) -> StreamingHttpResponse:
    require_server(access.game.pk, server_id)
    query = registry_query(request.GET, server_id=server_id)
    return file_answer(request, exports.registry(access.game.pk, query, now=timezone.now()), form)
