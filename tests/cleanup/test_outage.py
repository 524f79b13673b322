"""Silence that is our own."""

from datetime import timedelta

from django.utils import timezone

from connmon.accounts.models import Game
from connmon.registry.models import IngestPulse, ServerState
from tests.cleanup.steering import MakeServer, advance, again, connections, run


def test_our_own_outage_stops_no_plan(make_server: MakeServer, game: Game) -> None:
    """The database was away for a minute: the leases ran out since nobody could report."""
    now = timezone.now()
    IngestPulse.objects.create(process="tests", started_at=now - timedelta(hours=1), seen_at=now, ill_at=now)
    for name in "abc":
        make_server(name).send_first(opened=connections(2))
    made = run(game)
    ServerState.objects.update(due_at=now)
    advance(1)
    assert (again(made).state, again(made).detail) == ("running", "")
