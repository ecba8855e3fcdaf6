"""What to know of a question: what it matched, and what of it could not be compared."""

from __future__ import annotations

from collections.abc import Sequence

from kl_query.warnings.codes import Code
from kl_query.warnings.warning import DataWarning, Names, Plain, RowId, text, warning

CURSOR_OUTDATED = warning(
    Code.CURSOR_OUTDATED,
    "The cursor was made from an earlier generation of the dataset: values and order may have moved between pages.",
)
OPEN_MONTH_LEFT_OUT = warning(
    Code.OPEN_MONTH_LEFT_OUT,
    "The open month is no whole one: the trend leaves it out, open_month holds it scaled to its full length.",
)
NO_MONTHS = warning(Code.NO_MONTHS, "There are no months to show: monthly_12m is empty.")
NO_PERIODS = warning(
    Code.NO_PERIODS,
    "There are no two periods to compare yet of which at least half is observed: movers are empty.",
)


def change_unknown(namespaces: int) -> DataWarning:
    """Say how many namespaces a comparison leaves out."""
    return warning(
        Code.CHANGE_UNKNOWN,
        "{namespaces} namespace(s) are unknown in one of the periods: `comparison` leaves them out.",
        namespaces=namespaces,
    )


def trend_leaves_out(names: Sequence[RowId]) -> DataWarning:
    """Say which namespaces a trend leaves out."""
    return warning(
        Code.TREND_LEAVES_OUT,
        "The trend leaves out {count} namespace(s) unknown for half of a month or more: {names}.",
        count=len(names),
        names=Names.of(names),
    )


def baseline_scaled(hours: float, baseline_hours: float, label: Plain, *, priced: bool) -> DataWarning:
    """Say that the periods are of different lengths."""
    return warning(
        Code.BASELINE_SCALED,
        "The periods differ in {kind} ({hours:g} against {baseline_hours:g}): baseline values are scaled to those of "
        "{label}.",
        kind=text("hours with a price" if priced else "hours"),
        hours=hours,
        baseline_hours=baseline_hours,
        label=label,
    )


def baselines_scaled(namespaces: int, label: Plain) -> DataWarning:
    """Say that some namespaces are known for different parts of the periods."""
    return warning(
        Code.BASELINES_SCALED,
        "{namespaces} namespace(s) are known for a smaller part of one period than of the other: their baseline values "
        "are scaled to the hours known in {label}.",
        namespaces=namespaces,
        label=label,
    )
