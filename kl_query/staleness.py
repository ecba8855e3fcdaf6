"""What makes an answer stale: a newest sample that is too old, or a source that is behind the others.

And whether clocks agree: this server's with the newest sample, and the collector's with what it is judged by.
"""

from collections.abc import Mapping

from kl_core.calendar import HOUR
from kl_query.dataset.model import Dataset
from kl_query.date_windows import instant
from kl_query.measures.by_layout import layout_of
from kl_query.warnings.codes import Code
from kl_query.warnings.warning import DataWarning, Plain, duration, warning

_MAX_INTERVALS_AHEAD = 2
_WITNESSES: Mapping[str, str] = {
    "api_server": "the API server's clock",
    "boot_clock": "the time since its last tick",
    "newest_sample": "its newest sample",
}


def warnings_at(dataset: Dataset, now: float) -> list[DataWarning]:
    """Return what every answer says of the dataset: what was wrong with its load, with the clocks, and with its age."""
    return [*dataset.warnings, *clock_warnings(dataset, now), *stale_warnings(dataset, now)]


def stale_warnings(dataset: Dataset, now: float) -> list[DataWarning]:
    """Return what an answer says of its age."""
    newest, layout = dataset.newest_sample, layout_of(dataset)
    if newest is None:
        return layout.unsampled_warnings(dataset, now)
    if now - newest > layout.max_age_seconds(dataset):
        return [layout.stale_warning(dataset, newest, now)]
    behind = [
        warning(Code.SOURCE_BEHIND, source=Plain(source), last=instant(at))
        for source, at in dataset.last_sample_at.items()
        if at is not None and newest - at > layout.max_age_seconds(dataset)
    ]
    silent = dataset.last_sample_at.get("metrics", 0) is None
    return [*behind, *([warning(Code.METRICS_NEVER_ANSWERED)] if silent else [])]


def seconds_ahead(dataset: Dataset, now: float) -> float | None:
    """Return by how much the newest sample lies ahead of `now`, where that is more than two polling intervals.

    Then the age of the data is unknown: one of the two clocks is wrong. Where no sample has a time of its own, the
    newest bucket has to have begun.
    """
    begun = max((scale.starts[-1] for scale in dataset.scales.values() if scale.starts), default=now)
    ahead = (begun if dataset.newest_sample is None else dataset.newest_sample) - now
    return ahead if ahead > _MAX_INTERVALS_AHEAD * (dataset.polling_interval_seconds or HOUR) else None


def clock_warnings(dataset: Dataset, now: float) -> list[DataWarning]:
    """Return what to say of clocks that disagree; nothing while none contradicts another."""
    report, ahead = dataset.collector_clock, seconds_ahead(dataset, now)
    servers = [] if ahead is None else [warning(Code.CLOCKS_DISAGREE, length=duration(ahead))]
    if report is None:
        return servers
    witnesses = " and ".join(_WITNESSES.get(each, "another clock") for each in report.contradicted_by)
    collectors = warning(
        Code.COLLECTOR_CLOCK,
        since=instant(report.detected_at),
        length=duration(abs(report.ahead_seconds)),
        where=Plain("ahead" if report.ahead_seconds > 0 else "behind"),
        witnesses=Plain(witnesses),
    )
    return [collectors, *servers]
