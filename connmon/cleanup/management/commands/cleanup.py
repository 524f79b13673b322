"""`manage.py cleanup`: plan, execute, undo, stop, emergency, status. It takes the steps itself: no worker is needed."""

import json
from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from connmon.accounts.console import find_game, who
from connmon.accounts.models import Game
from connmon.cleanup import console, steps
from connmon.cleanup.actions import HOLD, abort_plan, declare_emergency, execute_plan, make_plan, undo_plan
from connmon.cleanup.models import Plan
from connmon.cleanup.queries import find_plan, list_came_back, list_plans, plan_progress
from connmon.cleanup.scope import EVERYTHING, Scope, read_wish
from connmon.cleanup.states import PlanState
from connmon.core.errors import DomainError


class Command(BaseCommand):
    help = "Plan, execute and follow cleanups of a game."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--game", help="the game's slug; may be left out if there is only one")
        tasks = parser.add_subparsers(dest="task", required=True)
        plan = tasks.add_parser("plan", help="a dry run: what would be closed")
        _add_scope(plan)
        plan.add_argument("--no-canary", action="store_true", help="begin on all servers")
        plan.add_argument("--servers-per-second", type=float)
        for task, text in (("execute", "let a plan run after a hold of 10 s"), ("undo", "take it back while held")):
            tasks.add_parser(task, help=text).add_argument("plan", type=int)
        stop = tasks.add_parser("stop", help="stop a running plan")
        stop.add_argument("plan", type=int)
        status = tasks.add_parser("status", help="one plan, or the latest")
        status.add_argument("plan", type=int, nargs="?")
        emergency = tasks.add_parser("emergency", help="plan and execute in one step")
        _add_scope(emergency)
        emergency.add_argument("--no-canary", action="store_true", help="begin on all servers")
        emergency.add_argument("--hold", type=float, default=HOLD.total_seconds(), help="seconds to take it back (10)")
        for parser_of in (emergency, tasks.choices["execute"]):
            parser_of.add_argument("--no-wait", action="store_true", help="do not follow it; the workers go on")

    def handle(self, *args: Any, **options: Any) -> None:
        game = find_game(options["game"])
        try:
            getattr(self, f"_{options['task']}")(game, options)
        except DomainError as error:
            raise CommandError(str(error)) from None

    def _plan(self, game: Game, options: dict[str, Any]) -> None:
        plan = make_plan(
            game,
            _scope(options),
            reason=options["reason"],
            canary=not options["no_canary"],
            servers_per_second=options["servers_per_second"],
            by=who(),
            now=timezone.now(),
        )
        self.stdout.write(console.describe(plan))
        self.stdout.write(f"It expires at {plan.next_at:%H:%M:%S} UTC. To run it: manage.py cleanup execute {plan.pk}")

    def _execute(self, game: Game, options: dict[str, Any]) -> None:
        self._hold(execute_plan(game, options["plan"], by=who(), now=timezone.now()), options)

    def _emergency(self, game: Game, options: dict[str, Any]) -> None:
        plan = declare_emergency(
            game,
            scope=_scope(options) if _names_scope(options) else EVERYTHING,
            reason=options["reason"],
            hold=timedelta(seconds=options["hold"]),
            canary=not options["no_canary"],
            by=who(),
            now=timezone.now(),
        )
        self.stdout.write(console.describe(plan))
        self._hold(plan, options)

    def _hold(self, plan: Plan, options: dict[str, Any]) -> None:
        self.stdout.write(f"Held until {plan.next_at:%H:%M:%S} UTC. To take it back: manage.py cleanup undo {plan.pk}")
        if not options["no_wait"]:
            plan = console.follow(plan, step=lambda: steps.step(now=timezone.now()), show=self._show)
            self._tell_end(plan)

    def _show(self, line: str) -> None:
        """One line that moves, or on no terminal a line for each change."""
        at_terminal = self.stdout.isatty()
        self.stdout.write(f"\r{line}" if at_terminal else line, ending="" if at_terminal else "\n")
        self.stdout.flush()

    def _tell_end(self, plan: Plan) -> None:
        if self.stdout.isatty():
            self.stdout.write("")
        if plan.state in {PlanState.ABORTED, PlanState.UNDONE}:
            raise CommandError(f"Plan {plan.pk} is {plan.state}. {plan.detail}")
        self.stdout.write(f"Every order has ended. What comes back: manage.py cleanup status {plan.pk}")

    def _undo(self, game: Game, options: dict[str, Any]) -> None:
        plan = undo_plan(game, options["plan"], by=who(), now=timezone.now())
        self.stdout.write(f"Plan {plan.pk} is taken back; nothing was sent.")

    def _stop(self, game: Game, options: dict[str, Any]) -> None:
        plan = abort_plan(game, options["plan"], by=who(), now=timezone.now())
        self.stdout.write(f"Plan {plan.pk} is stopped; what has not gone out never will.")

    def _status(self, game: Game, options: dict[str, Any]) -> None:
        plan = find_plan(game.pk, options["plan"]) if options["plan"] else list_plans(game.pk).first()
        if plan is None:
            raise CommandError("This game has no plan yet.")
        self.stdout.write(console.describe(plan))
        self.stdout.write(console.sentence(plan, plan_progress(plan)))
        if plan.detail:
            self.stdout.write(plan.detail)
        for kind in list_came_back(plan)[: console.LINES]:
            if kind["came_back"]:
                self.stdout.write(
                    f"  came back: {kind['came_back']:,} of {kind['service']} {kind['type']} {kind['site']}"
                )


def _add_scope(parser: ArgumentParser) -> None:
    parser.add_argument("--reason", required=True)
    parser.add_argument("--everything", action="store_true", help="all that is not essential")
    parser.add_argument("--state", action="append", help="live, idle, stale, orphaned; may be given several times")
    parser.add_argument("--owner", help='for instance "player:261"')
    parser.add_argument("--service")
    parser.add_argument("--type")
    parser.add_argument("--server", action="append", help="a server's id; may be given several times")
    parser.add_argument("--older-than", type=float, metavar="SECONDS")
    parser.add_argument("--younger-than", type=float, metavar="SECONDS")
    parser.add_argument("--scope", help="all of it as JSON instead")


def _wish(options: dict[str, Any]) -> dict[str, Any]:
    named = ("owner", "service", "type", "older_than", "younger_than")
    wish = {name: options[name] for name in named if options[name] is not None}
    for option, name in (("state", "states"), ("server", "servers")):
        if options[option]:
            wish[name] = options[option]
    if options["everything"]:
        wish["everything"] = True
    return wish


def _names_scope(options: dict[str, Any]) -> bool:
    return bool(options["scope"] or _wish(options))


def _scope(options: dict[str, Any]) -> Scope:
    if not options["scope"]:
        return read_wish(_wish(options))
    try:
        return read_wish(json.loads(options["scope"]))
    except json.JSONDecodeError as error:
        raise CommandError(f"--scope takes JSON: {error}.") from None
