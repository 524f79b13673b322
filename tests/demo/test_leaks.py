"""Each kind of leak leaks in its service, in its way, and nowhere else."""

from dataclasses import dataclass
from itertools import count, pairwise
from pathlib import Path
from typing import Final

import pytest

from simulation import KINDS, SimulatedServer, read_leak
from simulation.leaks import Evidence
from simulation.leaks.players import LATE
from simulation.services import service_names
from simulation.world import Player
from tests.demo.worlds import AGENT, MINUTE, empty, live, make_world, orphaned, pass_time, stale

SPAN: Final = 40  # minutes
SHARES: Final = {"leave": 0.25, "leave-some": 0.04, "leave-rare": 0.01}  # of players who leave; chance would tell late
PLACES: Final = dict(zip((kind for kind in KINDS if kind not in SHARES), service_names(), strict=False))
THINGS: Final = {"self-capture", "unparented"}  # for whose end the agent listens in vain
user_ids = count(1)


@dataclass(frozen=True)
class Run:
    """One world with every kind in a service of its own, beside a clean one. Each minute: what is live beyond the
    clean world's and what is stale, by service.
    """

    leaking: SimulatedServer
    clean: SimulatedServer
    grown: list[dict[str, int]]
    stale: list[dict[str, int]]

    def of(self, kind: str) -> list[int]:
        """What a kind's service has more than it should, each minute."""
        return [beyond.get(PLACES[kind], 0) for beyond in self.grown]


@pytest.fixture(scope="module")
def run() -> Run:
    found = Run(make_world(*(f"{kind}:{place}" for kind, place in PLACES.items())), make_world(), [], [])
    for _ in range(SPAN):
        pass_time(found.leaking, MINUTE)
        pass_time(found.clean, MINUTE)
        found.grown.append(beyond(found))
        found.stale.append(stale(found.leaking))
    for server in (found.leaking, found.clean):
        empty(server)
    found.grown.append(beyond(found))
    return found


def beyond(found: Run) -> dict[str, int]:
    """By service, what is live beyond the clean world's."""
    without = live(found.clean)
    return {name: more - without[name] for name, more in live(found.leaking).items() if more != without[name]}


def churn(server: SimulatedServer, players: int) -> None:
    """So many players come and go at once."""
    for _ in range(players):
        player = Player(server.world, next(user_ids))
        server.world.join(player)
        server.world.leave(player)


def of_kind(shows: Evidence) -> list[str]:
    return [kind for kind in PLACES if KINDS[kind].shows is shows]


def test_every_kind_has_a_service_of_its_own_to_be_seen_in() -> None:
    assert PLACES.keys() | SHARES.keys() == KINDS.keys()


def test_only_services_with_a_leak_have_more_than_they_should(run: Run) -> None:
    assert run.grown[-1].keys() - {AGENT} == {
        PLACES[kind] for kind in PLACES if KINDS[kind].shows is not Evidence.STALE
    }
    assert run.grown[-1][AGENT] == sum(run.of(kind)[-1] for kind in THINGS)


@pytest.mark.parametrize("kind", of_kind(Evidence.ORPHANED))
def test_what_players_leave_behind_is_orphaned(run: Run, kind: str) -> None:
    assert orphaned(run.leaking)[PLACES[kind]] == run.of(kind)[-1] > 0


def test_nothing_else_is_orphaned(run: Run) -> None:
    assert orphaned(run.leaking).keys() == {PLACES[kind] for kind in of_kind(Evidence.ORPHANED)}
    assert orphaned(run.clean) == {}


@pytest.mark.parametrize("kind", of_kind(Evidence.GROWING))
def test_what_nobody_ends_grows_all_the_time(run: Run, kind: str) -> None:
    quarters = run.of(kind)[9:SPAN:10]
    assert all(after > before for before, after in pairwise([0, *quarters]))
    assert run.of(kind)[-1] >= quarters[-1] - 6  # trades and rounds under way come to their end


def test_what_is_kept_after_its_end_is_stale_until_it_is_swept(run: Run) -> None:
    assert all(minute.keys() <= {PLACES["kept"]} for minute in run.stale)
    seen = [minute.get(PLACES["kept"], 0) for minute in run.stale]
    assert max(seen) > 3
    assert sum(after < before for before, after in pairwise(seen)) >= SPAN // 5 - 2
    assert PLACES["kept"] not in run.grown[-1]


def test_the_late_leak_is_late(run: Run) -> None:
    begins = int(LATE // MINUTE)
    assert not any(run.of("late")[:begins])
    assert run.of("late")[-1] > 0


def test_the_leak_of_one_player_is_that_players(run: Run) -> None:
    core = run.leaking.world.manager.core
    owners = [
        core.owners.table[core.registry.owner[slot]].label for slot in slots_of(run.leaking, PLACES["one-player"])
    ]
    assert len({label for label in owners if label and label.startswith("player:")}) == 1


def test_each_kind_has_creation_sites_of_its_own(run: Run) -> None:
    registry = run.leaking.world.manager.core.registry
    seen: dict[str, set[str]] = {}
    for kind, place in PLACES.items():
        sites = {registry.classes.site[registry.cls[slot]] for slot in slots_of(run.leaking, place)}
        seen[kind] = {site for site in sites if site.startswith("simulation.leaks.")}
        assert seen[kind] or kind == "kept"
    one_bug = {"late", "one-version"}, {"fast", "slow"}
    shared = {(one, other) for one in seen for other in seen if one < other and seen[one] & seen[other]}
    assert shared == {tuple(sorted(pair)) for pair in one_bug}


def slots_of(server: SimulatedServer, service: str) -> list[int]:
    """Where the registry keeps a service's connections."""
    registry = server.world.manager.core.registry
    number = registry.services.names.index(service)
    return [
        slot
        for slot in range(registry.top)
        if registry.connections[slot] is not None and registry.classes.service[registry.cls[slot]] == number
    ]


@pytest.mark.parametrize(("kind", "share"), SHARES.items())
def test_a_share_of_those_who_leave_is_forgotten(kind: str, share: float) -> None:
    server = make_world(kind)
    server.crowd.send_home()
    before = live(server)
    churn(server, 1_500)
    grown = {name: found - before[name] for name, found in live(server).items() if found != before[name]}
    assert grown.keys() == {"CombatService"}
    assert grown["CombatService"] / 2 / 1_500 == pytest.approx(share, rel=0.4)


@pytest.mark.parametrize(("version", "leaks"), [(142, False), (143, True), (144, False)])
def test_the_leak_of_one_version_is_in_that_one_only(version: int, leaks: bool) -> None:
    server = make_world("one-version", place_version=version)
    server.crowd.send_home()
    before = live(server)
    churn(server, 60)
    assert (live(server) != before) is leaks


def test_a_leak_is_planted_where_it_is_usual_unless_a_service_is_named() -> None:
    assert read_leak("leave").service == read_leak("leave:").service == "CombatService"
    assert read_leak("leave:ShopService").service == "ShopService"


@pytest.mark.parametrize("text", ["", "nope", "leave:Nope", ":CombatService", "leave:CombatService:2", "LEAVE"])
def test_what_is_no_leak_is_refused_with_what_there_is(text: str) -> None:
    with pytest.raises(ValueError, match=r"there are leave, |it has DataService, "):
        read_leak(text)


def test_every_kind_stands_in_the_docs() -> None:
    page = (Path(__file__).parents[2] / "docs" / "demo.md").read_text()
    for name, kind in KINDS.items():
        assert f"| `{name}` | {kind.service} | {kind.shows} | {kind.says} |" in page
