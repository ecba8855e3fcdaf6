"""get_efficiency: one row per namespace and metric, with totals and counts over all of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from math import isnan
from typing import Any

from kl_mcp.dataset.model import Dataset, Metric, Scale, ScaleName
from kl_mcp.queries.budget import fill
from kl_mcp.queries.dates import Window, read_window
from kl_mcp.queries.efficiency import CLASSES, Compared, add, comparable_metrics, compare, unattributed_usage
from kl_mcp.queries.frame import scale_of
from kl_mcp.queries.measure import AMOUNT_UNIT, relative_unit
from kl_mcp.queries.metadata import metadata, partly_measured_warning
from kl_mcp.queries.numbers import known_sum, rounded
from kl_mcp.queries.paging import PageRequest
from kl_mcp.queries.select import Selection


@dataclass(frozen=True, slots=True)
class _Line:
    namespace: str
    metric: Metric
    sums: Compared


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
    answer: dict[str, Any] = {
        "scale": scale,
        "namespace": selection.label,
        "metric": metric,
        "date": window.label,
        "efficiency": [],
        "units": {m: relative_unit(found.relative) if found.relative else AMOUNT_UNIT[m] for m in metrics},
        "totals": {m: _total([line.sums for line in lines if line.metric == m]) for m in metrics},
        "counts": _counts([line.sums for line in lines]),
        "metadata": metadata(
            dataset,
            now,
            window=window,
            unit="efficiency_ratio",
            metric=metric,
            warnings=[*_unknown(named), *_partly_measured(named, window)],
        ),
    }
    fill(
        answer,
        page,
        len(ordered),
        lambda i: (_row(ordered[i]),),
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
    lines = []
    for name in names:
        row = scale.namespaces.get(name, {})
        for metric in metrics:
            if metric in row or not cluster:
                sums = compare(scale, row.get(metric), window, unattributed[metric])
                lines.append(_Line(name, metric, sums))
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


def _row(line: _Line) -> dict[str, Any]:
    sums = line.sums
    return {
        "namespace": line.namespace,
        "metric": line.metric,
        "usage": rounded(sums.usage),
        "requests": rounded(sums.requests),
        "efficiency_ratio": rounded(sums.ratio),
        "classification": sums.classification,
        "unused": rounded(sums.unused),
        "hours_compared": rounded(sums.hours),
        "reason": sums.reason(line.metric),
    }


def _total(rows: list[Compared]) -> dict[str, Any]:
    sums = add(rows)
    return {
        "usage": rounded(sums.usage),
        "usage_without_requests": rounded(
            known_sum([0.0, *(r.usage for r in rows if r.classification == "no_requests")])
        ),
        "requests": rounded(sums.requests),
        "efficiency_ratio": rounded(sums.ratio),
        "unused": rounded(known_sum(row.unused for row in rows)),
        "counts": _counts(rows),
    }


def _counts(rows: list[Compared]) -> dict[str, int]:
    found = Counter(row.classification for row in rows)
    return {kind: found[kind] for kind in CLASSES}


def _unknown(lines: list[_Line]) -> list[str]:
    unknown = [line for line in lines if line.sums.classification == "unknown"]
    groups = (
        (
            [line for line in unknown if not line.sums.in_doubt],
            "usage and requests are never both known in this window",
        ),
        ([line for line in unknown if line.sums.in_doubt], "usage that names no holder may be theirs"),
    )
    return [f"Efficiency is unknown for {_named(group)}: {why}." for group, why in groups if group]


def _partly_measured(lines: list[_Line], window: Window) -> list[str]:
    return partly_measured_warning(
        dict.fromkeys(line.namespace for line in lines if line.metric in ("cpu", "memory")), window
    )


def _named(lines: list[_Line]) -> str:
    names = [f"{line.namespace} ({line.metric})" for line in lines]
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
