"""The ledger of leaks over REST: look (scope read), assign and link (scope plan), ignore (scope execute)."""

from datetime import timedelta
from typing import Any, ClassVar

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api.views import GameView, paged
from connmon.accounts.models import Scope
from connmon.leaks import actions, queries
from connmon.leaks.models import Leak
from connmon.leaks.states import LedgerState, Rung

TIDINESS_HOURS = 24


def _choices(words: Any) -> list[tuple[str, str]]:
    return [(word.value, word.value) for word in words]


class LeakSerializer(serializers.Serializer[Any]):
    """One creation site that leaks, or leaked."""

    id = serializers.IntegerField()
    service = serializers.CharField(source="origin.service.name")
    type = serializers.CharField(source="origin.type")
    site = serializers.CharField(source="origin.site", help_text='script:line; "" if the agent does not know it.')
    rung = serializers.CharField(help_text="confirmed, likely or suspect.")
    cause = serializers.CharField(help_text="orphaned, kept, growing, piling or hoarding.")
    state = serializers.CharField(help_text="new, ongoing, regressed or fixed.")
    summary = serializers.CharField()
    count = serializers.IntegerField(help_text="Connections that the verdict is about.")
    evidence = serializers.JSONField()
    since = serializers.DateTimeField()
    first_seen_at = serializers.DateTimeField()
    last_seen_at = serializers.DateTimeField()
    versions = serializers.ListField(child=serializers.IntegerField(), help_text="Place versions that leaked.")
    since_version = serializers.IntegerField(allow_null=True, help_text="An earlier version did not leak.")
    fixed_in = serializers.IntegerField(allow_null=True)
    assignee = serializers.CharField(source="assignee.email", default="", help_text='"": nobody.')
    ignored_until = serializers.DateTimeField(allow_null=True)
    link = serializers.CharField()


class EventSerializer(serializers.Serializer[Any]):
    """What became of a leak."""

    at = serializers.DateTimeField()
    state = serializers.CharField()
    rung = serializers.CharField()
    place_version = serializers.IntegerField(allow_null=True)


class LeakDetailSerializer(LeakSerializer):
    """One leak with its course."""

    forecast = serializers.CharField(help_text='"Budget full in about 3 h.", or "".')
    events = EventSerializer(many=True)


class LeakFilter(serializers.Serializer[Any]):
    """What may be asked for."""

    rung = serializers.ChoiceField(choices=_choices(Rung), required=False)
    state = serializers.ChoiceField(choices=_choices(LedgerState), required=False)
    service = serializers.CharField(max_length=128, required=False)
    active = serializers.BooleanField(required=False, help_text="Only what the last ten minutes still found.")


class CohortSerializer(serializers.Serializer[Any]):
    """Live connections of one age; the last cell holds all that is older."""

    from_s = serializers.IntegerField(help_text="Seconds since they were opened, at least.")
    live = serializers.IntegerField()
    orphaned = serializers.IntegerField()


class AssignSerializer(serializers.Serializer[Any]):
    """A member's e-mail; "" for nobody."""

    email = serializers.CharField(max_length=254, allow_blank=True)


class IgnoreSerializer(serializers.Serializer[Any]):
    """Until when; null ends it."""

    until = serializers.DateTimeField(allow_null=True)


class LinkSerializer(serializers.Serializer[Any]):
    """An address; "" removes it."""

    link = serializers.CharField(max_length=actions.MAX_LINK, allow_blank=True)


class ShareSerializer(serializers.Serializer[Any]):
    """Of those who held connections and left, how many left nothing behind past the grace."""

    left = serializers.IntegerField()
    clean = serializers.IntegerField()
    share = serializers.FloatField(allow_null=True, help_text="null: nobody left.")


class TidinessSerializer(serializers.Serializer[Any]):
    """The last 24 hours."""

    players = ShareSerializer()
    services = ShareSerializer()


class LeaksView(GameView):
    """The ledger: what is not fixed first, the surest first, then what was seen last."""

    @extend_schema(parameters=[LeakFilter], responses=LeakSerializer(many=True), operation_id="list_leaks")
    def get(self, request: Request) -> Response:
        wanted = _valid(LeakFilter(data=request.query_params))
        wanted["active"] = timezone.now() if wanted.get("active") else None
        return paged(self, request, queries.list_leaks(self.game_id, **wanted), LeakSerializer)


class LeakView(GameView):
    """One leak and its course."""

    @extend_schema(responses=LeakDetailSerializer, operation_id="show_leak")
    def get(self, request: Request, number: int) -> Response:
        return Response(_detail(queries.find_leak(self.game_id, number)))


class CohortsView(GameView):
    """A leak's live connections by age, in cells of five minutes over six hours: the cohort strip."""

    pagination_class = None

    @extend_schema(responses=CohortSerializer(many=True), operation_id="list_leak_cohorts")
    def get(self, request: Request, number: int) -> Response:
        leak = queries.find_leak(self.game_id, number)
        return Response(CohortSerializer(queries.cohort_strip(leak, now=timezone.now()), many=True).data)


class AssignView(GameView):
    """Gives a leak to a member."""

    scope: ClassVar[Scope] = Scope.PLAN

    @extend_schema(request=AssignSerializer, responses=LeakDetailSerializer, operation_id="assign_leak")
    def post(self, request: Request, number: int) -> Response:
        values = _valid(AssignSerializer(data=request.data))
        return Response(
            _detail(actions.assign_leak(self.key.game, number, **values, by=self.actor, now=timezone.now()))
        )


class IgnoreView(GameView):
    """Raises no alarm for a leak until then. Whoever may do that can hide one: it takes the scope execute."""

    scope: ClassVar[Scope] = Scope.EXECUTE

    @extend_schema(request=IgnoreSerializer, responses=LeakDetailSerializer, operation_id="ignore_leak")
    def post(self, request: Request, number: int) -> Response:
        values = _valid(IgnoreSerializer(data=request.data))
        return Response(
            _detail(actions.ignore_leak(self.key.game, number, **values, by=self.actor, now=timezone.now()))
        )


class LinkView(GameView):
    """Notes the address of a ticket or commit."""

    scope: ClassVar[Scope] = Scope.PLAN

    @extend_schema(request=LinkSerializer, responses=LeakDetailSerializer, operation_id="link_leak")
    def post(self, request: Request, number: int) -> Response:
        values = _valid(LinkSerializer(data=request.data))
        return Response(_detail(actions.link_leak(self.key.game, number, **values, by=self.actor, now=timezone.now())))


class TidinessView(GameView):
    """How many players left and services stopped in the last 24 hours, and the share that left nothing behind."""

    @extend_schema(responses=TidinessSerializer, operation_id="show_tidiness")
    def get(self, request: Request) -> Response:
        since = timezone.now() - timedelta(hours=TIDINESS_HOURS)
        return Response(TidinessSerializer(queries.tidiness(self.game_id, since=since)).data)


def _detail(leak: Leak) -> dict[str, Any]:
    return {
        **LeakSerializer(leak).data,
        "forecast": queries.forecast(leak, now=timezone.now()),
        "events": EventSerializer(queries.list_events(leak), many=True).data,
    }


def _valid(wanted: serializers.Serializer[Any]) -> dict[str, Any]:
    wanted.is_valid(raise_exception=True)
    values: dict[str, Any] = wanted.validated_data
    return values
