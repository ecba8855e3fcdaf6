"""From a day of the ledger back to closed hours, each with every namespace that the day had named by then.

What was written comes back as it was, but for what says the same: a metric that an amount leaves out stands with its
default, zeros of storage and of unmeasured pods are left out, and of `gpu_memory` there is only usage.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import repeat

from collector.hour import MIN_KNOWN_SECONDS, ClosedHour, HourAmount, HourAmounts, HourNode, HourRow
from collector.model import UnmeasuredReason
from collector.store.ledger.day import SPECIAL_ROWS, UNKNOWN, Integers, LedgerDay, RowMatrices
from kl_core.vocabulary import Metric


def closed_hours(day: LedgerDay) -> Iterator[ClosedHour]:
    """Yield the hours of a day, oldest first."""
    for at in range(len(day.starts)):
        yield _hour(day, at)


def _hour(day: LedgerDay, at: int) -> ClosedHour:
    labels = day.labels[at]
    namespaces = _rows(day.namespaces, at, day.named[at], labels, _empty_class(day, at))
    special = _rows(day.special, at, len(SPECIAL_ROWS), [{}] * len(SPECIAL_ROWS), _empty_class(day, at))
    bill = {metric: amount for metric, amounts in day.bill.items() if (amount := _amount(amounts[at])) is not None}
    return ClosedHour(
        start=int(day.starts[at]),
        origin=day.origins[at],
        observed={source: _amount(seconds[at]) for source, seconds in day.observed.items()},
        pods_observed=int(day.pods_observed[at]),
        unobserved=day.unobserved[at],
        capacity={metric: _amount(amounts[at]) for metric, amounts in day.capacity.items()},
        allocatable={metric: _amount(amounts[at]) for metric, amounts in day.allocatable.items()},
        rate=day.rates[at],
        bill=bill,
        namespaces=dict(zip(day.namespaces.names, namespaces, strict=False)),
        special={name: row for name, row in zip(SPECIAL_ROWS, special, strict=True) if row.present},
        nodes=_nodes(day, at),
        storage_observed=_amount(day.storage_observed[at]),
    )


def _rows(
    rows: RowMatrices, at: int, count: int, labels: Sequence[Mapping[str, str]], empty_class: int
) -> Iterator[HourRow]:
    fields = [_by_row(rows.amounts[name], at, count) for name in rows.amounts]
    unmeasured = _present_counts(rows.unmeasured, at, count)
    storage = {name: matrix[:count, at].tolist() for name, matrix in rows.storage.items()}
    for index, (usage, requests, charged, usage_matched, requests_matched) in enumerate(zip(*fields, strict=True)):
        yield HourRow(
            usage,
            requests,
            charged,
            usage_matched,
            requests_matched,
            measured=_amount(rows.measured[index, at]),
            gpu_measured=_amount(rows.gpu_measured[index, at]),
            unmeasured=unmeasured.get(index, {}),
            storage={
                name: _amount(amounts[index]) for name, amounts in storage.items() if amounts[index] != empty_class
            },
            labels=labels[index],
            present=bool(rows.present[index, at]),
        )


def _by_row(amounts: Mapping[Metric, Integers], at: int, count: int) -> Iterator[HourAmounts]:
    columns = [_column(matrix, at, count) for matrix in amounts.values()]
    return map(dict, map(zip, repeat(tuple(amounts)), zip(*columns, strict=True)))


def _present_counts(
    counts: Mapping[UnmeasuredReason, Integers], at: int, count: int
) -> dict[int, dict[UnmeasuredReason, int]]:
    by_row: dict[int, dict[UnmeasuredReason, int]] = {}
    for reason, matrix in counts.items():
        for index in matrix[:count, at].nonzero()[0]:
            by_row.setdefault(int(index), {})[reason] = int(matrix[index, at])
    return by_row


def _nodes(day: LedgerDay, at: int) -> dict[str, HourNode]:
    nodes, count = day.nodes, len(day.nodes.what[at])
    usage, requests = _by_row(nodes.usage, at, count), _by_row(nodes.requests, at, count)
    return {
        name: HourNode(used, requested, int(present), int(pods), day.nodes.what[at][name])
        for name, used, requested, present, pods in zip(
            nodes.names[:count], usage, requests, nodes.present[:count, at], nodes.pods[:count, at], strict=True
        )
        if present
    }


def _column(matrix: Integers, at: int, count: int) -> list[HourAmount]:
    return [None if amount == UNKNOWN else amount for amount in matrix[:count, at].tolist()]


def _amount(amount: int) -> HourAmount:
    return None if amount == UNKNOWN else int(amount)


def _empty_class(day: LedgerDay, at: int) -> int:
    """Return what stands for a namespace without claims of a class."""
    return 0 if day.storage_observed[at] >= MIN_KNOWN_SECONDS else UNKNOWN
