"""The metadata block of an answer: what its numbers mean, how old they are, and what is wrong with them.

Every key is always there, null where it does not apply.
"""

from collections.abc import Iterable, Mapping, Sequence
from math import isnan
from typing import Any

from kl_core.calendar import GRANULARITY
from kl_core.vocabulary import SOURCES, Source
from kl_query.dataset.model import Dataset, Scale
from kl_query.date_windows import Window, bucket_name, instant
from kl_query.measures import sharing
from kl_query.measures.by_layout import rules_of
from kl_query.measures.measure import Measure
from kl_query.measures.rates import rate_warnings
from kl_query.measures.unmeasured import blind_spot_warnings, not_measured_warnings, share_of_pods
from kl_query.numbers import MONEY, rounded
from kl_query.staleness import clock_warnings, stale_warnings
from kl_query.warnings.codes import Code
from kl_query.warnings.warning import DataWarning, Names, Plain, RowId, Slot, some, texts, warning

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
    money: bool | None = None,
    warnings: Iterable[DataWarning] = (),
) -> Block:
    """Return the whole block; `warnings` are those of the query, added after the dataset's own.

    `money` says whether the answer holds any, by default where its unit is that or none.
    """
    shown_unit, shown_metric = (measure.unit, measure.metric) if measure else (None, metric)
    shown_unit = unit or shown_unit
    shared = shown_unit in (MONEY, None)
    money = shared if money is None else money
    return {
        "cluster": dataset.cluster,
        "cost_model": measure.cost_model if measure else dataset.cost_model,
        "currency": dataset.currency if money else None,
        "unit": shown_unit,
        "sharing": sharing.block(dataset, applies=shared),
        "metric": shown_metric,
        "scale": window.scale.name if window else None,
        "data_window": _data_window(window) if window else None,
        "source_file": (window.scale.file or None) if window else dataset.files.get("manifest"),
        "generated_at_utc": instant(dataset.generated_at),
        "last_sample_utc": instant(dataset.newest_sample),
        "coverage": _coverage(window) if window else None,
        "warnings": texts([*_all_warnings(dataset, now, window, measure, shown_metric), *warnings]),
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


def unmeasured_warnings(
    dataset: Dataset, names: Iterable[RowId], window: Window, metrics: Sequence[str]
) -> list[DataWarning]:
    """Return the warnings for namespaces of whose running pods not all were measured, with the share that was.

    Such pods add nothing, so usage is too low by what they used. Hours in which too few were known are unknown already.
    """
    rows = list(names)
    of_pods = any(metric in ("cpu", "memory") for metric in metrics)
    lacking = [name for name in rows if of_pods and name in window.scale.measured]
    shares = [(name, share_of_pods(name, window)) for name in lacking]
    partly_measured = tuple(
        (name, Plain(f" ({100 * share:.3g} %)")) for name, share in shares if share < 1 - _NOTABLE_SHARE
    )
    partly = (
        [warning(Code.PODS_UNMEASURED, count=len(partly_measured), names=Names(partly_measured))]
        if partly_measured
        else []
    )
    return [*partly, *not_measured_warnings(dataset, rows, window, metrics)]


def _data_window(window: Window) -> Block:
    return {
        "granularity": GRANULARITY[window.scale.name],
        "start": instant(window.start),
        "end": instant(window.end),
        "points": len(window.indices),
        "timezone": "UTC",
        "partial": window.partial,
    }


def _coverage(window: Window) -> Block:
    return {
        **{source: coverage_of(window, source) for source in SOURCES},
        "observed_hours": rounded(rules_of(window.scale).observed_hours(window)),
        "elapsed_hours": rounded(window.elapsed_hours),
    }


def _all_warnings(
    dataset: Dataset, now: float, window: Window | None, measure: Measure | None, metric: str | None
) -> list[DataWarning]:
    warnings = [*dataset.warnings, *clock_warnings(dataset, now), *stale_warnings(dataset, now)]
    if window is None:
        return warnings
    rules, of_gpus = rules_of(window.scale), metric in ("gpu", "gpu_memory")
    about_requests = measure is not None and measure.dimension == "requests"
    warnings += rules.window_warnings(dataset, window, of_gpus=of_gpus and not about_requests)
    warnings += _gaps(window, metric)
    if not about_requests:
        warnings += _silences(window, "dcgm" if of_gpus else "metrics")
    if measure is not None and measure.billed:
        warnings += rate_warnings(dataset, window)
    shown = (measure.metrics if measure else ()) or ((metric,) if metric else dataset.metrics)
    unseen = blind_spot_warnings(dataset, shown, requests=about_requests or measure is None)
    return [*warnings, *rules.metric_warnings([metric]), *unseen]


def _gaps(window: Window, metric: str | None) -> list[DataWarning]:
    """Return the warning for hours in which the capacity of a metric, and with it every amount, is unknown."""
    scale = window.scale
    observed = next((hours for name, hours in scale.capacity_hours.items() if name == metric), scale.observed_hours)
    missing = {i: scale.elapsed_hours[i] - observed[i] for i in window.indices}
    lacking = {i: hours for i, hours in missing.items() if hours > 1e-6}
    return [warning(Code.NOT_OBSERVED, **_hours(scale, lacking))] if lacking else []


def _silences(window: Window, source: Source) -> list[DataWarning]:
    """Return the warning for hours in which the cluster was observed and the source of usage did not answer."""
    scale, coverage = window.scale, window.scale.coverage.get(source)
    if coverage is None:
        return []
    if source == "dcgm" and all(isnan(coverage[i]) for i in window.indices):
        return [warning(Code.NO_GPU_SOURCE)]
    column = scale.silent_hours.get(source)
    silent = {i: column[i] for i in window.indices if column[i] >= _NOTABLE_HOURS} if column else {}
    name = Plain("metrics-server" if source == "metrics" else "A DCGM exporter")
    return [warning(Code.SOURCE_SILENT, source=name, **_hours(scale, silent))] if silent else []


def _hours(scale: Scale, lacking: Mapping[int, float]) -> dict[str, Slot]:
    """Return how many hours buckets lack, together and one by one."""
    each = [Plain(f"{bucket_name(scale.name, scale.starts[i])} ({hours:g} h)") for i, hours in lacking.items()]
    return {"hours": sum(lacking.values()), "buckets": some(each)}
