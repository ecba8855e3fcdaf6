"""Who is there: when each namespace was last seen, and whether it still is.

The finest file that has a namespace tells: its newest hourly point, else the end of its last day, else that of its last
month, as far as no finer file covers it without the namespace. A namespace that uses no cpu or no memory all week has
no hourly points at all while it is there: of such a one its days tell.
"""

import math

from kl_core.calendar import HOUR, WEEK
from kl_query.dataset.legacy.files import DAILY_SECONDS
from kl_query.dataset.legacy.hourly_points import Points
from kl_query.dataset.legacy.table import BILLING_RATE, NON_ALLOCATABLE
from kl_query.dataset.model import Namespace, Row, Scale

_MISSED = HOUR
"""One hour may be missing of a namespace that is there: it had just begun, or was not measured."""


def namespaces(points: Points, days: Scale, months: Scale) -> dict[str, Namespace]:
    """Return every name of any file. When it was first seen is unknown: the files begin where their window does."""
    names = {*points.last, *days.namespaces, *months.namespaces} - {NON_ALLOCATABLE, BILLING_RATE}
    return {name: _namespace(name, points, days, months) for name in sorted(names)}


def _namespace(name: str, points: Points, days: Scale, months: Scale) -> Namespace:
    hour = points.last.get(name)
    day, month = (_last_known(scale.namespaces.get(name, {})) for scale in (days, months))
    newest = points.newest
    hours_cover = newest - WEEK if newest is not None else None
    days_cover = newest - DAILY_SECONDS if newest is not None and days.starts else None
    seen = hour
    for scale, bucket, covered in ((days, day, hours_cover), (months, month, days_cover)):
        if bucket is not None and (seen is None or scale.starts[bucket] > seen):
            seen = _at_most(scale, bucket, newest, covered)
    return Namespace(name, None, seen, _active(points, days, hour, day))


def _at_most(scale: Scale, bucket: int, newest: int | None, covered: int | None) -> int:
    """Return the last point a bucket can hold of a namespace that has none after `covered`."""
    bounds = [scale.ends[bucket] - HOUR, *([] if newest is None else [newest])]
    return min(*bounds, covered) if covered is not None and scale.starts[bucket] <= covered else min(bounds)


def _active(points: Points, days: Scale, hour: int | None, day: int | None) -> bool | None:
    if hour is not None and points.newest is not None:
        return hour >= points.newest - _MISSED
    return day == len(days.starts) - 1 if days.starts else None


def _last_known(row: Row) -> int | None:
    known = (i for amounts in row.values() for i, value in enumerate(amounts.usage) if not math.isnan(value))
    return max(known, default=None)
