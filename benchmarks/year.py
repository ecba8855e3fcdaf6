"""A whole year of the simulated cluster at a frozen time, so that every number about it is the same on every run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from benchmarks.periods import Periods
from collector.settings import load
from kl_query.dataset import Dataset, load_dataset
from simulator.faults import parse_time
from simulator.history import fill, first_history
from simulator.truth import Truth
from simulator.workload import Workload, default_origin

FROZEN_NOW = parse_time("2026-11-21T14:25:00Z")
"""A Saturday afternoon: the hour, the day, the week and the month are all open."""
HOURLY_RATE = 25.0


@dataclass(frozen=True)
class Year:
    """What the collector published of the year, and what is true of it."""

    data_dir: Path
    truth: Truth
    hourly_rate: float = HOURLY_RATE

    @property
    def when(self) -> Periods:
        """The periods that questions speak of."""
        return Periods(self.truth.last_tick)

    def dataset(self) -> Dataset:
        """What the server reads of it."""
        return load_dataset(self.data_dir)


def simulated_year(directory: Path) -> Year:
    """Fills `directory` with twelve months through the collector's accounting, store and books (about 20 seconds)."""
    workload, start = Workload(default_origin(FROZEN_NOW)), first_history(FROZEN_NOW)
    settings = load(
        {
            "KL_DB_LOCATION": str(directory / "db"),
            "KL_DATA_DIR": str(directory / "data"),
            "KL_CLUSTER_NAME": "simulated",
            "KL_BILLING_HOURLY_RATE": f"{HOURLY_RATE:g}",
            "KL_NVIDIA_DCGM_ENDPOINT": "http://127.0.0.1:9/metrics",
        }
    )
    fill(workload, settings, start=start, now=FROZEN_NOW)
    return Year(directory / "data", Truth(workload, start, FROZEN_NOW))
