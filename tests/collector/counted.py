"""What a meter's metrics say, as a scraper reads them."""

from __future__ import annotations

from collector.metrics import Meter

PREFIX = "kubeledger_collector_"


def value(meter: Meter, name: str, **labels: str) -> float | None:
    """The value of one series, its name without the prefix; None where there is none."""
    number: float | None = meter.registry.get_sample_value(PREFIX + name, labels)
    return number


def values(meter: Meter, name: str) -> dict[tuple[str, ...], float]:
    """All series of a name by the values of their labels, without those that are 0."""
    return {
        tuple(sample.labels.values()): sample.value
        for family in meter.registry.collect()
        for sample in family.samples
        if sample.name == PREFIX + name and sample.value
    }


def names(meter: Meter) -> set[str]:
    """The names of all series of ours."""
    return {sample.name for family in meter.registry.collect() for sample in family.samples if PREFIX in sample.name}
