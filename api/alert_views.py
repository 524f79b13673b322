"""Alerts over REST: firing and past ones, rules, silences, destinations, deliveries. Changes take the scope execute."""

from typing import Any, ClassVar

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api.views import GameView, paged
from connmon.accounts.models import Scope
from connmon.alerts import actions, destinations, queries
from connmon.alerts.actions import RuleSpec
from connmon.alerts.destinations import DestinationSpec
from connmon.alerts.states import AlertState, Comparator, DeliveryState, DestinationKind, Kind, Series, Severity


def _choices(words: Any) -> list[tuple[str, str]]:
    return [(word.value, word.value) for word in words]


class AlertSerializer(serializers.Serializer[Any]):
    """A rule that holds, or held."""

    id = serializers.IntegerField()
    rule = serializers.IntegerField(source="rule_id", allow_null=True, help_text="null: the rule was removed.")
    name = serializers.CharField()
    kind = serializers.CharField()
    severity = serializers.CharField()
    service = serializers.CharField()
    state = serializers.CharField()
    summary = serializers.CharField()
    value = serializers.FloatField()
    things = serializers.ListField(
        child=serializers.CharField(), help_text="What is affected, worst first; the first 50."
    )
    count = serializers.IntegerField(help_text="Of all that is affected.")
    since = serializers.DateTimeField()
    fired_at = serializers.DateTimeField(allow_null=True)
    resolved_at = serializers.DateTimeField(allow_null=True)
    announced_at = serializers.DateTimeField(allow_null=True, help_text="When people were first told.")
    snoozed_until = serializers.DateTimeField(allow_null=True)
    snoozed_by = serializers.CharField()


class RuleSerializer(serializers.Serializer[Any]):
    """What is alarming; the limits of each field are in docs/alerts.md."""

    id = serializers.IntegerField(read_only=True)
    name = serializers.CharField(max_length=80)
    kind = serializers.ChoiceField(choices=_choices(Kind))
    series = serializers.ChoiceField(choices=_choices(Series), required=False, allow_blank=True)
    service = serializers.CharField(
        max_length=128, required=False, allow_blank=True, help_text='"": the game; "*": each service by itself.'
    )
    comparator = serializers.ChoiceField(choices=_choices(Comparator), required=False)
    threshold = serializers.FloatField()
    hold_seconds = serializers.IntegerField(required=False, help_text="Fires when it has held for so long.")
    keep_seconds = serializers.IntegerField(required=False, help_text="Resolves when it has not held for so long.")
    severity = serializers.ChoiceField(choices=_choices(Severity), required=False)
    enabled = serializers.BooleanField(required=False)


class SnoozeSerializer(serializers.Serializer[Any]):
    """Until when; null ends a snooze."""

    until = serializers.DateTimeField(allow_null=True)


class SilenceSerializer(serializers.Serializer[Any]):
    """Nobody is told of alerts that match; what is left out matches all."""

    id = serializers.IntegerField(read_only=True)
    rule = serializers.IntegerField(source="rule_id", required=False, allow_null=True)
    kind = serializers.ChoiceField(choices=_choices(Kind), required=False, allow_blank=True)
    service = serializers.CharField(max_length=128, required=False, allow_blank=True)
    starts_at = serializers.DateTimeField(required=False, help_text="Now, if left out.")
    ends_at = serializers.DateTimeField()
    reason = serializers.CharField(max_length=500)
    created_by = serializers.CharField(read_only=True)


class DestinationSerializer(serializers.Serializer[Any]):
    """Somebody who is told. Address and secret are taken and never shown."""

    id = serializers.IntegerField(read_only=True)
    name = serializers.CharField(max_length=80)
    kind = serializers.ChoiceField(choices=_choices(DestinationKind))
    address = serializers.CharField(max_length=1_000, write_only=True, help_text="https://… or an e-mail address.")
    secret = serializers.CharField(max_length=200, write_only=True, required=False, allow_blank=True)
    shown_address = serializers.CharField(read_only=True)
    has_secret = serializers.BooleanField(read_only=True)
    least_severity = serializers.ChoiceField(choices=_choices(Severity), required=False)
    enabled = serializers.BooleanField(required=False)


class DeliverySerializer(serializers.Serializer[Any]):
    """One message to one destination."""

    id = serializers.IntegerField()
    destination = serializers.IntegerField(source="destination_id")
    destination_name = serializers.CharField(source="destination.name")
    alert = serializers.IntegerField(source="alert_id", allow_null=True, help_text="null: a test.")
    state = serializers.CharField()
    attempts = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    next_at = serializers.DateTimeField(help_text="Of a pending one: not before.")
    ended_at = serializers.DateTimeField(allow_null=True)
    detail = serializers.CharField(help_text="What the last attempt came to.")
    event = serializers.JSONField()


class AlertFilter(serializers.Serializer[Any]):
    """What may be asked for."""

    kind = serializers.ChoiceField(choices=_choices(Kind), required=False)
    state = serializers.ChoiceField(choices=_choices([AlertState.FIRING, AlertState.RESOLVED]), required=False)


class DeliveryFilter(serializers.Serializer[Any]):
    """What may be asked for."""

    state = serializers.ChoiceField(choices=_choices(DeliveryState), required=False)


class AlertWriteView(GameView):
    """Whoever can silence alarms can hide what a cleanup does: the scope is that of letting one run."""

    write_scope: ClassVar[Scope] = Scope.EXECUTE


class ActiveAlertsView(GameView):
    """What is firing, or pending, now: firing first, then the most severe."""

    @extend_schema(responses=AlertSerializer(many=True), operation_id="list_active_alerts")
    def get(self, request: Request) -> Response:
        return paged(self, request, queries.active_alerts(self.game_id, pending=True), AlertSerializer)


class AlertHistoryView(GameView):
    """What fired, over or not, newest first."""

    @extend_schema(parameters=[AlertFilter], responses=AlertSerializer(many=True), operation_id="list_alert_history")
    def get(self, request: Request) -> Response:
        wanted = _valid(AlertFilter(data=request.query_params))
        return paged(self, request, queries.alert_history(self.game_id, **wanted), AlertSerializer)


class SnoozeView(AlertWriteView):
    """Nobody is told of one firing alert until then."""

    @extend_schema(request=SnoozeSerializer, responses=AlertSerializer, operation_id="snooze_alert")
    def post(self, request: Request, number: int) -> Response:
        until = _valid(SnoozeSerializer(data=request.data))["until"]
        alert = actions.snooze_alert(self.key.game, number, until=until, by=self.actor, now=timezone.now())
        return Response(AlertSerializer(alert).data)


class AlertRulesView(AlertWriteView):
    """Every rule by name; a new one."""

    @extend_schema(responses=RuleSerializer(many=True), operation_id="list_alert_rules")
    def get(self, request: Request) -> Response:
        return paged(self, request, queries.list_rules(self.game_id), RuleSerializer)

    @extend_schema(request=RuleSerializer, responses={201: RuleSerializer}, operation_id="create_alert_rule")
    def post(self, request: Request) -> Response:
        spec = RuleSpec(**_valid(RuleSerializer(data=request.data)))
        rule = actions.create_rule(self.key.game, spec, by=self.actor, now=timezone.now())
        return Response(RuleSerializer(rule).data, status=201)


class AlertRuleView(AlertWriteView):
    """One rule."""

    @extend_schema(responses=RuleSerializer, operation_id="show_alert_rule")
    def get(self, request: Request, number: int) -> Response:
        return Response(RuleSerializer(queries.find_rule(self.game_id, number)).data)

    @extend_schema(request=RuleSerializer, responses=RuleSerializer, operation_id="change_alert_rule")
    def patch(self, request: Request, number: int) -> Response:
        changes = _valid(RuleSerializer(data=request.data, partial=True))
        rule = actions.change_rule(self.key.game, number, changes, by=self.actor, now=timezone.now())
        return Response(RuleSerializer(rule).data)

    @extend_schema(responses={204: None}, operation_id="delete_alert_rule")
    def delete(self, request: Request, number: int) -> Response:
        actions.delete_rule(self.key.game, number, by=self.actor, now=timezone.now())
        return Response(status=204)


class SilencesView(AlertWriteView):
    """Silences in force or to come; a new one."""

    @extend_schema(responses=SilenceSerializer(many=True), operation_id="list_alert_silences")
    def get(self, request: Request) -> Response:
        return paged(self, request, queries.list_silences(self.game_id, now=timezone.now()), SilenceSerializer)

    @extend_schema(request=SilenceSerializer, responses={201: SilenceSerializer}, operation_id="create_alert_silence")
    def post(self, request: Request) -> Response:
        now = timezone.now()
        values = {"starts_at": now, **_valid(SilenceSerializer(data=request.data))}
        silence = actions.create_silence(self.key.game, **values, by=self.actor, now=now)
        return Response(SilenceSerializer(silence).data, status=201)


class SilenceView(AlertWriteView):
    """One silence."""

    @extend_schema(responses={204: None}, operation_id="end_alert_silence")
    def delete(self, request: Request, number: int) -> Response:
        actions.end_silence(self.key.game, number, by=self.actor, now=timezone.now())
        return Response(status=204)


class DestinationsView(AlertWriteView):
    """Every destination by name; a new one."""

    @extend_schema(responses=DestinationSerializer(many=True), operation_id="list_alert_destinations")
    def get(self, request: Request) -> Response:
        return paged(self, request, queries.list_destinations(self.game_id), DestinationSerializer)

    @extend_schema(
        request=DestinationSerializer, responses={201: DestinationSerializer}, operation_id="create_alert_destination"
    )
    def post(self, request: Request) -> Response:
        spec = DestinationSpec(**_valid(DestinationSerializer(data=request.data)))
        destination = destinations.create_destination(self.key.game, spec, by=self.actor, now=timezone.now())
        return Response(DestinationSerializer(destination).data, status=201)


class DestinationView(AlertWriteView):
    """One destination."""

    @extend_schema(responses=DestinationSerializer, operation_id="show_alert_destination")
    def get(self, request: Request, number: int) -> Response:
        return Response(DestinationSerializer(queries.find_destination(self.game_id, number)).data)

    @extend_schema(
        request=DestinationSerializer, responses=DestinationSerializer, operation_id="change_alert_destination"
    )
    def patch(self, request: Request, number: int) -> Response:
        changes = _valid(DestinationSerializer(data=request.data, partial=True))
        changed = destinations.change_destination(self.key.game, number, changes, by=self.actor, now=timezone.now())
        return Response(DestinationSerializer(changed).data)

    @extend_schema(responses={204: None}, operation_id="delete_alert_destination")
    def delete(self, request: Request, number: int) -> Response:
        destinations.delete_destination(self.key.game, number, by=self.actor, now=timezone.now())
        return Response(status=204)


class DestinationTestView(AlertWriteView):
    """Sends a test message; its delivery says what becomes of it."""

    @extend_schema(request=None, responses={202: DeliverySerializer}, operation_id="test_alert_destination")
    def post(self, request: Request, number: int) -> Response:
        delivery = destinations.send_test(self.key.game, number, by=self.actor, now=timezone.now())
        return Response(DeliverySerializer(delivery).data, status=202)


class DeliveriesView(GameView):
    """Every delivery, newest first; `state=dead` is the dead-letter list."""

    @extend_schema(
        parameters=[DeliveryFilter], responses=DeliverySerializer(many=True), operation_id="list_alert_deliveries"
    )
    def get(self, request: Request) -> Response:
        wanted = _valid(DeliveryFilter(data=request.query_params))
        return paged(self, request, queries.list_deliveries(self.game_id, **wanted), DeliverySerializer)


class DeliveryView(GameView):
    """One delivery."""

    @extend_schema(responses=DeliverySerializer, operation_id="show_alert_delivery")
    def get(self, request: Request, number: int) -> Response:
        return Response(DeliverySerializer(queries.find_delivery(self.game_id, number)).data)


class RetryView(AlertWriteView):
    """Sends a dead letter once more."""

    @extend_schema(request=None, responses={202: DeliverySerializer}, operation_id="retry_alert_delivery")
    def post(self, request: Request, number: int) -> Response:
        delivery = destinations.retry_delivery(self.key.game, number, by=self.actor, now=timezone.now())
        return Response(DeliverySerializer(delivery).data, status=202)


def _valid(wanted: serializers.Serializer[Any]) -> dict[str, Any]:
    wanted.is_valid(raise_exception=True)
    values: dict[str, Any] = wanted.validated_data
    return values
