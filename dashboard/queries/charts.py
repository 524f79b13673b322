"""Charts as browsers draw them: lines of history, deploys and other marks, and the spans of alerts."""

from collections.abc import Callable
from datetime import datetime
from typing import Final

from django.db.models import Q, QuerySet
from django.urls import reverse
from msgspec import Struct

from connmon.accounts.models import Game
from connmon.alerts.models import Alert
from connmon.alerts.queries import fired_between
from connmon.alerts.states import EACH_SERVICE
from connmon.telemetry.marks import Mark, MarkKind, find_marks
from connmon.telemetry.measures import Split
from connmon.telemetry.queries import Chart, series
from connmon.telemetry.server_queries import server_series
from dashboard.charts import Preset
from dashboard.queries.service import find_service_name
from dashboard.ranges import TimeRange

MOST_ALERTS: Final = 50  # of a chart, the newest
WORDS: Final = {
    MarkKind.DEPLOY: "Deploy",
    MarkKind.STARTED: "Started",
    MarkKind.ENDED: "Ended",
    MarkKind.LOST: "Fell silent",
    MarkKind.RETURNED: "Reported again",
}


class ChartLine(Struct, frozen=True):
    """One line: `id` is a measure, a service's id, a type or "others"; None where nothing was sampled."""

    id: str
    name: str
    values: list[float | None]


class ChartMark(Struct, frozen=True):
    """A moment to mark; milliseconds since 1970."""

    at: int
    kind: str
    text: str


class AlertSpan(Struct, frozen=True):
    """When an alert fired; `until` None: it still does. Milliseconds since 1970."""

    since: int
    until: int | None
    severity: str
    text: str


class ChartData(Struct, frozen=True):
    """A chart. Times in milliseconds since 1970, `step` and `resolution` in seconds."""

    unit: str
    since: int
    until: int
    step: int
    resolution: int
    live: bool
    tips: bool
    at: list[int]
    series: list[ChartLine]
    marks: list[ChartMark]
    alerts: list[AlertSpan]
    alerts_url: str


def game_chart(game: Game, preset: Preset, shown: TimeRange) -> ChartData:
    """A chart of the whole game."""
    charts = _draw(preset, lambda name: series(game.pk, name, span=shown.span, split=preset.split))
    alerts = Alert.objects.filter(game=game)
    return _chart(game, preset, shown, charts, find_marks(game.pk, span=shown.span), alerts)


def service_chart(game: Game, service_id: int, preset: Preset, shown: TimeRange) -> ChartData:
    """A chart of one service, with the alerts of its own and those of the whole game. Raises NotFound."""
    charts = _draw(
        preset, lambda name: series(game.pk, name, span=shown.span, split=preset.split, service_id=service_id)
    )
    name = find_service_name(game.pk, service_id)
    concerned = Q(service__in=["", name]) | Q(service=EACH_SERVICE, things__contains=[name])
    alerts = Alert.objects.filter(concerned, game=game)
    return _chart(game, preset, shown, charts, find_marks(game.pk, span=shown.span), alerts)


def server_chart(game: Game, server: str, preset: Preset, shown: TimeRange) -> ChartData:
    """A chart of a server, by its name, over all its boots. Raises NotFound."""
    charts = _draw(
        preset, lambda name: server_series(game.pk, name, server=server, span=shown.span, split=preset.split)
    )
    marks = find_marks(game.pk, span=shown.span, server=server)
    return _chart(game, preset, shown, charts, marks, Alert.objects.filter(game=game))


def _draw(preset: Preset, read: Callable[[str], Chart]) -> list[Chart]:
    return [read(name) for name in preset.measures]


def _chart(
    game: Game, preset: Preset, shown: TimeRange, charts: list[Chart], marks: list[Mark], alerts: QuerySet[Alert]
) -> ChartData:
    first = charts[0]
    lines = _lines(preset, charts)
    begin, end = _sampled(lines, len(first.at))
    return ChartData(
        unit=first.measure.unit.value,
        since=_milliseconds(shown.span.since),
        until=_milliseconds(shown.span.until),
        step=first.step,
        resolution=first.resolution,
        live=shown.is_live,
        tips=preset.tips and shown.is_live,
        at=[_milliseconds(at) for at in first.at[begin:end]],
        series=[ChartLine(line.id, line.name, line.values[begin:end]) for line in lines] if end else [],
        marks=[ChartMark(_milliseconds(mark.at), mark.kind.value, _mark_text(mark)) for mark in marks],
        alerts=[_alert_span(alert) for alert in _alerts_within(alerts, shown)],
        alerts_url=reverse("alerts", kwargs={"slug": game.slug}),
    )


def _lines(preset: Preset, charts: list[Chart]) -> list[ChartLine]:
    if preset.split is not Split.NONE:
        return [ChartLine(line.key, line.name, line.values) for line in charts[0].lines]
    return [
        ChartLine(chart.measure.name, preset.measures[chart.measure.name], chart.lines[0].values)
        for chart in charts
        if chart.lines
    ]


def _sampled(lines: list[ChartLine], length: int) -> tuple[int, int]:
    """From the first moment that was sampled up to the last; what lies around them is empty anyway."""
    known = [place for place in range(length) if any(line.values[place] is not None for line in lines)]
    return (known[0], known[-1] + 1) if known else (0, 0)


def _alerts_within(alerts: QuerySet[Alert], shown: TimeRange) -> list[Alert]:
    found = fired_between(alerts, since=shown.span.since, until=shown.span.until)
    return list(found.order_by("-id")[:MOST_ALERTS])[::-1]


def _alert_span(alert: Alert) -> AlertSpan:
    assert alert.fired_at is not None  # asked for
    until = _milliseconds(alert.resolved_at) if alert.resolved_at else None
    return AlertSpan(_milliseconds(alert.fired_at), until, alert.severity, alert.name)


def _mark_text(mark: Mark) -> str:
    word = WORDS[mark.kind]
    return word if mark.place_version is None else f"{word}: version {mark.place_version}"


def _milliseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
