"""What efficiency leaves out, and where it is unknown."""

from __future__ import annotations

from collections.abc import Sequence

from kl_core.vocabulary import Metric
from kl_query.warnings.codes import Code
from kl_query.warnings.warning import DataWarning, Names, Plain, RowId, some, warning

MONEY_UNSHARED = warning(
    Code.MONEY_UNSHARED,
    "Usage and requests are money as KubeLedger's files hold it, before the sharing that other answers show.",
)


def never_both_known(rows: Sequence[tuple[RowId, Metric]]) -> DataWarning:
    """Say of which namespaces usage and requests cannot be compared."""
    return warning(
        Code.EFFICIENCY_UNKNOWN,
        "Efficiency is unknown for {rows}: usage and requests are never both known in this window.",
        rows=_of_metrics(rows),
    )


def in_doubt(rows: Sequence[tuple[RowId, Metric]]) -> DataWarning:
    """Say whose usage may be more than is known."""
    return warning(
        Code.EFFICIENCY_IN_DOUBT,
        "Efficiency is unknown for {rows}: usage that names no holder may be theirs.",
        rows=_of_metrics(rows),
    )


def request_hours_untold(rows: Sequence[tuple[RowId, Metric, Sequence[Plain]]]) -> DataWarning:
    """Say which buckets are left out, as nobody knows for how many hours of them there were requests."""
    return warning(
        Code.REQUEST_HOURS_UNTOLD,
        "KubeLedger's files do not tell for how many hours of some buckets these namespaces had requests, as they or "
        "KubeLedger itself began, ended or paused there. Efficiency and requests leave these buckets out: {rows}.",
        rows=Names(tuple((name, Plain(f" ({metric}: {some(buckets)})")) for name, metric, buckets in rows)),
    )


def requests_unknown(rows: Sequence[tuple[RowId, Metric, float]]) -> DataWarning:
    """Say for how many hours usage is known without requests."""
    return warning(
        Code.REQUESTS_UNKNOWN,
        "Requests are unknown in hours of known usage (history imported without them) for {count} row(s); requests, "
        "efficiency and unused leave these hours out, usage does not: {rows}.",
        count=len(rows),
        rows=Names(tuple((name, Plain(f" ({metric}: {hours:g} h)")) for name, metric, hours in rows)),
    )


def ratios_null(without: int, hours: int) -> DataWarning:
    """Say how many hours have no ratio."""
    return warning(
        Code.RATIOS_NULL,
        "{without} of {hours} hourly ratios are null: no requests, or usage unknown or unattributed.",
        without=without,
        hours=hours,
    )


def _of_metrics(rows: Sequence[tuple[RowId, Metric]]) -> Names:
    return Names(tuple((name, Plain(f" ({metric})")) for name, metric in rows))
