"""The pages that live sockets can watch: which query each needs and which changes concern it."""

from collections.abc import Callable
from datetime import datetime
from math import inf
from typing import Final

from msgspec import Struct

from connmon.cleanup.states import PlanState
from dashboard.delta import Plain
from dashboard.queries.alerts import alerts_live, destinations_live
from dashboard.queries.cleanup import cleanup_live
from dashboard.queries.configuration import configuration_live
from dashboard.queries.plans import plan_live
from dashboard.queries.pools import pools_live
from dashboard.queries.server import server_page
from dashboard.queries.servers import servers_live
from dashboard.queries.service import service_page
from dashboard.queries.services import overview
from dashboard.queries.setup import setup_live


class Page(Struct, frozen=True):
    """A page of a game as a socket names it: `overview`, `service:12`, `server:7301…`, `servers`, …"""

    kind: str
    id: int | None = None

    def state(self, game_id: int, *, now: datetime) -> Struct:
        """Everything on the page that changes. Raises NotFound."""
        if self.id is None:
            return WHOLE[self.kind](game_id, now=now)
        return SINGLE[self.kind](game_id, self.id, now=now)

    def is_concerned(self, servers: list[int] | None) -> bool:
        """Whether a change of these servers (None: of any) can change the page."""
        if self.kind in RHYTHMS:
            return False
        return self.kind != "server" or servers is None or self.id in servers

    def rhythm(self, state: Plain) -> float:
        """Seconds after which the page wants to be looked at again without being told of a change."""
        if self.kind == "plan" and state and state["plan"]["state"] in MOVING:
            return MOVING_RHYTHM
        return RHYTHMS.get(self.kind, inf)


# Pages that no report changes but workers, of which nobody tells: seconds between two looks.
RHYTHMS: Final = {"cleanup": 2.0, "plan": 5.0, "alerts": 2.0, "destinations": 2.0}
MOVING: Final = (PlanState.PLANNED, PlanState.HELD, PlanState.RUNNING)
MOVING_RHYTHM: Final = 1.0  # as often as workers take a running plan a step on


WHOLE: Final[dict[str, Callable[..., Struct]]] = {
    "overview": overview,
    "servers": servers_live,
    "pools": pools_live,
    "cleanup": cleanup_live,
    "alerts": alerts_live,
    "destinations": destinations_live,
    "configuration": configuration_live,
    "setup": setup_live,
}
SINGLE: Final[dict[str, Callable[..., Struct]]] = {"service": service_page, "server": server_page, "plan": plan_live}


def parse_page(text: str) -> Page | None:
    """The page that a socket's query string names, or None."""
    kind, _, number = text.partition(":")
    if kind in WHOLE and not number:
        return Page(kind)
    if kind in SINGLE and number.isascii() and number.isdigit() and int(number) < 2**63:
        return Page(kind, int(number))
    return None
