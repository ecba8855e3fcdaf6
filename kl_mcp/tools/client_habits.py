"""What clients and models send although no schema says so, as data: one table a kind, each open to further rows.

Names of arguments stand here in one spelling: `top_n` is `topN` and `TOP-N` as well.
"""

from collections.abc import Mapping

ADDED_BY_CLIENTS: Mapping[str, str] = {
    "wait_for_previous": "Gemini CLI: whether the calls before this one have to end first",
}
"""Arguments that a client adds by itself, and which client that is. A tool that has no such argument ignores it."""

SAME_VALUES: Mapping[str, Mapping[str, str]] = {
    "metric": {
        **dict.fromkeys(("cpus", "cores", "cpu_cores", "vcpu"), "cpu"),
        **dict.fromkeys(("mem", "ram"), "memory"),
        "gpus": "gpu",
        **dict.fromkeys(("gpu_mem", "vram"), "gpu_memory"),
        **dict.fromkeys(("cost", "costs", "money", "bill"), "total"),
    },
    "scale": {
        **dict.fromkeys(("hourly", "hour", "hours"), "hourly_7d"),
        **dict.fromkeys(("daily", "day", "days"), "daily_14d"),
        **dict.fromkeys(("monthly", "month", "months"), "monthly_12m"),
    },
    "cost_model": {
        **dict.fromkeys(("cost", "charge_back", "chargeback", "money"), "costs"),
        "cumulative_ratio": "cumulative",
        "ratio": "normalized",
    },
    "dimension": {"request": "requests", "requested": "requests", "used": "usage"},
    "sort": {
        **dict.fromkeys(("efficiency", "efficiency_ratio"), "ratio"),
        **dict.fromkeys(("waste", "wasted"), "unused"),
        "name": "namespace",
    },
    "classification": {
        "overprovisioned": "over_provisioned",
        "underprovisioned": "under_provisioned",
        "no_request": "no_requests",
    },
}
"""Per argument, values that mean one that the tool has; lower case, words joined by `_`."""

LIKELY_VALUES: Mapping[str, Mapping[str, str]] = {
    "scale": {
        **dict.fromkeys(("weekly", "week", "hourly_14d", "daily_7d", "daily_30d"), "daily_14d"),
        **dict.fromkeys(("yearly", "quarterly", "year", "quarter"), "monthly_12m"),
    },
    "cost_model": {
        **dict.fromkeys(("eur", "usd", "gbp", "chf", "€", "$", "£"), "costs"),
        **dict.fromkeys(("absolute", "usage"), "cumulative"),
        **dict.fromkeys(("percent", "percentage", "relative"), "normalized"),
    },
}
"""Per argument, values that mean none of the tool's for certain, and the one to suggest."""

OTHER_NAMES: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("patterns", "glob", "globs", "regex", "group", "name_pattern"), ("pattern", "namespaces")),
    **dict.fromkeys(("filter", "search", "query", "prefix"), ("namespaces", "pattern")),
    **dict.fromkeys(("name", "ns"), ("namespace", "namespaces", "pattern")),
    **dict.fromkeys(("namespace", "namespaces", "names"), ("namespaces", "pattern")),
    "pattern": ("namespaces",),
    **dict.fromkeys(("resource", "resource_type"), ("metric",)),
    **dict.fromkeys(("granularity", "step", "resolution", "interval"), ("scale",)),
    **dict.fromkeys(("window", "period", "range", "time_range", "timeframe", "month", "day", "dates"), ("date",)),
    **dict.fromkeys(("period1", "current", "current_period"), ("date",)),
    **dict.fromkeys(("period2", "compare_to", "previous", "previous_period", "against"), ("baseline",)),
    **dict.fromkeys(("top", "top_n", "n", "count", "page_size", "max_results"), ("limit",)),
    **dict.fromkeys(("page_token", "next_cursor"), ("cursor",)),
    **dict.fromkeys(("sort_by", "order_by", "order"), ("sort",)),
    "kind": ("type",),
    "sum": ("aggregate",),
}
"""Names that arguments are given, and the arguments that they may be, the likeliest first."""

OPPOSITES: Mapping[str, str] = {
    **dict.fromkeys(("include_special", "with_special", "show_special", "special"), "exclude_special"),
    **dict.fromkeys(("include_system", "with_system", "show_system"), "exclude_system"),
}
"""Names of switches that mean the contrary of one that the tool has."""

RANGE_STARTS = ("start", "from", "start_date", "start_time", "since")
RANGE_ENDS = ("end", "to", "end_date", "end_time", "until")
"""Arguments that are given for the two ends of `date`, any of the first with any of the last."""

PERIODS: tuple[tuple[str, str], ...] = (
    ("period1", "period2"),
    ("period_a", "period_b"),
    ("first_period", "second_period"),
)
"""Pairs of arguments that are given for the two periods of a comparison, in either order."""

COUNTED: Mapping[str, str] = {
    **dict.fromkeys(("hours", "last_hours", "lookback_hours"), "h"),
    **dict.fromkeys(("days", "last_days", "lookback_days", "last_n_days", "num_days"), "d"),
    **dict.fromkeys(("weeks", "last_weeks"), "w"),
    **dict.fromkeys(("months", "last_months"), "m"),
}
"""Arguments that are given for how many buckets `date` is to go back, and the unit of `last_7d`."""

NOT_RECORDED: Mapping[str, str] = {
    **dict.fromkeys(("network", "bandwidth", "traffic", "egress"), "Network traffic is not recorded"),
    **dict.fromkeys(("storage", "disk", "pvc", "volumes"), "Storage is not recorded"),
    **dict.fromkeys(
        ("load_balancer", "load_balancers", "loadbalancer"), "Load balancers and their cost are not recorded"
    ),
    **dict.fromkeys(("carbon", "co2", "energy", "power"), "Energy and emissions are not recorded"),
    **dict.fromkeys(("forecast", "forecasts", "prediction", "horizon"), "The books hold what was, and no forecasts"),
    **dict.fromkeys(
        ("pod", "pods", "container", "deployment", "workload"), "The books are kept per namespace, not per pod"
    ),
    **dict.fromkeys(
        ("label", "labels", "label_selector", "selector", "group_by"),
        "Namespaces are selected by name or glob, not by label",
    ),
    **dict.fromkeys(("threshold", "min_ratio", "max_ratio"), "The limits of the classification are fixed: 0.5 and 1.0"),
    "currency": "Costs are in the currency of the rate that the collector is set to; cost_model=costs shows them",
}
"""Arguments, and values of `metric`, for which there is nothing, and what to say of them."""
