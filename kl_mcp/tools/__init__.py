"""The tools of the server, in one explicit table."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from kl_mcp.tools import (
    compare_periods,
    describe_dataset,
    get_efficiency,
    get_efficiency_timeseries,
    get_namespace_breakdown,
    get_timeseries,
    get_top_consumers,
    get_usage,
    group_namespaces,
    list_namespaces,
)
from kl_mcp.tools.tool import Tool

TABLE: Mapping[str, Tool] = MappingProxyType(
    {
        tool.name: tool
        for tool in (
            list_namespaces.TOOL,
            describe_dataset.TOOL,
            get_usage.TOOL,
            get_top_consumers.TOOL,
            get_namespace_breakdown.TOOL,
            get_efficiency.TOOL,
            get_timeseries.TOOL,
            compare_periods.TOOL,
            get_efficiency_timeseries.TOOL,
            group_namespaces.TOOL,
        )
    }
)
