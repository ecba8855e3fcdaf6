"""get_namespace_breakdown: how a window divides over namespaces, idle, and what no pod can use."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np

from kl_core.vocabulary import Special
from kl_query.answers.shares import (
    CapacityValue,
    ClusterSharePct,
    Division,
    Excluded,
    MeanLevels,
    Rest,
    Share,
    TotalValue,
    excluded_system,
    part,
    rest,
    rows,
)
from kl_query.fields import Number, Value, doc
from kl_query.measures.means import Means
from kl_query.measures.unmeasured import idle_warnings
from kl_query.metadata import Metadata, metadata
from kl_query.numbers import UNKNOWN, known_sum, percent
from kl_query.view import Frame


@dataclass(frozen=True, slots=True)
class Concentration:
    """How few namespaces use most of it: over all of them, system ones and unlisted ones included."""

    top_3_share_pct: Number
    top_10_share_pct: Number
    total_namespaces: int
    namespaces_for_80_pct: Annotated[int | None, doc("Fewest namespaces that use 80 per cent; null: nothing used")]


@dataclass(frozen=True, slots=True)
class ClusterOverhead:
    """What is not a namespace's.

    Namespaces + idle + non-allocatable + excluded + unattributed + unmeasured = capacity. With dimension=requests idle
    is what is allocatable and nobody requests, and the last two are 0.
    """

    capacity_value: Annotated[Value, doc("The whole cluster; under costs its bill")]
    allocatable_value: Value
    allocatable_share_pct: Number
    non_allocatable_value: Annotated[Value, doc("Operating system, kubelet, eviction reserve")]
    non_allocatable_share_pct: Number
    idle_value: Annotated[
        Value,
        doc(
            "allocatable - usage (or requests), of the hours in which every namespace's is known; negative: it "
            "exceeds allocatable; null: no such hour"
        ),
    ]
    idle_share_pct: Number
    idle_at_most: Annotated[
        Value,
        doc(
            "idle + unmeasured, where pods were not measured: idle is at most this, and idle_value too high by "
            "what they used. Never add it. null: all were measured (single GPUs: at the newest sample)"
        ),
    ]
    unmeasured_requests: Annotated[
        Value,
        doc(
            "Requests of the pods that were not measured, and of namespaces in hours of unknown usage; null "
            "under costs, where single GPUs were not seen, and where idle_at_most is"
        ),
    ]
    excluded_value: Annotated[Value, doc("Namespaces the collector does not report by name")]
    unattributed_value: Annotated[Value, doc("GPU usage that names no pod")]
    unmeasured_value: Annotated[Value, doc("Idle and usage together, while a namespace's usage is unknown")]
    namespaces_share_of_allocatable_pct: Annotated[Number, doc("All namespaces ÷ allocatable")]
    shared_namespaces_value: Annotated[
        Value,
        doc("Costs of shared namespaces that the rows above already hold; null without metadata.sharing"),
    ]
    shared_idle_value: Annotated[
        Value, doc("Cost of idle that the rows above already hold; null without metadata.sharing")
    ]


@dataclass(frozen=True, slots=True)
class BreakdownLevels(MeanLevels):
    """The same of what is not a namespace's; null for idle where anything of it is unmeasured."""

    allocatable: Number
    non_allocatable: Number
    idle: Number


@dataclass(frozen=True, slots=True)
class GetNamespaceBreakdownResult(Division):
    """The breakdown: breakdown + rest + excluded_system add up to total_value."""

    breakdown: Sequence[Share]
    rest: Rest
    excluded_system: Excluded
    total_value: TotalValue
    total_cluster_share_pct: ClusterSharePct
    capacity_value: CapacityValue
    means: BreakdownLevels
    concentration: Concentration
    cluster_overhead: ClusterOverhead
    metadata: Metadata


def breakdown(view: Frame, *, exclude_system: bool) -> GetNamespaceBreakdownResult:
    """Return the rows, the concentration over all namespaces, and the cluster's overhead."""
    listed, means = view.listed(exclude_system=exclude_system), Means(view)
    ranked = view.ranked(listed)
    return GetNamespaceBreakdownResult(
        metric=view.measure.metric,
        dimension=view.measure.dimension,
        scale=view.scale.name,
        date=view.window.label,
        breakdown=rows(view, listed, ranked, lambda place: Share(*part(view, means, ranked[place]))),
        rest=rest(view, listed, ranked),
        excluded_system=excluded_system(view, exclude_system=exclude_system),
        total_value=view.all_namespaces,
        total_cluster_share_pct=view.cluster_share(view.all_namespaces),
        capacity_value=view.capacity_or_bill,
        means=_levels(view, means),
        concentration=_concentration(view),
        cluster_overhead=_overhead(view),
        metadata=metadata(
            view.dataset,
            window=view.window,
            measure=view.measure,
            warnings=[*view.cluster_warnings(ranked), *idle_warnings(view.dataset, view.measure, view.window)],
        ),
    )


def _concentration(view: Frame) -> Concentration:
    """Say how few namespaces use most of it: over all namespaces, system ones and unlisted ones included."""
    bearing = np.concatenate([view.named, view.withheld])
    values, weights = view.totals.value[bearing], view.weights[bearing]
    known = ~np.isnan(values) & ~np.isnan(weights)
    order = bearing[known][np.lexsort((-weights[known], -values[known]))]
    reached = np.sort(weights[known])[::-1].cumsum()
    total = weights[known].sum()
    return Concentration(
        top_3_share_pct=view.share_of(order[:3]) if len(order) else UNKNOWN,
        top_10_share_pct=view.share_of(order[:10]) if len(order) else UNKNOWN,
        total_namespaces=len(bearing),
        namespaces_for_80_pct=int(np.argmax(reached >= 0.8 * total * (1 - 1e-12))) + 1 if total > 0 else None,
    )


def _overhead(view: Frame) -> ClusterOverhead:
    """Return the special entries and capacity. Under costs, allocatable is the bill without non-allocatable's cost."""
    non_allocatable = _special(view, "non-allocatable")
    allocatable = _allocatable(view, non_allocatable)
    idle, unmeasured = _special(view, "idle"), _special(view, "unmeasured")
    shared = view.after_sharing
    return ClusterOverhead(
        capacity_value=view.capacity_or_bill,
        allocatable_value=allocatable,
        allocatable_share_pct=view.cluster_share(allocatable),
        non_allocatable_value=non_allocatable,
        non_allocatable_share_pct=view.cluster_share(non_allocatable),
        idle_value=idle,
        idle_share_pct=view.cluster_share(idle),
        idle_at_most=UNKNOWN if view.all_measured else known_sum((idle, unmeasured)),
        unmeasured_requests=view.unmeasured_requests,
        excluded_value=_special(view, "excluded"),
        unattributed_value=_special(view, "unattributed"),
        unmeasured_value=unmeasured,
        namespaces_share_of_allocatable_pct=percent(view.all_namespaces, allocatable),
        shared_namespaces_value=shared.over_window.borne("shared") if shared else UNKNOWN,
        shared_idle_value=shared.over_window.borne("idle") if shared else UNKNOWN,
    )


def _levels(view: Frame, means: Means) -> BreakdownLevels:
    """Return mean levels, also of special entries; for how many hours idle is known is told only if it is for all."""
    non_allocatable, idle = _special(view, "non-allocatable"), view.special("idle")
    is_known = idle is not None and not idle[1].unknown and _special(view, "unmeasured") == 0
    return BreakdownLevels(
        unit=means.unit,
        total=means.total,
        capacity=means.capacity,
        allocatable=means.part(_allocatable(view, non_allocatable)),
        non_allocatable=means.part(non_allocatable),
        idle=means.part(_special(view, "idle")) if is_known else UNKNOWN,
    )


def _special(view: Frame, entry: Special) -> float:
    """Return an entry's sum; of one that does not occur, 0 as far as the cluster was observed."""
    column_and_sum = view.special(entry)
    if column_and_sum is not None:
        return column_and_sum[1].value
    return view.total(view.measure.unknown if entry == "idle" else view.measure.zero).value


def _allocatable(view: Frame, non_allocatable: float) -> float:
    if view.measure.cost_model == "costs":
        return view.capacity_or_bill - non_allocatable
    metric = view.measure.metric
    column = view.scale.allocatable.get(metric) if metric != "total" else None
    return view.total(column if column is not None else view.measure.unknown).value
