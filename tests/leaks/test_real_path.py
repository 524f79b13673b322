"""Runs of the corpus by the real way: agent, HTTP, database, look, ledger, page. EVERY_CLASS=1 plays all 26 whole."""

import os

import numpy as np
import pytest
from django.test import Client
from django.urls import reverse

from bench.leaks.classes import CLEAN, LEAK, LEAKING
from bench.leaks.score import Outcome
from bench.leaks.trial import make_run, run_one
from connmon.accounts.models import Game, User
from connmon.core.ids import NewKey
from connmon.leaks.models import Leak
from tests.leaks.replay import play
from tests.machine import Site

SEED = 1_234
SOME = {"churn": 45, "leave_25": 45, "ownerless_fast": 75, "per_respawn": 75}  # minutes
MINUTES = dict.fromkeys([*CLEAN, *LEAKING], 240) if os.environ.get("EVERY_CLASS") else SOME


@pytest.mark.parametrize("name", MINUTES)
def test_the_ledger_says_what_the_rule_says(
    transactional_db: None, site: Site, game: Game, key: NewKey, owner: User, client: Client, name: str
) -> None:
    seen, _ = make_run(name, np.random.default_rng(SEED))
    play(seen, site=site, key=key, game=game, minutes=MINUTES[name])
    found = {leak.origin.site: leak.rung for leak in Leak.objects.exclude(rung="suspect").select_related("origin")}
    assert found == alarms(run_one(name, SEED))
    client.force_login(owner)
    page = client.get(reverse("leaks", kwargs={"slug": game.slug})).content.decode()
    assert all(f"opened at {place}" in page for place in found)


def alarms(outcome: Outcome) -> dict[str, str]:
    """Rungs by site, as the rule alone says of the same run."""
    found = {site: rung for site, rung, _ in map(str.split, outcome.wrong_sites)}
    return found | ({LEAK: str(outcome.surest)} if outcome.minutes is not None else {})
