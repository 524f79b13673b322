"""Versions of one place say nothing of another's."""

from datetime import timedelta

import pytest

from connmon.accounts.models import Game
from connmon.leaks import ledger
from connmon.leaks.models import Leak, Tick
from connmon.registry.models import GameServer
from tests.conftest import NOW
from tests.dashboard.factories import ServerSpec, put_server
from tests.leaks.ledger import put_leak

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(("place", "state"), [(1, "fixed"), (2, "new")])
def test_another_places_version_fixes_nothing(game: Game, place: int, state: str) -> None:
    """A lobby's version says nothing of the arena's."""
    leaking = put_server(game, ServerSpec("server-1", place_version=142, ended=True), now=NOW)
    GameServer.objects.filter(pk=leaking.pk).update(place_id=1)
    other = put_server(game, ServerSpec("server-2", place_version=500), now=NOW)
    GameServer.objects.filter(pk=other.pk).update(place_id=place, first_seen_at=NOW - timedelta(hours=5))
    Tick.objects.bulk_create(
        Tick(server_id=other.pk, at=NOW - timedelta(minutes=n), players=9, origin_ids=[], live=[], owners=[])
        for n in range(180)
    )
    put_leak(game, now=NOW, last_seen_at=NOW - timedelta(hours=3), versions=[142])
    ledger.close_fixed(game.pk, now=NOW)
    assert Leak.objects.get().state == state
