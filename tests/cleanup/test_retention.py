"""How long plans are kept."""

from datetime import timedelta

from django.utils import timezone

from connmon import tasks
from connmon.accounts.models import Game
from connmon.cleanup.models import Order, Plan
from tests.cleanup.steering import advance, answer_all, plan, run
from tests.machine import Machine


def test_old_plans_are_forgotten(busy: Machine, game: Game) -> None:
    old, running = run(game), plan(game)
    answer_all(busy)
    advance(1)
    advance(600)
    assert Plan.objects.get(pk=old.pk).state == "done"
    Plan.objects.update(created_at=timezone.now() - timedelta(days=400))
    Plan.objects.filter(pk=running.pk).update(state="running")
    tasks.drop_settled_outcomes()
    assert (list(Plan.objects.values_list("id", flat=True)), Order.objects.count()) == ([running.pk], 0)
