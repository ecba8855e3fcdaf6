"""Prints how long the answers of all ten tools are for a cluster of 2,000 namespaces: `python -m benchmarks.sizes`."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import orjson

from kl_mcp.protocol.tool_calls import advertised
from kl_mcp.tools import TABLE
from kl_query.dataset import Dataset
from tests.support.large_dataset import NOW, large_dataset

NAMESPACES = 2_000
MAX_DEFAULT_CHARS = 32_000
MAX_CHARS = 40_000
MAX_LIST_CHARS = 24_000
EVERYTHING: Mapping[str, Any] = {"date": "all", "scale": "hourly_7d", "limit": 1000}
CALLS: tuple[tuple[str, Mapping[str, Any], Mapping[str, Any]], ...] = (
    ("list_namespaces", {}, {"limit": 1000}),
    ("describe_dataset", {}, {}),
    ("get_usage", {}, {**EVERYTHING, "exclude_special": False}),
    ("get_top_consumers", {}, {**EVERYTHING, "exclude_system": False}),
    ("get_namespace_breakdown", {}, {**EVERYTHING, "exclude_system": False}),
    ("get_efficiency", {}, EVERYTHING),
    ("get_timeseries", {}, {"namespaces": ["*"], "limit": 1000}),
    ("compare_periods", {}, {"namespaces": ["*"], "date": "latest", "limit": 1000}),
    ("get_efficiency_timeseries", {}, {"namespaces": ["*"], "limit": 1000}),
    ("group_namespaces", {"pattern": ["*"]}, {"pattern": ["*"], **EVERYTHING}),
)
"""Tool, default arguments, and those that ask for the longest answer."""


def characters(answer: object) -> int:
    """Of an answer as compact JSON."""
    return len(orjson.dumps(answer).decode())


def sizes(dataset: Dataset) -> dict[str, tuple[int, int]]:
    """Characters of each tool's answers, to the default and to the largest call."""
    return {
        tool: (characters(TABLE[tool].run(default, dataset, NOW)), characters(TABLE[tool].run(largest, dataset, NOW)))
        for tool, default, largest in CALLS
    }


def listing() -> int:
    """Characters of the tools as `tools/list` advertises them."""
    tools = [advertised(tool).model_dump(mode="json", by_alias=True, exclude_none=True) for tool in TABLE.values()]
    return characters({"tools": tools})


def main() -> int:
    """Prints the table; 1 if anything is over its budget."""
    print(f"Answers for a cluster of {NAMESPACES:,} namespaces, in characters of compact JSON (tokens: ÷ 4)\n")
    print(f"{'tool':27}{'default':>9}{'tokens':>9}{'largest':>9}{'tokens':>9}")
    by_tool = sizes(large_dataset(NAMESPACES))
    for tool, (default, largest) in by_tool.items():
        print(f"{tool:27}{default:>9,}{default // 4:>9,}{largest:>9,}{largest // 4:>9,}")
    print(f"{'budget':27}{MAX_DEFAULT_CHARS:>9,}{MAX_DEFAULT_CHARS // 4:>9,}{MAX_CHARS:>9,}{MAX_CHARS // 4:>9,}")
    print(f"\ntools/list: {listing():,} of {MAX_LIST_CHARS:,}")
    fits = all(default <= MAX_DEFAULT_CHARS and largest <= MAX_CHARS for default, largest in by_tool.values())
    return 0 if fits and listing() <= MAX_LIST_CHARS else 1


if __name__ == "__main__":
    sys.exit(main())
