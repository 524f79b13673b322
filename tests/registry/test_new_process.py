"""A web process that has just started takes reports as one that has run for long."""

from connmon.registry.states import STATES
from tests.machine import Answer, Machine, changed, closed, opened
from tests.registry.edges import Process, with_processes


def test_events_of_services_that_it_has_not_heard_of_are_applied(server: Machine) -> None:
    server.send_first(opened=[opened(1), opened(2), opened(3)])
    report = server.report(closed=[closed(1)], changed=[changed(2, "idle")])

    async def send(new: Process) -> Answer:
        return await new.post_until_taken(report, key=server.key)

    answer = with_processes(1, send)
    assert (answer.status, answer.body["resync"]) == (200, False)
    states = {number: STATES[row.state] for number, row in server.connections().items()}
    assert states == {2: "idle", 3: "live"}
