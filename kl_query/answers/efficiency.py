"""get_efficiency: one row per namespace and metric, with totals and counts over all of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from kl_core.vocabulary import Metric, ScaleName
from kl_query.dataset.model import Dataset, Sharing
from kl_query.dataset.table import Numbers
from kl_query.date_windows import Window, bucket_name, instant
from kl_query.fields import DateField, InUnit, LazyRows, Number, ScaleField, doc
from kl_query.measures.amounts import AmountRules
from kl_query.measures.by_layout import rules_of
from kl_query.measures.efficiency import CLASSES, UNCOMPARED, Compared, add, comparable_metrics
from kl_query.metadata import Metadata, metadata, unmeasured_warnings
from kl_query.numbers import MONEY, UNKNOWN, Array, ratio
from kl_query.selection import Selection
from kl_query.view import window_of
from kl_query.warnings.codes import Code
from kl_query.warnings.warning import DataWarning, Names, Plain, RowId, some, warning

_AMOUNTS = ("unused", "usage", "requests")
"""Sorted by what has another unit for each metric."""


@dataclass(frozen=True, slots=True)
class ClassCounts:
    """Rows per classification."""

    over_provisioned: int
    balanced: int
    under_provisioned: int
    no_requests: int
    unknown: int


@dataclass(frozen=True, slots=True)
class EfficiencyRow:
    """A namespace and metric."""

    namespace: str
    metric: str
    usage: Annotated[InUnit, doc("Sum over the whole window, in units[metric]")]
    requests: Annotated[InUnit, doc("Sum over the whole window, in units[metric]")]
    usage_mean: Annotated[Number, doc("usage per hour it is known for, in mean_units[metric]")]
    requests_mean: Annotated[Number, doc("requests per hour they are known for, in mean_units[metric]")]
    efficiency_ratio: Annotated[
        Number,
        doc(
            "usage ÷ requests of the measured pods in the hours in which both are known, so not of this row's "
            "requests where pods were not measured; null: see reason"
        ),
    ]
    classification: Annotated[
        str, doc("over_provisioned < 0.5 <= balanced <= 1.0 < under_provisioned; no_requests; unknown")
    ]
    unused: Annotated[
        InUnit,
        doc("requests - usage of what is compared, in units[metric]; negative: overused; null: no requests"),
    ]
    hours_compared: Annotated[Number, doc("Hours in which usage and requests are both known")]
    reason: Annotated[str | None, doc("Why there is no ratio")]


@dataclass(frozen=True, slots=True)
class EfficiencyTotal:
    """Over every selected namespace, listed or not."""

    usage: InUnit
    usage_without_requests: Annotated[InUnit, doc("Part of usage by namespaces that request nothing: in no ratio")]
    requests: InUnit
    usage_mean: Annotated[Number, doc("Sum of the rows' means, in mean_units[metric]")]
    requests_mean: Number
    efficiency_ratio: Number
    unused: Annotated[InUnit, doc("Over the rows that use less than they request; overused is not taken off")]
    overused: Annotated[InUnit, doc("usage - requests over the rows that use more than they request")]
    counts: ClassCounts


@dataclass(frozen=True, slots=True)
class GetEfficiencyResult:
    """Rows as sorted, by metric first where that is by amounts.

    `totals` and `counts` are of the selection, not of the classification filter.
    """

    scale: ScaleField
    namespace: Annotated[str, doc("What was asked for; * is every namespace")]
    metric: Annotated[str | None, doc("null: all that can be requested")]
    date: DateField
    efficiency: Sequence[EfficiencyRow]
    units: Annotated[Mapping[str, str], doc("Unit of usage, requests and unused, per metric")]
    mean_units: Annotated[Mapping[str, str], doc("Unit of usage_mean and requests_mean, per metric")]
    totals: Annotated[Mapping[str, EfficiencyTotal], doc("Per metric")]
    counts: ClassCounts
    metadata: Metadata

    @property
    def amount_unit(self) -> str | None:
        """Return money where amounts are held as such."""
        return MONEY if MONEY in self.units.values() else None


@dataclass(frozen=True)
class _Lines:
    """The rows of a metric: whose they are, and their sums."""

    metric: Metric
    names: Sequence[RowId]
    numbers: Numbers
    places: Numbers
    """Where each row stands among all that are asked about."""
    ranks: Numbers
    """Where it stands by name."""
    sums: Compared
    shown: Compared
    """`sums` in the unit of the answer."""
    uncounted: Mapping[RowId, Sequence[Plain]]
    """Buckets that have requests, but for how many hours is unknown."""


def efficiency(
    dataset: Dataset,
    *,
    scale: ScaleName,
    selection: Selection,
    metric: Metric | None,
    date: str,
    sort: str,
    classification: str | None,
    exclude_system: bool,
) -> GetEfficiencyResult:
    """Return the rows that are of `classification`, and totals and counts over all of the selection."""
    metrics, window = comparable_metrics(dataset, metric), window_of(dataset, scale, date)
    rules, money = rules_of(window.scale), window.scale.cost_model == "costs"
    lines = [*map(partial(_lines, rules, window, selection), metrics)]
    named = {place: name for line in lines for place, name in zip(line.places.tolist(), line.names, strict=True)}
    ordered = _ordered(lines, rules, sort, [_wanted(dataset, line, classification, exclude_system) for line in lines])
    listed = dict.fromkeys(line.metric for line, _ in ordered)
    return GetEfficiencyResult(
        scale=scale,
        namespace=selection.label,
        metric=metric,
        date=window.label,
        efficiency=LazyRows(len(ordered), lambda place: _row(*ordered[place], rules, dataset, window), what="rows"),
        units={m: rules.unit(m) for m in metrics},
        mean_units={m: rules.mean_unit(rules.unit(m), m) for m in metrics},
        totals={line.metric: _total(rules, line, window) for line in lines},
        counts=_counts(lines),
        metadata=metadata(
            dataset,
            window=window,
            unit="efficiency_ratio",
            metric=metric,
            money=money,
            warnings=[
                *(
                    [warning(Code.SORTED_BY_METRIC, sort=Plain(sort), metrics=Plain(", ".join(listed)))]
                    if sort in _AMOUNTS and len(listed) > 1
                    else []
                ),
                *_left_out(lines),
                *rules.gap_warnings(window),
                *rules.metric_warnings(metrics),
                *unmeasured_warnings(dataset, [named[place] for place in sorted(named)], window, metrics),
                *([warning(Code.MONEY_UNSHARED)] if money and dataset.sharing != Sharing() else []),
            ],
        ),
    )


def _lines(rules: AmountRules, window: Window, selection: Selection, metric: Metric) -> _Lines:
    """Return the rows of a metric; over the whole cluster, only of namespaces that ever had it."""
    scale, names, numbers = rules.scale, selection.rows(rules.scale), selection.numbers(rules.scale.namespaces)
    places = ranks = np.arange(len(names))
    if selection.scope == "cluster":
        places = numbers = numbers[scale.namespaces.has(metric, numbers)]
        names, ranks = [names[number] for number in numbers.tolist()], scale.namespaces.ranks[numbers]
    sums, buckets = rules.compare(metric, numbers, window), scale.uncounted.get(metric, {})
    uncounted = {
        name: dates
        for name in names
        if name in buckets
        and (dates := [bucket_name(scale.name, scale.starts[i]) for i in buckets[name] if i in window.indices])
    }
    shown = sums.per(rules.divisors(metric, numbers, window))
    return _Lines(metric, names, numbers, places, ranks, sums, shown, uncounted)


def _wanted(dataset: Dataset, line: _Lines, classification: str | None, exclude_system: bool) -> NDArray[np.bool_]:
    named = [isinstance(n, str) and not (exclude_system and dataset.is_system(n)) for n in line.names]
    return np.array(named, bool) & (classification is None or line.sums.classification == classification)


def _ordered(
    lines: Sequence[_Lines], rules: AmountRules, sort: str, wanted: Sequence[NDArray[np.bool_]]
) -> list[tuple[_Lines, int]]:
    """Return rows in order: largest first, for `ratio` smallest first, unknown last; ties by usage, then by name.

    By ratio as well what cannot be compared otherwise. Amounts are compared with those of the same metric alone.
    """
    columns: list[Array] = []
    for metric, (line, mask) in enumerate(zip(lines, wanted, strict=True)):
        rank, adds_up = line.ranks, rules.adds_up(line.metric)
        value = line.shown.ratio if sort == "ratio" or not adds_up else -getattr(line.shown, sort, line.shown.hours)
        usage = np.nan_to_num(line.shown.usage) * adds_up
        columns.append(np.stack([np.full(len(rank), metric), np.arange(len(rank)), rank, -usage, value])[:, mask])
    metrics, places, ranks, by_usage, values = np.concatenate(columns, axis=1) if columns else np.empty((5, 0))
    keys = {"namespace": (metrics, ranks), **dict.fromkeys(_AMOUNTS, (ranks, by_usage, values, metrics))}
    order = np.lexsort(keys.get(sort, (ranks, by_usage, metrics, values)))
    return [(lines[int(metrics[i])], int(places[i])) for i in order]


def _row(line: _Lines, i: int, rules: AmountRules, dataset: Dataset, window: Window) -> EfficiencyRow:
    shown, name = line.shown, line.names[i]
    return EfficiencyRow(
        namespace=str(name),
        metric=line.metric,
        usage=shown.usage[i],
        requests=shown.requests[i],
        usage_mean=shown.usage_mean[i],
        requests_mean=shown.requests_mean[i],
        efficiency_ratio=shown.ratio[i],
        classification=str(line.sums.classification[i]),
        unused=shown.unused[i],
        hours_compared=shown.hours[i],
        reason=_absence(name, line.sums, i, dataset, window)
        or rules.reason(line.sums, i, line.metric, line.uncounted.get(name, ())),
    )


def _absence(namespace: RowId, sums: Compared, row: int, dataset: Dataset, window: Window) -> str | None:
    """Say of a namespace without any amount that it was not there, where that is why."""
    seen = dataset.namespaces.get(str(namespace))
    start, end = window.start, window.end
    if seen is None or start is None or end is None or sums.classification[row] != "no_requests" or sums.usage[row]:
        return None
    if seen.last_seen is not None and seen.last_seen <= start:
        return f"it was last seen at {instant(seen.last_seen)}, before this window"
    if seen.first_seen is not None and seen.first_seen > end:
        return f"it was first seen at {instant(seen.first_seen)}, after this window"
    return None


def _total(rules: AmountRules, line: _Lines, window: Window) -> EfficiencyTotal:
    addable = rules.adds_up(line.metric) or not line.names
    divisors = rules.divisors(line.metric, line.numbers, window, together=True)
    sums = (add(line.sums) if addable else UNCOMPARED).per(divisors)
    alone = np.nansum(line.sums.usage[line.sums.classification == "no_requests"])
    left = line.sums.unused[~np.isnan(line.sums.unused)] if addable else np.empty(0)
    unused, overused = (
        ratio(np.maximum(0.0, sign * left).sum(), divisors.both[0]) if len(left) else UNKNOWN for sign in (1, -1)
    )
    return EfficiencyTotal(
        usage=sums.usage[0],
        usage_without_requests=alone if addable else UNKNOWN,
        requests=sums.requests[0],
        usage_mean=sums.usage_mean[0],
        requests_mean=sums.requests_mean[0],
        efficiency_ratio=sums.ratio[0],
        unused=unused,
        overused=overused,
        counts=_counts([line]),
    )


def _counts(lines: Sequence[_Lines]) -> ClassCounts:
    return ClassCounts(
        *(sum(int(np.count_nonzero(line.sums.classification == kind)) for line in lines) for kind in CLASSES)
    )


def _lacks(line: _Lines) -> NDArray[np.bool_]:
    uncounted = [name in line.uncounted for name in line.names] if line.uncounted else False
    return np.asarray((line.sums.classification == "unknown") | (line.sums.usage_alone > 0) | uncounted)


def _left_out(lines: Sequence[_Lines]) -> list[DataWarning]:
    """Say where efficiency is unknown, and what it leaves out, as it would read too low with it.

    The last is imported history, which knows usage in hours in which it knows no requests.
    """
    rows = [(line, i) for line in lines for i in np.flatnonzero(_lacks(line)).tolist()]
    rows.sort(key=lambda row: row[0].places[row[1]])
    unknown = [(line, i) for line, i in rows if line.sums.classification[i] == "unknown"]
    lacking: dict[Code, list[tuple[_Lines, int, str]]] = {
        Code.EFFICIENCY_UNKNOWN: [
            (line, i, "") for line, i in unknown if not line.sums.in_doubt[i] and line.names[i] not in line.uncounted
        ],
        Code.EFFICIENCY_IN_DOUBT: [(line, i, "") for line, i in unknown if line.sums.in_doubt[i]],
        Code.REQUEST_HOURS_UNTOLD: [
            (line, i, f": {some(line.uncounted[line.names[i]])}") for line, i in rows if line.names[i] in line.uncounted
        ],
        Code.REQUESTS_UNKNOWN: [
            (line, i, f": {line.sums.usage_alone[i]:g} h") for line, i in rows if line.sums.usage_alone[i] > 0
        ],
    }
    return [
        warning(
            code,
            count=len(each),
            rows=Names(tuple((line.names[i], Plain(f" ({line.metric}{lack})")) for line, i, lack in each)),
        )
        for code, each in lacking.items()
        if each
    ]
