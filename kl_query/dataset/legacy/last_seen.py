"""Who is there: when each namespace was last seen, and whether it still is.

The finest file that has a namespace tells: its newest hourly point, else the end of its last day, else that of its last
month, as far as no finer file covers it without the namespace. A namespace that uses no cpu or no memory all week has
no hourly points at all while it is there: of such a one its days tell.
"""

import numpy as np

from kl_core.calendar import HOUR, WEEK
from kl_query.dataset.legacy.files import DAILY_SECONDS
from kl_query.dataset.legacy.hourly_points import Points
from kl_query.dataset.legacy.table import BILLING_RATE, NON_ALLOCATABLE
from kl_query.dataset.model import Namespace, Scale
from kl_query.dataset.table import Table

_MISSED = HOUR
"""One hour may be missing of a namespace that is there: it had just begun, or was not measured."""


def namespaces(points: Points, days: Scale, months: Scale) -> dict[str, Namespace]:
    """Return every name of any file. When it was first seen is unknown: the files begin where their window does."""
    in_days, in_months = _last_known(days.namespaces), _last_known(months.namespaces)
    names = {*points.last, *in_days, *in_months} - {NON_ALLOCATABLE, BILLING_RATE}
    newest = points.newest
    hours_cover = newest - WEEK if newest is not None else None
    days_cover = newest - DAILY_SECONDS if newest is not None and days.starts else None
    seen_names: dict[str, Namespace] = {}
    for name in sorted(names):
        seen = hour = points.last.get(name)
        day = in_days.get(name)
        for scale, bucket, covered in ((days, day, hours_cover), (months, in_months.get(name), days_cover)):
            if bucket is not None and (seen is None or scale.starts[bucket] > seen):
                seen = _at_most(scale, bucket, newest, covered)
        seen_names[name] = Namespace(name, None, seen, _active(points, days, hour, day))
    return seen_names


def _at_most(scale: Scale, bucket: int, newest: int | None, covered: int | None) -> int:
    """Return the last point a bucket can hold of a namespace that has none after `covered`."""
    bounds = [scale.ends[bucket] - HOUR, *([] if newest is None else [newest])]
    return min(*bounds, covered) if covered is not None and scale.starts[bucket] <= covered else min(bounds)


def _active(points: Points, days: Scale, hour: int | None, day: int | None) -> bool | None:
    if hour is not None and points.newest is not None:
        return hour >= points.newest - _MISSED
    return day == len(days.starts) - 1 if days.starts else None


def _last_known(rows: Table) -> dict[str, int]:
    """Return the last bucket in which each name has any value."""
    last: dict[str, int] = {}
    for block in rows.blocks.values():
        known = ~np.isnan(block.amounts.usage)
        buckets = (known.shape[1] - 1 - known[:, ::-1].argmax(1)).tolist()
        any_known = np.any(known, axis=1)
        for name, line in zip(rows.rows, block.lines.tolist(), strict=False):
            if isinstance(name, str) and line >= 0 and any_known[line]:
                last[name] = max(last.get(name, 0), buckets[line])
    return last
