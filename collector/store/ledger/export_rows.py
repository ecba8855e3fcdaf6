"""A day of the ledger as rows for a table: a row an hour or a day, a namespace and a metric, with amounts and costs.

Integers are added up, and each number is converted and rounded once, to nine decimals. Of every metric and row's time
each of `usage`, `requests` and `charged` adds up to the capacity, and its cost to the bill, as far as all is known: the
special entries `idle` (negative where more is used, or requested, than is allocatable), `non-allocatable` and
`unmeasured` are rows too. A row in which every amount is zero is left out.

A day in which the currency changed has rows for each: currencies are never added.
"""

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, NamedTuple, TypeAlias

import numpy as np

from collector.hour import HOUR_SECONDS, HourAmount
from collector.store.ledger.day import UNKNOWN, Integers, LedgerDay, RowMatrices
from collector.store.ledger.form import AmountField
from collector.store.ledger.formulas import Split, costs, split_amounts, split_bill
from kl_core.calendar import floor_day
from kl_core.vocabulary import METRICS, Metric

Step = Literal["hour", "day"]
Cell: TypeAlias = str | int | Decimal | None
BASES: tuple[AmountField, ...] = ("usage", "requests", "charged")

_MIB_SECONDS_A_GIB_HOUR = 1024 * HOUR_SECONDS
_THOUSANDTHS_A_UNIT_HOUR = 1000 * HOUR_SECONDS
_UNITS: dict[Metric, int] = {
    "cpu": _THOUSANDTHS_A_UNIT_HOUR,
    "memory": _MIB_SECONDS_A_GIB_HOUR,
    "gpu": _THOUSANDTHS_A_UNIT_HOUR,
    "gpu_memory": _MIB_SECONDS_A_GIB_HOUR,
}
_DECIMALS = 9
_NANO = 10**_DECIMALS


class ExportRow(NamedTuple):
    """A row; None is unknown, or does not apply. HourAmounts in core-hours, GiB-hours and GPU-hours."""

    time: int
    """UNIX seconds of its beginning."""
    namespace: str
    kind: str
    """`namespace` or `special`."""
    metric: str
    storage_class: str | None
    hours: int
    """That the row is of."""
    usage_hours: int | None
    """In how many of them usage is known."""
    usage: Decimal | None
    requests: Decimal | None
    charged: Decimal | None
    usage_matched: Decimal | None
    requests_matched: Decimal | None
    measured_share: Decimal | None
    """Of the time, weighted by the share of the expected pods that were measured."""
    usage_cost: Decimal | None
    requests_cost: Decimal | None
    charged_cost: Decimal | None
    currency: str | None


@dataclass(frozen=True, slots=True)
class _Bucket:
    """Hours of a day that a row is of, by their place in it; of one currency."""

    day: LedgerDay
    hours: Sequence[int]
    start: int

    @property
    def currency(self) -> str | None:
        return _currency(self.day, self.hours[0])


@dataclass(frozen=True, slots=True)
class _Sums:
    """Of some rows over some hours: what is known, and in how many hours; unknown where in none."""

    amounts: Integers
    hours: Integers

    def at(self, row: int) -> HourAmount:
        """Return that of one row."""
        return _amount(self.amounts[row])


def rows(day: LedgerDay, step: Step) -> Iterator[ExportRow]:
    """Yield the rows of a day, oldest first."""
    for bucket in _buckets(day, step):
        for metric in METRICS:
            yield from _of_table(bucket, "namespace", day.namespaces, metric)
            yield from _of_table(bucket, "special", day.special, metric)
            yield from _rests(bucket, metric)
        yield from _of_storage(bucket)


def _buckets(day: LedgerDay, step: Step) -> list[_Bucket]:
    if step == "hour":
        return [_Bucket(day, [hour], int(start)) for hour, start in enumerate(day.starts)]
    by_currency: dict[str | None, list[int]] = {}
    for hour in range(len(day.starts)):
        by_currency.setdefault(_currency(day, hour), []).append(hour)
    return [_Bucket(day, hours, floor_day(int(day.starts[0]))) for hours in by_currency.values()]


def _currency(day: LedgerDay, hour: int) -> str | None:
    rate = day.rates[hour]
    return None if rate is None else rate.currency


def _of_table(bucket: _Bucket, kind: str, table: RowMatrices, metric: Metric) -> Iterator[ExportRow]:
    hours = bucket.hours
    amounts = {
        name: _sums(by_metric[metric][:, hours]) for name, by_metric in table.amounts.items() if metric in by_metric
    }
    money = {basis: _sums(_costs(bucket, table, basis, metric)) for basis in BASES if basis in amounts}
    measured = _sums(table.measured[:, hours])
    is_something = np.any([(sums.amounts != 0) | (sums.hours < len(hours)) for sums in amounts.values()], axis=0)
    if kind == "special":
        is_something &= table.present[:, hours].any(axis=1)
    for index in np.flatnonzero(is_something).tolist():
        cells: dict[str, Cell] = {name: _decimal(sums.at(index), _UNITS[metric]) for name, sums in amounts.items()}
        cells |= {f"{basis}_cost": _decimal(sums.at(index), _NANO) for basis, sums in money.items()}
        cells["usage_hours"] = int(amounts["usage"].hours[index])
        cells["measured_share"] = _decimal(measured.at(index), HOUR_SECONDS * int(measured.hours[index]))
        yield _row(bucket, table.names[index], kind, metric, cells)


def _rests(bucket: _Bucket, metric: Metric) -> Iterator[ExportRow]:
    """Yield what is left of the capacity, each name of it where something is known of it."""
    day, hours = bucket.day, bucket.hours
    bases = [basis for basis in BASES if metric in day.namespaces.amounts[basis]]
    amounts = {basis: [_split(day, metric, basis, hour, is_bill=False) for hour in hours] for basis in bases}
    bills = {basis: [_split(day, metric, basis, hour, is_bill=True) for hour in hours] for basis in bases}
    for name, attribute in (("idle", "idle"), ("unmeasured", "unmeasured"), ("non-allocatable", "non_allocatable")):
        left = {basis: _known(getattr(split, attribute) for split in splits) for basis, splits in amounts.items()}
        if not any(itertools.chain.from_iterable(left.values())):
            continue
        money = {basis: _known(getattr(split, attribute) for split in splits) for basis, splits in bills.items()}
        cells: dict[str, Cell] = {basis: _decimal(sum(each), _UNITS[metric]) for basis, each in left.items() if each}
        cells |= {f"{basis}_cost": _decimal(sum(each), _NANO) for basis, each in money.items() if each}
        cells["usage_hours"] = len(left["usage"])
        yield _row(bucket, name, "special", metric, cells)


def _split(day: LedgerDay, metric: Metric, basis: AmountField, hour: int, *, is_bill: bool) -> Split:
    everybody = (day.namespaces.amounts[basis][metric][:, hour], day.special.amounts[basis][metric][:, hour])
    amounts, measured = np.concatenate(everybody), basis == "usage"
    capacity, allocatable = _amount(day.capacity[metric][hour]), _amount(day.allocatable[metric][hour])
    if not is_bill:
        return split_amounts(amounts, capacity, allocatable, measured=measured)
    bill = _amount(day.bill[metric][hour]) if metric in day.bill else None
    return split_bill(bill, amounts, capacity, allocatable, measured=measured)


def _costs(bucket: _Bucket, table: RowMatrices, basis: AmountField, metric: Metric) -> Integers:
    """Return the cost of each row (N × hours), unknown where amount or bill is."""
    day, hours = bucket.day, bucket.hours
    matrix = np.full((len(table.names), len(hours)), UNKNOWN)
    for at, hour in enumerate(hours):
        bill = int(day.bill[metric][hour]) if metric in day.bill else UNKNOWN
        if bill != UNKNOWN and day.capacity[metric][hour] != UNKNOWN:
            matrix[:, at] = costs(bill, table.amounts[basis][metric][:, hour], int(day.capacity[metric][hour]))
    return matrix


def _of_storage(bucket: _Bucket) -> Iterator[ExportRow]:
    namespaces = bucket.day.namespaces
    for name, matrix in sorted(namespaces.storage.items()):
        sums = _sums(matrix[:, bucket.hours])
        for index in np.flatnonzero(sums.amounts).tolist():
            requests = _decimal(sums.at(index), _MIB_SECONDS_A_GIB_HOUR)
            cells: dict[str, Cell] = {"storage_class": name, "requests": requests}
            yield _row(bucket, namespaces.names[index], "namespace", "storage", cells)


def _row(bucket: _Bucket, namespace: str, kind: str, metric: str, cells: Mapping[str, Cell]) -> ExportRow:
    """Return a row of which nothing is known but `cells`."""
    complete: dict[str, Cell] = {
        "time": bucket.start,
        "namespace": namespace,
        "kind": kind,
        "metric": metric,
        "hours": len(bucket.hours),
        "currency": bucket.currency,
        **cells,
    }
    return ExportRow._make(map(complete.get, ExportRow._fields))


def _sums(matrix: Integers) -> _Sums:
    known = matrix != UNKNOWN
    hours = known.sum(axis=1)
    return _Sums(np.where(hours > 0, matrix.sum(axis=1, where=known), UNKNOWN), hours)


def _known(amounts: Iterable[HourAmount]) -> list[int]:
    return [amount for amount in amounts if amount is not None]


def _amount(amount: int) -> HourAmount:
    return None if amount == UNKNOWN else int(amount)


def _decimal(amount: HourAmount, unit: int) -> Decimal | None:
    """Return an amount in units, half to even at the ninth decimal."""
    if amount is None:
        return None
    quotient, remainder = divmod(amount * _NANO, unit)
    rounded = quotient + (2 * remainder > unit or (2 * remainder == unit and quotient % 2))
    return Decimal(rounded).scaleb(-_DECIMALS)
