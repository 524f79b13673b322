"""A game's configuration: what holds, changing it after a look at the difference, revisions, and going back."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from connmon.accounts.audit import Actor
from connmon.configuration.actions import change_configuration, roll_back
from connmon.configuration.models import Revision
from connmon.configuration.queries import current
from connmon.configuration.rules import MAX_NAME, Configuration, compare
from dashboard import errors
from dashboard.access import Access, admin_page, member_page
from dashboard.addresses import number as read_number
from dashboard.configuration_forms import ConfigurationForm, ReasonForm, RestoreForm, fingerprint
from dashboard.differences import of_changes
from dashboard.queries import configuration as queries


@require_safe
@member_page
def configuration(request: HttpRequest, access: Access) -> HttpResponse:
    game_id = access.game.pk
    known = current(game_id)
    services, services_total = queries.service_rows(known)
    revisions, older = queries.revision_rows(game_id, below=read_number(request.GET.get("below", "")))
    context = {
        "access": access,
        "nav": "configuration",
        "live": "configuration",
        "state": queries.configuration_live(game_id, now=timezone.now()),
        "revision": known.revision,
        "sections": queries.section_rows(known),
        "services": services,
        "services_total": services_total,
        "suggested": queries.suggested_services(game_id) if access.is_admin else [],
        "revisions": revisions,
        "older": revisions[-1].number if older else 0,
    }
    return render(request, "pages/configuration.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@admin_page
def edit(request: HttpRequest, access: Access) -> HttpResponse:
    """The form, the difference it would make, and the change, if the difference is the one that was shown."""
    known = current(access.game.pk)
    service = _service(request)
    form = ConfigurationForm(known, service, request.POST or None)
    shown = None
    if form.is_valid():
        shown = of_changes(compare(known.overrides, form.wanted))
        if _is_confirmed(request, form):
            made = errors.attempt(form, lambda: _change(access, form))
            if made is not None:
                messages.success(request, f"Saved as {made}: servers run it one report after they are told.")
                return redirect("configuration", slug=access.game.slug)
            shown = None
    context = {
        "access": access,
        "nav": "configuration",
        "form": form,
        "service": service,
        "revision": known.revision,
        "shown": shown,
        "seen": fingerprint(form.wanted) if shown else "",
    }
    return render(request, "pages/configuration_edit.html", context, status=422 if form.errors else 200)


@require_safe
@member_page
def revision(request: HttpRequest, access: Access, number: int) -> HttpResponse:
    return _revision_page(request, access, number, ReasonForm())


@require_POST
@admin_page
def restore(request: HttpRequest, access: Access, number: int) -> HttpResponse:
    """Goes back to a revision's values, as a new revision."""
    form = RestoreForm(request.POST)
    if form.is_valid():
        made = errors.attempt(form, lambda: _restore(access, form, number))
        if made is not None:
            messages.success(request, f"Back to {_name(number)}, as {made}.")
            return redirect("configuration", slug=access.game.slug)
    return _revision_page(request, access, number, form, status=422)


def _service(request: HttpRequest) -> str | None:
    """The service that the address names; None: the game."""
    return request.GET.get("service", "").replace("\0", "").strip()[:MAX_NAME] or None


def _is_confirmed(request: HttpRequest, form: ConfigurationForm) -> bool:
    return request.POST.get("step") == "save" and form.cleaned_data["seen"] == fingerprint(form.wanted)


def _change(access: Access, form: ConfigurationForm) -> Revision:
    return change_configuration(
        access.game,
        **form.patch(),
        reason=form.cleaned_data["reason"],
        expected=form.cleaned_data["expected"],
        by=Actor.of_user(access.user),
        now=timezone.now(),
    )


def _restore(access: Access, form: RestoreForm, number: int) -> Revision:
    return roll_back(
        access.game,
        to=number,
        reason=form.cleaned_data["reason"],
        expected=form.cleaned_data["expected"],
        by=Actor.of_user(access.user),
        now=timezone.now(),
    )


def _revision_page(
    request: HttpRequest, access: Access, number: int, form: ReasonForm, status: int = 200
) -> HttpResponse:
    row, wanted = queries.find_row(access.game.pk, number)
    known = current(access.game.pk)
    other_number, other = _compared(request, access, known)
    context = {
        "access": access,
        "nav": "configuration",
        "form": form,
        "name": _name(number),
        "number": number,
        "row": row,
        "revision": known.revision,
        "sections": queries.section_rows(wanted),
        "other_number": other_number,
        "differences": queries.differences(other, wanted),
        "restored": queries.differences(known, wanted),
    }
    return render(request, "pages/revision.html", context, status=status)


def _compared(request: HttpRequest, access: Access, known: Configuration) -> tuple[int, Configuration]:
    """The revision that the address compares with; without one the current."""
    asked = request.GET.get("with", "")
    if not asked.isascii() or not asked.isdigit() or len(asked) > 9:
        return known.revision, known
    return int(asked), queries.find_row(access.game.pk, int(asked))[1]


def _name(number: int) -> str:
    return f"revision {number}" if number else "the defaults"
