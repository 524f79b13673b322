"""Leaks of a service's own habits: connections nobody ends, under an owner that stays. They only grow in number."""

from typing import Final

from simulation.leaks.plot import BINDABLE, HEARTBEAT, Counter, Plot, nothing
from simulation.world import Player

KEPT: Final = 20.0  # seconds until the handler is disconnected that stays registered
FAST: Final = 5.0  # seconds between two connections
SLOW: Final = 90.0
ANSWERED: Final = 0.7  # of the trades, before their time is out


def connect_each_round(plot: Plot) -> None:
    """Four handlers for each round, ended by none."""
    number = Counter()

    def started() -> None:
        for _ in range(4):
            name = plot.name(f"Round#{number.next()}")
            plot.manager.register_connection(plot.owner, name, plot.world.weather_changed.connect(nothing), BINDABLE)

    plot.world.round_started.connect(started)


def connect_every(plot: Plot, seconds: float) -> None:
    """A loop connects anew each time it comes round."""
    number = Counter()

    def turn() -> None:
        name = plot.name(f"Loop#{number.next()}")
        plot.manager.register_connection(plot.owner, name, plot.world.weather_changed.connect(nothing), BINDABLE)

    plot.timeline.every(lambda: seconds, turn)


def overwrite_the_handle(plot: Plot) -> None:
    """`self.update = heartbeat.connect(…)` while the last one is still connected."""
    number = Counter()
    update: list[object] = [None]

    def offer(player: Player) -> None:
        update[0] = connection = plot.world.heartbeat.connect(nothing)
        plot.manager.register_connection(plot.owner, plot.name(f"Update#{number.next()}"), connection, HEARTBEAT)

    plot.on_remote("Trade", offer, 0.3)


def keep_what_is_disconnected(plot: Plot) -> None:
    """Handlers are disconnected, but nobody tells the registry: they are stale until they are swept."""
    number = Counter()

    def complete(player: Player) -> None:
        goal = plot.world.round_ended.connect(nothing)
        plot.manager.register_connection(plot.owner, plot.name(f"Goal#{number.next()}"), goal, BINDABLE)
        plot.timeline.after(KEPT, goal.disconnect)

    plot.on_remote("CompleteQuest", complete, 0.5)


def connect_at_each_opening(plot: Plot) -> None:
    """Opening the menu connects; closing it does not disconnect."""
    number = Counter()

    def opened(player: Player) -> None:
        name = plot.name(f"Menu#{number.next()}")
        plot.manager.register_connection(plot.owner, name, plot.world.announcements.connect(nothing), BINDABLE)

    plot.on_remote("OpenShop", opened, 0.3)


def forget_on_time_out(plot: Plot) -> None:
    """Whoever answers ends the handler; when nobody does, the time-out forgets to."""
    number = Counter()

    def offer(player: Player) -> None:
        answer, name = plot.world.announcements.connect(nothing), plot.name(f"Offer#{number.next()}")
        plot.manager.register_connection(plot.owner, name, answer, BINDABLE)
        if plot.chance.random() < ANSWERED:
            plot.timeline.after(
                plot.chance.uniform(2, 20), lambda: plot.manager.unregister_connection(plot.owner, name)
            )

    plot.on_remote("Trade", offer, 1.0)


def never_clean_the_trove(plot: Plot) -> None:
    """A Trove for a trade, with three connections in it, which nobody cleans."""
    number = Counter()

    def offer(player: Player) -> None:
        for signal in (plot.world.damage_dealt, plot.world.round_ended, plot.world.announcements):
            name = plot.name(f"Trove#{number.next()}")
            plot.manager.register_connection(plot.owner, name, signal.connect(nothing), BINDABLE)

    plot.on_remote("Trade", offer, 0.15)
