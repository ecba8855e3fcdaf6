"""get_top_consumers: the largest namespaces, and what all others add up to."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

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
from kl_query.fields import doc
from kl_query.measures.means import Means
from kl_query.metadata import Metadata, metadata
from kl_query.view import Frame


@dataclass(frozen=True)
class OfRank:
    """Which place in a ranking something has."""

    rank: int


@dataclass(frozen=True)
class Ranked(Share, OfRank):
    """A namespace in the ranking; one whose value is unknown comes last."""


@dataclass(frozen=True, slots=True)
class GetTopConsumersResult(Division):
    """The ranking: ranking + rest + excluded_system add up to total_value."""

    ranking: Sequence[Ranked]
    rest: Rest
    zero_count: Annotated[int, doc("Namespaces left out of the list because their value is 0")]
    excluded_system: Excluded
    total_value: TotalValue
    total_cluster_share_pct: ClusterSharePct
    capacity_value: CapacityValue
    means: MeanLevels
    metadata: Metadata


def top_consumers(view: Frame, *, exclude_system: bool) -> GetTopConsumersResult:
    """Return the ranking; ranking + rest + excluded_system add up to `total_value`."""
    listed, means = view.listed(exclude_system=exclude_system), Means(view)
    above_zero = listed[view.totals.value[listed] != 0] if view.measure.additive else listed
    ranked = view.ranked(above_zero)
    return GetTopConsumersResult(
        metric=view.measure.metric,
        dimension=view.measure.dimension,
        scale=view.scale.name,
        date=view.window.label,
        ranking=rows(view, above_zero, ranked, lambda place: Ranked(place + 1, *part(view, means, ranked[place]))),
        rest=rest(view, above_zero, ranked),
        zero_count=len(listed) - len(above_zero),
        excluded_system=excluded_system(view, exclude_system=exclude_system),
        total_value=view.all_namespaces,
        total_cluster_share_pct=view.cluster_share(view.all_namespaces),
        capacity_value=view.capacity_or_bill,
        means=MeanLevels(unit=means.unit, total=means.total, capacity=means.capacity),
        metadata=metadata(
            view.dataset, window=view.window, measure=view.measure, warnings=view.cluster_warnings(ranked)
        ),
    )
