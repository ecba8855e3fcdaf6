"""get_usage: series per namespace at any scale, largest first."""

from collections.abc import Iterable, Mapping
from typing import Any

from kl_core.vocabulary import SPECIAL_ENTRIES
from kl_query.answer_size import fill
from kl_query.dataset.model import Column
from kl_query.measures.means import in_last_bucket, means_of_last_bucket
from kl_query.measures.measure import Sum
from kl_query.measures.unmeasured import idle_warnings
from kl_query.metadata import metadata
from kl_query.numbers import rounded_all
from kl_query.paging import PageRequest
from kl_query.selection import Selection
from kl_query.view import Frame
from kl_query.warnings.warning import RowId


def usage(view: Frame, now: float, page: PageRequest, *, selection: Selection, exclude_special: bool) -> dict[str, Any]:
    """Return one series per selected namespace (or their sum), and the totals over all selected ones."""
    cluster = selection.scope == "cluster"
    names = _of_cluster(view, selection.names) if cluster else selection.names
    sums: dict[RowId, Sum] = {name: view.total_of(name) for name in names}
    together, total = view.column_of(selection), view.value_of(selection)
    aggregate, latest = selection.scope == "aggregate", means_of_last_bucket(view)
    ordered = [selection.label] if aggregate else view.in_order(names, sums)
    answer: dict[str, Any] = {
        "metric": view.measure.metric,
        "dimension": view.measure.dimension,
        "scale": view.scale.name,
        "namespace": selection.label,
        "matched_count": len(selection.names),
        "date": view.window.label,
        "dates": view.window.dates,
        "series": [],
        "special": [] if exclude_special else _special(view),
        "totals": rounded_all(view.measure.series(together, view.window), view.measure.unit),
        "total": view.measure.shown(total),
        "latest": in_last_bucket(latest, selection.rows(view.scale)),
        "rest": None,
        "metadata": metadata(
            view.dataset,
            now,
            window=view.window,
            measure=view.measure,
            warnings=[
                *(view.cluster_warnings() if cluster else view.warnings(sums, names)),
                *([] if exclude_special else idle_warnings(view.dataset, view.measure, view.window)),
            ],
        ),
    }

    def row(position: int) -> tuple[dict[str, Any]]:
        name = ordered[position]
        column, value = (together, total) if aggregate else (view.column(name), sums[name].value)
        mean = answer["latest"]["mean"] if aggregate else latest.of(name)
        return ({**_series(view, "namespace", name, column, value), "latest_mean": mean},)

    fill(answer, page, len(ordered), row, ("series",), generation=view.dataset.generation)
    answer["rest"] = _rest(answer, sums, view, selection)
    return answer


def _of_cluster(view: Frame, names: Iterable[str]) -> list[str]:
    """Return the namespaces that have amounts here; of those whose costs others bear, only with a point left."""
    inside = (name for name in names if name in view.scale.namespaces)
    return [n for n in inside if n not in view.absorbed or any(c > 0 for c in view.window.of(view.column(n)))]


def _rest(answer: dict[str, Any], sums: Mapping[RowId, Sum], view: Frame, selection: Selection) -> dict[str, Any]:
    if selection.scope == "aggregate":
        return {"count": 0, "value": 0.0}
    shown = {series["namespace"] for series in answer["series"]}
    names = [name for name in sums if name not in shown]
    if selection.scope == "cluster":
        names += view.withheld
    return {"count": len(names), "value": view.measure.shown(view.sum_of(names))}


def _special(view: Frame) -> list[dict[str, Any]]:
    entries = ((entry, view.special(entry)) for entry in SPECIAL_ENTRIES)
    return [
        _series(view, "entry", entry, column_and_sum[0], column_and_sum[1].value)
        for entry, column_and_sum in entries
        if column_and_sum is not None
    ]


def _series(view: Frame, key: str, name: str, column: Column, total: float) -> dict[str, Any]:
    values = rounded_all(view.measure.series(column, view.window), view.measure.unit)
    return {key: name, "values": values, "total": view.measure.shown(total)}
