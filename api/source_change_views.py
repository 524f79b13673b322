"""Changes of a rewrite over REST: look (scope read); accept, reject, edit or reopen them one by one (scope plan)."""

from collections.abc import Sequence
from typing import Any, ClassVar

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api.views import GameView, paged
from connmon.accounts.models import Scope
from connmon.source import queries
from connmon.source.changes import parts_of, written_of
from connmon.source.decisions import Decision, decide_change, decide_open
from connmon.source.editing import MAX_WRITTEN
from connmon.source.models import Change
from migrator.interactive import Choice

CHOICES = [(choice.value, choice.value) for choice in Choice]
ANSWERS = [pair for pair in CHOICES if pair[0] != Choice.OPEN]


class PartSerializer(serializers.Serializer[Any]):
    """Lines that change. Bytes that are no text are shown escaped."""

    start = serializers.IntegerField(help_text="First byte in the file as it was sent.")
    end = serializers.IntegerField(help_text="The byte after the last.")
    text = serializers.CharField(help_text="What the migrator would put there.")
    written = serializers.CharField(allow_null=True, help_text="What somebody wrote instead; null: nothing else.")


class ChangeSerializer(serializers.Serializer[Any]):
    """What of a rewrite is decided together. The lines that require connmon come with the first that is accepted."""

    id = serializers.IntegerField()
    path = serializers.CharField(source="file.path")
    number = serializers.IntegerField(help_text="In the file, from 1.")
    line = serializers.IntegerField()
    why = serializers.CharField()
    finding = serializers.IntegerField(source="finding_id", allow_null=True)
    choice = serializers.CharField(help_text="open, accepted or rejected.")
    decided_by = serializers.CharField(help_text='"": nobody yet.')
    decided_at = serializers.DateTimeField(allow_null=True)
    revision = serializers.IntegerField(help_text="Decisions so far.")
    parts = serializers.SerializerMethodField()

    @extend_schema(responses=PartSerializer(many=True))
    def get_parts(self, change: Change) -> list[dict[str, Any]]:
        parts = parts_of(change)
        written: Sequence[bytes | None] = written_of(change) or [None] * len(parts)
        return [
            {"start": part.span[0], "end": part.span[1], "text": _text(part.text), "written": _text(text)}
            for part, text in zip(parts, written, strict=True)
        ]


class ChangeFilter(serializers.Serializer[Any]):
    """What may be asked for."""

    path = serializers.CharField(max_length=500, required=False)
    choice = serializers.ChoiceField(choices=CHOICES, required=False)


class DecisionSerializer(serializers.Serializer[Any]):
    """What is said to a change."""

    choice = serializers.ChoiceField(choices=CHOICES)
    texts = serializers.ListField(
        child=serializers.CharField(allow_blank=True, trim_whitespace=False, max_length=MAX_WRITTEN),
        required=False,
        help_text="Instead of its parts, one for each; only of a change that is accepted.",
    )
    revision = serializers.IntegerField(
        min_value=0, required=False, help_text="The one that was seen: 409 if somebody has decided since."
    )


class OpenDecisionSerializer(serializers.Serializer[Any]):
    """What is said to all open changes of a file."""

    path = serializers.CharField(max_length=500)
    choice = serializers.ChoiceField(choices=ANSWERS)


class DecidedSerializer(serializers.Serializer[Any]):
    """How many changes were open."""

    decided = serializers.IntegerField()


class ChangesView(GameView):
    """The changes of an upload's rewrites, in the order of the sources; or all open ones of a file decided at once."""

    write_scope: ClassVar[Scope] = Scope.PLAN

    @extend_schema(parameters=[ChangeFilter], responses=ChangeSerializer(many=True), operation_id="list_source_changes")
    def get(self, request: Request, number: int) -> Response:
        wanted = ChangeFilter(data=request.query_params)
        wanted.is_valid(raise_exception=True)
        upload = queries.find_upload(self.game_id, number)
        return paged(self, request, queries.list_changes(upload, **wanted.validated_data), ChangeSerializer)

    @extend_schema(request=OpenDecisionSerializer, responses=DecidedSerializer, operation_id="decide_source_changes")
    def post(self, request: Request, number: int) -> Response:
        wanted = OpenDecisionSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        path, choice = wanted.validated_data["path"], Choice(wanted.validated_data["choice"])
        decided = decide_open(self.key.game, number, path, choice, by=self.actor, now=timezone.now())
        return Response({"decided": decided})


class ChangeView(GameView):
    """One change: look at it, or accept, reject, edit or reopen it."""

    write_scope: ClassVar[Scope] = Scope.PLAN

    @extend_schema(responses=ChangeSerializer, operation_id="show_source_change")
    def get(self, request: Request, number: int, change: int) -> Response:
        return Response(ChangeSerializer(queries.find_change(self.game_id, number, change)).data)

    @extend_schema(request=DecisionSerializer, responses=ChangeSerializer, operation_id="decide_source_change")
    def post(self, request: Request, number: int, change: int) -> Response:
        wanted = DecisionSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        values = wanted.validated_data
        decision = Decision(Choice(values["choice"]), values.get("texts"), values.get("revision"))
        decided = decide_change(self.key.game, number, change, decision, by=self.actor, now=timezone.now())
        return Response(ChangeSerializer(decided).data)


def _text(part: bytes | None) -> str | None:
    return None if part is None else part.decode("utf-8", "backslashreplace")
