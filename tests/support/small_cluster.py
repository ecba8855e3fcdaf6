"""A small cluster whose numbers can be checked by hand."""

from __future__ import annotations

from typing import Any

from tests.support.datasets import Dataset, Row, Scale, at

SAMPLED = "2026-11-21T19:30:00Z"
NOW = at(SAMPLED).timestamp()
NONE3 = [0.0, 0.0, 0.0]
NONE6 = [0.0] * 6


def daily() -> Scale:
    """Three days on 10 cores (8 allocatable) and 100 GiB; today is open and holds 19.5 hours.

    Mean cores per day: registry 1, 2, 1 of 4 requested; ml-train 3, unknown, 2 of 2 requested; web 0.5 of 0.5;
    kube-system 0.5 of none; openshift-monitoring 1 of 2; a namespace called `idle` does nothing.
    The bill is 0.6 $/h for cpu and 0.4 $/h for memory: 0.06 $ a core-hour, 0.004 $ a GiB-hour.
    """
    return Scale(
        first="2026-11-19",
        open_hours=19.5,
        capacity={"cpu": [240, 240, 195], "memory": [2400, 2400, 1950]},
        allocatable={"cpu": [192, 192, 156], "memory": [2400, 2400, 1950]},
        bill={"cpu": [14.4, 14.4, 11.7], "memory": [9.6, 9.6, 7.8]},
        namespaces={
            "registry": {
                "cpu": Row([24, 48, 19.5], [96, 96, 78]),
                "memory": Row([240, 240, 195], [480, 480, 390]),
            },
            "ml-train": {"cpu": Row([72, None, 39], [48, 48, 39])},
            "web": {"cpu": Row([12, 12, 9.75], [12, 12, 9.75])},
            "kube-system": {"cpu": Row([12, 12, 9.75], NONE3)},
            "openshift-monitoring": {"cpu": Row([24, 24, 19.5], [48, 48, 39])},
            "idle": {"cpu": Row(NONE3, NONE3)},
        },
    )


def monthly() -> Scale:
    """September on 8 cores, October and the open November (499.5 hours) on 10.

    Mean cores per month: registry 1, 1.5, 2; kube-system 0.5 throughout; openshift-monitoring 2, 1, 1; the others none.
    The bill is 0.6 $/h in September and 1.2 $/h after.
    """
    return Scale(
        first="2026-09",
        open_hours=499.5,
        capacity={"cpu": [5760, 7440, 4995], "memory": [72000, 74400, 49950]},
        bill={"cpu": [432, 892.8, 599.4]},
        namespaces={
            "registry": {"cpu": Row([720, 1116, 999], [2880, 2976, 1998])},
            "kube-system": {"cpu": Row([360, 372, 249.75], NONE3)},
            "openshift-monitoring": {"cpu": Row([1440, 744, 499.5], [2880, 1488, 999])},
            "ml-train": {},
            "web": {},
            "idle": {},
        },
    )


def hourly() -> Scale:
    """14:00 to 18:00 whole, 19:00 open with half an hour. registry is unknown at 17:00; kube-system constant.

    registry's memory is 10, 20, 30, unknown, 40 GiB, then 20 (10 GiB-hours in half an hour); its cpu 1, 1, 2, unknown,
    4 cores against 2 requested, then 1 (0.5 core-hours) without requests.
    """
    return Scale(
        first="2026-11-21T14:00:00Z",
        open_hours=0.5,
        capacity={"cpu": [10, 10, 10, 10, 10, 5], "memory": [100, 100, 100, 100, 100, 50]},
        bill={"cpu": [0.6, 0.6, 0.6, 0.6, 0.6, 0.3]},
        namespaces={
            "registry": {
                "cpu": Row([1, 1, 2, None, 4, 0.5], [2, 2, 2, 2, 2, 0]),
                "memory": Row([10, 20, 30, None, 40, 10], [40, 40, 40, 40, 40, 20]),
            },
            "kube-system": {
                "cpu": Row([0.5, 0.5, 0.5, 0.5, 0.5, 0.25], NONE6),
                "memory": Row([1, 1, 1, 1, 1, 0.5], NONE6),
            },
            "web": {"cpu": Row(NONE6, NONE6)},
        },
    )


def published(**changes: Any) -> Dataset:
    """Return what the small cluster publishes."""
    facts: dict[str, Any] = {
        "daily": daily(),
        "monthly": monthly(),
        "hourly": hourly(),
        "generation": 7,
        "currency": "$",
        "last_sample": SAMPLED,
        "rates": [{"effective": "2026-09-01T00:00:00Z", "rate": 1.0, "currency": "$", "weights": None}],
        "table": {
            "web": {"first_seen": "2026-11-18T10:00:00Z"},
            "gone": {"active": False, "last_seen": "2026-10-02T10:00:00Z"},
        },
        "nodes": [
            {
                "name": name,
                "ready": name == "a",
                "schedulable": True,
                "pods": 5,
                "capacity": {"cpu_cores": 5, "mem_bytes": 50},
                "allocatable": {"cpu_cores": 4, "mem_bytes": 50},
                "usage": {"cpu_cores": 2.5, "mem_bytes": None if name == "b" else 10},
                "requests": {"cpu_cores": 3, "mem_bytes": 20},
            }
            for name in ("a", "b")
        ],
    }
    return Dataset(**{**facts, **changes})
