"""How often something runs, and how such rates go together."""

from dataclasses import dataclass, replace

from migrator import names
from migrator.model import Frequency
from migrator.sites import Connect

_RANK = {frequency: rank for rank, frequency in enumerate(Frequency)}


@dataclass(frozen=True, slots=True)
class Rate:
    """How often something runs. `sure`: seen in the code, not guessed from a name. `by`: the function that repeats."""

    frequency: Frequency = Frequency.ONCE
    sure: bool = True
    by: str = ""

    @property
    def repeats(self) -> bool:
        """Whether it runs more than once."""
        return self.frequency is not Frequency.ONCE

    def with_(self, other: "Rate") -> "Rate":
        """The rate of one inside the other."""
        high, low = (self, other) if _RANK[self.frequency] >= _RANK[other.frequency] else (other, self)
        sure = high.sure or (low.repeats and low.sure)
        return high if sure is high.sure else replace(high, sure=sure)


ONCE = Rate()


def worse(left: Rate, right: Rate) -> Rate:
    """The one that repeats more."""
    return left if _RANK[left.frequency] >= _RANK[right.frequency] else right


def callback_rate(connect: Connect) -> Rate:
    """How often a site's callback runs, for each time the site runs."""
    event = connect.event
    by = connect.chain.last
    if connect.call.name in names.ONCE:
        return ONCE
    if event in names.PLAYER_EVENTS:
        return Rate(Frequency.PER_PLAYER, True, by)
    if event in names.CHARACTER_EVENTS:
        return Rate(Frequency.PER_CHARACTER, True, by)
    if event in names.PER_FRAME:
        return Rate(Frequency.LOOP, True, by)
    return Rate(Frequency.PER_CALL, True, by)
