"""What to know of a window over files of an existing KubeLedger: windows roll, and data may begin inside a bucket."""

from __future__ import annotations

from kl_mcp.dataset.model import Dataset
from kl_mcp.queries.dates import HOUR, Window, bucket_name, instant
from kl_mcp.queries.numbers import rounded

_HOURLY_SECONDS = 168 * HOUR


def rolling_warnings(dataset: Dataset, window: Window) -> list[str]:
    """Say what KubeLedger's files are short of: another cost model for hours, and the whole of the oldest bucket."""
    scale, first = window.scale, window.first
    if scale.relative is None or not window.indices:
        return []
    found = []
    if scale.relative.cost_model != dataset.cost_model:
        found.append("KubeLedger writes hours as per cent of cluster capacity whatever the cost model: so are these.")
    elif scale.relative.cost_model == "normalized" and len(window.indices) > 1:
        found.append("Over several buckets a percentage is their mean, each weighted with its hours.")
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
            f"KubeLedger's data begin in {begun} at an hour that its files do not tell: {counted:g} hours of it are "
            "counted. If it holds fewer, its efficiency and amounts per hour are higher than shown, its requests lower."
        )
    ]


def gaps_untold_warning(window: Window) -> list[str]:
    """Return the warning for efficiency over hours that no file of KubeLedger holds one by one."""
    relative = window.scale.relative
    if relative is None or window.start is None or window.start >= relative.sampled_until - _HOURLY_SECONDS:
        return []
    return [
        (
            f"Before {instant(relative.sampled_until - _HOURLY_SECONDS)} KubeLedger's files hold no single hours: "
            "where a namespace had a gap inside a bucket, its efficiency reads too low."
        )
    ]


def absent_warning(namespaces: int, buckets: str, names: str) -> str:
    """Return the warning for namespaces without a value in some buckets, which stay null and out of every sum."""
    return (
        f"{namespaces} namespace(s) have no value for {buckets} in KubeLedger's files, which do not tell whether they "
        f"were not there or not measured; their sums are over the others: {names}."
    )
