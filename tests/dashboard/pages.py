"""A game with something on every page, and the address of each."""

from dataclasses import dataclass
from datetime import timedelta

from django.urls import reverse
from django.utils import timezone

from connmon.accounts.audit import Actor
from connmon.accounts.links import Shown, make_link
from connmon.accounts.models import Game, User
from connmon.alerts.models import Destination, Rule
from connmon.cleanup.models import Plan
from connmon.configuration.actions import change_configuration
from connmon.leaks.models import Leak, LeakEvent
from connmon.registry.models import GameServer, Service
from connmon.source.models import Upload
from connmon.telemetry.models import ProfileSample
from tests.cleanup.steering import advance, again
from tests.dashboard.alarms import put_alert, put_delivery, put_destination, put_rule, put_silence
from tests.dashboard.factories import (
    ARABIC,
    HOSTILE_NAMES,
    SCRIPT,
    Counters,
    Pool,
    ServerSpec,
    make_connection,
    put_profile,
    put_refusal,
    put_samples,
    put_server,
    put_service,
    save_connections,
)
from tests.dashboard.plans import answer, run
from tests.leaks.ledger import put_leak
from tests.source.uploads import put_analysed


@dataclass(frozen=True)
class Filled:
    """The game, and a service and a server of it with hostile names, a plan that ran, a rule and a destination."""

    game: Game
    service: Service
    server: GameServer
    plan: Plan
    rule: Rule
    destination: Destination
    leak: Leak
    upload: Upload

    def everything(self) -> list[str]:
        """Every address that admins read."""
        slug = self.game.slug
        return [
            *self.addresses(),
            *(reverse(name, kwargs={"slug": slug}) for name in ("new-plan", "emergency", "new-alert-rule", "links")),
            reverse("alert-rule", kwargs={"slug": slug, "number": self.rule.pk}),
            reverse("destination", kwargs={"slug": slug, "number": self.destination.pk}),
        ]

    def addresses(self) -> list[str]:
        """Every address that members of any role read."""
        slug = self.game.slug
        of_service = {"slug": slug, "service_id": self.service.pk}
        of_server = {"slug": slug, "server_id": self.server.pk}
        of_plan = {"slug": slug, "plan_id": self.plan.pk}
        whole = (
            "overview",
            "game-chart",
            "game-sparks",
            "pools",
            "pools-table",
            "profiles",
            "servers",
            "servers-table",
            "setup",
            "configuration",
            "audit",
            "audit-table",
            "members",
        )
        acting = ("cleanup", "cleanup-table", "alerts", "alert-rules", "destinations")
        return [
            *(reverse(name, kwargs={"slug": slug}) for name in whole),
            *(
                reverse(name, kwargs=of_service)
                for name in ("service", "service-chart", "service-registry", "service-cohorts", "service-source")
            ),
            *(reverse("revision", kwargs={"slug": slug, "number": number}) for number in (0, 1)),
            *(reverse(name, kwargs=of_server) for name in ("server", "server-registry")),
            *(reverse(name, kwargs={"slug": slug}) for name in acting),
            *(reverse(name, kwargs=of_plan) for name in ("plan", "plan-servers")),
            reverse("plan-server", kwargs=of_plan | {"server_id": self.server.pk}),
            *(reverse(name, kwargs={"slug": slug}) for name in ("leaks", "leaks-table")),
            reverse("leak", kwargs={"slug": slug, "number": self.leak.pk}),
            *(reverse(name, kwargs={"slug": slug}) for name in ("migration", "migration-status")),
        ]


def fill(game: Game, *, servers: int = 3) -> Filled:
    """Servers, services, pools, connections, history, refusals, plans and alerts; every name is hostile."""
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
    put_profiles(game)
    put_revisions(game)
    put_link(game, service)
    for name in HOSTILE_NAMES:
        put_refusal(game, server=name, detail=name, excerpt=name, now=now)
    return Filled(game, service, server, put_plan(game), *put_alerts(game), put_hostile_leak(game), put_source(game))


def put_link(game: Game, service: Service) -> None:
    """An open link to a service."""
    now, by = timezone.now(), Actor.of_user(User(pk=1, email=f"{SCRIPT}@example.com"))
    make_link(game, Shown.SERVICE, subject_id=service.pk, name=service.name, life=timedelta(days=1), now=now, by=by)


def put_profiles(game: Game) -> None:
    """What callbacks cost at sites with hostile names."""
    now = timezone.now()
    if ProfileSample.objects.filter(game_id=game.pk).exists():
        return
    for name in HOSTILE_NAMES:
        put_profile(put_service(game, name), type=f"{name[:40]}.Heartbeat", site=f"{name}:1", at=now)


def put_hostile_leak(game: Game) -> Leak:
    """A leak whose every name is hostile, and what became of it."""
    known = Leak.objects.filter(game=game).first()
    if known is not None:
        return known
    named = {"owners": list(HOSTILE_NAMES), "servers": list(HOSTILE_NAMES)}
    evidence = {"server_count": 6, "players": 12, "line": None} | named
    leak = put_leak(
        game, SCRIPT, site=f"{SCRIPT}:1", kind=SCRIPT, summary=SCRIPT, evidence=evidence, now=timezone.now()
    )
    LeakEvent.objects.create(leak=leak, at=leak.since, state="new", rung="confirmed", place_version=142)
    return leak


def put_source(game: Game) -> Upload:
    """An upload whose every text is hostile."""
    known = Upload.objects.filter(game=game).first()
    return known or put_analysed(game, {f"{SCRIPT.replace('/', '')}.luau": SCRIPT}, service=SCRIPT, patch=SCRIPT)


def put_plan(game: Game) -> Plan:
    """A plan that ran and is watched, whose agents said hostile things."""
    plan = run(game, reason=SCRIPT)
    answer(plan, detail=SCRIPT)
    advance(2)
    return again(plan)


def put_alerts(game: Game) -> tuple[Rule, Destination]:
    """A rule that fires, one that is about to, a silence, and a message that could not be delivered."""
    known = Rule.objects.filter(game=game, name=SCRIPT).first()
    if known is not None:
        return known, Destination.objects.get(game=game)
    rule, destination = put_rule(game, SCRIPT, service=SCRIPT), put_destination(game, SCRIPT)
    alert = put_alert(rule, summary=SCRIPT)
    put_alert(put_rule(game, ARABIC, severity="critical"), "pending", summary=ARABIC)
    put_alert(rule, "resolved", summary=SCRIPT, resolved_at=timezone.now())
    put_delivery(destination, alert, "dead", detail=SCRIPT)
    put_silence(game, reason=SCRIPT, service=SCRIPT)
    return rule, destination


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
