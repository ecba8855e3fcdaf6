"""The metadata block of an answer: what its numbers mean, how old they are, and what is wrong with them.

Every key is always there, null where it does not apply. What depends on when it is asked, such as how stale the data
are, is `kl_query.staleness`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Protocol

import numpy as np
from pydantic import GetPydanticSchema

from kl_core.calendar import GRANULARITY
from kl_core.vocabulary import Source
from kl_query.dataset.model import Dataset, Sharing
from kl_query.dataset.table import Column
from kl_query.date_windows import Window, bucket_name, instant
from kl_query.fields import Instant, Number, doc
from kl_query.measures.by_layout import layout_of, rules_of
from kl_query.measures.measure import Measure
from kl_query.measures.rates import rate_warnings
from kl_query.measures.sharing import note
from kl_query.measures.unmeasured import blind_spot_warnings, not_measured_warnings, share_of_pods
from kl_query.numbers import MONEY, ratio
from kl_query.warnings.codes import Code
from kl_query.warnings.warning import DataWarning, Names, Plain, RowId, Slot, some, warning

_NOTABLE_HOURS = 0.5
"""How long a source has to be silent in a bucket to be named: as long as makes an hour unknown."""
_NOTABLE_SHARE = 0.01
"""How much of a namespace's pod samples have to be missing to be named."""


@dataclass(frozen=True, slots=True)
class DataWindow:
    """The time an answer covers; it ends at the last sample, never at the reader's clock."""

    granularity: Annotated[str, doc("hour, day or month")]
    start: Annotated[Instant | None, doc("Start of the first bucket")]
    end: Annotated[Instant | None, doc("End of the last bucket; of an open one, its last sample")]
    points: Annotated[int, doc("Buckets in the window")]
    timezone: Annotated[str, doc("Always UTC")]
    partial: Annotated[bool, doc("Whether the last bucket is still open")]


@dataclass(frozen=True, slots=True)
class Coverage:
    """Observed ÷ expected samples over the window, 0 to 1, per source; null where the source is not configured."""

    kubernetes: Annotated[Number, doc("Requests and capacity rest on it")]
    metrics: Annotated[Number, doc("cpu and memory usage rest on it")]
    dcgm: Annotated[Number, doc("GPU usage rests on it")]
    observed_hours: Annotated[Number, doc("Hours with known capacity: every amount covers these and no others")]
    elapsed_hours: Annotated[Number, doc("Hours the window spans")]


@dataclass(frozen=True, slots=True)
class SharingApplied:
    """How the server spreads costs, as in this answer; null where it does not, or where no amount is money."""

    shared_namespaces: Annotated[Sequence[str], doc("Globs of the namespaces whose costs the others bear")]
    matched: Annotated[int, doc("Namespaces they match")]
    idle: Annotated[bool, doc("Whether the others bear the cost of idle, where positive, too")]
    multiplier: Annotated[float, doc("Applied last, to every cost and to the bill")]
    note: Annotated[str, doc("What that means for these numbers; tell the user")]


@dataclass(frozen=True, slots=True)
class Metadata:
    """What the numbers mean, how old they are, and what is wrong with them."""

    cluster: Annotated[str | None, doc("Name of the cluster")]
    cost_model: Annotated[str, doc("cumulative, normalized or costs")]
    currency: Annotated[str | None, doc("ISO 4217 code or symbol of the currency, where amounts are money")]
    unit: Annotated[
        str | None,
        doc(
            "core_hours, gib_hours, gpu_hours, percent_of_cluster_capacity, currency or efficiency_ratio; "
            "of the kubeledger layout cluster_percent_hours (a sum of hourly percentages), percent_of_total_usage and, "
            "of GPUs, percent_of_own_gpus (a mean over the namespace's own, never to be added or compared)"
        ),
    ]
    sharing: SharingApplied | None
    metric: str | None
    scale: str | None
    data_window: DataWindow | None
    source_file: Annotated[str | None, doc("Published file the numbers come from")]
    generated_at_utc: Annotated[Instant | None, doc("When the dataset was published")]
    last_sample_utc: Annotated[Instant | None, doc("Newest sample in it")]
    coverage: Coverage | None
    warnings: Annotated[
        Sequence[DataWarning],
        GetPydanticSchema(lambda _, handler: handler(list[str])),
        doc("Staleness, gaps, partial buckets, unknown values; tell the user"),
    ]


class Answer(Protocol):
    """An answer to a question: a frozen dataclass with its fields described, and with this block."""

    @property
    def metadata(self) -> Metadata:
        """Return what the numbers mean, how old they are, and what is wrong with them."""


def metadata(
    dataset: Dataset,
    *,
    window: Window | None = None,
    measure: Measure | None = None,
    unit: str | None = None,
    metric: str | None = None,
    money: bool | None = None,
    warnings: Iterable[DataWarning] = (),
) -> Metadata:
    """Return the whole block; `warnings` are those of the query, added after the dataset's own.

    `money` says whether the answer holds any, by default where its unit is that or none.
    """
    unit = unit or (measure.unit if measure else None)
    metric = measure.metric if measure else metric
    shared = unit in (MONEY, None)
    return Metadata(
        cluster=dataset.cluster,
        cost_model=measure.cost_model if measure else dataset.cost_model,
        currency=dataset.currency if (shared if money is None else money) else None,
        unit=unit,
        sharing=_sharing(dataset) if shared and dataset.sharing != Sharing() else None,
        metric=metric,
        scale=window.scale.name if window else None,
        data_window=DataWindow(
            granularity=GRANULARITY[window.scale.name],
            start=instant(window.start),
            end=instant(window.end),
            points=len(window.indices),
            timezone="UTC",
            partial=window.partial,
        )
        if window
        else None,
        source_file=(window.scale.file or None) if window else dataset.files.get("manifest"),
        generated_at_utc=instant(dataset.generated_at),
        last_sample_utc=instant(dataset.newest_sample),
        coverage=Coverage(
            kubernetes=coverage_of(window, "kubernetes"),
            metrics=coverage_of(window, "metrics"),
            dcgm=coverage_of(window, "dcgm"),
            observed_hours=rules_of(window.scale).observed_hours(window),
            elapsed_hours=window.elapsed_hours,
        )
        if window
        else None,
        warnings=[
            *dataset.warnings,
            *(_window_warnings(dataset, window, measure, metric) if window else []),
            *warnings,
        ],
    )


def coverage_of(window: Window, source: Source) -> float | None:
    """Return observed ÷ expected samples of a source over a window; None where it was not configured.

    Each bucket weighs as much as samples were expected in it, which is less where the source was configured for a part.
    """
    column = window.scale.coverage.get(source)
    if column is None:
        return None
    expected = window.scale.expected_hours.get(source, window.scale.elapsed_hours)
    shares, hours = window.of(column), window.of(expected)
    return ratio(np.nansum(shares * hours), np.where(np.isnan(shares), 0.0, hours).sum())


def unmeasured_warnings(
    dataset: Dataset, names: Iterable[RowId], window: Window, metrics: Sequence[str]
) -> list[DataWarning]:
    """Return the warnings for namespaces of whose running pods not all were measured, with the share that was.

    Such pods add nothing, so usage is too low by what they used. Hours in which too few were known are unknown already.
    """
    rows, of_pods = list(names), any(metric in ("cpu", "memory") for metric in metrics)
    partly = [
        (name, Plain(f" ({100 * share:.3g} %)"))
        for name in (rows if of_pods and window.scale.measured else ())
        if name in window.scale.measured and (share := share_of_pods(name, window)) < 1 - _NOTABLE_SHARE
    ]
    return [
        *([warning(Code.PODS_UNMEASURED, count=len(partly), names=Names(tuple(partly)))] if partly else []),
        *not_measured_warnings(dataset, rows, window, metrics),
    ]


def _sharing(dataset: Dataset) -> SharingApplied:
    sharing = dataset.sharing
    return SharingApplied(
        shared_namespaces=sharing.namespaces,
        matched=len(dataset.shared),
        idle=sharing.idle,
        multiplier=sharing.multiplier,
        note=note(sharing) + (layout_of(dataset).idle_note if sharing.idle else ""),
    )


def _window_warnings(
    dataset: Dataset, window: Window, measure: Measure | None, metric: str | None
) -> list[DataWarning]:
    rules, of_gpus = rules_of(window.scale), metric in ("gpu", "gpu_memory")
    about_requests = measure is not None and measure.dimension == "requests"
    shown = (measure.metrics if measure else ()) or ((metric,) if metric else dataset.metrics)
    return [
        *window.scale.problems,
        *rules.window_warnings(dataset, window, of_gpus=of_gpus and not about_requests),
        *_gaps(window, metric),
        *([] if about_requests else _silences(window, "dcgm" if of_gpus else "metrics")),
        *(rate_warnings(dataset, window) if measure is not None and measure.billed else []),
        *rules.metric_warnings([metric]),
        *blind_spot_warnings(
            dataset,
            shown,
            requests=about_requests or measure is None,
            everything=measure is None and metric is None,
        ),
    ]


def _gaps(window: Window, metric: str | None) -> list[DataWarning]:
    """Return the warning for hours in which the capacity of a metric, and with it every amount, is unknown."""
    scale = window.scale
    observed = next((hours for name, hours in scale.capacity_hours.items() if name == metric), scale.observed_hours)
    return _lacking(Code.NOT_OBSERVED, window, scale.elapsed_hours - observed, 1e-6)


def _silences(window: Window, source: Source) -> list[DataWarning]:
    """Return the warning for hours in which the cluster was observed and the source of usage did not answer."""
    scale, coverage = window.scale, window.scale.coverage.get(source)
    if coverage is None:
        return []
    if source == "dcgm" and np.isnan(window.of(coverage)).all():
        return [warning(Code.NO_GPU_SOURCE)]
    name = Plain("metrics-server" if source == "metrics" else "A DCGM exporter")
    silent = scale.silent_hours.get(source, np.zeros(len(scale.starts)))
    return _lacking(Code.SOURCE_SILENT, window, silent, _NOTABLE_HOURS, source=name)


def _lacking(code: Code, window: Window, hours: Column, notable: float, **slots: Slot) -> list[DataWarning]:
    """Return the warning for buckets that lack so many hours or more, with how many, together and one by one."""
    lacking = {i: float(hours[i]) for i in window.indices if hours[i] >= notable}
    dates = [Plain(f"{bucket_name(window.scale.name, window.scale.starts[i])} ({lacking[i]:g} h)") for i in lacking]
    return [warning(code, hours=sum(lacking.values()), buckets=some(dates), **slots)] if lacking else []
