"""Which servers a fleet has: by lifetime and deploy, and always the same for the same options."""

from itertools import islice, pairwise
from typing import Any

from simulation import FleetOptions
from simulation.lives import LIFETIMES, PAUSE, ROLL, Life, lives_of
from simulation.server import FIRST_VERSION


def lives(seat: int, number: int = 8, **more: Any) -> list[Life]:
    return list(islice(lives_of(FleetOptions("http://127.0.0.1:1", "k", **more), seat), number))


def test_a_server_follows_the_other_and_each_is_another() -> None:
    found = lives(0)
    assert all(after.spec.born == before.ends + PAUSE for before, after in pairwise(found))
    assert len({life.spec.server_id for life in found}) == len({life.spec.seed for life in found}) == len(found)
    assert all(0 < life.ends - life.spec.born <= LIFETIMES[1] for life in found)


def test_each_deploy_reaches_one_seat_after_the_other_and_brings_the_next_version() -> None:
    first_of_143 = []
    for seat in range(3):
        found = lives(seat, deploys=1_000.0)
        versions = [life.spec.place_version for life in found]
        assert versions == sorted(versions)
        assert versions[0] == FIRST_VERSION
        first_of_143.append(next(life.spec.born for life in found if life.spec.place_version == FIRST_VERSION + 1))
    assert first_of_143 == [1_000 + seat * ROLL + PAUSE for seat in range(3)]


def test_the_same_options_make_the_same_servers_and_another_seed_makes_others() -> None:
    assert lives(1) == lives(1)
    names = [{life.spec.server_id for seat in range(4) for life in lives(seat, seed=seed)} for seed in (1, 2)]
    assert not names[0] & names[1]
    assert len(names[0]) == 4 * 8
