"""The rate: the one in force at the last sample, what is set but not in force yet, and what changed in a window."""

from kl_core.calendar import HOUR
from kl_query.dataset.model import Dataset, Rate
from kl_query.date_windows import Window, instant
from kl_query.numbers import MONEY, rounded
from kl_query.warnings.codes import Code
from kl_query.warnings.warning import DataWarning, Plain, some, warning


def rate_in_force(dataset: Dataset, last_sample: int | None) -> Rate | None:
    """Return the rate of the hour the last sample belongs to; None before the first one, and once charging has ended.

    A sample stands for the interval that ends with it: a rate that takes effect at that instant is not in force yet.
    """
    begun = [rate for rate in dataset.rates if last_sample is None or rate.effective < last_sample]
    return begun[-1] if begun and begun[-1].rate > 0 else None


def pending(dataset: Dataset, last_sample: int | None) -> list[Rate]:
    """Return the changes of the rate that are set but not in force at the last sample, earliest first."""
    return [rate for rate in dataset.rates if last_sample is not None and rate.effective >= last_sample]


def pending_warning(dataset: Dataset, last_sample: int | None) -> list[DataWarning]:
    """Return the warning for changes of the rate that are not in force yet."""
    waiting = [_change(rate) for rate in pending(dataset, last_sample)]
    return [warning(Code.RATE_WILL_CHANGE, changes=some(waiting))] if waiting else []


def rate_warnings(dataset: Dataset, window: Window) -> list[DataWarning]:
    """Return what to know of the rate over a window of amounts in money."""
    start, end = window.start, window.end
    if start is None or end is None or not dataset.rates:
        return []
    first, begun = dataset.rates[0].effective, dataset.recorded_since
    unpriced = first > (start if begun is None else max(start, begun - HOUR))
    set_by_then = [rate for rate in dataset.rates if rate.effective < end]
    later = [_change(rate) for rate in set_by_then if rate.effective > start and rate.effective != first]
    return [
        *([warning(Code.NO_RATE_BEFORE, first=instant(first))] if unpriced else []),
        *([warning(Code.RATE_CHANGED, changes=some(later))] if later else []),
        *([warning(Code.CURRENCY_CHANGED)] if len({rate.currency for rate in set_by_then}) > 1 else []),
    ]


def _change(change: Rate) -> Plain:
    rate = rounded(change.rate, MONEY)
    price = f"{rate:.12g} {change.currency}/h" if rate else "none, so that later hours have no cost"
    return Plain(f"{instant(change.effective)}: {price}")
