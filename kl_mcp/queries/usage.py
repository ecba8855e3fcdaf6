"""get_usage: series per namespace at any scale, largest first."""

from __future__ import annotations

from typing import Any

from kl_mcp.dataset.model import SPECIAL_ENTRIES, Column
from kl_mcp.queries.budget import fill
from kl_mcp.queries.frame import Frame, by_value
from kl_mcp.queries.measure import Sum, sum_columns
from kl_mcp.queries.metadata import metadata, unknown_warning
from kl_mcp.queries.numbers import known_sum, rounded, rounded_all
from kl_mcp.queries.paging import PageRequest
from kl_mcp.queries.select import Selection


def usage(view: Frame, now: float, page: PageRequest, *, selection: Selection, exclude_special: bool) -> dict[str, Any]:
    """Return one series per selected namespace (or their sum), and the totals over all selected ones."""
    cluster = selection.scope == "cluster"
    columns = {name: view.column(name) for name in selection.names if not cluster or name in view.scale.namespaces}
    sums = {name: view.total(column) for name, column in columns.items()}
    together = view.cluster_column() if cluster else sum_columns(columns.values(), view.measure.zero)
    total = _total(view, selection, sums)
    if selection.scope == "aggregate":
        ordered, columns, shown = [selection.label], {selection.label: together}, {selection.label: Sum(total)}
    else:
        ordered, shown = by_value(columns, sums), sums
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
        "totals": rounded_all(view.measure.series(together, view.window)),
        "total": rounded(total),
        "rest": None,
        "metadata": metadata(
            view.dataset,
            now,
            window=view.window,
            measure=view.measure,
            warnings=unknown_warning([(n, s.unknown) for n, s in sums.items() if s.unknown], view.window),
        ),
    }

    def row(position: int) -> tuple[dict[str, Any]]:
        name = ordered[position]
        return (_series(view, "namespace", name, columns[name], shown[name].value),)

    fill(answer, page, len(ordered), row, ("series",), generation=view.dataset.generation)
    answer["rest"] = _rest(answer, sums, view, selection)
    return answer


def _total(view: Frame, selection: Selection, sums: dict[str, Sum]) -> float:
    """Return the sum over the selection; over the cluster, namespaces that may not be named are part of it."""
    if selection.scope == "cluster":
        return view.all_namespaces
    return known_sum(total.value for total in sums.values())


def _rest(answer: dict[str, Any], sums: dict[str, Sum], view: Frame, selection: Selection) -> dict[str, Any]:
    if selection.scope == "aggregate":
        return {"count": 0, "value": 0.0}
    shown = {series["namespace"] for series in answer["series"]}
    values = [total.value for name, total in sums.items() if name not in shown]
    if selection.scope == "cluster":
        values += [total.value for name, total in view.totals.items() if name in view.dataset.hidden]
    return {"count": len(values), "value": rounded(known_sum(values)) if values else 0.0}


def _special(view: Frame) -> list[dict[str, Any]]:
    columns = {entry: view.special_column(entry) for entry in SPECIAL_ENTRIES}
    return [
        _series(view, "entry", entry, column, view.total(column).value)
        for entry, column in columns.items()
        if column is not None
    ]


def _series(view: Frame, key: str, name: str, column: Column, total: float) -> dict[str, Any]:
    return {key: name, "values": rounded_all(view.measure.series(column, view.window)), "total": rounded(total)}
