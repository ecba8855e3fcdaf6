"""What to know of a window over files of an existing KubeLedger: windows roll, and data may begin inside a bucket."""

from __future__ import annotations

from collections.abc import Iterable

from kl_core.calendar import HOUR
from kl_query.dataset.model import Dataset
from kl_query.warnings import legacy
from kl_query.warnings.warning import DataWarning
from kl_query.windows import Window, bucket_name, instant

_HOURLY_SECONDS = 168 * HOUR
_STALE_SECONDS = 2 * HOUR
"""Hourly points are an hour apart, and files are written some minutes after them."""


def rolling_warnings(dataset: Dataset, window: Window, *, of_gpus: bool = False) -> list[DataWarning]:
    """Say what KubeLedger's files are short of: another cost model for hours, and the whole of the oldest bucket."""
    scale, first = window.scale, window.first
    if scale.relative is None or not window.indices:
        return []
    found: list[DataWarning] = []
    if scale.relative.cost_model != dataset.cost_model and not of_gpus:
        found.append(legacy.HOURS_PER_CENT)
    elif (of_gpus or scale.relative.cost_model == "normalized") and len(window.indices) > 1:
        found.append(legacy.MEANS_OF_PERCENTAGES)
    found += data_begin_warning(window)
    length = (scale.ends[first] - scale.starts[first]) / HOUR
    if not scale.complete[first] or scale.elapsed_hours[first] > length - 1e-6:
        return found
    oldest = bucket_name(scale.name, scale.starts[first])
    return [*found, legacy.window_rolls(oldest, scale.elapsed_hours[first], length)]


def data_begin_warning(window: Window) -> list[DataWarning]:
    """Return the warning for the first bucket of a young KubeLedger, which may hold fewer hours than are counted."""
    relative = window.scale.relative
    if relative is None or relative.begins_in is None or relative.begins_in not in window.indices:
        return []
    begun = bucket_name(window.scale.name, window.scale.starts[relative.begins_in])
    return [legacy.data_begin_unknown(window.scale.name, begun, window.scale.observed_hours[relative.begins_in])]


def gaps_untold_warning(window: Window) -> list[DataWarning]:
    """Return the warning for efficiency over hours that no file of KubeLedger holds one by one."""
    relative = window.scale.relative
    if relative is None or not relative.counted or window.start is None:
        return []
    hours_begin = relative.sampled_until + relative.lag - _HOURLY_SECONDS
    young = window.stop == len(window.scale.starts) and window.observed_hours * HOUR <= _HOURLY_SECONDS
    if window.start >= hours_begin or young:
        return []
    return [legacy.gaps_untold(instant(hours_begin))]


def uncounted_partial_warning(window: Window) -> DataWarning | None:
    """Return the warning for a last bucket of which no hourly point tells how many hours it holds; None if one does."""
    scale, last = window.scale, window.stop - 1
    if scale.relative is None or scale.relative.counted:
        return None
    return legacy.partial_uncounted(bucket_name(scale.name, scale.starts[last]))


def stale_days_warning(dataset: Dataset, now: float) -> list[DataWarning]:
    """Return the warning for files without any hourly point whose newest day (or month) is over."""
    scales = (dataset.scales[name] for name in ("daily_14d", "monthly_12m") if name in dataset.scales)
    newest = next((scale for scale in scales if scale.starts), None)
    if newest is None or newest.relative is None or now - newest.relative.sampled_until <= _STALE_SECONDS:
        return []
    last, ended = bucket_name(newest.name, newest.starts[-1]), instant(newest.relative.sampled_until)
    return [legacy.stale_days(last, ended)]


def last_seen_warning(dataset: Dataset, seen: Iterable[int | None]) -> list[DataWarning]:
    """Return the warning for namespaces last seen before the hours that KubeLedger's files hold one by one."""
    scale = dataset.scales.get("hourly_7d")
    if dataset.layout != "kubeledger" or scale is None or not scale.starts:
        return []
    earlier = sum(1 for at in seen if at is not None and at <= scale.starts[0])
    return [legacy.last_seen_coarse(earlier)] if earlier else []
