"""What to know of a window over files of an existing KubeLedger: windows roll, and data may begin inside a bucket."""

from __future__ import annotations

from collections.abc import Iterable

from kl_mcp.dataset.model import Dataset
from kl_mcp.queries.dates import HOUR, Window, bucket_name, instant
from kl_mcp.queries.numbers import rounded

_HOURLY_SECONDS = 168 * HOUR
_STALE_SECONDS = 2 * HOUR
"""Hourly points are an hour apart, and files are written some minutes after them."""


def rolling_warnings(dataset: Dataset, window: Window, *, of_gpus: bool = False) -> list[str]:
    """Say what KubeLedger's files are short of: another cost model for hours, and the whole of the oldest bucket."""
    scale, first = window.scale, window.first
    if scale.relative is None or not window.indices:
        return []
    found = []
    if scale.relative.cost_model != dataset.cost_model and not of_gpus:
        found.append("KubeLedger writes hours as per cent of cluster capacity whatever the cost model: so are these.")
    elif (of_gpus or scale.relative.cost_model == "normalized") and len(window.indices) > 1:
        found.append(
            "Over several buckets a percentage is the mean of those that have a value, each weighted with its hours. "
            "Means over different buckets do not add up: shares are those of the sums behind them."
        )
    found += data_begin_warning(window)
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


def data_begin_warning(window: Window) -> list[str]:
    """Return the warning for the first bucket of a young KubeLedger, which may hold fewer hours than are counted."""
    relative = window.scale.relative
    if relative is None or relative.begins_in is None or relative.begins_in not in window.indices:
        return []
    begun = bucket_name(window.scale.name, window.scale.starts[relative.begins_in])
    counted = rounded(window.scale.observed_hours[relative.begins_in])
    return [
        (
            f"In {window.scale.name} KubeLedger's data begin in {begun} at an hour that its files do not tell: "
            f"{counted:g} hours of it are counted. If it holds fewer, its efficiency and amounts per hour are higher "
            "than shown, its requests lower."
        )
    ]


def gaps_untold_warning(window: Window) -> list[str]:
    """Return the warning for efficiency over hours that no file of KubeLedger holds one by one."""
    relative = window.scale.relative
    if relative is None or not relative.counted or window.start is None:
        return []
    hours_begin = relative.sampled_until + relative.lag - _HOURLY_SECONDS
    young = window.stop == len(window.scale.starts) and window.observed_hours * HOUR <= _HOURLY_SECONDS
    if window.start >= hours_begin or young:
        return []
    return [
        (
            f"Before {instant(hours_begin)} KubeLedger's files hold no single hours: "
            "where a namespace had a gap inside a bucket, its efficiency reads too low."
        )
    ]


def uncounted_partial_warning(window: Window) -> str | None:
    """Return the warning for a last bucket of which no hourly point tells how many hours it holds; None if one does."""
    scale, last = window.scale, window.stop - 1
    if scale.relative is None or scale.relative.counted:
        return None
    return (
        f"Partial: {bucket_name(scale.name, scale.starts[last])} is the last bucket with data, and KubeLedger's files "
        "do not tell how many of its hours have any."
    )


def stale_days_warning(dataset: Dataset, now: float) -> list[str]:
    """Return the warning for files without any hourly point whose newest day (or month) is over."""
    scales = (dataset.scales[name] for name in ("daily_14d", "monthly_12m") if name in dataset.scales)
    newest = next((scale for scale in scales if scale.starts), None)
    if newest is None or newest.relative is None or now - newest.relative.sampled_until <= _STALE_SECONDS:
        return []
    last, ended = bucket_name(newest.name, newest.starts[-1]), instant(newest.relative.sampled_until)
    return [
        (
            f"Stale: there are no hourly points of the last 7 days, and no data after {last}, which ended at {ended}. "
            "Check that KubeLedger still polls the cluster."
        )
    ]


def last_seen_warning(dataset: Dataset, seen: Iterable[int | None]) -> list[str]:
    """Return the warning for namespaces last seen before the hours that KubeLedger's files hold one by one."""
    scale = dataset.scales.get("hourly_7d")
    if dataset.layout != "kubeledger" or scale is None or not scale.starts:
        return []
    earlier = sum(1 for at in seen if at is not None and at <= scale.starts[0])
    return (
        [
            (
                f"{earlier} namespace(s) were last seen more than 7 days ago, where KubeLedger's files tell the day or "
                "the month only: last_seen is the latest it can have been."
            )
        ]
        if earlier
        else []
    )


def absent_warning(namespaces: int, buckets: str, names: str) -> str:
    """Return the warning for namespaces without a value in some buckets, which stay null and out of every sum."""
    return (
        f"{namespaces} namespace(s) have no value for {buckets} in KubeLedger's files, which do not tell whether they "
        f"were not there or not measured; their sums are over the others: {names}."
    )
