"""Django's own errors in the form of who asked: problem documents under /api/, pages elsewhere."""

from typing import Final

import msgspec
from django.http import HttpRequest, HttpResponse

from api.problems import CONTENT_TYPE, problem
from dashboard import errors

API: Final = "/api/"
NOTHING: Final = (
    "There is nothing at this address. Reports go to /api/v1/reports; /api/v1/openapi.json names the others."
)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    refusal = _problem(request, "bad-request", 400, "This request cannot be read.")
    return refusal or errors.bad_request(request, exception)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _problem(request, "not-found", 404, NOTHING) or errors.page_not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    return _problem(request, "internal-error", 500, errors.recorded()) or errors.server_error(request)


def _problem(request: HttpRequest, code: str, status: int, detail: str) -> HttpResponse | None:
    """For programs; None for people."""
    if not request.path.startswith(API):
        return None
    return HttpResponse(msgspec.json.encode(problem(code, detail, status=status)), CONTENT_TYPE, status)
