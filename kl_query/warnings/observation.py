"""What was not observed, or not long enough: how old numbers are, and which of them are unknown or too low."""

from __future__ import annotations

from collections.abc import Sequence

from kl_core.vocabulary import ScaleName, Source
from kl_query.warnings.codes import Code
from kl_query.warnings.warning import DataWarning, Names, Plain, RowId, Text, some, text, warning

NO_SOURCE_YET = warning(Code.NO_SOURCE_YET, "No source has answered yet: see the collector's log.")
METRICS_NEVER_ANSWERED = warning(
    Code.METRICS_NEVER_ANSWERED, "metrics-server has never answered: usage is unknown, requests are not."
)
NO_GPU_SOURCE = warning(
    Code.NO_GPU_SOURCE,
    "No DCGM exporter is configured (KL_NVIDIA_DCGM_ENDPOINT of the collector): GPU usage is unknown.",
)
OPEN_HOUR_LEFT_OUT = warning(
    Code.OPEN_HOUR_LEFT_OUT, "Statistics leave out the open hour, which is shorter than the others."
)
_COLLECTOR_RUNS = text("the collector runs")
_SOURCES: dict[Source, Plain] = {
    "kubernetes": Plain("The API server"),
    "metrics": Plain("metrics-server"),
    "dcgm": Plain("A DCGM exporter"),
}


def no_source_answers(since: Plain, ago: float) -> DataWarning:
    """Say that a running collector gets no answers."""
    return warning(
        Code.NO_SOURCE_ANSWERS,
        "No source has answered since {since}, {ago} before this call, although the collector runs: see its log. What "
        "came after is unknown.",
        since=since,
        ago=duration(ago),
    )


def stale(last: Plain, ago: float, runs: Text = _COLLECTOR_RUNS) -> DataWarning:
    """Say that numbers end some seconds ago; `runs` is what to check."""
    return warning(
        Code.STALE,
        "Stale: the last sample is from {last}, {ago} before this call. Numbers end there; check that {runs}.",
        last=last,
        ago=duration(ago),
        runs=runs,
    )


def source_behind(source: Source, last: Plain) -> DataWarning:
    """Say that one source is behind the others."""
    return warning(
        Code.SOURCE_BEHIND,
        "{source} last answered at {last}; what it measures is unknown since then.",
        source=Plain(source),
        last=last,
    )


def no_sample_yet(scale: ScaleName) -> DataWarning:
    """Say that a scale is empty."""
    return warning(
        Code.NO_SAMPLE_YET,
        "{scale} holds no sample yet: expect the first one after the collector's next tick.",
        scale=Plain(scale),
    )


def partial_bucket(bucket: Plain, hours: float, length: float) -> DataWarning:
    """Say that a bucket is open."""
    return warning(
        Code.PARTIAL_BUCKET,
        "Partial: the bucket {bucket} is still open and holds {hours:g} of its {length:g} hours.",
        bucket=bucket,
        hours=hours,
        length=length,
    )


def not_observed(hours: float, buckets: Sequence[tuple[Plain, float]]) -> DataWarning:
    """Say for how many hours, of which buckets, nobody looked."""
    return warning(
        Code.NOT_OBSERVED,
        "Not observed: {hours:g} h, no amount covers them: {buckets}.",
        hours=hours,
        buckets=_hours_of(buckets),
    )


def source_silent(source: Source, hours: float, buckets: Sequence[tuple[Plain, float]]) -> DataWarning:
    """Say for how many hours, of which buckets, the source of usage did not answer."""
    return warning(
        Code.SOURCE_SILENT,
        "{source} gave no usable answer for {hours:g} h: usage is unknown in each hour it missed for the most part: "
        "{buckets}.",
        source=_SOURCES[source],
        hours=hours,
        buckets=_hours_of(buckets),
    )


def buckets_unknown(names: Sequence[RowId], buckets: int, granularity: Plain) -> DataWarning:
    """Say that sums of namespaces leave out buckets."""
    return warning(
        Code.BUCKETS_UNKNOWN,
        "{count} namespace(s) have {buckets} {granularity} bucket(s) unknown in whole or in part; their sums leave "
        "these hours out and are too low: {names}.",
        count=len(names),
        buckets=buckets,
        granularity=granularity,
        names=Names.of(names),
    )


def pods_unmeasured(shares: Sequence[tuple[RowId, float]]) -> DataWarning:
    """Say of which part of the running pods of namespaces usage is known, in per cent."""
    return warning(
        Code.PODS_UNMEASURED,
        "Usage is known of only a part of the running pods of {count} namespace(s): it is too low, idle at most what "
        "is shown, and efficiency that of the measured part: {names}.",
        count=len(shares),
        names=Names(tuple((name, Plain(f" ({share:.3g} %)")) for name, share in shares)),
    )


def duration(seconds: float) -> Plain:
    """Return a length of time in words, rounded down."""
    minutes = int(seconds // 60)
    if minutes < 120:
        return Plain(f"{minutes} min")
    hours = minutes // 60
    return Plain(f"{hours} h" if hours < 72 else f"{hours // 24} days")


def _hours_of(buckets: Sequence[tuple[Plain, float]]) -> Plain:
    return some([Plain(f"{bucket} ({hours:g} h)") for bucket, hours in buckets])
