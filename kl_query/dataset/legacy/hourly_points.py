"""When the hourly points are: which can be believed, the newest hour, and how far a window went beyond it.

KubeLedger writes hourly points per namespace, and 5-minute ones of a namespace that has no whole hour yet. Beside those
of an older installation the latter lie in an hour that is known of no other namespace: they do not make it the newest.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field

from kl_core.calendar import DAY, HOUR, WEEK
from kl_query.dataset.legacy.buckets import Tables
from kl_query.dataset.legacy.dates import in_window, read_day, read_instant
from kl_query.dataset.legacy.files import DAILY_SECONDS
from kl_query.dataset.legacy.table import Cells, Table


@dataclass(frozen=True, slots=True)
class Points:
    """`newest` is the newest hour that was written for all, of an installation without any the newest point.

    `first` is the first hourly point, of an installation without any the first point; `last` the newest point of each
    name, of whatever length.
    """

    newest: int | None = None
    first: int | None = None
    last: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Run:
    first: int
    last: int
    count: int
    hourly: bool


def points_of(tables: Tables) -> Points:
    """Return when the points with a value are."""
    last: dict[str, int] = {}
    runs: list[_Run] = []
    for (_, kind), read in tables.items():
        if kind == "usage":
            instants = [read_instant(date) or 0 for date in read.table.dates]
            for name in read.table.cells:
                run = _run([instants[position] for position, _ in read.table.values(name)])
                if run is not None:
                    runs.append(run)
                    last[name] = max(last.get(name, 0), run.last)
    hourly = [run for run in runs if run.hourly]
    if hourly and _is_hourly(hourly, len(runs)):
        return Points(max(run.last for run in hourly), min(run.first for run in hourly), last)
    return Points(max((run.last for run in runs), default=None), min((run.first for run in runs), default=None), last)


def window_lag(points: Points, days: Tables, written: int, row: int = HOUR) -> int:
    """Return by how many seconds the windows of the files ended after the newest row; 0 where that is not certain.

    They end when the files are written, with or without new samples. The first point is where the window of a week
    begins, of an installation that is older; the first day has to be where the one of 14 days then does.
    """
    if points.newest is None or points.first is None:
        return 0
    ended = points.first - row + WEEK
    first_day = _first_day(days, points.newest)
    after_the_files = points.newest <= written < ended
    if ended <= points.newest or after_the_files or first_day is None:
        return 0
    begins = ended - DAILY_SECONDS + row
    return ended - points.newest if first_day <= begins < first_day + DAY else 0


def believable(table: Table, written: int) -> Table:
    """Return a table of points without those whose date is unreadable or lies after the file; they count as skipped.

    `written` is the file's own time, which may be wrong: a point is left out only when it is also more than a day after
    the point before it.
    """
    instants = [read_instant(date) for date in table.dates]
    latest = _latest(sorted({instant for instant in instants if instant is not None}), written + DAY)
    strange = {p for p, instant in enumerate(instants) if instant is None or instant > latest}
    if not strange:
        return table
    cells: dict[str, Cells] = {}
    skipped = table.skipped
    for name, found in table.cells.items():
        kept = [i for i, position in enumerate(found.dates) if position not in strange]
        skipped += len(found.dates) - len(kept)
        dates, values = array("I", [found.dates[i] for i in kept]), array("d", [found.values[i] for i in kept])
        cells[name] = Cells(dates, values)
    return Table(table.dates, {name: cell for name, cell in cells.items() if cell.dates}, skipped)


def _latest(instants: Sequence[int], allowed: int) -> int:
    believed = [instant for instant in instants if instant <= allowed]
    if not believed:
        return max(instants, default=0)
    latest = believed[-1]
    for instant in instants[len(believed) :]:
        if instant > latest + DAY:
            break
        latest = instant
    return latest


def _run(instants: Sequence[int]) -> _Run | None:
    if not instants:
        return None
    return _Run(min(instants), max(instants), len(instants), not any(instant % HOUR for instant in instants))


def _is_hourly(hourly: Sequence[_Run], count: int) -> bool:
    """Say whether hourly points are meant: a 5-minute point can be on the hour too, where it is a name's only one."""
    return any(run.count > 1 for run in hourly) or 2 * len(hourly) >= count


def _first_day(days: Tables, newest: int) -> int | None:
    starts = (
        read_day(read.table.dates[position], newest)
        for (_, kind), read in days.items()
        if kind == "usage"
        for position in read.table.dates_with_values()
    )
    inside = (s for s in starts if s is not None and in_window(s, newest, DAILY_SECONDS))
    return min(inside, default=None)
