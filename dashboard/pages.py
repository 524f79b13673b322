"""The pages that live sockets can watch: which query each needs and which changes concern it."""

from collections.abc import Callable
from datetime import datetime
from typing import Final

from msgspec import Struct

from dashboard.queries.configuration import configuration_live
from dashboard.queries.servers import server_page, servers_live
from dashboard.queries.services import overview, service_page
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
        return self.kind != "server" or servers is None or self.id in servers


WHOLE: Final[dict[str, Callable[..., Struct]]] = {
    "overview": overview,
    "servers": servers_live,
    "configuration": configuration_live,
    "setup": setup_live,
}
SINGLE: Final[dict[str, Callable[..., Struct]]] = {"service": service_page, "server": server_page}


def parse_page(text: str) -> Page | None:
    """The page that a socket's query string names, or None."""
    kind, _, number = text.partition(":")
    if kind in WHOLE and not number:
        return Page(kind)
    if kind in SINGLE and number.isascii() and number.isdigit() and int(number) < 2**63:
        return Page(kind, int(number))
    return None
