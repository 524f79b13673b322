"""What pages answer to domain errors and to Django's own: one sentence, and what to do next."""

from collections.abc import Callable
from typing import TypeVar

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from connmon.core import request_ids
from connmon.core.errors import Conflict, DomainError, Invalid

Result = TypeVar("Result")

TITLES = {
    400: "This request cannot be read",
    403: "Not permitted",
    404: "Not found",
    409: "Things have moved on",
    422: "This value cannot be used",
    429: "Too many requests",
    500: "Something broke here",
    503: "Not possible right now",
}


def answer(request: HttpRequest, error: DomainError) -> HttpResponse:
    """The page for a domain error, with its status."""
    return _page(request, error.status, str(error))


def attempt(form: forms.Form, action: Callable[[], Result]) -> Result | None:
    """The action's result, or None after its refusal was put on the form."""
    try:
        return action()
    except (Conflict, Invalid) as error:
        form.add_error(None, str(error))
        return None


def tell(request: HttpRequest, action: Callable[[], Result]) -> Result | None:
    """The action's result, or None after its refusal was made a message on the next page."""
    try:
        return action()
    except (Conflict, Invalid) as error:
        messages.error(request, str(error))
        return None


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _page(request, 400, "Go back and try again.")


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _page(request, 403, "Your role does not reach this. An admin of the game can change it.")


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _page(request, 404, "There is nothing at this address, or it is not for this account.")


def too_many_requests(request: HttpRequest) -> HttpResponse:
    answer = _page(request, 429, "Wait a minute, then try again.")
    answer["Retry-After"] = "60"  # the window of each limit by address
    return answer


def unavailable(request: HttpRequest) -> HttpResponse:
    sentence = (
        "The server that counts log-in attempts cannot be reached. Who is logged in stays so. Try again in a minute."
    )
    answer = _page(request, 503, sentence)
    answer["Retry-After"] = "30"
    return answer


def server_error(request: HttpRequest) -> HttpResponse:
    return _page(request, 500, recorded())


def recorded() -> str:
    """Where somebody who is told of a fault has it found."""
    return f"The fault is recorded in the server's log as {request_ids.current()}. Try again in a moment."


def _page(request: HttpRequest, status: int, sentence: str) -> HttpResponse:
    # Rendered without the request: a page for a fault must not depend on session, user or database.
    theme = request.COOKIES.get("theme", "")
    context = {"status": status, "title": TITLES.get(status, "Refused"), "sentence": sentence, "theme": theme}
    return render(None, "error.html", context, status=status)
