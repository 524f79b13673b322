"""Sources of the game over REST: send them from CI (scope plan), read what was found in them (scope read)."""

from typing import Any, ClassVar

from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api.source_parsers import SENT, SourceJSONParser, SourceZipParser
from api.views import GameView, paged
from connmon.accounts.models import Scope
from connmon.core.errors import Invalid
from connmon.source import queries
from connmon.source.actions import receive_upload
from connmon.source.models import Upload
from connmon.source.states import MAX_VERSION


class SourceFileSerializer(serializers.Serializer[Any]):
    """A file as it is sent."""

    path = serializers.CharField(max_length=500, help_text="Relative, with forward slashes.")
    source = serializers.CharField(trim_whitespace=False)  # type: ignore[assignment]  # a field's own keyword


class SourceSerializer(serializers.Serializer[Any]):
    """The sources of one place version. A default.project.json among them says where files stand in the game."""

    place_version = serializers.IntegerField(min_value=0, max_value=MAX_VERSION)
    files = SourceFileSerializer(many=True)


class UploadSerializer(serializers.Serializer[Any]):
    """The sources of one place version, and the numbers of what was found."""

    id = serializers.IntegerField()
    place_version = serializers.IntegerField()
    state = serializers.CharField(help_text="queued, running, done or failed.")
    reason = serializers.CharField(help_text='Why it failed, or "".')
    created_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)
    by = serializers.CharField()
    files = serializers.IntegerField(source="file_count")
    steps = serializers.IntegerField(help_text="Files to analyse and rewrites to validate; 0: not known yet.")
    steps_done = serializers.IntegerField()
    managed = serializers.IntegerField(help_text="Places that connect and whose connection something releases.")
    harmless = serializers.IntegerField(help_text="Nothing releases it, and that does no harm.")
    leaks = serializers.IntegerField()
    unknown = serializers.IntegerField(help_text="Stretches and files that could not be read.")
    coverage = serializers.FloatField(allow_null=True, help_text="Share that does not leak; null: nothing connects.")


class ServiceCoverageSerializer(serializers.Serializer[Any]):
    """One service of an upload."""

    service = serializers.CharField()
    managed = serializers.IntegerField()
    harmless = serializers.IntegerField()
    leaks = serializers.IntegerField()
    unknown = serializers.IntegerField()
    effort_minutes = serializers.IntegerField(help_text="To look at its leaks and accept their rewrite.")
    share = serializers.FloatField(allow_null=True)


class RefusedSerializer(serializers.Serializer[Any]):
    """What was left out."""

    path = serializers.CharField()
    reason = serializers.CharField()


class UploadDetailSerializer(UploadSerializer):
    """An upload with its services, and what was left out (the first hundred)."""

    services = ServiceCoverageSerializer(many=True)
    refused = RefusedSerializer(many=True)


class FindingSerializer(serializers.Serializer[Any]):
    """One place that connects."""

    id = serializers.IntegerField()
    path = serializers.CharField(source="file.path")
    line = serializers.IntegerField()
    column = serializers.IntegerField(help_text="In bytes, from 1.")
    code = serializers.CharField(help_text="The line itself.")
    service = serializers.CharField()
    site = serializers.CharField(help_text="As agents name creation sites, as far as the Rojo project tells.")
    signal = serializers.CharField()
    type = serializers.CharField(source="kind")
    function = serializers.CharField()
    frequency = serializers.CharField()
    verdict = serializers.CharField(help_text="managed, harmless or leak.")
    severity = serializers.CharField(help_text='low, medium, high; "" for what is no leak.')
    shape = serializers.CharField()
    reason = serializers.CharField()
    advice = serializers.CharField()
    fingerprint = serializers.CharField(help_text="Stays while code above it moves.")
    validation = serializers.CharField(source="outcome", help_text='proven, changed, not exercised, or "".')
    validation_reason = serializers.CharField(source="outcome_reason")


class FindingFilter(serializers.Serializer[Any]):
    """What may be asked for."""

    verdict = serializers.ChoiceField(choices=["managed", "harmless", "leak"], required=False)
    severity = serializers.ChoiceField(choices=["low", "medium", "high"], required=False)
    service = serializers.CharField(max_length=128, required=False)
    path = serializers.CharField(max_length=500, required=False)
    site = serializers.CharField(max_length=600, required=False)


class PatchFilter(serializers.Serializer[Any]):
    """Which patch."""

    path = serializers.CharField(
        max_length=500,
        default="",
        allow_blank=True,
        help_text="One file; without it, all that validation does not object to.",
    )
    accepted = serializers.BooleanField(default=False, help_text="Exactly the changes that were accepted.")


class SourcesView(GameView):
    """Uploaded sources, newest first; a new one is analysed within minutes."""

    write_scope: ClassVar[Scope] = Scope.PLAN
    parser_classes = (SourceJSONParser, SourceZipParser)  # type: ignore[assignment]  # GameView's is one parser

    @extend_schema(responses=UploadSerializer(many=True), operation_id="list_sources")
    def get(self, request: Request) -> Response:
        return paged(self, request, queries.list_uploads(self.game_id), UploadSerializer)

    @extend_schema(
        request={"application/json": SourceSerializer, "application/zip": OpenApiTypes.BINARY},
        parameters=[OpenApiParameter("place_version", int, description="Of an archive; JSON has it in its body.")],
        responses={201: UploadDetailSerializer, 200: UploadDetailSerializer},
        operation_id="send_source",
    )
    def post(self, request: Request) -> Response:
        sent = request.data.get(SENT)
        if sent is None:  # an empty body reaches no parser
            raise Invalid("Send a zip archive (Content-Type: application/zip) or files as JSON; docs/migrator.md.")
        version = sent.place_version if sent.place_version is not None else _version(request)
        now = timezone.now()
        upload, is_new = receive_upload(self.key.game, sent.found, place_version=version, by=self.actor, now=now)
        return Response(_detail(upload), status=201 if is_new else 200)


class SourceView(GameView):
    """One upload with its services."""

    @extend_schema(responses=UploadDetailSerializer, operation_id="show_source")
    def get(self, request: Request, number: int) -> Response:
        return Response(_detail(queries.find_upload(self.game_id, number)))


class FindingsView(GameView):
    """Every place that connects, the worst first."""

    @extend_schema(
        parameters=[FindingFilter], responses=FindingSerializer(many=True), operation_id="list_source_findings"
    )
    def get(self, request: Request, number: int) -> Response:
        wanted = FindingFilter(data=request.query_params)
        wanted.is_valid(raise_exception=True)
        upload = queries.find_upload(self.game_id, number)
        return paged(self, request, queries.list_findings(upload, **wanted.validated_data), FindingSerializer)


class PatchView(GameView):
    """The rewrite as a unified diff, which `git apply` takes."""

    pagination_class = None

    @extend_schema(
        parameters=[PatchFilter],
        responses={(200, "text/x-diff"): OpenApiTypes.STR},
        operation_id="show_source_patch",
    )
    def get(self, request: Request, number: int) -> HttpResponse:
        upload = queries.find_upload(self.game_id, number)
        wanted = PatchFilter(data=request.query_params)
        wanted.is_valid(raise_exception=True)
        patch = queries.patch_for(upload, **wanted.validated_data)
        return HttpResponse(patch, content_type="text/x-diff; charset=utf-8")


def _version(request: Request) -> int:
    text = request.query_params.get("place_version", "")
    if not (text.isascii() and text.isdigit() and len(text) <= 16):
        raise Invalid("Name the version of the place: ?place_version=143, a whole number from 0.")
    return int(text)


def _detail(upload: Upload) -> dict[str, Any]:
    left_out = [*upload.refused, *queries.list_unread(upload)]
    return {
        **UploadSerializer(upload).data,
        "services": ServiceCoverageSerializer(queries.coverage(upload), many=True).data,
        "refused": [{"path": path, "reason": why} for path, why in left_out],
    }
