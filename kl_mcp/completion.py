"""Completion of prompt arguments and of template variables, from the dataset that is held."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime

import mcp_types as types

from kl_mcp.dataset import Dataset
from kl_mcp.prompts import PROMPTS
from kl_mcp.resources import SCHEMA_TEMPLATE

MOST_VALUES = 100
"""Largest number of values the protocol lets a server return."""


def _namespaces(dataset: Dataset) -> list[str]:
    return sorted(name for name in dataset.namespaces if name not in dataset.hidden)


def _metrics(dataset: Dataset) -> list[str]:
    return list(dataset.metrics)


def _months(dataset: Dataset) -> list[str]:
    scale = dataset.scales.get("monthly_12m")
    starts = scale.starts if scale else ()
    return [datetime.fromtimestamp(start, UTC).strftime("%Y-%m") for start in reversed(starts)]


def _patterns(dataset: Dataset) -> list[str]:
    """A glob for each first part of a name, up to its dash, that several namespaces share."""
    parts = Counter(name.partition("-")[0] for name in _namespaces(dataset) if "-" in name)
    return sorted(f"{part}-*" for part, members in parts.items() if members > 1)


VALUES: Mapping[str, Callable[[Dataset], list[str]]] = {
    "namespace": _namespaces,
    "metric": _metrics,
    "month": _months,
    "pattern": _patterns,
}


def complete(params: types.CompleteRequestParams, dataset: Dataset, tools: Iterable[str]) -> types.CompleteResult:
    """Values that start with what was typed; nothing, and no error, for what is unknown."""
    candidates = _candidates(params, dataset, tools)
    matching = [value for value in candidates if value.startswith(params.argument.value)]
    values = matching[:MOST_VALUES]
    completion = types.Completion(values=values, total=len(matching), has_more=len(matching) > len(values))
    return types.CompleteResult(completion=completion)


def _candidates(params: types.CompleteRequestParams, dataset: Dataset, tools: Iterable[str]) -> list[str]:
    if isinstance(params.ref, types.PromptReference):
        prompt = PROMPTS.get(params.ref.name)
        argument = prompt.argument(params.argument.name) if prompt else None
        return VALUES[argument.completes](dataset) if argument else []
    return list(tools) if (params.ref.uri, params.argument.name) == (SCHEMA_TEMPLATE, "tool") else []
