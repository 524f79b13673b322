"""Django REST framework's errors and the domain's, as problem documents."""

from typing import Any

from rest_framework.exceptions import APIException
from rest_framework.response import Response
from rest_framework.views import exception_handler

from api.problems import CONTENT_TYPE, problem
from connmon.core.errors import DomainError


def drf_exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """Django REST framework's errors and the domain's, in the same shape."""
    if isinstance(error, DomainError):
        body = problem(error.code, str(error), status=error.status)
        return Response(body, status=error.status, content_type=CONTENT_TYPE)
    response = exception_handler(error, context)
    if response is not None:
        code = str(getattr(error, "default_code", "refused")).replace("_", "-")
        detail = str(error.detail) if isinstance(error, APIException) else str(error)
        response.data = problem(code, detail, status=response.status_code)
        response.content_type = CONTENT_TYPE
    return response
