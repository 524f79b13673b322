"""Rules that others use on one series of totals, as their documents define them. docs/leaks.md names the sources."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from connmon.leaks.evidence import Floats

HOUR = 60  # samples, one a minute
LIMIT = 2.0  # predict_linear wants a limit: twice the level after the warm-up, a budget people set
COROOT_PERCENT = 10.0  # growth an hour, the default threshold of its inspection
CUSUM_SLACK, CUSUM_LIMIT = 0.5, 5.0  # standard deviations, the textbook's choice
Z_99 = 2.576
SETTLED = 30  # samples after a start that serve as reference

Peer = Callable[[Floats], bool]


def mann_kendall(values: Floats) -> bool:
    """An upward trend over the last hour, at 99 %, with the usual correction for ties."""
    window = values[-HOUR:]
    size = len(window)
    if size < HOUR:
        return False
    score = float(np.sign(window[None, :] - window[:, None])[np.triu_indices(size, 1)].sum())
    _, ties = np.unique(window, return_counts=True)
    variance = (size * (size - 1) * (2 * size + 5) - float((ties * (ties - 1) * (2 * ties + 5)).sum())) / 18
    return variance > 0 and (score - 1) / np.sqrt(variance) > Z_99


def cusum(values: Floats) -> bool:
    """Upper one-sided sum above the mean and deviation of the first half hour after the warm-up."""
    if len(values) < 2 * SETTLED:
        return False
    reference = values[:SETTLED]
    scaled = (values[SETTLED:] - reference.mean()) / max(float(reference.std()), 1.0) - CUSUM_SLACK
    total = np.cumsum(scaled)
    return bool(total[-1] - min(0.0, float(total.min())) > CUSUM_LIMIT)


def predict_linear(values: Floats) -> bool:
    """Prometheus: predict_linear(live[1h], 4 * 3600) above LIMIT times the level after the warm-up."""
    if len(values) < HOUR:
        return False
    window = values[-HOUR:]
    slope = np.polyfit(np.arange(HOUR) - HOUR + 1, window, 1)
    return bool(slope[1] + slope[0] * 240 > LIMIT * max(float(values[:SETTLED].mean()), 1.0))


def coroot(values: Floats) -> bool:
    """A regression over the last hour rises by COROOT_PERCENT of its value an hour ago."""
    if len(values) < HOUR:
        return False
    slope, end = np.polyfit(np.arange(HOUR) - HOUR + 1, values[-HOUR:], 1)
    begin = end - slope * HOUR
    return bool(begin > 0 and 100 * slope * HOUR / begin > COROOT_PERCENT)


PEERS: dict[str, Peer] = {
    "mann_kendall": mann_kendall,
    "cusum": cusum,
    "predict_linear": predict_linear,
    "coroot": coroot,
}
