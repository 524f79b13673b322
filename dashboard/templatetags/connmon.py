"""How values look on the pages. static/js/format.js does the same in the browser; one file tests both."""

from datetime import UTC, datetime
from math import ceil, inf
from typing import Final, Literal

from django import template
from django.templatetags.static import static
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from dashboard.queries.pools import PoolsQuery
from dashboard.queries.registry import RegistryQuery
from dashboard.queries.servers import ServersQuery

register = template.Library()

NONE: Final = "—"
Missing = Literal[""]  # what a template passes for a variable that is not there, as in the rows that browsers copy

# State -> (icon, word): never by colour alone.
MARKS: Final = {
    "live": ("link", "Live"),
    "idle": ("circle", "Idle"),
    "stale": ("clock-alert", "Stale"),
    "orphaned": ("unlink", "Orphaned"),
    "unknown": ("circle-dashed", "Unknown"),
    "reporting": ("radio", "Reporting"),
    "resyncing": ("refresh-cw", "Resyncing"),
    "silent": ("wifi-off", "Silent"),
    "ended": ("square", "Ended"),
    "ok": ("circle-check", "All well"),
    "warn": ("triangle-alert", "Attention"),
    "bad": ("circle-alert", "Trouble"),
    "empty": ("inbox", "Nothing yet"),
    "current": ("circle-check", "Current"),
    "behind": ("clock-alert", "Behind"),
    "exhausted": ("octagon-x", "Exhausted"),
    # Plans
    "planned": ("clipboard-list", "Planned"),
    "held": ("timer", "Held"),
    "running": ("play", "Running"),
    "watching": ("eye", "Watching"),
    "done": ("circle-check", "Done"),
    "undone": ("undo-2", "Taken back"),
    "aborted": ("octagon-x", "Aborted"),
    "expired": ("clock-alert", "Expired"),
    # Orders and messages
    "waiting": ("clock", "Waiting"),
    "pending": ("hourglass", "Pending"),
    "sent": ("send", "Sent"),
    "refused": ("ban", "Refused"),
    "failed": ("circle-alert", "Failed"),
    "cancelled": ("octagon-x", "Cancelled"),
    "dead": ("mail-x", "Dead letter"),
    # What became of a connection
    "closed": ("check", "Closed"),
    "gone": ("circle-dashed", "Already gone"),
    "changed": ("shield-check", "Left alone"),
    "open": ("clock", "Not known yet"),
    # Alerts
    "firing": ("bell-ring", "Firing"),
    "resolved": ("circle-check", "Resolved"),
    "info": ("info", "Info"),
    "warning": ("triangle-alert", "Warning"),
    "critical": ("circle-alert", "Critical"),
    # Leaks
    "confirmed": ("circle-alert", "Confirmed"),
    "likely": ("triangle-alert", "Likely"),
    "suspect": ("eye", "Suspect"),
    "new": ("plus", "New"),
    "ongoing": ("history", "Ongoing"),
    "regressed": ("undo-2", "Regressed"),
    "fixed": ("circle-check", "Fixed"),
    # Migration
    "queued": ("clock", "Queued"),
    "managed": ("circle-check", "Managed"),
    "harmless": ("circle", "Harmless"),
    "high": ("circle-alert", "High"),
    "medium": ("triangle-alert", "Medium"),
    "low": ("eye", "Low"),
    "proven": ("shield-check", "Proven"),
    "differs": ("circle-alert", "Behaves otherwise"),
    "unproven": ("circle-dashed", "Not exercised"),
    "undecided": ("circle-dashed", "Not decided"),
    "accepted": ("check", "Accepted"),
    "edited": ("pencil", "Accepted as edited"),
    "rejected": ("ban", "Rejected"),
    "on": ("circle-check", "On"),
    "off": ("ban", "Off"),
}

# Who did something -> (icon, word).
ACTORS: Final = {
    "user": ("user", "Person"),
    "key": ("key-round", "Key"),
    "command": ("terminal", "Command line"),
    "job": ("bot", "Automatic"),
    "unknown": ("circle-dashed", "Not named"),
}


@register.simple_tag
def icon(name: str) -> SafeString:
    """An icon of the sprite; decoration only, so a word stands beside it."""
    return format_html(
        '<svg class="icon" data-icon="{}" aria-hidden="true"><use href="{}#{}"></use></svg>',
        name,
        static("vendor/icons.svg"),
        name,
    )


@register.simple_tag
def mark(state: str, hide_word: bool = False) -> SafeString:
    """A state as icon and word."""
    name, word = MARKS[str(state)]
    return format_html(
        '<span class="state state-{}" data-state="{}">{}<span{}>{}</span></span>',
        state,
        state,
        icon(name),
        SafeString(' class="visually-hidden"') if hide_word else "",
        word,
    )


@register.simple_tag
def actor(kind: str, name: str) -> SafeString:
    """Who did something: the icon of its kind, whose word is in the tip and for screen readers, and the name."""
    sign, word = ACTORS[kind]
    return format_html(
        '<span class="actor" title="{}">{}<span class="visually-hidden">{} </span><bdi class="wrap">{}</bdi></span>',
        word,
        icon(sign),
        word,
        name or NONE,
    )


@register.simple_tag
def all_marks() -> list[str]:
    """Every state, for the templates that the browser copies from."""
    return list(MARKS)


@register.filter
def count(value: int | Missing | None) -> str:
    """1234 as `1,234`."""
    return NONE if value is None or value == "" else f"{value:,}"


@register.filter
def rate(value: float | Missing | None) -> str:
    """Per second: one decimal below 100."""
    if value is None or value == "":
        return NONE
    return f"{value:.1f}" if 0 < value < 100 else f"{value:,.0f}"


@register.filter
def megabytes(value: float | Missing | None) -> str:
    """Megabytes as `812 MB`, `1.6 GB`."""
    if value is None or value == "":
        return NONE
    return f"{value / 1024:,.1f} GB" if value >= 1024 else f"{value:,.0f} MB"


@register.filter
def share(value: float | Missing | None) -> str:
    """0..1 as `87 %`; never rounded up to all of it."""
    if value is None or value == "":
        return NONE
    return f"{int(value * 100 + 1e-9)} %"


@register.filter
def duration(microseconds: float | Missing | None) -> str:
    """Microseconds as `7.3 µs`, `812 µs`, `1.6 ms`, `12.0 s`."""
    if microseconds is None or microseconds == "":
        return NONE
    for limit, size, unit in ((1_000, 1, "µs"), (1_000_000, 1_000, "ms"), (inf, 1_000_000, "s")):
        if microseconds < limit:
            return f"{microseconds / size:,.{0 if microseconds >= 100 * size else 1}f} {unit}"
    raise AssertionError("there is no such time")


@register.filter
def fine_share(value: float | Missing | None) -> str:
    """0..1 as `0.42 %` or `12.3 %`: for small shares."""
    if value is None or value == "":
        return NONE
    return f"{value * 100:.{1 if value >= 0.1 else 2}f} %"


@register.filter
def seconds(value: float | Missing | None) -> str:
    """Seconds to the tenth, without a minus before zero."""
    if value is None or value == "":
        return NONE
    return f"{round(value, 1) + 0.0:.1f} s"


@register.filter
def ago(moment: datetime, now: datetime | None = None) -> str:
    """How long ago: `12 s ago`, `5 min ago`, `3 h ago`, `12 d ago`."""
    seconds = ((now or timezone.now()) - moment).total_seconds()
    return "now" if seconds < 1 else f"{lasting(seconds)} ago"


@register.filter
def lasting(seconds: float) -> str:
    """A span of time: `12 s`, `5 min`, `3 h`, `12 d`."""
    for limit, unit, name in ((60, 1, "s"), (3600, 60, "min"), (172_800, 3600, "h")):
        if seconds < limit:
            return f"{int(seconds // unit)} {name}"
    return f"{int(seconds // 86_400):,} d"


@register.filter
def clock(milliseconds: int) -> str:
    """Milliseconds since 1970 as `14:05`, in UTC."""
    return f"{datetime.fromtimestamp(milliseconds / 1000, tz=UTC):%H:%M}"


@register.simple_tag
def site(text: str) -> SafeString | str:
    """A creation site; where room is short its beginning gives way, since script and line stand at its end."""
    if not text:
        return NONE
    folder, dot, script = text.rpartition(".")
    return format_html(
        '<span class="site mono" title="{}"><bdi>{}{}</bdi><bdi>{}</bdi></span>', text, folder, dot, script
    )


@register.simple_tag
def until(moment: datetime | Missing | None, now: datetime | None = None) -> SafeString | str:
    """Time left until a moment, which the browser counts down; the exact time is in the tip."""
    if not moment:
        return NONE
    return format_html(
        '<time datetime="{}" data-until title="{}">{}</time>',
        moment.isoformat(),
        moment.strftime("%Y-%m-%d %H:%M:%S UTC"),
        left((moment - (now or timezone.now())).total_seconds()),
    )


@register.filter
def left(seconds: float) -> str:
    """Time that is left: `7 s`, `12:05 min`, `3:20 h`; `now` when none is."""
    whole = ceil(seconds)
    if whole <= 0:
        return "now"
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02} min"
    return f"{whole // 3600}:{whole // 60 % 60:02} h"


@register.filter
def split_words(text: str) -> list[str]:
    """Words separated by spaces, to loop over."""
    return text.split()


@register.simple_tag
def when(moment: datetime | Missing | None) -> SafeString | str:
    """A moment as its age, which the browser keeps up to date; the exact time is in the tip."""
    if not moment:
        return NONE
    return format_html(
        '<time datetime="{}" data-ago title="{}">{}</time>',
        moment.isoformat(),
        moment.strftime("%Y-%m-%d %H:%M:%S UTC"),
        ago(moment),
    )


@register.simple_tag(takes_context=True)
def theme(context: template.Context) -> str:
    """The theme that the visitor chose, or "" for the system's."""
    request = context.get("request")
    chosen = request.COOKIES.get("theme", "") if request else context.get("theme", "")
    return chosen if chosen in {"light", "dark"} else ""


@register.inclusion_tag("parts/sort_head.html", takes_context=True)
def sort_head(context: template.Context, key: str, label: str, number: bool = False) -> dict[str, object]:
    """A column head that sorts on the server by what its address asks."""
    query: RegistryQuery | ServersQuery | PoolsQuery = context["query"]
    chosen = str(query.sort) == key
    down = query.descending if chosen else number or key == "opened"
    following = f"-{key}" if (not query.descending if chosen else down) else key
    return {
        "request": context["request"],
        "label": label,
        "number": number,
        "chosen": chosen,
        "descending": query.descending,
        "following": following,
    }
