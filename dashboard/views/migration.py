"""Migration: what uploaded sources leak, service by service, and the rewrite of each file."""

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from connmon.core.errors import Conflict, Invalid
from connmon.source.actions import receive_upload
from connmon.source.decisions import decide_change, decide_open
from connmon.source.models import Upload
from connmon.source.queries import find_change, find_upload, patch_for
from dashboard import errors
from dashboard.access import Access, member_page, planner_page
from dashboard.addresses import migration_query, page_number
from dashboard.migration_forms import DecisionForm, UploadForm
from dashboard.queries.changes import PER_PAGE, Refused, changes_part, next_open, page_of
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
    return _show_file(request, access, number, request.GET.get("path", ""))


def _show_file(
    request: HttpRequest,
    access: Access,
    number: int,
    path: str,
    refused: Refused | None = None,
    *,
    at: int = 0,
    status: int = 200,
) -> HttpResponse:
    """`at`: the number of the change that is to be seen."""
    page = file_page(access.game.pk, number, path)
    shown = page_of(at) if at else page_number(request.GET)
    context = {
        "access": access,
        "nav": "migration",
        "page": page,
        "changes": changes_part(page.upload, page.file, page=shown, refused=refused),
    }
    return render(request, "pages/migration_file.html", context, status=status)


@require_POST
@planner_page
def decide(request: HttpRequest, access: Access, number: int, change: int) -> HttpResponse:
    """Accepts, rejects, edits or reopens one change, and goes on to the next that is open."""
    texts = request.POST.getlist("text")
    known = find_change(access.game.pk, number, change)
    path = known.file.path
    try:
        decision = DecisionForm(request.POST).decision(texts)
        decide_change(access.game, number, change, decision, by=access.actor, now=timezone.now())
    except (Conflict, Invalid) as error:
        refused = Refused(change, str(error), texts)
        return _show_file(request, access, number, path, refused, at=known.number, status=error.status)
    following = next_open(find_upload(access.game.pk, number), path, known.number)
    return redirect(_address(access, number, path, following))


@require_POST
@planner_page
def decide_rest(request: HttpRequest, access: Access, number: int) -> HttpResponse:
    """Accepts or rejects all open changes of a file."""
    path, decision = request.POST.get("path", ""), DecisionForm(request.POST).decision([])
    done = errors.tell(
        request,
        lambda: decide_open(access.game, number, path, decision.choice, by=access.actor, now=timezone.now()),
    )
    if done is not None:
        messages.success(request, f"{done} change{'' if done == 1 else 's'} {decision.choice}.")
    return redirect(_address(access, number, path))


def _address(access: Access, number: int, path: str, change: int = 0) -> str:
    query = {"path": path} | ({"page": str(page_of(change))} if change > PER_PAGE else {})
    where = reverse("migration-file", kwargs={"slug": access.game.slug, "number": number})
    return f"{where}?{urlencode(query)}" + (f"#change-{change}" if change else "")


@require_safe
@member_page
def patch(request: HttpRequest, access: Access, number: int) -> HttpResponse:
    """The accepted changes (`accepted`) or the whole rewrite, of one file (`path`) or of all."""
    found = find_upload(access.game.pk, number)
    text = patch_for(found, path=request.GET.get("path", ""), accepted="accepted" in request.GET)
    disposition = f'attachment; filename="connmon-{found.place_version}.patch"'
    return HttpResponse(text, content_type="text/x-diff; charset=utf-8", headers={"Content-Disposition": disposition})
