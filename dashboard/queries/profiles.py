"""What callbacks cost: the heaviest sites, sums by service and by type, and what heartbeats take of a frame."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from connmon.registry.models import Service
from connmon.telemetry.profile_queries import FRAMES, HeartbeatCost, SiteCost, heartbeat_costs, heaviest_sites
from dashboard.ranges import TimeRange

FRAME_US: Final = 1_000_000 / FRAMES
MOST_SUMS: Final = 12  # services, and types, on the page
READ: Final = 1_000  # sites that are read; sums are over these


class Sum(Struct, frozen=True):
    """The time of one service or type; `share`: of all that was measured, 0 to 1. Of services also their `id`, and
    what their heartbeats take of one frame of one server in microseconds (None: they have none)."""

    name: str
    calls: int
    total_us: float
    share: float
    id: int | None = None
    frame_us: float | None = None


class Heartbeat(Struct, frozen=True):
    """What a service's heartbeats take of one frame of one server: microseconds, and the share of the frame."""

    service: str
    us_per_frame: float
    share: float


class ProfilesPage(Struct, frozen=True):
    """Costs within a time. `total_us`: of all sites read."""

    sites: Sequence[SiteCost]
    services: list[Sum]
    types: list[Sum]
    heartbeats: list[Heartbeat]
    frame_share: float
    total_us: float
    calls: int


def profiles_page(game_id: int, shown: TimeRange, *, service_id: int | None, most: int) -> ProfilesPage:
    """The `most` heaviest sites of the game or of one service of it, and what they add up to."""
    sites = heaviest_sites(game_id, span=shown.span, service_id=service_id, limit=READ)
    heartbeats = [_heartbeat(cost) for cost in heartbeat_costs(game_id, span=shown.span)]
    return ProfilesPage(
        sites=sites[:most],
        services=_of_services(game_id, _sums(sites, lambda site: site.service), heartbeats),
        types=_sums(sites, lambda site: site.type),
        heartbeats=heartbeats,
        frame_share=sum(cost.share for cost in heartbeats),
        total_us=sum(site.total_us for site in sites),
        calls=sum(site.calls for site in sites),
    )


def _of_services(game_id: int, sums: list[Sum], heartbeats: Sequence[Heartbeat]) -> list[Sum]:
    ids = dict(Service.objects.filter(game_id=game_id, name__in=[one.name for one in sums]).values_list("name", "id"))
    frames = {cost.service: cost.us_per_frame for cost in heartbeats}
    return [replace(one, id=ids.get(one.name), frame_us=frames.get(one.name)) for one in sums]


def _heartbeat(cost: HeartbeatCost) -> Heartbeat:
    return Heartbeat(cost.service, cost.us_per_frame, cost.us_per_frame / FRAME_US)


def _sums(sites: Iterable[SiteCost], name_of: Callable[[SiteCost], str]) -> list[Sum]:
    grouped: dict[str, list[SiteCost]] = defaultdict(list)
    for site in sites:
        grouped[name_of(site)].append(site)
    whole = sum(site.total_us for group in grouped.values() for site in group) or 1.0
    found = []
    for name, group in grouped.items():
        total = sum(site.total_us for site in group)
        found.append(Sum(name, sum(site.calls for site in group), total, total / whole))
    return sorted(found, key=lambda one: (-one.total_us, one.name))[:MOST_SUMS]
