"""The stale sweep of a game: silent servers, then the stale connections of those that report."""

from datetime import datetime, timedelta
from typing import Final

from django.db import IntegrityError, transaction

from connmon.accounts.audit import Actor, record
from connmon.accounts.models import Game
from connmon.cleanup.actions import run_automatic
from connmon.cleanup.models import Overrun, Plan, Rota, Sweep
from connmon.cleanup.preview import count_stale
from connmon.cleanup.scope import Scope
from connmon.cleanup.states import Origin
from connmon.configuration.queries import current, list_configured
from connmon.configuration.rules import Configuration
from connmon.configuration.schema import CONNECTION_MANAGEMENT, OPERATIONS, SETTINGS
from connmon.registry import sweep as registry
from connmon.registry.models import GameServer, Service
from connmon.registry.states import ConnectionState

JOB: Final = "Stale sweep"
AUTO: Final = "AUTO_CLEANUP_STALE_CONNECTIONS"
INTERVAL: Final = "SWEEP_INTERVAL"
KEPT: Final = timedelta(days=30)  # rows of sweeps


def step(*, now: datetime) -> bool:
    """Sweeps one game that is due, or drops a batch of what ended servers left; whether there was anything."""
    game = _take_due_game(now)
    if game is not None:
        sweep_game(game, by=Actor.of_job(JOB), now=now)
        return True
    return registry.drop_leftovers() is not None


def _take_due_game(now: datetime) -> Game | None:
    """A game whose time has come, its next time set: of two workers one gets it."""
    for game in Game.objects.filter(rota=None)[:100]:
        Rota.objects.get_or_create(game=game, defaults={"sweep_at": now, "emergency_at": now})
    _bring_forward(now)
    for rota in Rota.objects.select_related("game").filter(sweep_at__lte=now).order_by("sweep_at")[:10]:
        interval = current(rota.game_id).get(OPERATIONS, INTERVAL)
        following = now + timedelta(seconds=interval)
        if Rota.objects.filter(pk=rota.pk, sweep_at=rota.sweep_at).update(sweep_at=following):
            return rota.game
    return None


def _bring_forward(now: datetime) -> None:
    """A shorter interval holds from now on, and a clock that was ahead puts no sweep off."""
    usual = timedelta(seconds=SETTINGS[OPERATIONS][INTERVAL].default)
    far = Rota.objects.filter(sweep_at__gt=now + usual)
    if not far.exists():
        return
    own = {game.pk: configuration for game, configuration in list_configured(OPERATIONS, [INTERVAL])}
    for rota in far:
        of_game = own.get(rota.game_id)
        latest = now + (timedelta(seconds=of_game.get(OPERATIONS, INTERVAL)) if of_game else usual)
        if rota.sweep_at > latest:
            Rota.objects.filter(pk=rota.pk, sweep_at=rota.sweep_at).update(sweep_at=latest)


def sweep_game(game: Game, *, by: Actor, now: datetime) -> Sweep:
    """One sweep, now. Does nothing, and says why, while the silence of servers may be our own fault."""
    skipped = registry.find_why_not(report_interval=game.report_interval, now=now)
    if skipped:
        return Sweep.objects.create(game=game, at=now, by=by.label, skipped=skipped)
    configuration = current(game.pk)
    with transaction.atomic():
        lost, returned = registry.mark_lost(game.pk, now=now)
        gone = registry.end_gone(game.pk, gone_after=configuration.get(OPERATIONS, "GONE_AFTER"), now=now)
        sweep = Sweep.objects.create(
            game=game,
            at=now,
            by=by.label,
            skipped="",
            lost=lost,
            returned=returned,
            gone=gone,
            stale=count_stale(game.pk, now=now),
        )
        if gone:
            after = {"servers": gone}
            record(
                game, "servers.ended", target=f"sweep {sweep.pk}", by=by, now=now, after=after, reason="silent too long"
            )
    if sweep.stale:
        _order_stale(game, sweep, configuration, now)
    return sweep


def _order_stale(game: Game, sweep: Sweep, configuration: Configuration, now: datetime) -> None:
    scope = _scope(game, configuration)
    if scope is None:
        return
    try:
        with transaction.atomic():
            plan = _run(game, scope, now)
            Sweep.objects.filter(pk=sweep.pk).update(plan=plan)
    except IntegrityError:
        return  # one_automatic_plan_at_a_time: another sweep's orders are on their way
    sweep.plan = plan


def _run(game: Game, scope: Scope, now: datetime) -> Plan | None:
    return run_automatic(game, scope, origin=Origin.SWEEP, reason=f"{AUTO} is on.", job=JOB, now=now)


def _scope(game: Game, configuration: Configuration) -> Scope | None:
    """Stale connections of the services for which the setting is on; None if there is none."""
    on = configuration.get(CONNECTION_MANAGEMENT, AUTO)
    named = configuration.services_with(CONNECTION_MANAGEMENT, AUTO, not on)
    services = Service.objects.filter(game=game)
    if on:
        without = services.filter(name__in=named)
    elif named:
        without = services.exclude(name__in=named)
    else:
        return None
    return Scope(
        states=(ConnectionState.STALE,),
        without=tuple(without.values_list("id", flat=True).order_by("id")),
        idle_servers=True,
    )


def sweep_now(game: Game, *, by: Actor, now: datetime) -> Sweep:
    """A sweep on demand; the next one by itself follows after a whole interval. Leftovers are dropped by the job."""
    interval = current(game.pk).get(OPERATIONS, INTERVAL)
    times = {"sweep_at": now + timedelta(seconds=interval)}
    Rota.objects.update_or_create(game=game, defaults=times, create_defaults={**times, "emergency_at": now})
    with transaction.atomic():
        record(game, "sweep.ordered", target=game.name, by=by, now=now)
    return sweep_game(game, by=by, now=now)


def drop_old_sweeps(*, now: datetime) -> int:
    """Deletes rows of sweeps older than KEPT, and marks of servers that ended; returns how many sweeps."""
    Overrun.objects.filter(server_id__in=GameServer.objects.exclude(ended_at=None).values("id")).delete()
    deleted, _ = Sweep.objects.filter(at__lt=now - KEPT).delete()
    return deleted
