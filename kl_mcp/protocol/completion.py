"""Completion of prompt arguments and of template variables, from the dataset that is held."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping

import mcp_types as types

from kl_core.vocabulary import SCALES
from kl_mcp.protocol.prompts import PROMPTS
from kl_mcp.protocol.resources import NAMESPACE_TEMPLATE, SCHEMA_TEMPLATE
from kl_query.dataset import Dataset
from kl_query.selection import listed
from kl_query.view import scale_of
from kl_query.windows import whole_window

MAX_VALUES = 100
"""Largest number of values the protocol lets a server return."""
DEFAULT_SCALE = "daily_14d"
RANGE = ".."
Given = Mapping[str, str]
"""The arguments that were filled in so far, and what was typed of this one, by name."""


def _metrics(dataset: Dataset, _typed: str, _given: Given) -> list[str]:
    return list(dataset.metrics)


def _requested_metrics(dataset: Dataset, _typed: str, _given: Given) -> list[str]:
    return [metric for metric in dataset.metrics if metric != "gpu_memory"]


def _scales(dataset: Dataset, _typed: str, _given: Given) -> list[str]:
    return [scale for scale in SCALES if scale in dataset.scales]


def _namespaces(dataset: Dataset, _typed: str, _given: Given) -> list[str]:
    return listed(dataset)


def _buckets(dataset: Dataset, scale: str) -> list[str]:
    """Return the buckets of a scale, newest first."""
    return [
        name for known in SCALES if known == scale for name in reversed(whole_window(scale_of(dataset, known)).dates)
    ]


def _months(dataset: Dataset, _typed: str, _given: Given) -> list[str]:
    return _buckets(dataset, "monthly_12m")


def _dates(dataset: Dataset, typed: str, given: Given) -> list[str]:
    """Return buckets of the scale that was filled in before; after `FIRST..`, the ends of a range."""
    buckets = _buckets(dataset, given.get("scale") or DEFAULT_SCALE)
    first, dots, _ = typed.partition(RANGE)
    if dots:
        return [f"{first}{RANGE}{bucket}" for bucket in buckets if bucket >= first] if first in buckets else []
    return ["latest", "all", *buckets] if buckets else []


def _patterns(dataset: Dataset, _typed: str, _given: Given) -> list[str]:
    """Return a glob for each first part of a name, up to its dash, that several namespaces share."""
    parts = Counter(name.partition("-")[0] for name in listed(dataset) if "-" in name)
    return sorted(f"{part}-*" for part, members in parts.items() if members > 1)


VALUES: Mapping[str, Callable[[Dataset, str, Given], list[str]]] = {
    "date": _dates,
    "metric": _metrics,
    "month": _months,
    "namespace": _namespaces,
    "pattern": _patterns,
    "requested metric": _requested_metrics,
    "scale": _scales,
}


def complete(params: types.CompleteRequestParams, dataset: Dataset, tools: Iterable[str]) -> types.CompleteResult:
    """Return values that start with what was typed; nothing, and no error, for what is unknown."""
    candidates = _candidates(params, dataset, tools)
    matching = [value for value in candidates if value.startswith(params.argument.value)]
    values = matching[:MAX_VALUES]
    completion = types.Completion(values=values, total=len(matching), has_more=len(matching) > len(values))
    return types.CompleteResult(completion=completion)


def _candidates(params: types.CompleteRequestParams, dataset: Dataset, tools: Iterable[str]) -> list[str]:
    name, typed = params.argument.name, params.argument.value
    if isinstance(params.ref, types.PromptReference):
        prompt = PROMPTS.get(params.ref.name)
        argument = prompt.argument(name) if prompt else None
        given = (params.context.arguments if params.context else None) or {}
        return VALUES[argument.completes](dataset, typed, given) if argument else []
    if (params.ref.uri, name) == (NAMESPACE_TEMPLATE, "namespace"):
        return listed(dataset)
    return list(tools) if (params.ref.uri, name) == (SCHEMA_TEMPLATE, "tool") else []
