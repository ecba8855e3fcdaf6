"""Whether clocks agree: this server's with the newest sample, and the collector's with what it is judged by."""

from __future__ import annotations

from kl_core.calendar import HOUR
from kl_query.dataset.model import Dataset
from kl_query.warnings import clocks
from kl_query.warnings.warning import DataWarning
from kl_query.windows import instant

_MAX_INTERVALS_AHEAD = 2


def seconds_ahead(dataset: Dataset, now: float) -> float | None:
    """Return by how much the newest sample lies ahead of `now`, where that is more than two polling intervals.

    Then the age of the data is unknown: one of the two clocks is wrong. Where no sample has a time of its own, the
    newest bucket has to have begun.
    """
    newest = dataset.newest_sample
    if newest is None:
        newest = max((scale.starts[-1] for scale in dataset.scales.values() if scale.starts), default=None)
    allowed = _MAX_INTERVALS_AHEAD * (dataset.polling_interval_seconds or HOUR)
    return newest - now if newest is not None and newest - now > allowed else None


def clock_warnings(dataset: Dataset, now: float) -> list[DataWarning]:
    """Return what to say of clocks that disagree; nothing while none contradicts another."""
    report, ahead = dataset.collector_clock, seconds_ahead(dataset, now)
    warnings = []
    if report is not None:
        since = instant(report.detected_at)
        warnings.append(clocks.collector_clock(since, report.ahead_seconds, report.contradicted_by))
    if ahead is not None:
        warnings.append(clocks.clocks_disagree(ahead))
    return warnings
