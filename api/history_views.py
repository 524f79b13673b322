"""History over REST: charts, with the resolution that draws them, and the sites whose callbacks cost most."""

import re
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any, Final

from django.utils import timezone
from django.utils.dateparse import parse_datetime
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api.views import GameView
from connmon.telemetry.marks import MarkKind, find_marks
from connmon.telemetry.measures import MEASURES, Split, Unit
from connmon.telemetry.profile_queries import heartbeat_costs, heaviest_sites
from connmon.telemetry.queries import Chart, Span, find_service, series
from connmon.telemetry.server_queries import server_series

DEFAULT_SPAN: Final = timedelta(hours=1)
MOST_SERIES: Final = 8  # in one answer
RELATIVE: Final = re.compile(r"now(?:-(\d{1,5})([smhd]))?")
UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
MOMENT: Final = "`now`, `now-90m` (s, m, h, d), or a time of ISO 8601 with its offset."


@extend_schema_field(OpenApiTypes.STR)
class MomentField(serializers.Field[datetime, str, str, Any]):
    """A moment, as the pages' addresses name it (MOMENT)."""

    def to_internal_value(self, data: str) -> datetime:
        relative = RELATIVE.fullmatch(data)
        if relative:
            amount, unit = relative.groups()
            now: datetime = self.context["now"]
            return now - timedelta(**{UNITS[unit]: int(amount)}) if amount else now
        try:
            moment = parse_datetime(data)
        except ValueError:
            moment = None
        if moment is None or moment.tzinfo is None:
            raise serializers.ValidationError(f"{data[:40]!r} is no moment: {MOMENT}")
        return moment

    def to_representation(self, value: datetime) -> str:
        return value.isoformat()


class SpanFilter(serializers.Serializer[Any]):
    """From when to when."""

    to = MomentField(required=False, help_text=f"{MOMENT} By default now.")
    service = serializers.CharField(required=False, max_length=128, help_text="A service's name.")

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        begin = MomentField(required=False, help_text=f"{MOMENT} Five minutes to 366 days before `to`; by default 1 h.")
        return {"from": begin, **super().get_fields()}  # `from` is a keyword

    def span(self) -> Span:
        """Raises Invalid."""
        until = self.validated_data.get("to", self.context["now"])
        return Span(self.validated_data.get("from", until - DEFAULT_SPAN), until, self.context["now"])


class HistoryFilter(SpanFilter):
    """Which charts."""

    series = serializers.CharField(
        default="live", max_length=200, help_text=f"One to {MOST_SERIES}, with commas: {', '.join(MEASURES)}."
    )
    by = serializers.ChoiceField(choices=[split.value for split in Split], default=Split.NONE.value)
    server = serializers.CharField(required=False, max_length=128, help_text="A server's name: all its boots.")

    def validate_series(self, value: str) -> list[str]:
        names = list(dict.fromkeys(name.strip() for name in value.split(",")))
        if len(names) > MOST_SERIES:
            raise serializers.ValidationError(f"At most {MOST_SERIES} series at once.")
        return names


class LineSerializer(serializers.Serializer[Any]):
    """One line: a number for each moment of `at`, null where nothing was sampled."""

    key = serializers.CharField(help_text="A service's id, a type, `all` or `others`.")
    name = serializers.CharField(allow_blank=True)
    values = serializers.ListField(child=serializers.FloatField(allow_null=True))
    low = serializers.ListField(child=serializers.FloatField(allow_null=True), help_text="Empty where unknown.")
    high = serializers.ListField(child=serializers.FloatField(allow_null=True))


class SeriesSerializer(serializers.Serializer[Any]):
    """One series and its lines, the largest first."""

    series = serializers.ChoiceField(choices=list(MEASURES))
    unit = serializers.ChoiceField(choices=[unit.value for unit in Unit])
    at = serializers.ListField(child=serializers.DateTimeField())
    step = serializers.IntegerField(help_text="Seconds from one point to the next.")
    resolution = serializers.IntegerField(help_text="Seconds that the coarsest rows behind the points stand for.")
    lines = LineSerializer(many=True)


class MarkSerializer(serializers.Serializer[Any]):
    """A moment to mark."""

    at = serializers.DateTimeField()
    kind = serializers.ChoiceField(choices=[kind.value for kind in MarkKind])
    place_version = serializers.IntegerField(allow_null=True)


class HistorySerializer(serializers.Serializer[Any]):
    """Charts over one time."""

    series = SeriesSerializer(many=True)
    marks = MarkSerializer(many=True)


class SiteSerializer(serializers.Serializer[Any]):
    """What the callbacks of one site cost."""

    service = serializers.CharField()
    type = serializers.CharField()
    site = serializers.CharField(allow_blank=True)
    calls = serializers.IntegerField()
    total_us = serializers.FloatField()
    share = serializers.FloatField(allow_null=True, help_text="Of all that the game's callbacks took, 0 to 1.")
    p50_us = serializers.FloatField()
    p95_us = serializers.FloatField()
    max_us = serializers.FloatField()


class HeartbeatSerializer(serializers.Serializer[Any]):
    """What a service's heartbeats take of a frame."""

    service = serializers.CharField()
    us_per_frame = serializers.FloatField(help_text="Microseconds, mean of all servers, at 60 frames a second.")


class ProfilesSerializer(serializers.Serializer[Any]):
    """What callbacks cost."""

    sites = SiteSerializer(many=True)
    heartbeats = HeartbeatSerializer(many=True)


class HistoryView(GameView):
    """Charts of the game, of one service, or of one server."""

    @extend_schema(parameters=[HistoryFilter], responses=HistorySerializer, operation_id="show_history")
    def get(self, request: Request) -> Response:
        wanted = HistoryFilter(data=request.query_params, context={"now": timezone.now()})
        wanted.is_valid(raise_exception=True)
        asked, span = wanted.validated_data, wanted.span()
        service = find_service(self.game_id, asked["service"]) if "service" in asked else None
        server: str | None = asked.get("server")
        charts = [self._chart(name, span, Split(asked["by"]), service, server) for name in asked["series"]]
        marks = find_marks(self.game_id, span=span, server=server)
        answer = {"series": [_as_series(chart) for chart in charts], "marks": [asdict(mark) for mark in marks]}
        return Response(HistorySerializer(answer).data)

    def _chart(self, name: str, span: Span, split: Split, service: int | None, server: str | None) -> Chart:
        if server is not None:
            return server_series(self.game_id, name, server=server, span=span, split=split, service_id=service)
        return series(self.game_id, name, span=span, split=split, service_id=service)


class ProfilesView(GameView):
    """The sites whose callbacks took most time, and what heartbeats cost a frame."""

    @extend_schema(parameters=[SpanFilter], responses=ProfilesSerializer, operation_id="show_profiles")
    def get(self, request: Request) -> Response:
        wanted = SpanFilter(data=request.query_params, context={"now": timezone.now()})
        wanted.is_valid(raise_exception=True)
        asked, span = wanted.validated_data, wanted.span()
        service = find_service(self.game_id, asked["service"]) if "service" in asked else None
        answer = {
            "sites": [asdict(site) for site in heaviest_sites(self.game_id, span=span, service_id=service)],
            "heartbeats": [asdict(cost) for cost in heartbeat_costs(self.game_id, span=span)],
        }
        return Response(ProfilesSerializer(answer).data)


def _as_series(chart: Chart) -> dict[str, Any]:
    return {
        "series": chart.measure.name,
        "unit": chart.measure.unit.value,
        "at": chart.at,
        "step": chart.step,
        "resolution": chart.resolution,
        "lines": [asdict(line) for line in chart.lines],
    }
