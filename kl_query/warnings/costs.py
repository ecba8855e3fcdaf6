"""What to know of money: the rate, and sharing."""

from __future__ import annotations

from collections.abc import Sequence

from kl_query.warnings.codes import Code
from kl_query.warnings.warning import DataWarning, Names, Plain, RowId, some, warning

CURRENCY_CHANGED = warning(
    Code.CURRENCY_CHANGED,
    "The currency changed in the rate history; only amounts of the dataset's currency are shown.",
)
SHARED_COSTS_KEPT = warning(
    Code.SHARED_COSTS_KEPT,
    "Shared namespaces keep what they cost in this window, wholly or for some metrics: no other namespace has costs "
    "there.",
)


def rate_will_change(changes: Sequence[Plain]) -> DataWarning:
    """Say which rates are not in force yet."""
    return warning(
        Code.RATE_WILL_CHANGE, "The rate will change, no sample has reached it yet: {changes}.", changes=some(changes)
    )


def no_rate_before(first: Plain) -> DataWarning:
    """Say from when on there are costs."""
    return warning(Code.NO_RATE_BEFORE, "No rate was in force before {first}: those hours have no cost.", first=first)


def rate_changed(changes: Sequence[Plain]) -> DataWarning:
    """Say when the rate changed."""
    return warning(Code.RATE_CHANGED, "The rate changed inside this window: {changes}.", changes=some(changes))


def borne_by_others(names: Sequence[RowId]) -> DataWarning:
    """Say which namespaces that were asked for have no costs of their own left."""
    return warning(
        Code.COSTS_BORNE_BY_OTHERS,
        "Shared over the other namespaces, so that nothing is left here of what these cost: {names}.",
        names=Names.of(names),
    )
