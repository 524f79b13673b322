"""REST for ops and CI: what a viewer sees, as JSON. The game is the key's."""

from typing import Any, ClassVar, cast

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.pagination import LimitOffsetPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api.serializers import ServerSerializer, ServiceSerializer
from connmon.accounts.models import ApiKey, Scope
from connmon.registry.queries import list_servers, list_services


class Page(LimitOffsetPagination):
    """`?limit=` (at most 500) and `?offset=`."""

    default_limit = 100
    max_limit = 500


class _GameView(APIView):
    """A view of the key's game."""

    scope: ClassVar[Scope] = Scope.READ

    @property
    def game_id(self) -> int:
        key = self.request.auth
        assert isinstance(key, ApiKey)  # HasScope let nobody else in
        return key.game_id


class ServicesView(_GameView):
    """Every service of the game."""

    @extend_schema(responses=ServiceSerializer(many=True), operation_id="list_services")
    def get(self, request: Request) -> Response:
        rows = list_services(self.game_id, now=timezone.now())
        return _paged(self, request, rows, ServiceSerializer)


class ServersView(_GameView):
    """Every running server of the game, silent ones too."""

    @extend_schema(responses=ServerSerializer(many=True), operation_id="list_servers")
    def get(self, request: Request) -> Response:
        rows = list_servers(self.game_id, now=timezone.now())
        return _paged(self, request, rows, ServerSerializer)


def _paged(view: APIView, request: Request, rows: list[dict[str, Any]], serializer: Any) -> Response:
    page = Page()
    shown: Any = page.paginate_queryset(cast(Any, rows), request, view=view)  # a list pages as a query does
    return page.get_paginated_response(serializer(shown, many=True).data)
