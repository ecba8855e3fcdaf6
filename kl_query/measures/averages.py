"""Percentages over several buckets: the mean over the buckets they are known in, so that a gap does not count as 0."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import isnan

from kl_core.vocabulary import Metric
from kl_query.dataset.model import Amounts, Column, Scale
from kl_query.measures.efficiency import Compared, matched_requests
from kl_query.measures.measure import is_of_own_gpus
from kl_query.numbers import UNKNOWN, ratio
from kl_query.warnings.legacy import own_gpus
from kl_query.warnings.warning import DataWarning
from kl_query.windows import Window


@dataclass(frozen=True, slots=True)
class KnownIn:
    """The buckets of a window in which usage, requests, and both are known."""

    usage: frozenset[int]
    requests: frozenset[int]
    both: frozenset[int]


def is_averaged(scale: Scale, metric: Metric) -> bool:
    """Say whether amounts are per cent times hours, which answers show as per cent."""
    relative = scale.relative
    return relative is not None and (relative.cost_model == "normalized" or is_of_own_gpus(scale, metric))


def known_in(amounts: Amounts | None, window: Window) -> KnownIn:
    """Return in which buckets a row is known."""
    if amounts is None:
        return KnownIn(frozenset(), frozenset(), frozenset())
    usage, requests = _known(amounts.usage, window), _known(matched_requests(amounts), window)
    return KnownIn(usage, requests, usage & requests)


def any_known_in(rows: Sequence[KnownIn]) -> KnownIn:
    """Return in which buckets any of some rows is known."""
    return KnownIn(
        frozenset().union(*(row.usage for row in rows)),
        frozenset().union(*(row.requests for row in rows)),
        frozenset().union(*(row.both for row in rows)),
    )


def averaged(sums: Compared, known: KnownIn, scale: Scale) -> Compared:
    """Return sums of per cent times hours as per cent, each over the hours of the buckets it is known in."""
    used, wanted, both = (_hours(scale, buckets) for buckets in (known.usage, known.requests, known.both))
    return replace(
        sums,
        usage=ratio(sums.usage, used),
        requests=ratio(sums.requests, wanted),
        compared_usage=ratio(sums.compared_usage, both),
        compared_requests=ratio(sums.compared_requests, both),
    )


def averaged_unused(unused: float, known: KnownIn, scale: Scale) -> float:
    """Return unused requests, in per cent times hours, as per cent."""
    return ratio(unused, _hours(scale, known.both))


def own_gpus_warning(scale: Scale, metrics: Iterable[str | None]) -> list[DataWarning]:
    """Return what to know of GPUs in files of KubeLedger; nothing where an answer is not about them."""
    if scale.relative is None or not any(metric in ("gpu", "gpu_memory") for metric in metrics):
        return []
    return [own_gpus(days_known=scale.relative.cost_model == "cumulative")]


def nothing_to_add() -> Compared:
    """Return the sums of what cannot be added."""
    return Compared(UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, 0.0)


def _known(column: Column, window: Window) -> frozenset[int]:
    return frozenset(i for i in window.indices if not isnan(column[i]))


def _hours(scale: Scale, buckets: Iterable[int]) -> float:
    return sum(scale.observed_hours[i] for i in buckets)
