"""REST for ops and CI: what a viewer sees, as JSON. The game is the key's."""

from typing import Any, ClassVar

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.pagination import LimitOffsetPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api.parsers import BoundedJSONParser
from api.serializers import GameServerSerializer, ServiceSerializer
from connmon.accounts.audit import Actor
from connmon.accounts.models import ApiKey, Scope
from connmon.registry.queries import list_servers, list_services


class Page(LimitOffsetPagination):
    """`?limit=` (at most 500) and `?offset=`."""

    default_limit = 100
    max_limit = 500


class GameView(APIView):
    """A view of the key's game. A view that changes something names the scope for it in `write_scope`."""

    scope: ClassVar[Scope] = Scope.READ
    parser_classes = (BoundedJSONParser,)
    pagination_class: ClassVar[type[Page] | None] = Page  # of lists, for the OpenAPI document; `paged` does it

    @property
    def key(self) -> ApiKey:
        key = self.request.auth
        assert isinstance(key, ApiKey)  # HasScope let nobody else in
        return key

    @property
    def game_id(self) -> int:
        return self.key.game_id

    @property
    def actor(self) -> Actor:
        """The key, for the audit trail."""
        return Actor.of_key(self.key)


class ServicesView(GameView):
    """Every service of the game."""

    @extend_schema(responses=ServiceSerializer(many=True), operation_id="list_services")
    def get(self, request: Request) -> Response:
        rows = list_services(self.game_id, now=timezone.now())
        return paged(self, request, rows, ServiceSerializer)


class ServersView(GameView):
    """Every running server of the game, silent ones too."""

    @extend_schema(responses=GameServerSerializer(many=True), operation_id="list_servers")
    def get(self, request: Request) -> Response:
        rows = list_servers(self.game_id, now=timezone.now())
        return paged(self, request, rows, GameServerSerializer)


def paged(view: APIView, request: Request, rows: Any, serializer: Any) -> Response:
    """One page of a list or query, each row through `serializer`."""
    page = Page()
    shown: Any = page.paginate_queryset(rows, request, view=view)  # a list pages as a query does
    return page.get_paginated_response(serializer(shown, many=True).data)
