"""What whoever has a link sees, without a log-in: one page of one game to read, or the badge of a service."""

from collections.abc import Callable
from functools import wraps

import msgspec
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe
from msgspec.structs import replace

from connmon.accounts.links import GONE, Link, Shown, read_link
from connmon.core.errors import DomainError, NotFound
from dashboard import errors
from dashboard.badges import draw_badge, judge_service
from dashboard.charts import chart_head, chosen_preset
from dashboard.kept import kept
from dashboard.polling import polled
from dashboard.queries.service import service_page
from dashboard.ranges import time_range
from dashboard.shared import PRESETS, chart_of, name_of, state_of

BADGE_KEPT = 30  # seconds: pages that show a badge may have many readers
BADGE_MAX_AGE = 60  # seconds


def _shared(view: Callable[[HttpRequest, str, Link], HttpResponse]) -> Callable[..., HttpResponse]:
    """A view for whoever has the link. What it answers is kept by nobody and found by no search engine."""

    @wraps(view)
    def opened(request: HttpRequest, token: str) -> HttpResponse:
        try:
            link = read_link(token, now=timezone.now())
            if link.shown is Shown.BADGE:
                raise NotFound(GONE)
            answer = view(request, token, link)
        except DomainError as error:
            answer = errors.answer(request, error)
        answer.headers.setdefault("Cache-Control", "private, no-store")
        answer["X-Robots-Tag"] = "noindex, nofollow"
        answer["Referrer-Policy"] = "no-referrer"
        return answer

    return opened


@require_safe
@_shared
def page(request: HttpRequest, token: str, link: Link) -> HttpResponse:
    now = timezone.now()
    url = reverse("shared-chart", args=[token])
    context = {
        "link": link,
        "token": token,
        "now": now,
        "name": name_of(link.game, link.shown, link.subject_id),
        "state": state_of(link, now=now),
        "chart": chart_head(url, PRESETS[link.shown], request.GET, time_range(request.GET, now=now)),
    }
    return render(request, "pages/shared.html", context)


@require_safe
@_shared
def state(request: HttpRequest, token: str, link: Link) -> HttpResponse:
    """What the page shows that changes; it asks for it."""
    key = f"shared:{link.game.pk}:{link.shown}:{link.subject_id}"
    return polled(request, key, lambda now: state_of(link, now=now))


@require_safe
@_shared
def chart(request: HttpRequest, token: str, link: Link) -> HttpResponse:
    presets = PRESETS[link.shown]
    preset = presets[chosen_preset(presets, request.GET)]
    data = chart_of(link, preset, time_range(request.GET, now=timezone.now()))
    # Its newest point comes with the next sample; alerts are for members.
    shown = replace(data, tips=False, alerts=[], alerts_url="")
    return HttpResponse(msgspec.json.encode(shown), content_type="application/json")


@require_safe
def badge(request: HttpRequest, token: str) -> HttpResponse:
    """An SVG; of a link that has ended one that says so, for readers of the page that shows it."""
    try:
        link = read_link(token, now=timezone.now())
        if link.shown is not Shown.BADGE:
            raise NotFound(GONE)
        drawn, status = draw_badge(*_badge_words(link)), 200
    except NotFound:
        drawn, status = draw_badge("connmon", "link ended", "quiet"), 404
    answer = render(request, "badge.svg", {"badge": drawn}, content_type="image/svg+xml", status=status)
    answer["Cache-Control"] = f"public, max-age={BADGE_MAX_AGE}"
    answer["Cross-Origin-Resource-Policy"] = "cross-origin"
    return answer


def _badge_words(link: Link) -> tuple[str, str, str]:
    """(name, word, tone). Raises NotFound."""
    name, word, tone = kept(f"badge:{link.game.pk}:{link.subject_id}", BADGE_KEPT, lambda: _judge(link))
    return name, word, tone


def _judge(link: Link) -> list[str]:
    row = service_page(link.game.pk, link.subject_id, now=timezone.now()).service
    return [row.name, *judge_service(row)]
