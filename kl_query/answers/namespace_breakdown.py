"""get_namespace_breakdown: how a window divides over namespaces, idle, and what no pod can use."""

from math import isnan
from typing import Any

from kl_core.vocabulary import Special
from kl_query.answer_size import fill
from kl_query.answers.top_consumers import add_remainder, heading, share_row, totals
from kl_query.measures.means import Means
from kl_query.measures.unmeasured import idle_warnings
from kl_query.metadata import metadata
from kl_query.numbers import known_sum, percent
from kl_query.paging import PageRequest
from kl_query.view import Frame
from kl_query.warnings.warning import RowId


def breakdown(view: Frame, now: float, page: PageRequest, *, exclude_system: bool) -> dict[str, Any]:
    """Return the rows, the concentration over all namespaces, and the cluster's overhead."""
    listed, means = view.listed(exclude_system=exclude_system), Means(view)
    names = view.ranked(listed)
    answer = {
        **heading(view),
        "breakdown": [],
        "rest": None,
        "excluded_system": None,
        **totals(view),
        "means": means.block(**_overhead_means(view, means)),
        "concentration": _concentration(view),
        "cluster_overhead": _overhead(view),
        "metadata": metadata(
            view.dataset,
            now,
            window=view.window,
            measure=view.measure,
            warnings=[
                *view.cluster_warnings(names),
                *idle_warnings(view.dataset, view.measure, view.window),
            ],
        ),
    }
    fill(
        answer,
        page,
        len(names),
        lambda position: (share_row(view, means, names[position]),),
        ("breakdown",),
        generation=view.dataset.generation,
    )
    add_remainder(answer, view, "breakdown", listed, exclude_system=exclude_system)
    return answer


def _concentration(view: Frame) -> dict[str, Any]:
    """Say how few namespaces use most of it: over all namespaces, system ones and unlisted ones included."""
    bearing: list[RowId] = [*view.named, *view.withheld]
    weights = {row: view.weight_of((row,)) for row in bearing if not isnan(view.totals[row].value)}
    known = sorted(weights, key=lambda row: (-view.totals[row].value, -weights[row]))
    return {
        "top_3_share_pct": view.share_of(known[:3]) if known else None,
        "top_10_share_pct": view.share_of(known[:10]) if known else None,
        "total_namespaces": len(bearing),
        "namespaces_for_80_pct": _needed(sorted(weights.values(), reverse=True), 0.8),
    }


def _needed(values: list[float], part: float) -> int | None:
    total = sum(values)
    if not total > 0:
        return None
    reached = 0.0
    for count, value in enumerate(values, start=1):
        reached += value
        if reached >= part * total * (1 - 1e-12):
            return count
    return len(values)


def _overhead(view: Frame) -> dict[str, Any]:
    """Return the special entries and capacity. Under costs, allocatable is the bill without non-allocatable's cost."""
    non_allocatable = _special(view, "non-allocatable")
    allocatable = _allocatable(view, non_allocatable)
    idle, unmeasured = _special(view, "idle"), _special(view, "unmeasured")
    shared = view.after_sharing
    return {
        "capacity_value": view.measure.shown(view.capacity_or_bill),
        "allocatable_value": view.measure.shown(allocatable),
        "allocatable_share_pct": view.cluster_share(allocatable),
        "non_allocatable_value": view.measure.shown(non_allocatable),
        "non_allocatable_share_pct": view.cluster_share(non_allocatable),
        "idle_value": view.measure.shown(idle),
        "idle_share_pct": view.cluster_share(idle),
        "idle_at_most": None if view.all_measured else view.measure.shown(known_sum((idle, unmeasured))),
        "unmeasured_requests": view.measure.shown(view.unmeasured_requests),
        "excluded_value": view.measure.shown(_special(view, "excluded")),
        "unattributed_value": view.measure.shown(_special(view, "unattributed")),
        "unmeasured_value": view.measure.shown(unmeasured),
        "namespaces_share_of_allocatable_pct": percent(view.all_namespaces, allocatable),
        "shared_namespaces_value": view.measure.shown(shared.over_window.borne("shared") if shared else None),
        "shared_idle_value": view.measure.shown(shared.over_window.borne("idle") if shared else None),
    }


def _overhead_means(view: Frame, means: Means) -> dict[str, float | None]:
    """Return the mean levels of the special entries; for how many hours idle is known is told only if it is for all."""
    non_allocatable, idle = _special(view, "non-allocatable"), view.special("idle")
    is_known = idle is not None and not idle[1].unknown and _special(view, "unmeasured") == 0
    return {
        "allocatable": means.part(_allocatable(view, non_allocatable)),
        "non_allocatable": means.part(non_allocatable),
        "idle": means.part(_special(view, "idle")) if is_known else None,
    }


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
