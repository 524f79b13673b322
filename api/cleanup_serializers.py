"""What cleanup takes and shows over REST."""

from typing import Any

from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers

from connmon.cleanup.queries import OUTCOME_FIELDS
from connmon.cleanup.states import OrderState, Origin, PlanState


class PlanRequest(serializers.Serializer[Any]):
    """A dry run."""

    scope = serializers.JSONField(
        help_text="Conditions that must all hold: states, owner, service, type, servers, older_than, younger_than "
        '(seconds); or {"everything": true}: all that is not essential.'
    )
    reason = serializers.CharField(max_length=500)
    canary = serializers.BooleanField(default=True, help_text="One server first, the others when it has answered.")
    servers_per_second = serializers.FloatField(required=False, min_value=0.1, max_value=10_000)


class EmergencyRequest(serializers.Serializer[Any]):
    """An emergency: planned and executed in one step."""

    reason = serializers.CharField(max_length=500)
    scope = serializers.JSONField(default=lambda: {"everything": True})
    hold_s = serializers.FloatField(default=10.0, min_value=0, max_value=60, help_text="Seconds to take it back.")
    canary = serializers.BooleanField(default=True)
    servers_per_second = serializers.FloatField(default=10_000.0, min_value=0.1, max_value=10_000)


class StopRequest(serializers.Serializer[Any]):
    """Why a running plan is stopped."""

    reason = serializers.CharField(max_length=300, required=False, default="")


class PlanFilter(serializers.Serializer[Any]):
    """Which plans."""

    state = serializers.ChoiceField(required=False, choices=[state.value for state in PlanState])
    origin = serializers.ChoiceField(required=False, choices=[origin.value for origin in Origin])


class OrderFilter(serializers.Serializer[Any]):
    """Which orders."""

    state = serializers.ChoiceField(required=False, choices=[state.value for state in OrderState])


class PlanSerializer(serializers.Serializer[Any]):
    """A plan."""

    id = serializers.IntegerField()
    origin = serializers.CharField(help_text=", ".join(origin.value for origin in Origin))
    state = serializers.CharField(help_text=", ".join(state.value for state in PlanState))
    detail = serializers.CharField(help_text="Why it ended as it did.")
    scope = serializers.JSONField()
    reason = serializers.CharField()
    created_at = serializers.DateTimeField()
    created_by = serializers.CharField()
    executed_by = serializers.CharField()
    next_at = serializers.DateTimeField(help_text="planned: when it expires; held: when it runs.")
    planned = serializers.IntegerField(help_text="Connections that the dry run counted.")
    ordered = serializers.IntegerField(help_text="Connections, counted again when it ran.")
    servers = serializers.IntegerField(help_text="That have orders.")
    released = serializers.IntegerField(help_text="Of these, whose turn has come.")
    canary = serializers.BooleanField()
    servers_per_second = serializers.FloatField()
    started_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)
    watched_until = serializers.DateTimeField(allow_null=True)


class ProgressSerializer(serializers.Serializer[Any]):
    """Orders by state, connections by outcome."""

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        return {name: serializers.IntegerField() for name in OUTCOME_FIELDS}


class CameBackSerializer(serializers.Serializer[Any]):
    """One kind of connection and how many of it came back."""

    service = serializers.CharField()
    type = serializers.CharField()
    site = serializers.CharField()
    ordered = serializers.IntegerField()
    came_back = serializers.IntegerField()


class PlanDetailSerializer(PlanSerializer):
    """A plan with what its dry run counted, how far it is and what came back."""

    summary = serializers.JSONField(help_text="docs/cleanup.md, Plans.")
    progress = ProgressSerializer()
    came_back = CameBackSerializer(many=True)


@extend_schema_serializer(component_name="PlanOrder")  # the wire's messages have an Order of their own
class OrderSerializer(serializers.Serializer[Any]):
    """One order: at most 1,000 connections of one server."""

    id = serializers.CharField()
    server = serializers.CharField(help_text="Its name.")
    server_id = serializers.CharField()
    state = serializers.CharField(help_text=", ".join(state.value for state in OrderState))
    connections = serializers.IntegerField()
    closed = serializers.IntegerField()
    gone = serializers.IntegerField(help_text="Were not there any more.")
    changed = serializers.IntegerField(help_text="Left alone: another connection by now, or essential.")
    failed = serializers.IntegerField()
    sends = serializers.IntegerField()
    sent_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)
    detail = serializers.CharField()


@extend_schema_serializer(component_name="ConnectionOutcome")  # and an Outcome
class OutcomeSerializer(serializers.Serializer[Any]):
    """What became of one connection."""

    id = serializers.IntegerField()
    opened_at = serializers.FloatField()
    service = serializers.CharField()
    outcome = serializers.CharField(help_text="closed, gone, changed, failed, expired, cancelled, open")


class SweepSerializer(serializers.Serializer[Any]):
    """A stale sweep."""

    id = serializers.IntegerField()
    at = serializers.DateTimeField()
    by = serializers.CharField()
    skipped = serializers.CharField(help_text="Why nothing was looked at; empty otherwise.")
    lost = serializers.IntegerField(help_text="Servers whose lease was newly over.")
    returned = serializers.IntegerField(help_text="Servers that are back.")
    gone = serializers.IntegerField(help_text="Servers ended after GONE_AFTER.")
    stale = serializers.IntegerField(help_text="Stale connections of reporting servers.")
    plan_id = serializers.IntegerField(allow_null=True, help_text="That orders them cleaned.")
