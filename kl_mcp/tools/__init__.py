"""The tools of the server, in one explicit table."""

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
            list_namespaces.list_namespaces,
            describe_dataset.describe_dataset,
            get_usage.get_usage,
            get_top_consumers.get_top_consumers,
            get_namespace_breakdown.get_namespace_breakdown,
            get_efficiency.get_efficiency,
            get_timeseries.get_timeseries,
            compare_periods.compare_periods,
            get_efficiency_timeseries.get_efficiency_timeseries,
            group_namespaces.group_namespaces,
        )
    }
)
