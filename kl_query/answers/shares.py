"""What several answers say of parts of the cluster: their shares, their mean levels, and what a list leaves out."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Annotated, TypeVar

import numpy as np

from kl_query.dataset.table import Numbers
from kl_query.fields import (
    MEAN_UNIT,
    DateField,
    DimensionField,
    Instant,
    LazyRows,
    MetricField,
    Number,
    ScaleField,
    Value,
    doc,
)
from kl_query.measures.means import Means
from kl_query.view import Frame

LatestMean = Annotated[Number, doc("Mean level in the last bucket, in latest.unit")]
SharePct = Annotated[Number, doc("Per cent of all namespaces, listed or not, system ones included")]
ClusterSharePct = Annotated[Number, doc("Per cent of the whole cluster's capacity (of the bill under costs)")]
TotalValue = Annotated[Value, doc("All namespaces, in metadata.unit")]
CapacityValue = Annotated[Value, doc("The whole cluster, in metadata.unit; under costs its bill")]


@dataclass(frozen=True, slots=True)
class Division:
    """How a bucket or range divides among namespaces."""

    metric: MetricField
    dimension: DimensionField
    scale: ScaleField
    date: DateField


@dataclass(frozen=True, slots=True)
class Share:
    """A namespace's part of a bucket or range."""

    namespace: str
    value: Value
    mean: Annotated[Number, doc("Amount per hour it is known for, in means.unit: a level, such as cores")]
    share_pct: SharePct
    cluster_share_pct: ClusterSharePct


@dataclass(frozen=True, slots=True)
class RestOfSeries:
    """Selected namespaces whose series are not in this answer."""

    count: int
    value: Value


@dataclass(frozen=True, slots=True)
class Rest(RestOfSeries):
    """Namespaces that could be listed but are not in this answer; those of zero are in zero_count."""

    share_pct: SharePct


@dataclass(frozen=True, slots=True)
class Excluded(Rest):
    """System namespaces left out of the list; they stay in every total and share."""


@dataclass(frozen=True, slots=True)
class MeanLevels:
    """The window as levels, also of an open bucket: cores, not core-hours."""

    unit: Annotated[str | None, doc(MEAN_UNIT)]
    total: Annotated[Number, doc("All namespaces")]
    capacity: Annotated[Number, doc("The whole cluster; under costs its bill per hour")]


@dataclass(frozen=True, slots=True)
class Latest:
    """The last bucket of the series as a level, also while it is open: what is used now."""

    date: Annotated[Instant | None, doc("The bucket")]
    unit: Annotated[str | None, doc(MEAN_UNIT)]
    mean: Annotated[Number, doc("Mean over the bucket so far, of all selected namespaces together")]


S = TypeVar("S", bound=Share)


def part(view: Frame, means: Means, number: int) -> tuple[str, float, float, float, float]:
    """Return the fields of `Share` of a row: its name, its value, its mean level and both shares."""
    value = view.totals.value[number]
    return view.table.name(number), value, means.each[number], view.shares[number], view.cluster_share(value)


def rows(view: Frame, listed: Numbers, shown: Numbers, row: Callable[[int], S]) -> LazyRows[S]:
    """Return the rows of those to be `shown`; `rest` of an answer is what of `listed` is not among those that are."""
    return LazyRows(
        len(shown),
        row,
        then=lambda answer, shares: replace(
            answer, rest=rest(view, listed, view.table.numbers(each.namespace for each in shares))
        ),
    )


def rest(view: Frame, listed: Numbers, shown: Numbers) -> Rest:
    """Return what of `listed` is not `shown`, and what may not be named."""
    left = np.concatenate([listed[~np.isin(listed, shown)], view.withheld])
    return Rest(count=len(left), value=view.sum_of(left), share_pct=view.share_of(left))


def excluded_system(view: Frame, *, exclude_system: bool) -> Excluded:
    """Return the system namespaces, where they are left out."""
    system = view.named[view.is_system & exclude_system]
    return Excluded(count=len(system), value=view.sum_of(system), share_pct=view.share_of(system))


def in_last_bucket(means: Means, numbers: Numbers) -> Latest:
    """Return what a series says of its last bucket: which it is, and the mean level of some namespaces in it."""
    return Latest(date=means.view.window.label, unit=means.unit, mean=means.together(numbers))
