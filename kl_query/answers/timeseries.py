"""get_timeseries: hourly series with statistics."""

from collections.abc import Callable, Sequence
from typing import Any

from kl_core.vocabulary import CostModel
from kl_query.answer_size import fill
from kl_query.dataset.model import Column, Dataset
from kl_query.date_windows import Window
from kl_query.measures.means import in_last_bucket, means_of_last_bucket
from kl_query.measures.measure import Dimension, MetricOrTotal, Sum
from kl_query.measures.statistics import stats
from kl_query.metadata import metadata
from kl_query.numbers import rounded_all
from kl_query.paging import PageRequest
from kl_query.selection import Selection
from kl_query.view import Frame, frame
from kl_query.warnings.codes import Code
from kl_query.warnings.warning import DataWarning, RowId, warning


def timeseries(
    dataset: Dataset,
    now: float,
    page: PageRequest,
    *,
    selection: Selection,
    metric: MetricOrTotal,
    dimension: Dimension,
    cost_model: CostModel | None,
    date: str,
) -> dict[str, Any]:
    """Return one series per namespace, or one over the whole selection, of hourly amounts."""
    view = frame(dataset, "hourly_7d", metric, cost_model, date=date, dimension=dimension)
    columns, warnings = series_columns(view, selection)
    latest = means_of_last_bucket(view)
    answer: dict[str, Any] = {
        "metric": metric,
        "dimension": dimension,
        **hourly_heading(view.window, selection),
        "stats": None,
        "latest": in_last_bucket(latest, selection.rows(view.scale)),
        "metadata": metadata(
            dataset,
            now,
            window=view.window,
            measure=view.measure,
            warnings=[*warnings, *open_hour_warning(view.window)],
        ),
    }
    add_series(
        answer,
        page,
        list(columns),
        lambda label: view.measure.series(columns[label], view.window),
        window=view.window,
        single=selection.single,
        generation=dataset.generation,
        more=lambda label: {"latest_mean": answer["latest"]["mean"] if selection.single else latest.of(label)},
    )
    return answer


def series_columns(view: Frame, selection: Selection) -> tuple[dict[str, Column], list[DataWarning]]:
    """Return the columns to show by label, largest sum first, and what to know about them."""
    if selection.scope == "cluster":
        return {selection.label: view.column_of(selection)}, view.cluster_warnings()
    columns = {name: view.column(name) for name in selection.names}
    sums: dict[RowId, Sum] = {name: view.total_of(name) for name in selection.names}
    warnings = view.warnings(sums, selection.names)
    if selection.scope == "aggregate":
        return {selection.label: view.column_of(selection)}, warnings
    return {name: columns[name] for name in view.in_order(columns, sums)}, warnings


def hourly_heading(window: Window, selection: Selection) -> dict[str, Any]:
    """Return what an hourly answer says about what it is a series of."""
    return {
        "namespace": selection.label,
        "scope": selection.scope,
        "matched_count": len(selection.names),
        "date": window.label,
        "hours": window.dates,
        "series": [],
    }


def add_series(
    answer: dict[str, Any],
    page: PageRequest,
    labels: Sequence[str],
    column: Callable[[str], Column],
    *,
    window: Window,
    single: bool,
    generation: int,
    more: Callable[[str], dict[str, Any]] = lambda _: {},
) -> None:
    """Fill in the series with their statistics and `more`; a single series has its statistics at the top as well."""
    unit = answer["metadata"]["unit"]

    def row(position: int) -> tuple[dict[str, Any]]:
        label = labels[position]
        values = column(label)
        series = {"namespace": label, "values": rounded_all(values, unit), "stats": stats(values, window, unit)}
        return ({**series, **more(label)},)

    fill(answer, page, len(labels), row, ("series",), generation=generation)
    if single and answer["series"]:
        answer["stats"] = answer["series"][0]["stats"]


def open_hour_warning(window: Window) -> list[DataWarning]:
    """Say that statistics leave out the open hour, where they do."""
    return [warning(Code.OPEN_HOUR_LEFT_OUT)] if window.partial else []
