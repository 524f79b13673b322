"""How what is wanted in a scenario is compared with what is there."""

from typing import Any

import msgspec

from connmon.wire import v1

OWN = "connmon"  # the service of the agent's own connections


def matches(found: Any, wanted: Any) -> bool:
    """Whether a value is the one wanted; of an object only the members that are named count."""
    if isinstance(wanted, dict):
        members = found if isinstance(found, dict) else {name: getattr(found, name, None) for name in wanted}
        return all(matches(members.get(name), value) for name, value in wanted.items())
    if isinstance(wanted, list) and isinstance(found, list):
        return len(found) == len(wanted) and all(map(matches, found, wanted))
    return bool(found == wanted)


def report_matches(
    report: v1.Report, wanted: dict[str, Any], labels: dict[int, str], *, again: bool, last: v1.Report | None
) -> None:
    """Fails where a report is not as the scenario says. `labels`: of connections, by id."""
    new_boot = last is not None and report.server.boot != last.server.boot
    found: dict[str, Any] = {
        "again": again,
        "new_boot": new_boot,
        "seq": report.seq,
        "dropped": report.dropped,
        "players": report.players,
        "config_revision": report.config_revision,
        "snapshot": msgspec.to_builtins(report.snapshot),
        "opened": {labels.get(event.id, event.name): event for event in report.opened if event.service != OWN},
        "closed": [labels.get(event.id, event.id) for event in report.closed if event.service != OWN],
        "changed": {labels.get(e.id, str(e.id)): e.state for e in report.changed if e.service != OWN},
        "services": {counters.name: counters for counters in report.services if counters.name != OWN},
        "pools": {counters.type: counters for counters in report.pools},
        "outcomes": [_outcome(outcome, labels) for outcome in report.outcomes],
        "profiles": [profile for profile in report.profiles if profile.service != OWN],
        "closing": report.closing,
    }
    for name, value in wanted.items():
        assert matches(found[name], value), f"{name} is {found[name]!r}, not {value!r}"
        if name in {"opened", "services", "pools"}:
            assert found[name].keys() == value.keys(), f"{name} names {sorted(found[name])}"


def _outcome(outcome: v1.Outcome, labels: dict[int, str]) -> dict[str, Any]:
    said: dict[str, Any] = {"order": outcome.order, "status": outcome.status}
    for name in ("closed", "gone", "changed"):
        said[name] = [labels.get(number, number) for number in getattr(outcome, name)]
    return said
