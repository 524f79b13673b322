"""The kinds of leak that can be planted, and where. The numbers are those of game-side leaks in docs/demo.md."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Final

from simulation.leaks import habits, players, things
from simulation.leaks.plot import Plot
from simulation.services import service_names


class Evidence(StrEnum):
    """What a leak shows as."""

    ORPHANED = "orphaned"
    """Connected though its owner has gone."""
    GROWING = "growing"
    """More and more live connections, whose owner is there or was never known."""
    STALE = "stale"
    """Registered though disconnected; swept every five minutes, and there again."""


@dataclass(frozen=True, slots=True)
class LeakKind:
    """A mistake in a service's code: what it `says` in one line, the `service` that makes it unless told otherwise."""

    says: str
    shows: Evidence
    service: str
    plant: Callable[[Plot], object]


def _leave(share: float) -> Callable[[Plot], None]:
    return partial(players.forget_leavers, share=share)


ORPHANED, GROWING, STALE = Evidence
KINDS: Final[dict[str, LeakKind]] = {
    "leave": LeakKind(
        "a handler per player on a shared signal stays for 25 % of those who leave",
        ORPHANED,
        "CombatService",
        _leave(0.25),
    ),
    "leave-some": LeakKind("the same for 4 %", ORPHANED, "CombatService", _leave(0.04)),
    "leave-rare": LeakKind("the same for 1 %", ORPHANED, "CombatService", _leave(0.01)),
    "late": LeakKind(
        "the same for 25 %, from 20 minutes after the server's start",
        ORPHANED,
        "CombatService",
        players.forget_leavers_late,
    ),
    "one-version": LeakKind(
        f"the same for 25 %, in place version {players.LEAKY_VERSION} only",
        ORPHANED,
        "CombatService",
        players.forget_leavers_of_one_version,
    ),
    "one-player": LeakKind(
        "one regular comes again and again, and each visit leaves four handlers",
        ORPHANED,
        "AchievementService",
        players.forget_one_player,
    ),
    "respawn": LeakKind(
        "Humanoid.Died is connected at each respawn", ORPHANED, "PetService", players.listen_at_each_respawn
    ),
    "cache": LeakKind("cache[player] is never cleared", ORPHANED, "DataService", players.keep_a_cache),
    "subscription": LeakKind(
        "SubscribeAsync for each player, never ended", ORPHANED, "PartyService", players.subscribe_for_each_player
    ),
    "self-capture": LeakKind(
        "a handler holds its own instance, which is never destroyed", GROWING, "NpcService", things.capture_itself
    ),
    "table-capture": LeakKind(
        "handlers hold a table of all handlers", GROWING, "ChatService", things.capture_through_a_table
    ),
    "unparented": LeakKind("Parent = nil where Destroy() was meant", GROWING, "CombatService", things.unparent),
    "tool": LeakKind(
        "a tool's handler is made outside the tool", GROWING, "InventoryService", things.handle_tools_from_outside
    ),
    "reuse": LeakKind(
        "a pooled thing is connected again at each use",
        GROWING,
        "ObstacleSpawnerService",
        things.connect_at_each_reuse,
    ),
    "tag": LeakKind("a tag added without a tag removed", GROWING, "LightingService", things.tag_without_untag),
    "round": LeakKind("four handlers a round, ended by none", GROWING, "MatchService", habits.connect_each_round),
    "fast": LeakKind(
        "a loop connects every 5 s, without an owner that goes",
        GROWING,
        "WeatherService",
        partial(habits.connect_every, seconds=habits.FAST),
    ),
    "slow": LeakKind(
        "the same every 90 s", GROWING, "WeatherService", partial(habits.connect_every, seconds=habits.SLOW)
    ),
    "overwritten": LeakKind(
        "a handle is overwritten while it is connected", GROWING, "TradeService", habits.overwrite_the_handle
    ),
    "kept": LeakKind("disconnected, but left in the registry", STALE, "QuestService", habits.keep_what_is_disconnected),
    "open": LeakKind("opening a menu connects each time", GROWING, "ShopService", habits.connect_at_each_opening),
    "timeout": LeakKind("the time-out path never disconnects", GROWING, "TradeService", habits.forget_on_time_out),
    "trove": LeakKind("a Trove that is never cleaned", GROWING, "TradeService", habits.never_clean_the_trove),
}


@dataclass(frozen=True, slots=True)
class Planted:
    """A kind of leak in a service."""

    kind: str
    service: str


def read_leak(text: str) -> Planted:
    """`KIND` or `KIND:SERVICE`. Raises ValueError with what there is."""
    name, _, service = text.partition(":")
    kind = KINDS.get(name)
    if kind is None:
        raise ValueError(f"there is no kind of leak {name!r}; there are {', '.join(KINDS)}")
    service = service or kind.service
    if service not in service_names():
        raise ValueError(f"the game has no service {service!r}; it has {', '.join(service_names())}")
    return Planted(name, service)
