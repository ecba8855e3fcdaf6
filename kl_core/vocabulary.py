"""The words that collector, queries and server share: metrics, sources, scales, special entries, published files."""

import re
from collections.abc import Mapping
from typing import Literal

Metric = Literal["cpu", "memory", "gpu", "gpu_memory"]
METRICS: tuple[Metric, ...] = ("cpu", "memory", "gpu", "gpu_memory")
BILLED_METRICS: tuple[Metric, ...] = ("cpu", "memory", "gpu")
"""The metrics a rate is split over; `gpu_memory` has no cost."""
AMOUNT_UNITS: Mapping[Metric, str] = {
    "cpu": "core_hours",
    "memory": "gib_hours",
    "gpu": "gpu_hours",
    "gpu_memory": "gib_hours",
}
"""Of what accumulates through time."""
RATE_UNITS: Mapping[Metric, str] = {"cpu": "cores", "memory": "GiB", "gpu": "GPUs", "gpu_memory": "GiB"}
"""Of the same per hour."""

Source = Literal["kubernetes", "metrics", "dcgm"]
SOURCES: tuple[Source, ...] = ("kubernetes", "metrics", "dcgm")

ScaleName = Literal["hourly_7d", "daily_14d", "monthly_12m"]
SCALES: tuple[ScaleName, ...] = ("hourly_7d", "daily_14d", "monthly_12m")

Special = Literal["non-allocatable", "idle", "excluded", "unattributed", "unmeasured"]
SPECIAL_ENTRIES: tuple[Special, ...] = ("non-allocatable", "idle", "excluded", "unattributed", "unmeasured")

CostModel = Literal["cumulative", "normalized", "costs"]
COST_MODELS: Mapping[str, CostModel] = {
    "CUMULATIVE_RATIO": "cumulative",
    "RATIO": "normalized",
    "CHARGE_BACK": "costs",
}
"""By the names they have in settings and in published files."""

SCHEMA_VERSION = 1
"""Of every published file."""
MANIFEST = "dataset.json"
NODES = "nodes"
PARTS = (*SCALES, NODES)
"""What a generation consists of beside its manifest: a data file each."""
HISTORY = "history"
"""The index of what is published of closed days and months, and the folder of these files."""
HISTORY_FILE = re.compile(r"history/[a-z0-9][a-z0-9._-]*")
DATA_FILE = re.compile(r"(?P<part>[a-z0-9_]+)-(?P<generation>\d+)\.json")


def data_file(part: str, generation: int) -> str:
    """Return the name of the data file that holds a part of a generation."""
    return f"{part}-{generation}.json"
