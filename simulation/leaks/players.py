"""Leaks that players leave behind: their connections stay when they go, and become orphaned a minute later."""

from typing import Final

from connmon_agent import Signal
from simulation.leaks.plot import BINDABLE, HEARTBEAT, Counter, Plot, nothing
from simulation.world import Entity, Player

LATE: Final = 20 * 60.0  # seconds a server runs before the late leak begins
REGULAR: Final = 4_815_162_342  # the one player's user id
VISITS: Final = (150.0, 330.0)  # seconds between two visits of the one player
VISIT: Final = 60.0  # seconds each takes
LEAKY_VERSION: Final = 143  # the one version's


def forget_leavers(plot: Plot, share: float) -> None:
    """A handler on a shared signal for each player, which is not ended for that share of those who leave."""
    manager, service, heartbeat = plot.manager, plot.service, plot.world.heartbeat
    step, hit = plot.name("Step"), plot.name("Hit")

    def added(player: Player) -> None:
        manager.register_connection(player, step, heartbeat.connect(nothing), HEARTBEAT, service=service, watch=True)
        damage = plot.world.damage_dealt.connect(nothing)
        manager.register_connection(player, hit, damage, BINDABLE, service=service, watch=True)

    def removing(player: Player) -> None:
        if plot.chance.random() >= share:
            manager.unregister_connection(player, step)
            manager.unregister_connection(player, hit)

    plot.on_players(added, removing)


def forget_leavers_late(plot: Plot) -> None:
    """The same for a quarter, but only once the server has run for a while."""
    plot.timeline.after(LATE, lambda: forget_leavers(plot, 0.25))


def forget_leavers_of_one_version(plot: Plot) -> None:
    """The same for a quarter, in one place version only."""
    if plot.world.given.place_version == LEAKY_VERSION:
        forget_leavers(plot, 0.25)


def forget_one_player(plot: Plot) -> None:
    """One regular comes again and again, and each visit leaves four handlers."""

    def added(player: Player) -> None:
        if player.user_id == REGULAR:
            for number in range(4):
                effect = plot.world.damage_dealt.connect(nothing)
                name = plot.name(f"Vip#{number}")
                plot.manager.register_connection(player, name, effect, BINDABLE, service=plot.service, watch=True)

    plot.on_players(added)
    plot.timeline.every(lambda: plot.chance.uniform(*VISITS), lambda: plot.crowd.visit(REGULAR, VISIT))


def listen_at_each_respawn(plot: Plot) -> None:
    """`Humanoid.Died` is connected at each respawn, and the characters are kept for it."""
    number, kept = Counter(), list[Entity]()

    def spawned(player: Player) -> None:
        character = player.character
        if character is not None:
            kept.append(character)
            died, name = character.died.connect(nothing), plot.name(f"Died#{number.next()}")
            plot.manager.register_connection(player, name, died, "Humanoid.Died", service=plot.service, watch=True)

    plot.world.spawned.connect(spawned)


def keep_a_cache(plot: Plot) -> None:
    """`cache[player]` is never cleared, and what it holds stays connected."""
    cache: dict[int, Player] = {}

    def added(player: Player) -> None:
        cache[player.user_id] = player
        seen = player.chatted.connect(nothing)
        name = plot.name("Cached")
        plot.manager.register_connection(player, name, seen, "Player.Chatted", service=plot.service, watch=True)

    plot.on_players(added)


def subscribe_for_each_player(plot: Plot) -> None:
    """`SubscribeAsync` for each player, and nobody unsubscribes."""
    topics: list[Signal] = []

    def added(player: Player) -> None:
        topics.append(plot.world.signal())
        heard, name = topics[-1].connect(nothing), plot.name("Topic")
        kind = "MessagingService.Subscribe"
        plot.manager.register_connection(player, name, heard, kind, service=plot.service, watch=True)

    plot.on_players(added)
