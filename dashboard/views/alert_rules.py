"""Alert rules: the list, a new one, changing, switching and removing one."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from connmon.alerts.actions import MAX_RULES, change_rule, create_rule, delete_rule
from connmon.alerts.models import Rule
from connmon.alerts.queries import find_rule, list_rules
from dashboard import errors
from dashboard.access import Access, admin_page, member_page
from dashboard.alert_forms import RuleForm
from dashboard.alert_words import condition
from dashboard.queries.configuration import suggested_services


@require_safe
@member_page
def rules(request: HttpRequest, access: Access) -> HttpResponse:
    context = {
        "access": access,
        "nav": "alerts",
        "tab": "rules",
        "rules": [(rule, condition(rule)) for rule in list_rules(access.game.pk)],
        "most": MAX_RULES,
    }
    return render(request, "pages/alert_rules.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@admin_page
def new_rule(request: HttpRequest, access: Access) -> HttpResponse:
    form = RuleForm(request.POST or None)
    if form.is_valid():
        rule = errors.attempt(form, lambda: create_rule(access.game, form.spec(), by=access.actor, now=timezone.now()))
        if rule is not None:
            messages.success(request, f"The rule {rule.name} is made.")
            return redirect("alert-rules", slug=access.game.slug)
    return _form_page(request, access, form, None)


@require_http_methods(["GET", "HEAD", "POST"])
@admin_page
def edit_rule(request: HttpRequest, access: Access, number: int) -> HttpResponse:
    known = find_rule(access.game.pk, number)
    form = RuleForm(request.POST or None, rule=known)
    if form.is_valid():
        changed = errors.attempt(
            form, lambda: change_rule(access.game, number, form.values(), by=access.actor, now=timezone.now())
        )
        if changed is not None:
            messages.success(request, f"The rule {changed.name} is changed; what it had firing begins anew.")
            return redirect("alert-rules", slug=access.game.slug)
    return _form_page(request, access, form, known)


@require_POST
@admin_page
def switch_rule(request: HttpRequest, access: Access, number: int) -> HttpResponse:
    """On or off, as the button said; saying it twice changes nothing."""
    rule = find_rule(access.game.pk, number)
    wanted = request.POST.get("enabled") == "1"
    if rule.enabled != wanted:
        change_rule(access.game, number, {"enabled": wanted}, by=access.actor, now=timezone.now())
    messages.success(request, f"The rule {rule.name} is {'on' if wanted else 'off'}.")
    return redirect("alert-rules", slug=access.game.slug)


@require_POST
@admin_page
def remove_rule(request: HttpRequest, access: Access, number: int) -> HttpResponse:
    name = find_rule(access.game.pk, number).name
    delete_rule(access.game, number, by=access.actor, now=timezone.now())
    messages.success(request, f"The rule {name} is removed.")
    return redirect("alert-rules", slug=access.game.slug)


def _form_page(request: HttpRequest, access: Access, form: RuleForm, rule: Rule | None) -> HttpResponse:
    context = {
        "access": access,
        "nav": "alerts",
        "form": form,
        "rule": rule,
        "services": suggested_services(access.game.pk),
    }
    return render(request, "pages/alert_rule.html", context, status=422 if form.errors else 200)
