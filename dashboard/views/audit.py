"""The audit trail: what was done in the game, by whom and why; and the same as files."""

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from connmon.accounts.audit_queries import EXPORT, FIELDS, csv_cells
from connmon.accounts.models import ActorKind
from dashboard.access import Access, member_page
from dashboard.addresses import audit_query
from dashboard.queries.audit import KINDS, audit_export, audit_page


@require_safe
@member_page
def audit(request: HttpRequest, access: Access) -> HttpResponse:
    context = _entries(request, access)
    context |= {"nav": "audit", "kinds": KINDS, "actor_kinds": ActorKind.choices}
    return render(request, "pages/audit.html", context)


@require_safe
@member_page
def audit_table(request: HttpRequest, access: Access) -> HttpResponse:
    return render(request, "parts/audit.html", _entries(request, access))


@require_safe
@member_page
def audit_csv(request: HttpRequest, access: Access) -> HttpResponse:
    """Matching entries, oldest first, as CSV; cells that a spreadsheet would take for a formula are disarmed."""
    entries = audit_export(access.game.pk, audit_query(request.GET))
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(FIELDS)
    for entry in entries:
        writer.writerow(csv_cells(_as_text(entry[field]) for field in FIELDS))
    return _file(request, text.getvalue().encode(), "text/csv; charset=utf-8", "audit.csv", entries)


@require_safe
@member_page
def audit_json(request: HttpRequest, access: Access) -> HttpResponse:
    """Matching entries, oldest first, as JSON."""
    entries = audit_export(access.game.pk, audit_query(request.GET))
    return _file(request, msgspec.json.encode(entries), "application/json", "audit.json", entries)


def _entries(request: HttpRequest, access: Access) -> dict[str, object]:
    query = audit_query(request.GET)
    return {"access": access, "query": query, "audit": audit_page(access.game.pk, query), "most": EXPORT}


def _as_text(value: object) -> object:
    return msgspec.json.encode(value).decode() if isinstance(value, dict | list) else value


def _file(
    request: HttpRequest, body: bytes, kind: str, name: str, entries: Sequence[Mapping[str, Any]]
) -> HttpResponse:
    answer = HttpResponse(body, content_type=kind, headers={"Content-Disposition": f'attachment; filename="{name}"'})
    if len(entries) == EXPORT:
        asked = request.GET.copy()
        asked["after"] = str(entries[-1]["id"])
        answer["Link"] = f'<{request.build_absolute_uri(f"{request.path}?{asked.urlencode()}")}>; rel="next"'
    return answer
