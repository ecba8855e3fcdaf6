"""Completion of prompt arguments and of template variables, from the dataset that is held."""

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

import mcp_types as types

from kl_core.vocabulary import SCALES
from kl_mcp.protocol.prompts import PROMPTS
from kl_mcp.protocol.resources import NAMESPACE_TEMPLATE, SCHEMA_TEMPLATE
from kl_query.dataset import Dataset
from kl_query.date_windows import full_window
from kl_query.view import scale_of

MAX_VALUES = 100
"""Largest number of values the protocol lets a server return."""
RANGE = ".."
_LAST_CHARACTER = "\U0010ffff"
NOT_REQUESTED = {("over_provisioning_review", "gpu_memory")}
"""Of which prompts which metric is none, because nothing can request it."""


def _buckets(dataset: Dataset, scale: str) -> list[str]:
    """Return the buckets of a scale, newest first."""
    return [
        name for known in SCALES if known == scale for name in reversed(full_window(scale_of(dataset, known)).dates)
    ]


def _dates(dataset: Dataset, typed: str, scale: str) -> list[str]:
    """Return buckets of the scale that was filled in before; after `FIRST..`, the ends of a range."""
    buckets = _buckets(dataset, scale)
    first, dots, _ = typed.partition(RANGE)
    if dots:
        return [f"{first}{RANGE}{bucket}" for bucket in buckets if bucket >= first] if first in buckets else []
    return ["latest", "all", *buckets] if buckets else []


def _starting_with(names: Sequence[str], typed: str) -> Sequence[str]:
    """Return those of some sorted names that start with what was typed, by a few comparisons however many there are."""
    return names[bisect_left(names, typed) : bisect_right(names, typed + _LAST_CHARACTER)]


def _patterns(names: Sequence[str], typed: str) -> list[str]:
    """Return a glob for each first part of a name, up to its dash, that several namespaces share."""
    parts = Counter(name.partition("-")[0] for name in _starting_with(names, typed.rstrip("*")) if "-" in name)
    return [f"{part}-*" for part, members in sorted(parts.items()) if members > 1]


def complete(params: types.CompleteRequestParams, dataset: Dataset, tools: Iterable[str]) -> types.CompleteResult:
    """Return values that start with what was typed; nothing, and no error, for what is unknown."""
    typed = params.argument.value
    if _names_a_namespace(params):
        matching = _starting_with(dataset.names, typed)
    else:
        matching = [value for value in _candidates(params, dataset, tools) if value.startswith(typed)]
    values = list(matching[:MAX_VALUES])
    return types.CompleteResult(
        completion=types.Completion(values=values, total=len(matching), has_more=len(matching) > len(values))
    )


def _names_a_namespace(params: types.CompleteRequestParams) -> bool:
    name = params.argument.name
    if isinstance(params.ref, types.PromptReference):
        prompt = PROMPTS.get(params.ref.name)
        return name == "namespace" and prompt is not None and prompt.argument(name) is not None
    return (params.ref.uri, name) == (NAMESPACE_TEMPLATE, "namespace")


def _candidates(params: types.CompleteRequestParams, dataset: Dataset, tools: Iterable[str]) -> list[str]:
    name, typed = params.argument.name, params.argument.value
    if not isinstance(params.ref, types.PromptReference):
        return list(tools) if (params.ref.uri, name) == (SCHEMA_TEMPLATE, "tool") else []
    prompt = PROMPTS.get(params.ref.name)
    if prompt is None or prompt.argument(name) is None:
        return []
    given = (params.context.arguments if params.context else None) or {}
    values: dict[str, Callable[[], list[str]]] = {
        "date": lambda: _dates(dataset, typed, given.get("scale") or "daily_14d"),
        "metric": lambda: [metric for metric in dataset.metrics if (prompt.name, metric) not in NOT_REQUESTED],
        "month": lambda: _buckets(dataset, "monthly_12m"),
        "pattern": lambda: _patterns(dataset.names, typed),
        "scale": lambda: [scale for scale in SCALES if scale in dataset.scales],
    }
    return values[name]()
