"""`GET /metrics`, our own health, and `GET /api/v1/metrics`, one game's series behind its key; both for Prometheus."""

import hmac
import ipaddress
import os
from collections.abc import Iterable, Iterator
from typing import Any, Final

from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import REGISTRY, Collector
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.request import Request

from api.health import Part, latest_parts
from api.metrics_families import game_families, site_families
from api.views import GameView

TEXT: Final = "text/plain; version=0.0.4; charset=utf-8"
NOT_LOCAL: Final = (
    "Own health is told on this machine only. To read it from elsewhere set CONNMON_METRICS_TOKEN and send "
    "Authorization: Bearer <token>.\n"
)


@require_safe
@never_cache
async def show_metrics(request: HttpRequest) -> HttpResponse:
    """Counters of all web processes, the state of each part, and what waits; nothing of any one game."""
    if not may_read(request):
        return HttpResponse(NOT_LOCAL, status=403, content_type="text/plain; charset=utf-8")
    families = [*part_families(await latest_parts()), *await sync_to_async(read_site)()]
    return HttpResponse(await sync_to_async(render)(families, with_own=True), content_type=TEXT)


def may_read(request: HttpRequest) -> bool:
    """The token if one is set; else this machine, unless a proxy speaks for another."""
    token = settings.METRICS_TOKEN
    if token:
        given = request.headers.get("Authorization", "")
        return hmac.compare_digest(given.encode(), f"Bearer {token}".encode())
    forwarded = {"X-Forwarded-For", "Forwarded", "X-Real-Ip"} & set(request.headers)
    try:
        return not forwarded and ipaddress.ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:
        return False


def part_families(parts: dict[str, Part]) -> Iterator[Metric]:
    """What /readyz says."""
    up = GaugeMetricFamily("connmon_part_up", "1 if the part works.", labels=["part"])
    age = GaugeMetricFamily("connmon_part_age_seconds", "Since the part last showed that it works.", labels=["part"])
    for name, part in parts.items():
        up.add_metric([name], float(part.state == "ok"))
        if part.age is not None:
            age.add_metric([name], part.age)
    yield from (up, age)


def read_site() -> list[Metric]:
    """What waits in the database; nothing without one, which `connmon_part_up` tells."""
    try:
        return list(site_families())
    except DatabaseError:
        return []
    finally:
        connection.close()


class Families(Collector):
    """Series that are there already."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families


def render(families: Iterable[Metric], *, with_own: bool) -> bytes:
    """Prometheus' text format; `with_own` adds what the processes count."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Families(families))
    text = generate_latest(registry)
    if not with_own:
        return text
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return text + generate_latest(REGISTRY)
    own = CollectorRegistry(auto_describe=False)
    MultiProcessCollector(own)  # type: ignore[no-untyped-call]
    return text + generate_latest(own)


class AnyAnswer(DefaultContentNegotiation):
    """The text whatever the Accept header says; refusals stay JSON."""

    def select_renderer(self, request: Request, renderers: Any, format_suffix: str | None = None) -> Any:
        return renderers[0], renderers[0].media_type


class GameMetricsView(GameView):
    """One game's series, for Prometheus: `Authorization: Bearer` with a key of scope read."""

    content_negotiation_class = AnyAnswer

    @extend_schema(
        operation_id="read_metrics",
        responses={(200, "text/plain"): OpenApiResponse(OpenApiTypes.STR, "Prometheus' text format")},
    )
    def get(self, request: Request) -> HttpResponse:
        text = render(game_families(self.game_id, now=timezone.now()), with_own=False)
        return HttpResponse(text, content_type=TEXT)
