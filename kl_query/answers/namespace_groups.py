"""group_namespaces: what the namespaces that match a glob add up to."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from kl_query.answers.shares import (
    CapacityValue,
    ClusterSharePct,
    Division,
    MeanLevels,
    Share,
    SharePct,
    TotalValue,
    part,
)
from kl_query.fields import LazyRows, Number, Value, doc
from kl_query.measures.means import Means
from kl_query.metadata import Metadata, metadata
from kl_query.numbers import largest_first
from kl_query.selection import match
from kl_query.view import Frame


@dataclass(frozen=True, slots=True)
class GroupLevels(MeanLevels):
    """The same with the group."""

    group: Number


@dataclass(frozen=True, slots=True)
class GroupNamespacesResult(Division):
    """The group, counted once however many patterns match a namespace; members largest first."""

    pattern: Annotated[str, doc("The patterns, comma-separated")]
    group_total: Value
    share_pct: SharePct
    cluster_share_pct: ClusterSharePct
    matched_count: int
    members: Sequence[Share]
    total_value: TotalValue
    total_cluster_share_pct: ClusterSharePct
    capacity_value: CapacityValue
    means: GroupLevels
    metadata: Metadata


def group(view: Frame, *, patterns: Sequence[str]) -> GroupNamespacesResult:
    """Return total, shares and members of a group; a namespace that several patterns match counts once.

    Raises ToolArgumentError for a pattern that matches nothing.
    """
    known = view.dataset.knowing(row for row in view.table.rows if isinstance(row, str))
    matched = match(known, patterns, "pattern")
    inside, means = view.table.numbers(name for name in matched if name in view.table), Means(view)
    members = inside[largest_first(view.totals.value[inside])] if view.measure.additive else inside
    value = view.sum_of(members) if len(members) else view.total(view.measure.zero).value
    return GroupNamespacesResult(
        metric=view.measure.metric,
        dimension=view.measure.dimension,
        scale=view.scale.name,
        date=view.window.label,
        pattern=",".join(dict.fromkeys(patterns)),
        group_total=value,
        share_pct=view.share_of(members),
        cluster_share_pct=view.cluster_share(value),
        matched_count=len(members),
        members=LazyRows(len(members), lambda place: Share(*part(view, means, members[place]))),
        total_value=view.all_namespaces,
        total_cluster_share_pct=view.cluster_share(view.all_namespaces),
        capacity_value=view.capacity_or_bill,
        means=GroupLevels(unit=means.unit, total=means.total, capacity=means.capacity, group=means.together(members)),
        metadata=metadata(
            view.dataset, window=view.window, measure=view.measure, warnings=view.cluster_warnings(members)
        ),
    )
