"""A game with something on every page, and the address of each."""

from dataclasses import dataclass

from django.urls import reverse
from django.utils import timezone

from connmon.accounts.audit import Actor
from connmon.accounts.models import Game, User
from connmon.configuration.actions import change_configuration
from connmon.registry.models import GameServer, Service
from tests.dashboard.factories import (
    ARABIC,
    HOSTILE_NAMES,
    SCRIPT,
    Counters,
    Pool,
    ServerSpec,
    make_connection,
    put_refusal,
    put_samples,
    put_server,
    put_service,
    save_connections,
)


@dataclass(frozen=True)
class Filled:
    """The game, and a service and a server of it with hostile names."""

    game: Game
    service: Service
    server: GameServer

    def addresses(self) -> list[str]:
        """Every address that members read."""
        slug = self.game.slug
        of_service = {"slug": slug, "service_id": self.service.pk}
        of_server = {"slug": slug, "server_id": self.server.pk}
        whole = ("overview", "game-chart", "servers", "servers-table", "setup", "configuration", "audit", "audit-table")
        return [
            *(reverse(name, kwargs={"slug": slug}) for name in whole),
            *(reverse(name, kwargs=of_service) for name in ("service", "service-chart", "service-registry")),
            *(reverse("revision", kwargs={"slug": slug, "number": number}) for number in (0, 1)),
            *(reverse(name, kwargs=of_server) for name in ("server", "server-registry")),
        ]


def fill(game: Game, *, servers: int = 3) -> Filled:
    """Servers, services, pools, connections, history and refusals; every name is hostile."""
    now = timezone.now()
    counters = {name: Counters(live=20, orphaned=2, stale=1) for name in HOSTILE_NAMES}
    for number in range(servers - 1):
        put_server(game, ServerSpec(f"{ARABIC}-{number}", counters, [Pool(SCRIPT)]), now=now)
    server = put_server(game, ServerSpec(SCRIPT, counters, [Pool(SCRIPT), Pool("Heartbeat")]), now=now)
    service = put_service(game, SCRIPT)
    save_connections(
        [
            make_connection(server, service, number, owner=name, name=name, type=name, site=f"{name}:1", now=now)
            for number, name in enumerate(HOSTILE_NAMES * 12, start=1)
        ]
    )
    put_samples(game, {service: [Counters(live=n, opened=2 * n) for n in range(30)]}, now=now)
    put_revisions(game)
    for name in HOSTILE_NAMES:
        put_refusal(game, server=name, detail=name, excerpt=name, now=now)
    return Filled(game, service, server)


def put_revisions(game: Game) -> None:
    """A revision for each hostile name, with it as service, type and reason; each leaves an audit entry."""
    by = Actor.of_user(User(pk=1, email=f"{SCRIPT}@example.com"))
    for number, name in enumerate(HOSTILE_NAMES, start=61):
        change_configuration(
            game,
            settings={"CONNECTION_POOLS": {"MAX_POOL_SIZE": number, "POOL_TYPES": [name[:64]]}},
            services={name: {"CONNECTION_MANAGEMENT": {"STALE_CONNECTION_THRESHOLD": number}}},
            reason=name,
            by=by,
            now=timezone.now(),
        )
