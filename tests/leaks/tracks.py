"""Tracks for tests of the rules: one site on one server, a sample a minute until NOW."""

from typing import Any, Final

import numpy as np

from connmon.leaks.evidence import Floats, Track

NOW: Final = 1_790_000_000.0
MINUTE: Final = 60.0
SPAN: Final = 120  # minutes since the boot


def minutes(span: int = SPAN) -> Floats:
    """Moments a minute apart, the last one NOW."""
    return NOW - MINUTE * np.arange(span, -1, -1, dtype=np.float64)


def make_track(live: Any = 50.0, *, players: Any = 20.0, births: Any = (), span: int = SPAN, **more: Any) -> Track:
    """`live` and `players` are a number or one for each minute."""
    times = minutes(span)
    fields = {"server": "server-1", "present": 20, "booted_at": times[0] - 5, "place_version": 142} | more
    return Track(
        times=times,
        live=np.broadcast_to(np.asarray(live, dtype=np.float64), times.shape).copy(),
        players=np.broadcast_to(np.asarray(players, dtype=np.float64), times.shape).copy(),
        births=np.sort(np.asarray(births, dtype=np.float64)) if "owners" not in more else np.asarray(births),
        **fields,
    )


def leaking(per_minute: float = 1.0, *, base: Any = 50.0, span: int = SPAN, **more: Any) -> Track:
    """A leak by a timer since the boot, at a steady rate."""
    births = np.arange(NOW - span * MINUTE, NOW, MINUTE / per_minute)
    live = base + per_minute * np.arange(span + 1)
    return make_track(live, births=births, span=span, **more)
