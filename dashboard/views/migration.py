"""Migration: what uploaded sources leak, service by service, and the rewrite of each file."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from connmon.core.errors import NotFound
from connmon.source.actions import receive_upload
from connmon.source.models import Upload
from connmon.source.queries import find_file, find_upload, whole_patch
from dashboard import errors
from dashboard.access import Access, member_page, planner_page
from dashboard.addresses import migration_query
from dashboard.migration_forms import UploadForm
from dashboard.queries.migration import SEVERITIES, VERDICTS, file_page, migration_page, uploads_part
from dashboard.snippets import source_snippet


@require_safe
@member_page
def migration(request: HttpRequest, access: Access) -> HttpResponse:
    return _show(request, access, UploadForm())


def _show(request: HttpRequest, access: Access, form: UploadForm, status: int = 200) -> HttpResponse:
    query = migration_query(request.GET)
    context: dict[str, Any] = {
        "access": access,
        "nav": "migration",
        "query": query,
        "page": migration_page(access.game.pk, query, now=timezone.now()),
        "verdicts": VERDICTS,
        "severities": SEVERITIES,
        "snippet": source_snippet(request.build_absolute_uri("/")),
        "form": form,
    }
    return render(request, "pages/migration.html", context, status=status)


@require_POST
@planner_page
def upload(request: HttpRequest, access: Access) -> HttpResponse:
    """Takes sources to be analysed."""
    form = UploadForm(request.POST, request.FILES)
    if form.is_valid():
        done = errors.attempt(form, lambda: _receive(access, form))
        if done is not None:
            taken, is_new = done
            told = "it waits to be analysed." if is_new else "this very source was uploaded before."
            messages.success(request, f"Version {taken.place_version}: {told}")
            return redirect("migration", slug=access.game.slug)
    return _show(request, access, form, status=422)


def _receive(access: Access, form: UploadForm) -> tuple[Upload, bool]:
    version, found = form.cleaned_data["place_version"], form.cleaned_data["file"]
    return receive_upload(access.game, found, place_version=version, by=access.actor, now=timezone.now())


@require_safe
@member_page
def status(request: HttpRequest, access: Access) -> HttpResponse:
    """The latest uploads alone, which the page fetches while one of them moves."""
    return render(request, "parts/uploads.html", {"access": access, "part": uploads_part(access.game.pk)})


@require_safe
@member_page
def file(request: HttpRequest, access: Access, number: int) -> HttpResponse:
    page = file_page(access.game.pk, number, request.GET.get("path", ""))
    return render(request, "pages/migration_file.html", {"access": access, "nav": "migration", "page": page})


@require_safe
@member_page
def patch(request: HttpRequest, access: Access, number: int) -> HttpResponse:
    """The patch of one file (`path`), or of all that validation does not object to."""
    found = find_upload(access.game.pk, number)
    path = request.GET.get("path", "")
    text = find_file(found, path).patch if path else whole_patch(found)
    if not text:
        raise NotFound("There is no rewrite: nothing leaks here, or what does is left to people.")
    disposition = f'attachment; filename="connmon-{found.place_version}.patch"'
    return HttpResponse(text, content_type="text/x-diff; charset=utf-8", headers={"Content-Disposition": disposition})
