"""Django REST framework's errors and the domain's, as problem documents."""

from typing import Any, Final

from rest_framework.exceptions import APIException
from rest_framework.response import Response
from rest_framework.views import exception_handler

from api.problems import CONTENT_TYPE, problem
from connmon.core.errors import DomainError

NON_FIELD: Final = "non_field_errors"  # Django REST framework's name for what is wrong with all of it


def drf_exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """Django REST framework's errors and the domain's, in the same shape."""
    if isinstance(error, DomainError):
        body = problem(error.code, str(error), status=error.status)
        return Response(body, status=error.status, content_type=CONTENT_TYPE)
    response = exception_handler(error, context)
    if response is not None:
        code = str(getattr(error, "default_code", "refused")).replace("_", "-")
        detail = _in_words(error.detail) if isinstance(error, APIException) else str(error)
        response.data = problem(code, detail, status=response.status_code)
        response.content_type = CONTENT_TYPE
    return response


def _in_words(detail: Any) -> str:
    """What is wrong in sentences, of a field behind its name: `reason: This field is required.`"""
    if isinstance(detail, dict):
        return " ".join(
            _in_words(faults) if name == NON_FIELD else f"{name}: {_in_words(faults)}"
            for name, faults in detail.items()
        )
    if isinstance(detail, list):
        return " ".join(_in_words(fault) for fault in detail)
    return str(detail)
