"""Runs of the corpus by the real way: agent, HTTP, database, Celery, ledger, page. EVERY_CLASS=1 plays all 26."""

import os
from pathlib import Path

import numpy as np
import pytest
from django.test import Client
from django.urls import reverse

from bench.leaks.classes import CLEAN, LEAK, LEAKING
from bench.leaks.score import Outcome
from bench.leaks.trial import make_run, run_one
from bench.leaks.world import MINUTE
from connmon.accounts.models import Game, User
from connmon.core.ids import NewKey
from connmon.leaks.models import Leak
from tests.leaks.replay import RunClock, play
from tests.machine import Site

SEED = 1_234
SEEDS = {"per_round": 1_235}  # of the other one the rule only has a suspicion
SHORT = 30  # minutes of a clean run
WHOLE = dict.fromkeys([*CLEAN, *LEAKING], 240) | {
    "huge_servers": 60
}  # the latter has a million connections in four hours
AFTER = 3  # minutes that a leak is played on after the rule has found it
EVERY = bool(os.environ.get("EVERY_CLASS"))
NAMES = [*CLEAN, *LEAKING] if EVERY else ["churn", "leave_25", "ownerless_fast"]


@pytest.mark.parametrize("name", NAMES)
def test_the_page_says_what_the_rule_says(
    transactional_db: None,
    site: Site,
    game: Game,
    key: NewKey,
    owner: User,
    client: Client,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    seed = SEEDS.get(name, SEED)
    seen, began = make_run(name, np.random.default_rng(seed))
    outcome = run_one(name, seed)
    minutes = WHOLE[name] if EVERY else SHORT
    if outcome.minutes is not None:
        minutes = round((began or 0) / MINUTE + outcome.minutes) + AFTER
    play(seen, clock=RunClock(tmp_path / "clock"), site=site, key=key, minutes=minutes, patch=monkeypatch)
    found = {leak.origin.site: leak.rung for leak in Leak.objects.exclude(rung="suspect").select_related("origin")}
    assert found == alarms(outcome)
    client.force_login(owner)
    page = client.get(reverse("leaks", kwargs={"slug": game.slug})).content.decode()
    assert all(f"opened at {place}" in page for place in found)


def alarms(outcome: Outcome) -> dict[str, str]:
    """Rungs by site, as the rule alone says of the same run."""
    found = {site: rung for site, rung, _ in map(str.split, outcome.wrong_sites)}
    return found | ({LEAK: str(outcome.surest)} if outcome.minutes is not None else {})
