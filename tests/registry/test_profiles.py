"""What callbacks cost, as reports say it, in the transaction of their report."""

from connmon.telemetry.models import ProfileState
from tests.machine import Machine, opened, profile, service


def costs(server: Machine) -> dict[tuple[str, str], tuple[int, float]]:
    """Calls and microseconds by type and site."""
    rows = ProfileState.objects.filter(server_id=server.id)
    return {(row.type, row.site): (row.count, row.total_us) for row in rows}


def test_profiles_are_kept_and_replaced_by_later_ones(server: Machine) -> None:
    first, other = profile(1, count=10, total_us=100), profile(2, count=7, total_us=70.5)
    server.send_first(services=[service()], profiles=[first, other])
    server.send(profiles=[{**first, "count": 25, "total_us": 200}])
    assert costs(server) == {
        ("Heartbeat", first["site"]): (25, 200),
        ("Heartbeat", other["site"]): (7, 70.5),
    }


def test_a_repeat_or_a_refused_report_changes_none(server: Machine) -> None:
    server.send_first(services=[service()], profiles=[profile(1, count=10)])
    before = costs(server)
    assert server.send(seq=1, profiles=[profile(1, count=99)]).status == 409
    assert costs(server) == before


def test_profiles_of_a_service_that_is_not_known_are_left_out(server: Machine) -> None:
    server.send_first(opened=[opened(1)], profiles=[profile(1), profile(2, service="Nobody")])
    assert len(costs(server)) == 1


def test_hostile_words_stay_words(server: Machine) -> None:
    nasty = 'a"},{"b\\\\",NULL'
    server.send_first(services=[service()], profiles=[profile(type=nasty, site=nasty)])
    assert list(costs(server)) == [(nasty, nasty)]
