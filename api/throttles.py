"""How much one key, or one address without a good key, may ask of the REST views of a process."""

from typing import TYPE_CHECKING, Final

from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from api.limits import Buckets
from connmon.accounts.models import ApiKey

if TYPE_CHECKING:  # rest_framework.views imports this module through its settings
    from rest_framework.views import APIView

PER_SECOND: Final = 50.0  # a script that asks as fast as it can leaves room for pages and other keys
BURST: Final = 500.0  # one that walks through all pages of a long list
BAD_KEYS_PER_SECOND: Final = 20.0

by_key: Final = Buckets(rate=PER_SECOND, burst=BURST)
bad_keys: Final = Buckets(rate=BAD_KEYS_PER_SECOND, burst=BAD_KEYS_PER_SECOND * 5)


class KeyThrottle(BaseThrottle):
    """By key, not by game: a script that runs wild does not shut out the ops of its game."""

    def __init__(self) -> None:
        self._wait = 0.0

    def allow_request(self, request: Request, view: "APIView") -> bool:
        if isinstance(request.auth, ApiKey):
            self._wait = by_key.take(request.auth.pk)
        return not self._wait

    def wait(self) -> float:
        return self._wait
