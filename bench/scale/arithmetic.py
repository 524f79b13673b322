"""The arithmetic of docs/scale.md: what a report costs, times reports. Pure; measured figures come in."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from bench.scale.fleet import Cell


@dataclass(frozen=True, slots=True)
class Check:
    """Cores that web and PostgreSQL are reckoned to use at a rate of reports, beside those that they did use."""

    servers: int
    layout: str
    workload: str
    reports_per_s: float
    predicted_cores: float
    measured_cores: float

    @property
    def ratio(self) -> float:
        """Measured against predicted: above 1 the arithmetic promises too much."""
        return self.measured_cores / self.predicted_cores

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        rounded = {name: round(value, 3) if isinstance(value, float) else value for name, value in asdict(self).items()}
        return rounded | {"ratio": round(self.ratio, 2)}


def check_reports(cell: Cell, *, cost_us: float, servers: int, layout: str, workload: str) -> Check:
    """`cost_us`: processor time of such a report as the smallest fleet gave it, one process at full load."""
    return Check(
        servers,
        layout,
        workload,
        cell.reports_per_s,
        predicted_cores=cell.reports_per_s * cost_us / 1e6,
        measured_cores=cell.reports_per_s * cell.cpu_us / 1e6,
    )


def slope(points: dict[int, int]) -> float:
    """How much the value grows with each more of the key, from the smallest key to the largest; 0 for a single one."""
    low, high = min(points), max(points)
    return (points[high] - points[low]) / (high - low) if high > low else 0.0
