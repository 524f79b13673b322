"""What pages answer while the Redis-protocol server is away: 503, and not a fault."""

import logging
from collections.abc import Callable
from typing import Final

from django.http import HttpRequest, HttpResponse
from redis.exceptions import RedisError

from dashboard import errors

LOG: Final = logging.getLogger("connmon.accounts")


class AnswerOutage:
    """Log-in counts attempts and remembers used codes in that server, and stays closed without it.

    Limits kept in each process's own memory would multiply with the processes, and a used code would be good once more
    in another one: an outage, which a stranger may be able to cause, must not make passwords easier to guess.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self._get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """For what a page raised; None leaves it to Django."""
        if not isinstance(exception, RedisError):
            return None
        LOG.warning("%s cannot be served, the Redis-protocol server is away: %s", request.path, exception)
        return errors.unavailable(request)
