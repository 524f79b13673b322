"""The worker that `manage.py up` starts for cleanup alone."""

import time
from datetime import timedelta

import redis
from django.conf import settings
from django.utils import timezone

from connmon.accounts.models import Game
from connmon.cleanup import actions
from connmon.cleanup.models import Order
from connmon.core import queues
from connmon.runtime import heartbeat
from connmon.runtime.plan import URGENT
from connmon.tasks import advance_cleanup, leave_marks
from tests.cleanup.steering import BY, MakeServer, connections, plan
from tests.cleanup.workers import wait_long, worker


def test_cleanup_goes_on_while_all_that_may_take_long_waits(make_server: MakeServer, game: Game) -> None:
    make_server("server-1").send_first(opened=connections(10))
    made = plan(game)
    actions.execute_plan(game, made.pk, by=BY, now=timezone.now(), hold=timedelta(0))
    with redis.Redis.from_url(settings.REDIS_URL) as broker:
        waiting = broker.llen(queues.DEFAULT)
        broker.delete(heartbeat.WORKER_KEY)
        leave_marks.delay(time.time())
        try:
            with worker(URGENT):
                advance_cleanup.delay()
                wait_long(lambda: Order.objects.filter(state="pending").count() == 1, "the order")
            assert broker.llen(queues.DEFAULT) == waiting + 1  # nobody took it
            assert broker.get(heartbeat.WORKER_KEY) is None
        finally:
            broker.delete(queues.DEFAULT)
