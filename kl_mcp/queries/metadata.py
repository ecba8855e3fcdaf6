"""The metadata block of an answer: what its numbers mean, how old they are, and what is wrong with them.

Every key is always there, null where it does not apply.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import isnan
from typing import Any

from kl_mcp.dataset.model import SOURCES, Dataset, Rate, Scale, Source
from kl_mcp.queries import sharing
from kl_mcp.queries.dates import GRANULARITY, HOUR, Window, bucket_name, instant
from kl_mcp.queries.measure import Measure
from kl_mcp.queries.numbers import rounded

Block = dict[str, Any]
_NAMED = 5
"""How many hours, buckets or namespaces a warning names before it says how many more there are."""
_STALE_TICKS = 3
_STALE_HOURLY_SECONDS = 2 * HOUR
"""Hourly points are an hour apart, and files are written some minutes after them."""
_NOTABLE_HOURS = 0.5
"""How long a source has to be silent in a bucket to be named: as long as makes an hour unknown."""
_NOTABLE_SHARE = 0.01
"""How much of a namespace's pod samples have to be missing to be named."""
_SOURCE_NAMES: dict[Source, str] = {
    "kubernetes": "The API server",
    "metrics": "metrics-server",
    "dcgm": "A DCGM exporter",
}
_DEFAULT_INTERVAL = 300


def metadata(
    dataset: Dataset,
    now: float,
    *,
    window: Window | None = None,
    measure: Measure | None = None,
    unit: str | None = None,
    metric: str | None = None,
    warnings: Iterable[str] = (),
) -> Block:
    """Return the whole block; `warnings` are those of the query, added after the dataset's own."""
    shown_unit = unit or (measure.unit if measure else None)
    priced = shown_unit == "currency"
    money = priced or shown_unit is None
    return {
        "cluster": dataset.cluster,
        "cost_model": measure.cost_model if measure else dataset.cost_model,
        "currency": dataset.currency if money else None,
        "unit": shown_unit,
        "sharing": sharing.block(dataset, applies=money),
        "metric": measure.metric if measure else metric,
        "scale": window.scale.name if window else None,
        "data_window": _data_window(window),
        "source_file": (window.scale.file or None) if window else dataset.files.get("manifest"),
        "generated_at_utc": instant(dataset.generated_at),
        "last_sample_utc": instant(last_sample(dataset)),
        "coverage": _coverage(window),
        "warnings": _all_warnings(
            dataset, now, window, source=_usage_source(measure, metric), priced=priced, more=warnings
        ),
        "truncated": None,
    }


def last_sample(dataset: Dataset) -> int | None:
    """Return the nominal time of the newest sample of any source; None before the first."""
    return max((at for at in dataset.last_sample_at.values() if at is not None), default=None)


def coverage_of(window: Window, source: Source) -> float | None:
    """Return observed ÷ expected samples of a source over a window; None where it was not configured."""
    column = window.scale.coverage.get(source)
    if column is None:
        return None
    hours = window.scale.elapsed_hours
    known = [(column[i], hours[i]) for i in window.indices if not isnan(column[i])]
    weight = sum(h for _, h in known)
    return rounded(sum(c * h for c, h in known) / weight) if weight else None


def unknown_warning(unknown: Sequence[tuple[str, int]], window: Window) -> list[str]:
    """Return the warning for namespaces whose sums leave out unknown buckets: (name, buckets left out)."""
    if not unknown:
        return []
    buckets = sum(count for _, count in unknown)
    names = _some([name for name, _ in unknown])
    granularity = GRANULARITY[window.scale.name]
    return [
        (
            f"{len(unknown)} namespace(s) have {buckets} {granularity} bucket(s) unknown in whole or in part; "
            f"their sums leave these hours out and are too low: {names}."
        )
    ]


def partly_measured_warning(names: Iterable[str], window: Window) -> list[str]:
    """Return the warning for namespaces some of whose running pods metrics-server did not know, with the share it did.

    Such pods add nothing, so usage is too low by what they used. Hours in which too few were known are unknown already.
    """
    scale, metrics = window.scale, window.scale.coverage.get("metrics")
    if metrics is None or not scale.measured:
        return []
    found = []
    for name in names:
        column = scale.measured.get(name)
        if column is not None:
            pairs = [(column[i], metrics[i], scale.elapsed_hours[i]) for i in window.indices]
            seen = sum(min(own, all_) * hours for own, all_, hours in pairs if not isnan(own + all_))
            expected = sum(all_ * hours for own, all_, hours in pairs if not isnan(own + all_))
            if expected and seen / expected < 1 - _NOTABLE_SHARE:
                found.append(f"{name} ({100 * seen / expected:.3g} %)")
    return (
        [
            (
                f"metrics-server knew only a part of the running pods of {len(found)} namespace(s), whose usage is too "
                f"low: {_some(found)}."
            )
        ]
        if found
        else []
    )


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
        "observed_hours": rounded(window.observed_hours) if window.scale.relative is None else None,
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
    source: Source | None,
    priced: bool,
    more: Iterable[str],
) -> list[str]:
    found = [*dataset.warnings, *_stale(dataset, now)]
    if window is not None and dataset.layout != "none":
        found += [*_missing(dataset, window), *_partial(window), *_rolling(dataset, window), *_gaps(window)]
        if source is not None:
            found += _silences(window, source)
        if priced:
            found += _rates(dataset, window)
    return list(dict.fromkeys([*found, *more]))


def _stale(dataset: Dataset, now: float) -> list[str]:
    newest = last_sample(dataset)
    if newest is None:
        return [] if dataset.layout != "native" else ["No source has answered yet: see the collector's log."]
    allowed = _STALE_TICKS * (dataset.polling_interval_seconds or _DEFAULT_INTERVAL)
    if dataset.layout == "kubeledger":
        allowed = _STALE_HOURLY_SECONDS
    if now - newest > allowed:
        # KubeLedger writes its files whether or not it polls: their time says nothing.
        published = dataset.generated_at if dataset.layout == "native" else None
        if published is not None and now - published <= allowed:
            return [
                (
                    f"No source has answered since {instant(newest)}, {_duration(now - newest)} before this call, "
                    "although the collector runs: see its log. What came after is unknown."
                )
            ]
        return [
            (
                f"Stale: the last sample is from {instant(newest)}, {_duration(now - newest)} before this call. "
                "Numbers end there; check that the collector runs."
            )
        ]
    behind = [
        f"{source} last answered at {instant(at)}; what it measures is unknown since then."
        for source, at in dataset.last_sample_at.items()
        if at is not None and newest - at > allowed
    ]
    silent = dataset.last_sample_at.get("metrics", 0) is None
    return [*behind, *(["metrics-server has never answered: usage is unknown, requests are not."] if silent else [])]


def _missing(dataset: Dataset, window: Window) -> list[str]:
    if window.scale.starts or window.scale.name not in dataset.scales:
        return []
    return [f"{window.scale.name} holds no sample yet: expect the first one after the collector's next tick."]


def _partial(window: Window) -> list[str]:
    if not window.partial:
        return []
    scale, last = window.scale, window.stop - 1
    length = (scale.ends[last] - scale.starts[last]) / HOUR
    return [
        (
            f"Partial: the bucket {bucket_name(scale.name, scale.starts[last])} is still open and holds "
            f"{rounded(scale.elapsed_hours[last]):g} of its {length:g} hours."
        )
    ]


def _rolling(dataset: Dataset, window: Window) -> list[str]:
    """Say what KubeLedger's files are short of: another cost model for hours, and the whole of the oldest bucket."""
    scale, first = window.scale, window.first
    if scale.relative is None or not window.indices:
        return []
    found = []
    if scale.relative.cost_model != dataset.cost_model:
        found.append("KubeLedger writes hours as per cent of cluster capacity whatever the cost model: so are these.")
    elif scale.relative.cost_model == "normalized" and len(window.indices) > 1:
        found.append("Over several buckets a percentage is their mean, each weighted with its hours.")
    length = (scale.ends[first] - scale.starts[first]) / HOUR
    if not scale.complete[first] or scale.elapsed_hours[first] > length - 1e-6:
        return found
    return [
        *found,
        (
            f"KubeLedger's window rolls: {bucket_name(scale.name, scale.starts[first])} holds the last "
            f"{rounded(scale.elapsed_hours[first]):g} of its {length:g} hours."
        ),
    ]


def _gaps(window: Window) -> list[str]:
    scale = window.scale
    missing = {i: scale.elapsed_hours[i] - scale.observed_hours[i] for i in window.indices}
    lacking = [i for i, hours in missing.items() if hours > 1e-6]
    if not lacking:
        return []
    total = sum(missing[i] for i in lacking)
    return [f"Not observed: {rounded(total):g} h, no amount covers them: {_some(_hours_of(scale, missing, lacking))}."]


def _silences(window: Window, source: Source) -> list[str]:
    """Return the warning for hours in which the cluster was observed and the source of usage did not answer."""
    scale, coverage = window.scale, window.scale.coverage.get(source)
    if coverage is None:
        return []
    known = scale.coverage.get("kubernetes", coverage)
    silent = {i: (known[i] - coverage[i]) * scale.elapsed_hours[i] for i in window.indices}
    if source == "dcgm" and all(isnan(coverage[i]) for i in window.indices):
        return ["No DCGM exporter is configured (KL_NVIDIA_DCGM_ENDPOINT of the collector): GPU usage is unknown."]
    lacking = [i for i, hours in silent.items() if hours >= _NOTABLE_HOURS]
    if not lacking:
        return []
    total = sum(silent[i] for i in lacking)
    return [
        (
            f"{_SOURCE_NAMES[source]} did not answer for {rounded(total):g} h: usage is unknown in each hour it missed "
            f"for the most part: {_some(_hours_of(scale, silent, lacking))}."
        )
    ]


def _hours_of(scale: Scale, hours: Mapping[int, float], buckets: Sequence[int]) -> list[str]:
    return [f"{bucket_name(scale.name, scale.starts[i])} ({rounded(hours[i]):g} h)" for i in buckets]


def _rates(dataset: Dataset, window: Window) -> list[str]:
    start, end = window.start, window.end
    if start is None or end is None or not dataset.rates or window.scale.relative is not None:
        return []
    changes = [r for r in dataset.rates if start < r.effective < end]
    first = dataset.rates[0].effective
    seen = (namespace.first_seen for namespace in dataset.namespaces.values())
    begun = min((at for at in seen if at is not None), default=start)
    unpriced = first > max(start, begun - HOUR)
    found = [f"No rate was in force before {instant(first)}: those hours have no cost."] if unpriced else []
    later = [f"{instant(r.effective)}: {_price(r)}" for r in changes if r.effective != first]
    if later:
        found.append(f"The rate changed inside this window: {_some(later)}.")
    if len({r.currency for r in dataset.rates if r.effective < end}) > 1:
        found.append("The currency changed in the rate history; only amounts of the dataset's currency are shown.")
    return found


def _price(change: Rate) -> str:
    return f"{change.rate:g} {change.currency}/h" if change.rate else "none, so that later hours have no cost"


def _some(names: Sequence[str]) -> str:
    rest = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {rest} more" if rest > 0 else "")


def _duration(seconds: float) -> str:
    minutes = int(seconds // 60)
    if minutes < 120:
        return f"{minutes} min"
    hours = minutes // 60
    return f"{hours} h" if hours < 72 else f"{hours // 24} days"
