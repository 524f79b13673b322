"""Leaks through things: what is never destroyed, or was connected outside of it. No owner ever goes."""

from typing import Final

from connmon_agent import Signal
from simulation.leaks.plot import HEARTBEAT, Counter, Plot, nothing
from simulation.world import Entity, Player

NPC: Final = 20.0  # seconds between two that appear
REUSE: Final = 15.0  # seconds between two uses of a pooled thing
TAG: Final = 12.0  # seconds between two tagged things


def capture_itself(plot: Plot) -> None:
    """Each NPC's handler holds the NPC, which is taken out of the place but never destroyed."""

    def appear() -> None:
        npc = Entity(plot.world, "Npc")
        touched = npc.touched.connect(lambda *_: npc)
        plot.manager.register_connection(npc, plot.name("Touched"), touched, "BasePart.Touched", service=plot.service)

    plot.timeline.every(lambda: NPC, appear)


def capture_through_a_table(plot: Plot) -> None:
    """Handlers share a table of all there ever were, and so all of them stay."""
    table: list[object] = []
    number = Counter()

    def emote(player: Player) -> None:
        finished = plot.world.round_ended.connect(lambda *_: table)
        table.append(finished)
        plot.manager.register_connection(plot.owner, plot.name(f"Emote#{number.next()}"), finished, "Animation.Stopped")

    plot.on_remote("Emote", emote, 0.3)


def unparent(plot: Plot) -> None:
    """`Parent = nil` where `Destroy()` was meant: the projectile is out of sight, its handler is not."""

    def shoot(player: Player) -> None:
        shot = Entity(plot.world, "Projectile")
        name = plot.name("Hit")
        plot.manager.register_connection(
            shot, name, shot.touched.connect(nothing), "BasePart.Touched", service=plot.service
        )

    plot.on_remote("Attack", shoot, 0.05)


def handle_tools_from_outside(plot: Plot) -> None:
    """A tool's handler hangs on the heartbeat: the tool is destroyed, the handler stays."""
    number = Counter()

    def equip(player: Player) -> None:
        tool = Entity(plot.world, "Tool")
        swing = plot.world.heartbeat.connect(nothing)
        plot.manager.register_connection(plot.owner, plot.name(f"Swing#{number.next()}"), swing, HEARTBEAT)
        tool.destroy()

    plot.on_remote("Equip", equip, 0.3)


def connect_at_each_reuse(plot: Plot) -> None:
    """Things come from a pool of their own, and each use connects them once more."""
    number = Counter()
    pool = [Entity(plot.world, "Coin") for _ in range(8)]

    def use() -> None:
        touched = plot.chance.choice(pool).touched.connect(nothing)
        plot.manager.register_connection(plot.owner, plot.name(f"Coin#{number.next()}"), touched, "BasePart.Touched")

    plot.timeline.every(lambda: REUSE, use)


def tag_without_untag(plot: Plot) -> None:
    """What has got a tag is connected; losing the tag ends nothing."""
    number = Counter()
    changed: list[Signal] = []

    def tagged() -> None:
        changed.append(plot.world.signal())
        handler, name = changed[-1].connect(nothing), plot.name(f"Tagged#{number.next()}")
        plot.manager.register_connection(plot.owner, name, handler, "Instance.AttributeChanged")

    plot.world.tag_added.connect(tagged)
    plot.timeline.every(lambda: TAG, plot.world.tag_added.fire)
