"""One call of each tool, with what the small published dataset makes of it.

The dataset is two hours in which `shop` used 1 core of 2 and 4 GiB of 4, `kube-system` 0.5 core of 0.5 and 1 GiB of 2.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Json = Mapping[str, Any]


@dataclass(frozen=True)
class Call:
    """A call and the part of its answer that is known beforehand."""

    tool: str
    arguments: Json
    part: Callable[[Json], Any]
    truth: Any


CALLS = (
    Call("list_namespaces", {}, lambda a: [row["name"] for row in a["namespaces"]], ["kube-system", "shop"]),
    Call("describe_dataset", {}, lambda a: a["metrics_available"], ["cpu", "memory"]),
    # 2 h x 1 core.
    Call("get_usage", {"metric": "cpu", "namespace": "shop"}, lambda a: a["series"][0]["total"], 2.0),
    # 2 h x 0.5 core.
    Call(
        "get_top_consumers",
        {"metric": "cpu", "limit": 2, "exclude_system": False},
        lambda a: [(row["namespace"], row["value"]) for row in a["ranking"]],
        [("shop", 2.0), ("kube-system", 1.0)],
    ),
    # 2 h x 4 GiB.
    Call(
        "get_namespace_breakdown",
        {"metric": "memory", "date": "all"},
        lambda a: [(row["namespace"], row["value"]) for row in a["breakdown"]],
        [("shop", 8.0)],
    ),
    # 1 core of 2.
    Call(
        "get_efficiency",
        {"metric": "cpu", "namespace": "shop"},
        lambda a: [row["efficiency_ratio"] for row in a["efficiency"]],
        [0.5],
    ),
    Call("get_timeseries", {"metric": "cpu", "namespace": "shop"}, lambda a: a["series"][0]["values"], [1.0, 1.0]),
    Call("compare_periods", {"metric": "cpu", "namespace": "shop"}, lambda a: a["daily_14d"]["aggregate"], 2.0),
    # 1 GiB of 2.
    Call(
        "get_efficiency_timeseries",
        {"metric": "memory", "namespace": "kube-system"},
        lambda a: a["series"][0]["values"],
        [0.5, 0.5],
    ),
    # 2 h x 0.5 core.
    Call("group_namespaces", {"metric": "cpu", "pattern": ["kube-*"]}, lambda a: a["group_total"], 1.0),
)
WRONG = Call("get_usage", {"namespace": "shopp"}, lambda e: e["corrected"]["arguments"], {"namespace": "shop"})
"""A call that is refused; its part is of the error as data."""
TOOLS = [call.tool for call in CALLS]
