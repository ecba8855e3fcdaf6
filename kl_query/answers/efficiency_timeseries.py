"""get_efficiency_timeseries: usage ÷ requests hour by hour."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from math import isnan
from typing import Any

from kl_core.vocabulary import Metric
from kl_query.answers.timeseries import add_series, hourly_heading, open_hour_warning
from kl_query.dataset.model import Amounts, Column, Dataset
from kl_query.date_windows import Window, read_window
from kl_query.measures.by_layout import rules_of
from kl_query.measures.efficiency import (
    TOLERATED_DOUBT,
    add,
    comparable_metrics,
    matched_requests,
    matched_usage,
    unattributed_usage,
)
from kl_query.metadata import metadata, unmeasured_warnings
from kl_query.numbers import UNKNOWN, ratio, rounded
from kl_query.paging import PageRequest
from kl_query.selection import Selection
from kl_query.view import scale_of
from kl_query.warnings.codes import Code
from kl_query.warnings.warning import warning


def efficiency_timeseries(
    dataset: Dataset, now: float, page: PageRequest, *, selection: Selection, metric: Metric, date: str
) -> dict[str, Any]:
    """Return hourly ratios per namespace, or of Σ usage ÷ Σ requests over the whole selection."""
    comparable_metrics(dataset, metric)
    scale = scale_of(dataset, "hourly_7d")
    window = read_window(scale, date)
    names = selection.rows(scale)
    rows = {name: scale.row(name).get(metric) for name in names}
    unattributed = unattributed_usage(scale, metric)
    rules = rules_of(scale)
    sums = [rules.compare(amounts, window, unattributed) for amounts in rows.values()]
    addable = len(rows) < 2 or rules.adds_up(metric)
    together = list(rows.values()) if addable else []
    groups = {selection.label: together} if selection.single else {name: [rows[name]] for name in selection.names}
    overall = add(sums if addable else [])
    answer: dict[str, Any] = {
        **hourly_heading(window, selection),
        "metric": metric,
        "overall_ratio": rounded(overall.ratio),
        "overall_classification": overall.classification,
        "stats": None,
        "metadata": metadata(
            dataset,
            now,
            window=window,
            unit="efficiency_ratio",
            metric=metric,
            warnings=[
                *open_hour_warning(window),
                *unmeasured_warnings(dataset, names, window, (metric,)),
            ],
        ),
    }
    add_series(
        answer,
        page,
        list(groups),
        lambda label: hourly_ratio(groups[label], window, unattributed),
        window=window,
        single=selection.single,
        generation=dataset.generation,
    )
    values = [value for series in answer["series"] for value in series["values"]]
    if None in values:
        nulls = warning(Code.RATIOS_NULL, without=values.count(None), hours=len(values))
        answer["metadata"]["warnings"].append(nulls.text)
    return answer


def hourly_ratio(rows: Iterable[Amounts | None], window: Window, unattributed: Column | None = None) -> Column:
    """Return Σ usage ÷ Σ requests per hour over the rows that know both.

    Unknown in hours without requests, and where unattributed usage could raise the ratio by more than is tolerated.
    """
    both = [(matched_usage(amounts), matched_requests(amounts)) for amounts in rows if amounts is not None]
    ratios = array("d")
    for i in window.indices:
        # One that requests nothing has nothing to be compared with.
        known = [(usage[i], requests[i]) for usage, requests in both if requests[i] > 0 and not isnan(usage[i])]
        used, wanted = sum(usage for usage, _ in known), sum(requests for _, requests in known)
        in_doubt = unattributed is not None and unattributed[i] > TOLERATED_DOUBT * wanted
        ratios.append(UNKNOWN if in_doubt else ratio(used, wanted))
    return ratios
