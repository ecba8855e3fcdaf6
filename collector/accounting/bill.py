"""What an hour costs, split over metrics in whole millionths of the currency, so that the parts add up to the rate.

All arithmetic is exact, on the decimal digits that a rate, a weight or a price is written with: whoever has the line of
an hour in the ledger reckons the same bill from it.

    bill(metric) = rate x weight(metric), and the weights of an hour add up to one

in proportion to the configured weights of the metrics with capacity, else to what their capacity is worth by default.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from collector.hour import HOUR_SECONDS, HourAmounts, HourRate
from kl_core.vocabulary import BILLED_METRICS, Metric

MILLIONTHS = 10**6

DEFAULT_PRICE: Mapping[Metric, float] = {"cpu": 0.031611, "memory": 0.004237, "gpu": 0.95}
"""Relative worth of a core-hour, a GiB-hour and a GPU-hour: the defaults that OpenCost documents for clusters without a
price list (https://opencost.io/docs/configuration/on-prem, `CPU`, `RAM` and `GPU` of the default pricing)."""

_PER_UNIT: Mapping[Metric, int] = {"cpu": 1000, "memory": 1024, "gpu": 1000}
"""Milli-core-seconds a core-second, MiB-seconds a GiB-second, milli-GPU-seconds a GPU-second."""


def bill(rate: HourRate, capacity: HourAmounts, seconds: int = HOUR_SECONDS) -> dict[Metric, int]:
    """Return the bill of `seconds` of an hour by metric, in millionths of the currency.

    `capacity` is in the units of `collector.hour`; of it only `cpu`, `memory` and `gpu` are billed. The parts add up to
    rate x seconds ÷ 3600, rounded half to even once; what rounding them down leaves goes to those that lost the most by
    it, at a tie to the first of `METRICS`. A metric of which there was nothing has a bill of 0. One whose capacity is
    unknown is left out, and the others bear all. Configured weights that leave nothing to any metric with capacity (all
    on gpu, and no GPU there) give way to the default, or the rate would be charged to nobody. Empty where the rate is
    not above zero, and where there was nothing that could bear it.
    """
    known = {metric: amount for metric in BILLED_METRICS if (amount := capacity.get(metric, 0)) is not None}
    worth = _worth(known, rate.weights)
    total = sum(worth.values())
    if rate.rate <= 0 or not total:
        return {}
    money = round(_exact(rate.rate) * MILLIONTHS * seconds / HOUR_SECONDS)
    exact = {metric: money * each / total for metric, each in worth.items()}
    parts = {metric: int(each) for metric, each in exact.items()}
    by_loss = sorted(parts, key=lambda metric: exact[metric] - parts[metric], reverse=True)
    for metric in by_loss[: money - sum(parts.values())]:
        parts[metric] += 1
    return parts


def _worth(capacity: Mapping[Metric, int], weights: Mapping[Metric, float] | None) -> dict[Metric, Fraction]:
    chosen = {
        metric: _exact((weights or {}).get(metric, 0.0)) if amount > 0 else Fraction(0)
        for metric, amount in capacity.items()
    }
    if any(chosen.values()):
        return chosen
    return {metric: amount * _exact(DEFAULT_PRICE[metric]) / _PER_UNIT[metric] for metric, amount in capacity.items()}


def _exact(number: float) -> Fraction:
    """Return the decimal number that is written with the fewest digits which are read as `number` again."""
    return Fraction(repr(number))
