"""The audit trail over REST: a list, and exports that go on where the last one ended."""

import csv
import io
from typing import Any

import msgspec
from django.http import HttpRequest, HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api.views import GameView, paged
from connmon.accounts.audit_queries import EXPORT, FIELDS, csv_cells, export_entries, find_entries
from connmon.accounts.models import ActorKind


class AuditEntrySerializer(serializers.Serializer[Any]):
    """One thing that was done."""

    id = serializers.IntegerField()
    at = serializers.DateTimeField()
    actor_kind = serializers.ChoiceField(choices=ActorKind.choices)
    actor_id = serializers.CharField()
    actor = serializers.CharField()
    action = serializers.CharField(help_text="docs/audit.md names all.")
    target = serializers.CharField()
    before = serializers.JSONField(help_text="Any value; null: there was none.")
    after = serializers.JSONField(help_text="Any value; null: there is none.")
    reason = serializers.CharField()
    game_name = serializers.CharField()


class AuditFilter(serializers.Serializer[Any]):
    """What may be asked for."""

    action = serializers.CharField(required=False, max_length=60, help_text="The action or its beginning.")
    actor_kind = serializers.ChoiceField(required=False, choices=ActorKind.choices)
    actor = serializers.CharField(required=False, max_length=254, help_text="A part of who it was.")
    since = serializers.DateTimeField(required=False)
    until = serializers.DateTimeField(required=False)


class AuditView(GameView):
    """Everything that was done in the game, newest first."""

    @extend_schema(parameters=[AuditFilter], responses=AuditEntrySerializer(many=True), operation_id="list_audit")
    def get(self, request: Request) -> Response:
        wanted = AuditFilter(data=request.query_params)
        wanted.is_valid(raise_exception=True)
        return paged(self, request, find_entries(self.game_id, **wanted.validated_data), AuditEntrySerializer)


class _Cursor(serializers.Serializer[Any]):
    after = serializers.IntegerField(required=False, min_value=0, default=0)


_AFTER = OpenApiParameter("after", int, description=f"An entry's id; the {EXPORT:,} entries that follow are sent.")


class AuditExport(GameView):
    """Entries as a file, oldest first; `Link: <…>; rel="next"` leads on while there are more."""

    pagination_class = None

    def _entries(self, request: Request) -> tuple[list[dict[str, Any]], dict[str, str]]:
        cursor = _Cursor(data=request.query_params)
        cursor.is_valid(raise_exception=True)
        entries = list(export_entries(self.game_id, after=cursor.validated_data["after"]))
        if len(entries) < EXPORT:
            return entries, {}
        django_request: HttpRequest = request._request
        address = django_request.build_absolute_uri(f"{request.path}?after={entries[-1]['id']}")
        return entries, {"Link": f'<{address}>; rel="next"'}


class AuditCsv(AuditExport):
    """The audit trail as CSV."""

    @extend_schema(
        parameters=[_AFTER], responses={(200, "text/csv"): OpenApiTypes.STR}, operation_id="export_audit_csv"
    )
    def get(self, request: Request) -> HttpResponse:
        entries, headers = self._entries(request)
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerow(FIELDS)
        for entry in entries:
            cells = [_as_text(entry[field]) for field in FIELDS]
            writer.writerow(csv_cells(cells))
        return _file(text.getvalue().encode(), "text/csv; charset=utf-8", "audit.csv", headers)


class AuditJson(AuditExport):
    """The audit trail as JSON."""

    @extend_schema(parameters=[_AFTER], responses=AuditEntrySerializer(many=True), operation_id="export_audit_json")
    def get(self, request: Request) -> HttpResponse:
        entries, headers = self._entries(request)
        return _file(msgspec.json.encode(entries), "application/json", "audit.json", headers)


def _as_text(value: object) -> object:
    return msgspec.json.encode(value).decode() if isinstance(value, dict) else value


def _file(body: bytes, kind: str, name: str, headers: dict[str, str]) -> HttpResponse:
    disposition = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(body, content_type=kind, headers=disposition | headers)
