"""Which two periods are compared, and over which of their hours.

An open bucket is set against a whole one over the same whole hours of both, wherever hours are published: at noon, half
of a day that is busy in the evening would be no fall.
"""

from bisect import bisect_left
from typing import TypeAlias

from kl_core.calendar import GRANULARITY, HOUR, boundaries, bucket_start, next_bucket
from kl_core.vocabulary import ScaleName
from kl_query.answers.compare_periods.movers import Periods
from kl_query.dataset.model import Scale
from kl_query.date_windows import Period, Window, bucket_name, full_window, read_span
from kl_query.errors import ToolArgumentError
from kl_query.measures.by_layout import rules_of
from kl_query.view import Frame, held_since, scale_of, windows_over

Windows: TypeAlias = tuple[Window, Window]
"""Two windows of a scale, the baseline first."""
DEFAULT_BUCKETS: dict[ScaleName, int] = {"hourly_7d": 24, "daily_14d": 7, "monthly_12m": 1}
"""How many whole buckets are set against as many before them when no dates are given."""
_ROUNDING_HOURS = 1e-6


def periods(view: Frame, date: str | None, baseline: str | None) -> Periods | None:
    """Return the two periods; None where there are not two buckets to compare. Raises ToolArgumentError."""
    buckets = _buckets(view, date, baseline)
    hours = _same_hours(view, *buckets) if buckets else None
    if buckets is None or hours is None:
        return Periods(_over(view, buckets[0].scale), *buckets) if buckets else None
    return Periods(_over(view, hours[0].scale), *hours, buckets)


def _over(view: Frame, scale: Scale) -> Frame:
    """Return the frame of the same question over the whole of a scale."""
    if scale is view.scale:
        return view
    metric, model, dimension = view.measure.metric, view.measure.cost_model, view.measure.dimension
    measure = rules_of(scale).measure(view.dataset, metric, model, dimension)
    return Frame(view.dataset, full_window(scale), measure)


def _buckets(view: Frame, date: str | None, baseline: str | None) -> Windows | None:
    scale, since = view.scale, held_since(view.dataset, view.scale)
    everything = full_window(scale)
    if not everything.indices:
        return None
    if date is None and baseline is None:
        return _default_buckets(everything)
    after = read_span(scale, date or "latest", since=since)
    if baseline is not None:
        before = read_span(scale, baseline, "baseline", since=since)
    else:
        before = _before(scale, after, scale.starts[0] if since is None else since)
    first, last = windows_over(view.dataset, scale, [before, after])
    return first, last


def _before(scale: Scale, after: Period, begin: int) -> Period:
    """Return as many buckets before some. Raises ToolArgumentError where they are not held."""
    after = max(after[0], begin), min(after[1], scale.ends[-1])
    length = len(boundaries(scale.name, after[0], after[1] - 1)) - 1
    before = next_bucket(scale.name, after[0], -length), after[0]
    if before[0] >= begin:
        return before
    after_name, held = (
        "..".join(dict.fromkeys(bucket_name(scale.name, at) for at in ends))
        for ends in ((after[0], bucket_start(scale.name, after[1] - 1)), (begin, scale.starts[-1]))
    )
    oldest = [bucket_name(scale.name, begin)]
    raise ToolArgumentError(
        "unknown_date",
        "baseline",
        f"{after_name} has {length} {GRANULARITY[scale.name]} bucket(s), and the data of {scale.name} "
        f"({held}) does not hold as many before it: name a baseline.",
        allowed=f"a bucket or a range FIRST..LAST within {held}",
        nearest=oldest,
        corrections=[{"baseline": date} for date in oldest],
    )


def _default_buckets(everything: Window) -> Windows | None:
    """Set the latest whole buckets against as many before them; or, in a young dataset, the open one against the last.

    As many as leave at least half of either period observed: the hours after an installation are no month.
    """
    scale, closed = everything.scale, everything.closed()
    for length in range(min(DEFAULT_BUCKETS[scale.name], len(closed.indices) // 2), 0, -1):
        middle = closed.stop - length
        pair = Window(scale, middle - length, middle), Window(scale, middle, closed.stop)
        if all(map(_half_observed, pair)):
            return pair
    last = Window(scale, max(closed.first, closed.stop - 1), closed.stop)
    if everything.partial and last.indices and _half_observed(last):
        return last, Window(scale, closed.stop, everything.stop)
    return None


def _half_observed(window: Window) -> bool:
    return bool(2 * window.observed_hours >= window.elapsed_hours)


def _same_hours(view: Frame, before: Window, after: Window) -> Windows | None:
    """Return the whole hours that an open period has had, and the same hours of the other one.

    None where both are whole, where they have different numbers of buckets, and where hours of either are not
    published, or not in the same terms. Those before the first hour of all data are in neither.
    """
    scale, hourly = before.scale, scale_of(view.dataset, "hourly_7d")
    comparable = before.partial != after.partial and len(before.indices) == len(after.indices)
    if not comparable or not hourly.starts or hourly.cost_model != scale.cost_model:
        return None
    # Only the last bucket of a scale is open, so that the whole period is the earlier one.
    earlier, opened = (before, after) if after.partial else (after, before)
    shift = scale.starts[opened.first] - scale.starts[earlier.first]
    # The first hour of all data, unless there are earlier ones than are published.
    young = Window(hourly, 0, bisect_left(hourly.starts, scale.ends[0]))
    is_young = 0 < scale.observed_hours[0] <= young.observed_hours + _ROUNDING_HOURS
    start = max(scale.starts[earlier.first], hourly.starts[0] if is_young else 0)
    stop = (hourly.ends if hourly.complete[-1] else hourly.starts)[-1] - shift
    first, last = _hours(hourly, start, stop), _hours(hourly, start + shift, stop + shift)
    if first is None or last is None or not first.observed_hours or not last.observed_hours:
        return None
    return (first, last) if after.partial else (last, first)


def _hours(hourly: Scale, start: int, stop: int) -> Window | None:
    """Return the hours between two instants; None unless all of them are published."""
    window = Window(hourly, bisect_left(hourly.starts, start), bisect_left(hourly.starts, stop))
    return window if window.start == start and len(window.indices) * HOUR == stop - start else None
