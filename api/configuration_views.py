"""The configuration over REST: as it holds, changes, revisions, roll-back, roll-out. Changes take the scope execute."""

from typing import Any, ClassVar

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api.views import GameView, paged
from connmon.accounts.models import Scope
from connmon.configuration.actions import change_configuration, roll_back
from connmon.configuration.queries import current, find_revision, list_revisions, list_rollout
from connmon.configuration.rules import Configuration


def _expected_revision() -> serializers.IntegerField:
    return serializers.IntegerField(required=False, min_value=0, help_text="409 if another revision holds by now.")


class ConfigurationSerializer(serializers.Serializer[Any]):
    """What holds: every section whole, and what single services have instead."""

    revision = serializers.IntegerField(help_text="0: nothing was ever set.")
    settings = serializers.JSONField(help_text="{section: {setting: value}}")
    services = serializers.JSONField(help_text="{service: {section: {setting: value}}}")


class RevisionSerializer(serializers.Serializer[Any]):
    """A revision: what it set, and how it differs from the one before."""

    number = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    author_kind = serializers.CharField()
    author = serializers.CharField()
    reason = serializers.CharField()
    rolled_back_to = serializers.IntegerField(allow_null=True)
    changes = serializers.JSONField(help_text="[{service (null: the game), section, setting, before, after}]")
    settings = serializers.JSONField(help_text="Only what differs from the defaults.")
    services = serializers.JSONField()


class ChangeSerializer(serializers.Serializer[Any]):
    """A change: a value sets, null goes back to what holds without it."""

    reason = serializers.CharField(max_length=500)
    settings = serializers.JSONField(default=dict, help_text="{section: {setting: value or null}}")
    services = serializers.JSONField(default=dict, help_text="{service: {section: {setting: value or null}} or null}")
    expected_revision = _expected_revision()


class RollBackSerializer(serializers.Serializer[Any]):
    """Where to go back to."""

    revision = serializers.IntegerField(min_value=0, help_text="0: the defaults.")
    reason = serializers.CharField(max_length=500)
    expected_revision = _expected_revision()


class RolloutSerializer(serializers.Serializer[Any]):
    """One running server and the revision it last said it runs."""

    id = serializers.CharField()
    name = serializers.CharField()
    agent = serializers.CharField()
    revision = serializers.IntegerField()
    reporting = serializers.BooleanField()
    received_at = serializers.DateTimeField()


class ConfigurationView(GameView):
    """The configuration that holds now."""

    write_scope: ClassVar[Scope] = Scope.EXECUTE

    @extend_schema(responses=ConfigurationSerializer, operation_id="show_configuration")
    def get(self, request: Request) -> Response:
        return Response(_body(current(self.game_id)))

    @extend_schema(request=ChangeSerializer, responses=RevisionSerializer, operation_id="change_configuration")
    def patch(self, request: Request) -> Response:
        wanted = ChangeSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        values = wanted.validated_data
        revision = change_configuration(
            self.key.game,
            settings=values["settings"],
            services=values["services"],
            reason=values["reason"],
            expected=values.get("expected_revision"),
            by=self.actor,
            now=timezone.now(),
        )
        return Response(RevisionSerializer(revision).data)


class RevisionsView(GameView):
    """Every revision, newest first."""

    @extend_schema(responses=RevisionSerializer(many=True), operation_id="list_revisions")
    def get(self, request: Request) -> Response:
        return paged(self, request, list_revisions(self.game_id), RevisionSerializer)


class RevisionView(GameView):
    """One revision."""

    @extend_schema(responses=RevisionSerializer, operation_id="show_revision")
    def get(self, request: Request, number: int) -> Response:
        return Response(RevisionSerializer(find_revision(self.game_id, number)).data)


class RollBackView(GameView):
    """Goes back to an earlier revision's values, as a new revision."""

    write_scope: ClassVar[Scope] = Scope.EXECUTE

    @extend_schema(request=RollBackSerializer, responses=RevisionSerializer, operation_id="roll_back_configuration")
    def post(self, request: Request) -> Response:
        wanted = RollBackSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        values = wanted.validated_data
        revision = roll_back(
            self.key.game,
            to=values["revision"],
            reason=values["reason"],
            expected=values.get("expected_revision"),
            by=self.actor,
            now=timezone.now(),
        )
        return Response(RevisionSerializer(revision).data)


class RolloutView(GameView):
    """Which server runs which revision, those furthest behind first."""

    @extend_schema(responses=RolloutSerializer(many=True), operation_id="list_rollout")
    def get(self, request: Request) -> Response:
        return paged(self, request, list_rollout(self.game_id, now=timezone.now()), RolloutSerializer)


def _body(configuration: Configuration) -> dict[str, Any]:
    return {
        "revision": configuration.revision,
        "settings": configuration.effective(),
        "services": configuration.overrides.services,
    }
