"""The two reports of the benchmark, as a game with 100 services sends them."""

from __future__ import annotations

from dataclasses import dataclass

from bench.loader import NOW, SEQ, SERVER, Script, Slot, Template, server_names

SERVERS = 1_000
BOOT = "bench"
LAG = 3  # a connection lives for this many reports
TYPES = (
    "RunService.Heartbeat",
    "Players.PlayerAdded",
    "Humanoid.Died",
    "RemoteEvent.OnServerEvent",
    "BasePart.Touched",
)


@dataclass(frozen=True, slots=True)
class Workload:
    """How much one report carries."""

    name: str
    services: int
    pools: int
    events: int  # opened, and as many closed
    first_id: int = 0  # of its connections: what one workload leaves open is none of the other's


BUSY = Workload("busy", services=50, pools=6, events=20)
QUIET = Workload("quiet", services=3, pools=0, events=2, first_id=500_000_000)


def service_name(index: int) -> str:
    """The `index`-th service of the game."""
    return f"Gameplay{index:03d}Service"


def owner_of(index: int) -> tuple[str, str]:
    """Owner and kind of the `index`-th connection: most belong to players, some to the service."""
    if index % 4 == 3:
        return f"service:{service_name(index % 50)}", "service"
    return f"player:{10_000_000 + index % 40}", "player"


def script(workload: Workload, *, servers: int = SERVERS, lag: int = LAG) -> Script:
    """The requests of `workload` for all servers in turn, for the load generator."""
    return Script(
        path=Template.of("/api/v1/reports"),
        body=_report(workload, closing=True),
        opening=_report(workload, closing=False),
        servers=server_names(servers),
        ids_per_request=workload.events,
        lag=lag,
    )


def _report(workload: Workload, *, closing: bool) -> Template:
    pieces: list[str | Slot] = [
        '{"kind":"report","v":1,"server":{"id":"', SERVER, f'","boot":"{BOOT}","agent":"connmon-luau/0.1.0",',
        '"place_id":1818,"place_version":142},"seq":', SEQ, ',"sent_at":', NOW,
        ',"interval":10,"players":24,"memory":{"total_mb":1812.25,"signals_mb":12.5},"services":[',
    ]  # fmt: skip
    for index in range(workload.services):
        pieces += [
            "," if index else "", f'{{"name":"{service_name(index)}","live":{20 + index},"opened":',
            Slot.counter(1_000 + index, 7), ',"closed":', Slot.counter(900 + index, 7),
            ',"idle":3,"orphaned":0,"stale":0}',
        ]  # fmt: skip
    pieces.append('],"pools":[')
    for index in range(workload.pools):
        pieces += [
            "," if index else "", f'{{"type":"{TYPES[index % len(TYPES)]}{index}","size":10,"in_use":{index},"hits":',
            Slot.counter(500, 9), ',"misses":10}',
        ]  # fmt: skip
    pieces.append('],"opened":[')
    for index in range(workload.events):
        owner, kind = owner_of(index)
        pieces += [
            "," if index else "", '{"id":', Slot.open_id(workload.first_id + index),
            f',"service":"{service_name(index % workload.services)}","owner":"{owner}","owner_kind":"{kind}",'
            f'"name":"Handler{index}","type":"{TYPES[index % len(TYPES)]}","at":1763869995.5,'
            f'"site":"ServerScriptService.{service_name(index)}:{100 + index}"}}',
        ]  # fmt: skip
    pieces.append('],"closed":[')
    for index in range(workload.events if closing else 0):
        pieces += [
            "," if index else "", '{"id":', Slot.close_id(workload.first_id + index),
            f',"service":"{service_name(index % workload.services)}"}}',
        ]  # fmt: skip
    pieces.append('],"config_revision":0,"dropped":0}')
    return Template.of(*pieces)
