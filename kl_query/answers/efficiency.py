"""get_efficiency: one row per namespace and metric, with totals and counts over all of them."""

from collections import Counter
from dataclasses import dataclass
from math import isnan
from typing import Any

from kl_core.vocabulary import Metric, ScaleName
from kl_query.answer_size import fill
from kl_query.dataset.model import Amounts, Dataset, Sharing
from kl_query.date_windows import Window, bucket_name, instant, read_window
from kl_query.measures.amounts import AmountRules
from kl_query.measures.by_layout import rules_of
from kl_query.measures.efficiency import CLASSES, UNCOMPARED, Compared, add, comparable_metrics, unattributed_usage
from kl_query.metadata import metadata, unmeasured_warnings
from kl_query.numbers import UNKNOWN, known_sum, ratio, rounded
from kl_query.paging import PageRequest
from kl_query.selection import Selection
from kl_query.view import scale_of
from kl_query.warnings.codes import Code
from kl_query.warnings.warning import DataWarning, Names, Plain, RowId, some, warning

_AMOUNTS = ("unused", "usage", "requests")
"""Sorted by what has another unit for each metric."""


@dataclass(frozen=True, slots=True)
class _Line:
    namespace: RowId
    metric: Metric
    amounts: Amounts | None
    sums: Compared
    shown: Compared
    """`sums` in the unit of the answer."""
    uncounted: tuple[Plain, ...]
    """Buckets that have requests, but for how many hours is unknown."""


def efficiency(
    dataset: Dataset,
    now: float,
    page: PageRequest,
    *,
    scale: ScaleName,
    selection: Selection,
    metric: Metric | None,
    date: str,
    sort: str,
    classification: str | None,
    exclude_system: bool,
) -> dict[str, Any]:
    """Return the rows that are of `classification`, and totals and counts over all of the selection."""
    metrics = comparable_metrics(dataset, metric)
    scale_read = scale_of(dataset, scale)
    window, rules = read_window(scale_read, date), rules_of(scale_read)
    money = scale_read.cost_model == "costs"
    lines = _lines(rules, window, selection, metrics)
    wanted = [
        line
        for line in lines
        if isinstance(line.namespace, str)
        and (classification is None or line.sums.classification == classification)
        and not (exclude_system and dataset.is_system(line.namespace))
    ]
    ordered = sorted(wanted, key=lambda line: _order(line, sort, rules, metrics.index(line.metric)))
    answer: dict[str, Any] = {
        "scale": scale,
        "namespace": selection.label,
        "metric": metric,
        "date": window.label,
        "efficiency": [],
        "units": {m: rules.unit(m) for m in metrics},
        "mean_units": {m: rules.mean_unit(rules.unit(m), m) for m in metrics},
        "totals": {m: _total(rules, m, [line for line in lines if line.metric == m], window) for m in metrics},
        "counts": _counts([line.sums for line in lines]),
        "metadata": metadata(
            dataset,
            now,
            window=window,
            unit="efficiency_ratio",
            metric=metric,
            money=money,
            warnings=[
                *_order_warning(ordered, sort),
                *_left_out(lines),
                *rules.gap_warnings(window),
                *rules.metric_warnings(metrics),
                *unmeasured_warnings(dataset, dict.fromkeys(line.namespace for line in lines), window, metrics),
                *([warning(Code.MONEY_UNSHARED)] if money and dataset.sharing != Sharing() else []),
            ],
        ),
    }
    fill(
        answer,
        page,
        len(ordered),
        lambda i: (_row(ordered[i], rules, dataset, window),),
        ("efficiency",),
        generation=dataset.generation,
        what="rows",
    )
    return answer


def _lines(rules: AmountRules, window: Window, selection: Selection, metrics: tuple[Metric, ...]) -> list[_Line]:
    """Return a line per namespace and metric; over the whole cluster, only for a metric a namespace ever had."""
    scale, cluster = rules.scale, selection.scope == "cluster"
    unattributed = {metric: unattributed_usage(scale, metric) for metric in metrics}
    lines = []
    for name in selection.rows(scale):
        row = scale.row(name)
        for metric in metrics:
            if metric in row or not cluster:
                amounts = row.get(metric)
                sums = rules.compare(amounts, window, unattributed[metric])
                shown = sums.per(rules.divisors(metric, [amounts], window))
                buckets = [i for i in scale.uncounted.get(metric, {}).get(name, ()) if i in window.indices]
                dates = tuple(bucket_name(scale.name, scale.starts[i]) for i in buckets)
                lines.append(_Line(name, metric, amounts, sums, shown, dates))
    return lines


def _order(line: _Line, sort: str, rules: AmountRules, metric: int) -> tuple[Any, ...]:
    """Return a sort key: largest first, for `ratio` smallest first, unknown last; ties by usage, then by name.

    By ratio as well what cannot be compared otherwise. Amounts are compared with those of the same metric alone.
    """
    sums = line.shown
    if sort == "namespace":
        return line.namespace, metric
    usage = 0.0 if isnan(sums.usage) or not rules.adds_up(line.metric) else sums.usage
    by_ratio = sort == "ratio" or not rules.adds_up(line.metric)
    value = sums.ratio if by_ratio else -getattr(sums, sort)
    ranked = isnan(value), 0.0 if isnan(value) else value
    return (metric, *ranked, -usage, line.namespace) if sort in _AMOUNTS else (*ranked, metric, -usage, line.namespace)


def _order_warning(ordered: list[_Line], sort: str) -> list[DataWarning]:
    """Say that rows are not sorted across metrics, where they are of several."""
    metrics = list(dict.fromkeys(Plain(line.metric) for line in ordered))
    if sort not in _AMOUNTS or len(metrics) < 2:
        return []
    return [warning(Code.SORTED_BY_METRIC, sort=Plain(sort), metrics=Plain(", ".join(metrics)))]


def _row(line: _Line, rules: AmountRules, dataset: Dataset, window: Window) -> dict[str, Any]:
    sums, unit = line.shown, rules.unit(line.metric)
    return {
        "namespace": line.namespace,
        "metric": line.metric,
        "usage": rounded(sums.usage, unit),
        "requests": rounded(sums.requests, unit),
        "usage_mean": rounded(sums.usage_mean),
        "requests_mean": rounded(sums.requests_mean),
        "efficiency_ratio": rounded(sums.ratio),
        "classification": sums.classification,
        "unused": rounded(sums.unused, unit),
        "hours_compared": rounded(sums.hours),
        "reason": _absence(line, dataset, window) or rules.reason(line.sums, line.metric, line.uncounted),
    }


def _absence(line: _Line, dataset: Dataset, window: Window) -> str | None:
    """Say of a namespace without any amount that it was not there, where that is why."""
    seen = dataset.namespaces.get(str(line.namespace))
    start, end, sums = window.start, window.end, line.sums
    if seen is None or start is None or end is None or sums.classification != "no_requests" or sums.usage:
        return None
    if seen.last_seen is not None and seen.last_seen <= start:
        return f"it was last seen at {instant(seen.last_seen)}, before this window"
    if seen.first_seen is not None and seen.first_seen > end:
        return f"it was first seen at {instant(seen.first_seen)}, after this window"
    return None


def _total(rules: AmountRules, metric: Metric, lines: list[_Line], window: Window) -> dict[str, Any]:
    rows, unit = [line.sums for line in lines], rules.unit(metric)
    addable = rules.adds_up(metric) or not lines
    divisors = rules.divisors(metric, [line.amounts for line in lines], window)
    sums = (add(rows) if addable else UNCOMPARED).per(divisors)
    alone = known_sum([0.0, *(row.usage for row in rows if row.classification == "no_requests")])
    left = [row.unused for row in rows if addable and not isnan(row.unused)]
    unused, overused = (
        ratio(sum(max(0.0, sign * each) for each in left), divisors.both) if left else UNKNOWN for sign in (1, -1)
    )
    return {
        "usage": rounded(sums.usage, unit),
        "usage_without_requests": rounded(alone, unit) if addable else None,
        "requests": rounded(sums.requests, unit),
        "usage_mean": rounded(sums.usage_mean),
        "requests_mean": rounded(sums.requests_mean),
        "efficiency_ratio": rounded(sums.ratio),
        "unused": rounded(unused, unit),
        "overused": rounded(overused, unit),
        "counts": _counts(rows),
    }


def _counts(rows: list[Compared]) -> dict[str, int]:
    counts = Counter(row.classification for row in rows)
    return {kind: counts[kind] for kind in CLASSES}


def _left_out(lines: list[_Line]) -> list[DataWarning]:
    """Say where efficiency is unknown, and what it leaves out, as it would read too low with it.

    The last is imported history, which knows usage in hours in which it knows no requests.
    """
    unknown = [line for line in lines if line.sums.classification == "unknown"]
    alone = [line for line in lines if line.sums.usage_alone > 0]
    lacking = {
        Code.EFFICIENCY_UNKNOWN: [(line, "") for line in unknown if not line.sums.in_doubt and not line.uncounted],
        Code.EFFICIENCY_IN_DOUBT: [(line, "") for line in unknown if line.sums.in_doubt],
        Code.REQUEST_HOURS_UNTOLD: [(line, f": {some(line.uncounted)}") for line in lines if line.uncounted],
        Code.REQUESTS_UNKNOWN: [(line, f": {line.sums.usage_alone:g} h") for line in alone],
    }
    return [
        warning(
            code,
            count=len(rows),
            rows=Names(tuple((line.namespace, Plain(f" ({line.metric}{lack})")) for line, lack in rows)),
        )
        for code, rows in lacking.items()
        if rows
    ]
