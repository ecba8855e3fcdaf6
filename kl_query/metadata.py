"""The metadata block of an answer: what its numbers mean, how old they are, and what is wrong with them.

Every key is always there, null where it does not apply.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import isnan
from typing import Any

from kl_core.calendar import GRANULARITY
from kl_core.vocabulary import SOURCES, Source
from kl_query.clocks import clock_warnings
from kl_query.dataset.model import Dataset, Scale
from kl_query.measures import sharing
from kl_query.measures.by_layout import rules_of
from kl_query.measures.measure import Measure
from kl_query.measures.rates import rate_warnings
from kl_query.measures.unmeasured import blind_spot_warnings, not_measured_warnings, share_of_pods
from kl_query.numbers import MONEY, rounded
from kl_query.staleness import stale_warnings
from kl_query.warnings import observation
from kl_query.warnings.warning import DataWarning, Plain, RowId, texts
from kl_query.windows import Window, bucket_name, instant

Block = dict[str, Any]
_NOTABLE_HOURS = 0.5
"""How long a source has to be silent in a bucket to be named: as long as makes an hour unknown."""
_NOTABLE_SHARE = 0.01
"""How much of a namespace's pod samples have to be missing to be named."""


def metadata(
    dataset: Dataset,
    now: float,
    *,
    window: Window | None = None,
    measure: Measure | None = None,
    unit: str | None = None,
    metric: str | None = None,
    warnings: Iterable[DataWarning] = (),
) -> Block:
    """Return the whole block; `warnings` are those of the query, added after the dataset's own."""
    shown_unit = unit or (measure.unit if measure else None)
    billed = measure is not None and measure.billed
    money = shown_unit in (MONEY, None)
    shown_metric = measure.metric if measure else metric
    own = rules_of(window.scale).metric_warnings([shown_metric]) if window else []
    if window:
        shown = (measure.metrics if measure else ()) or ((shown_metric,) if shown_metric else dataset.metrics)
        requests = measure.dimension == "requests" if measure else unit == "efficiency_ratio"
        own += blind_spot_warnings(dataset, shown, requests=requests)
    return {
        "cluster": dataset.cluster,
        "cost_model": measure.cost_model if measure else dataset.cost_model,
        "currency": dataset.currency if money else None,
        "unit": shown_unit,
        "sharing": sharing.block(dataset, applies=money),
        "metric": shown_metric,
        "scale": window.scale.name if window else None,
        "data_window": _data_window(window),
        "source_file": (window.scale.file or None) if window else dataset.files.get("manifest"),
        "generated_at_utc": instant(dataset.generated_at),
        "last_sample_utc": instant(dataset.newest_sample),
        "coverage": _coverage(window),
        "warnings": texts(
            [
                *_all_warnings(
                    dataset, now, window, metric=shown_metric, source=_usage_source(measure, metric), billed=billed
                ),
                *own,
                *warnings,
            ]
        ),
        "truncated": None,
    }


def coverage_of(window: Window, source: Source) -> float | None:
    """Return observed ÷ expected samples of a source over a window; None where it was not configured.

    Each bucket weighs as much as samples were expected in it, which is less where the source was configured for a part.
    """
    column = window.scale.coverage.get(source)
    if column is None:
        return None
    expected = window.scale.expected_hours.get(source, window.scale.elapsed_hours)
    known = [(column[i], expected[i]) for i in window.indices if not isnan(column[i])]
    weight = sum(h for _, h in known)
    return rounded(sum(c * h for c, h in known) / weight) if weight else None


def unknown_warning(unknown: Sequence[tuple[RowId, int]], window: Window) -> list[DataWarning]:
    """Return the warning for namespaces whose sums leave out unknown buckets: (name, buckets left out)."""
    if not unknown:
        return []
    buckets = sum(count for _, count in unknown)
    names = [name for name, _ in unknown]
    return [rules_of(window.scale).unknown_warning(names, buckets)]


def unmeasured_warnings(
    dataset: Dataset, names: Iterable[RowId], window: Window, metrics: Sequence[str]
) -> list[DataWarning]:
    """Return the warnings for namespaces of whose running pods not all were measured, with the share that was.

    Such pods add nothing, so usage is too low by what they used. Hours in which too few were known are unknown already.
    """
    asked = list(names)
    of_pods = any(metric in ("cpu", "memory") for metric in metrics)
    lacking = [name for name in asked if of_pods and name in window.scale.measured]
    shares = [(name, share_of_pods(name, window)) for name in lacking]
    found = [(name, 100 * share) for name, share in shares if share < 1 - _NOTABLE_SHARE]
    partly = [observation.pods_unmeasured(found)] if found else []
    return [*partly, *not_measured_warnings(dataset, asked, window, metrics)]


def _data_window(window: Window | None) -> Block | None:
    if window is None:
        return None
    return {
        "granularity": GRANULARITY[window.scale.name],
        "start": instant(window.start),
        "end": instant(window.end),
        "points": len(window.indices),
        "timezone": "UTC",
        "partial": window.partial,
    }


def _coverage(window: Window | None) -> Block | None:
    if window is None:
        return None
    return {
        **{source: coverage_of(window, source) for source in SOURCES},
        "observed_hours": rounded(rules_of(window.scale).observed_hours(window)),
        "elapsed_hours": rounded(window.elapsed_hours),
    }


def _usage_source(measure: Measure | None, metric: str | None) -> Source | None:
    """Return the source that the usage in an answer comes from; None where it is about requests alone."""
    if measure is not None and measure.dimension == "requests":
        return None
    shown = measure.metric if measure is not None else metric
    return "dcgm" if shown in ("gpu", "gpu_memory") else "metrics"


def _all_warnings(
    dataset: Dataset,
    now: float,
    window: Window | None,
    *,
    metric: str | None,
    source: Source | None,
    billed: bool,
) -> list[DataWarning]:
    found = [*dataset.warnings, *clock_warnings(dataset, now), *stale_warnings(dataset, now)]
    if window is not None:
        found += rules_of(window.scale).window_warnings(dataset, window, of_gpus=source == "dcgm")
        found += _gaps(window, metric)
        if source is not None:
            found += _silences(window, source)
        if billed:
            found += rate_warnings(dataset, window)
    return found


def _gaps(window: Window, metric: str | None) -> list[DataWarning]:
    """Return the warning for hours in which the capacity of a metric, and with it every amount, is unknown."""
    scale = window.scale
    observed = next((hours for name, hours in scale.capacity_hours.items() if name == metric), scale.observed_hours)
    missing = {i: scale.elapsed_hours[i] - observed[i] for i in window.indices}
    lacking = [i for i, hours in missing.items() if hours > 1e-6]
    if not lacking:
        return []
    total = sum(missing[i] for i in lacking)
    return [observation.not_observed(total, _hours_of(scale, missing, lacking))]


def _silences(window: Window, source: Source) -> list[DataWarning]:
    """Return the warning for hours in which the cluster was observed and the source of usage did not answer."""
    scale, coverage = window.scale, window.scale.coverage.get(source)
    if coverage is None:
        return []
    if source == "dcgm" and all(isnan(coverage[i]) for i in window.indices):
        return [observation.NO_GPU_SOURCE]
    column = scale.silent_hours.get(source)
    silent = {} if column is None else {i: column[i] for i in window.indices}
    lacking = [i for i, hours in silent.items() if hours >= _NOTABLE_HOURS]
    if not lacking:
        return []
    total = sum(silent[i] for i in lacking)
    return [observation.source_silent(source, total, _hours_of(scale, silent, lacking))]


def _hours_of(scale: Scale, hours: Mapping[int, float], buckets: Sequence[int]) -> list[tuple[Plain, float]]:
    return [(bucket_name(scale.name, scale.starts[i]), hours[i]) for i in buckets]
