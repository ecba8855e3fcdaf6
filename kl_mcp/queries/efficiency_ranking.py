"""get_efficiency: one row per namespace and metric, with totals and counts over all of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan
from typing import Any

from kl_mcp.dataset.model import Dataset, Metric, Scale, ScaleName, Sharing
from kl_mcp.queries.budget import fill
from kl_mcp.queries.dates import Window, bucket_name, read_window
from kl_mcp.queries.efficiency import CLASSES, Compared, add, comparable_metrics, compare, unattributed_usage
from kl_mcp.queries.frame import scale_of
from kl_mcp.queries.measure import AMOUNT_UNIT, relative_unit
from kl_mcp.queries.metadata import metadata, partly_measured_warning
from kl_mcp.queries.numbers import known_sum, rounded
from kl_mcp.queries.paging import PageRequest
from kl_mcp.queries.rolling import gaps_untold_warning
from kl_mcp.queries.select import Selection

_NAMED = 5


@dataclass(frozen=True, slots=True)
class _Line:
    namespace: str
    metric: Metric
    sums: Compared
    relative: bool
    uncounted: tuple[str, ...]
    """Buckets of KubeLedger's files that have requests, but for how many hours is unknown."""

    @property
    def reason(self) -> str | None:
        """Return why there is no ratio; None where there is one."""
        if not self.relative or self.sums.classification != "unknown":
            return self.sums.reason(self.metric)
        if self.uncounted:
            return f"KubeLedger's files do not tell for how many hours of {_some(self.uncounted)} it had requests"
        return "KubeLedger's files tell no requests of it, or that they equal usage, which they write for none as well"


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
    found = scale_of(dataset, scale)
    window = read_window(found, date)
    lines = _lines(found, window, selection, metrics)
    named = [line for line in lines if line.namespace not in dataset.hidden]
    wanted = [
        line
        for line in named
        if (classification is None or line.sums.classification == classification)
        and not (exclude_system and dataset.is_system(line.namespace))
    ]
    ordered = sorted(wanted, key=lambda line: (metrics.index(line.metric), *_order(line, sort)))
    units = {m: relative_unit(found.relative) if found.relative else AMOUNT_UNIT[m] for m in metrics}
    answer: dict[str, Any] = {
        "scale": scale,
        "namespace": selection.label,
        "metric": metric,
        "date": window.label,
        "efficiency": [],
        "units": units,
        "totals": {m: _total([line.sums for line in lines if line.metric == m], units[m]) for m in metrics},
        "counts": _counts([line.sums for line in lines]),
        "metadata": metadata(
            dataset,
            now,
            window=window,
            unit="efficiency_ratio",
            metric=metric,
            warnings=[
                *_unknown(named),
                *_uncounted(named),
                *_without_requests(named),
                *gaps_untold_warning(window),
                *_partly_measured(named, window),
            ],
        ),
    }
    if found.relative is not None and found.relative.cost_model == "costs":
        answer["metadata"]["currency"] = dataset.currency
        answer["metadata"]["warnings"] += _unshared(dataset)
    fill(
        answer,
        page,
        len(ordered),
        lambda i: (_row(ordered[i], units[ordered[i].metric]),),
        ("efficiency",),
        generation=dataset.generation,
        what="rows",
    )
    return answer


def _lines(scale: Scale, window: Window, selection: Selection, metrics: tuple[Metric, ...]) -> list[_Line]:
    """Return a line per namespace and metric; over the whole cluster, only for a metric a namespace ever had."""
    cluster = selection.scope == "cluster"
    names = list(scale.namespaces) if cluster else selection.names
    unattributed = {metric: unattributed_usage(scale, metric) for metric in metrics}
    uncounted = scale.relative.uncounted if scale.relative else {}
    mean = scale.relative is not None and scale.relative.cost_model == "normalized" and window.observed_hours > 0
    lines = []
    for name in names:
        row = scale.namespaces.get(name, {})
        for metric in metrics:
            if metric in row or not cluster:
                sums = compare(scale, row.get(metric), window, unattributed[metric])
                buckets = [i for i in uncounted.get(metric, {}).get(name, ()) if i in window.indices]
                dates = tuple(bucket_name(scale.name, scale.starts[i]) for i in buckets)
                if mean:  # percentages are shown as their mean over the hours of the window
                    sums = sums.times(1 / window.observed_hours)
                lines.append(_Line(name, metric, sums, scale.relative is not None, dates))
    return lines


def _order(line: _Line, sort: str) -> tuple[bool, float, float, str]:
    """Return a sort key: largest first, for `ratio` smallest first, unknown last; ties by usage, then by name."""
    sums = line.sums
    value = {
        "unused": -sums.unused,
        "ratio": sums.ratio,
        "usage": -sums.usage,
        "requests": -sums.requests,
        "namespace": 0.0,
    }[sort]
    unknown = isnan(value)
    usage = 0.0 if sort == "namespace" or isnan(sums.usage) else sums.usage
    return unknown, 0.0 if unknown else value, -usage, line.namespace


def _row(line: _Line, unit: str) -> dict[str, Any]:
    sums = line.sums
    return {
        "namespace": line.namespace,
        "metric": line.metric,
        "usage": rounded(sums.usage, unit),
        "requests": rounded(sums.requests, unit),
        "efficiency_ratio": rounded(sums.ratio),
        "classification": sums.classification,
        "unused": rounded(sums.unused, unit),
        "hours_compared": rounded(sums.hours),
        "reason": line.reason,
    }


def _total(rows: list[Compared], unit: str) -> dict[str, Any]:
    sums = add(rows)
    return {
        "usage": rounded(sums.usage, unit),
        "usage_without_requests": rounded(
            known_sum([0.0, *(r.usage for r in rows if r.classification == "no_requests")]), unit
        ),
        "requests": rounded(sums.requests, unit),
        "efficiency_ratio": rounded(sums.ratio),
        "unused": rounded(known_sum(row.unused for row in rows), unit),
        "counts": _counts(rows),
    }


def _counts(rows: list[Compared]) -> dict[str, int]:
    found = Counter(row.classification for row in rows)
    return {kind: found[kind] for kind in CLASSES}


def _unknown(lines: list[_Line]) -> list[str]:
    unknown = [line for line in lines if line.sums.classification == "unknown"]
    groups = (
        (
            [line for line in unknown if not line.sums.in_doubt and not line.uncounted],
            "usage and requests are never both known in this window",
        ),
        ([line for line in unknown if line.sums.in_doubt], "usage that names no holder may be theirs"),
    )
    return [f"Efficiency is unknown for {_named(group)}: {why}." for group, why in groups if group]


def _uncounted(lines: list[_Line]) -> list[str]:
    """Say what efficiency leaves out of KubeLedger's files, as it would read too low with it."""
    left_out = [line for line in lines if line.uncounted]
    if not left_out:
        return []
    named = _some([f"{line.namespace} ({line.metric}: {_some(line.uncounted)})" for line in left_out])
    return [
        (
            "KubeLedger's files do not tell for how many hours of some buckets these namespaces had requests, as they "
            f"began, ended, or came and went there. Efficiency and requests leave these buckets out: {named}."
        )
    ]


def _without_requests(lines: list[_Line]) -> list[str]:
    """Say what efficiency leaves out of imported history, which knows usage in hours in which it knows no requests."""
    left_out = [line for line in lines if line.sums.usage_alone > 0]
    if not left_out:
        return []
    named = _some([f"{line.namespace} ({line.metric}: {line.sums.usage_alone:g} h)" for line in left_out])
    return [
        (
            f"Requests are unknown in hours of known usage (history imported without them) for {len(left_out)} row(s); "
            f"requests, efficiency and unused leave these hours out, usage does not: {named}."
        )
    ]


def _unshared(dataset: Dataset) -> list[str]:
    """Say that money in an answer about efficiency is KubeLedger's own, where other answers show another."""
    if dataset.sharing == Sharing():
        return []
    return ["Usage and requests are money as KubeLedger's files hold it, before the sharing that other answers show."]


def _partly_measured(lines: list[_Line], window: Window) -> list[str]:
    return partly_measured_warning(
        dict.fromkeys(line.namespace for line in lines if line.metric in ("cpu", "memory")), window
    )


def _named(lines: list[_Line]) -> str:
    return _some([f"{line.namespace} ({line.metric})" for line in lines])


def _some(names: Sequence[str]) -> str:
    rest = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {rest} more" if rest > 0 else "")
