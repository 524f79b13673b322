"""Keys and scopes for the REST views of ops and CI."""

from typing import TYPE_CHECKING, ClassVar

from django.utils import timezone
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed, Throttled
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from api.limits import network_of
from api.throttles import bad_keys
from connmon.accounts.models import ApiKey, Scope
from connmon.accounts.queries import find_live_key

if TYPE_CHECKING:  # rest_framework.views imports this module through its settings
    from rest_framework.views import APIView


class KeyAuthentication(BaseAuthentication):
    """`Authorization: Bearer cm_<id>_<secret>`; `request.auth` is the key, its game the only one in reach."""

    def authenticate(self, request: Request) -> tuple[None, ApiKey] | None:
        word, _, token = get_authorization_header(request).decode("latin-1").partition(" ")
        if word.lower() != "bearer":
            return None
        key = find_live_key(token.strip(), now=timezone.now())
        if key is None:
            if wait := bad_keys.take(network_of(request.META.get("REMOTE_ADDR", ""))):
                raise Throttled(wait, "Too many requests with bad keys come from this address.")
            raise AuthenticationFailed("No live key has this id and secret.")
        return None, key

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class HasScope(BasePermission):
    """Whether the key has the scope that the view names in `scope`, or for a change in `write_scope`."""

    message: ClassVar[str] = "This key lacks the scope that is needed here."

    def has_permission(self, request: Request, view: "APIView") -> bool:
        key = request.auth
        scope: Scope = getattr(view, "scope", Scope.READ)
        if request.method not in SAFE_METHODS:
            scope = getattr(view, "write_scope", scope)
        return isinstance(key, ApiKey) and scope.value in key.scopes
