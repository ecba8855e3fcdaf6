"""The matrices of a day from the columns of its lines, with the default of each column that is absent.

They are filled as H × N, for a line's column is a row of memory then, and handed out as N × H.
"""

from collections.abc import Mapping, Sequence
from typing import TypeVar

import numpy as np
from msgspec import UNSET

from collector.hour import MIN_KNOWN_SECONDS, HourAmount
from collector.model import UnmeasuredReason
from collector.store.ledger.day import SPECIAL_ROWS, UNKNOWN, Integers, NodeMatrices, RowMatrices
from collector.store.ledger.form import (
    AMOUNT_FIELDS,
    AmountField,
    HourLine,
    MetricAmounts,
    MetricColumns,
    NodeMetricColumns,
    SpecialLine,
    UsageAmount,
    UsageColumn,
)
from collector.store.ledger.line_error import LineError
from collector.store.ledger.named import Named, checked_index
from kl_core.vocabulary import BILLED_METRICS, METRICS, Metric

_Key = TypeVar("_Key", bound=str)
_Columns = MetricColumns | UsageColumn | NodeMetricColumns


def per_hour(amounts: Sequence[HourAmount]) -> Integers:
    """Return what a number of the cluster was in each hour. ValueError for one beyond 64 bits."""
    try:
        return np.array([UNKNOWN if amount is None else amount for amount in amounts], np.int64)
    except OverflowError as error:
        raise LineError(2 + next(i for i, each in enumerate(amounts) if abs(each or 0) >= 2**63), str(error)) from error


class MatrixReader:
    """Reads the matrices of a day from its hours. LineError for a column that does not fit the names."""

    def __init__(self, hours: Sequence[HourLine], named: Named) -> None:
        self._hours, self._named = hours, named
        self.capacity = {metric: per_hour([getattr(hour.capacity, metric) for hour in hours]) for metric in METRICS}
        self.pods_observed = per_hour([hour.pods_observed for hour in hours])
        self.storage_observed = per_hour([hour.storage_observed for hour in hours])
        self._default = {metric: np.where(self.capacity[metric] == UNKNOWN, UNKNOWN, 0) for metric in METRICS}
        self._above = np.array([0 if hour.origin == "collector" else UNKNOWN for hour in hours])
        self._storage = np.where(self.storage_observed >= MIN_KNOWN_SECONDS, 0, UNKNOWN)

    def namespaces(self) -> RowMatrices:
        """Return those of the day's namespaces."""
        hours, names = self._hours, self._named.names
        filled = self._filled(
            names, _keys([hour.unmeasured for hour in hours]), _keys([hour.storage for hour in hours])
        )
        for at, hour in enumerate(hours):
            count = self._named.names_by_hour[at]
            cells = (at, slice(count))
            for metric in METRICS:
                self._put_metric(filled.amounts, metric, cells, getattr(hour, metric))
            _put(filled.measured, cells, hour.measured, "measured")
            _put(filled.gpu_measured, cells, hour.gpu_measured, "gpu_measured")
            for reason, counts in hour.unmeasured.items():
                for index, pods in counts.items():
                    row = checked_index(index, count, at + 2)
                    _put(filled.unmeasured[reason], (at, slice(row, row + 1)), [pods], f"unmeasured.{reason}")
            for name, column in hour.storage.items():
                _put(filled.storage[name], cells, column, f"storage.{name}")
            filled.present[cells] = True
            filled.present[at, [checked_index(index, count, at + 2) for index in hour.gone]] = False
        return _handed_out(filled)

    def special(self) -> RowMatrices:
        """Return those of the stored special entries."""
        lines = [line for hour in self._hours for line in hour.special.values()]
        filled = self._filled(
            SPECIAL_ROWS, _keys([line.unmeasured for line in lines]), _keys([line.storage for line in lines])
        )
        for at, hour in enumerate(self._hours):
            for row, name in enumerate(SPECIAL_ROWS):
                line, cells = hour.special.get(name, _NOTHING), (at, slice(row, row + 1))
                for metric in METRICS:
                    self._put_metric(filled.amounts, metric, cells, _one_row(getattr(line, metric)))
                _put(filled.measured, cells, None if line.measured is UNSET else [line.measured], "measured")
                _put(filled.gpu_measured, cells, None if line.gpu_measured is UNSET else [line.gpu_measured], "gpu")
                for reason, pods in line.unmeasured.items():
                    _put(filled.unmeasured[reason], cells, [pods], f"unmeasured.{reason}")
                for storage_class, amount in line.storage.items():
                    _put(filled.storage[storage_class], cells, [amount], f"storage.{storage_class}")
                filled.present[at, row] = name in hour.special
        return _handed_out(filled)

    def nodes(self) -> NodeMatrices:
        """Return those of the day's nodes."""
        hours = self._hours
        names = tuple(self._named.nodes_by_hour[-1])
        shape = len(hours), len(names)
        usage = {metric: _matrix(self._default[metric], len(names)) for metric in METRICS}
        requests = {metric: _matrix(self._default[metric], len(names)) for metric in BILLED_METRICS}
        present, pods = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
        for at, hour in enumerate(hours):
            if hour.nodes is None:
                continue
            cells = (at, slice(len(self._named.nodes_by_hour[at])))
            for metric in METRICS:
                columns: _Columns | None = getattr(hour.nodes, metric)
                _put(usage[metric], cells, getattr(columns, "usage", None), f"nodes.{metric}.usage")
                if metric in requests:
                    _put(requests[metric], cells, getattr(columns, "requests", None), f"nodes.{metric}.requests")
            _put(present, cells, hour.nodes.present, "nodes.present")
            _put(pods, cells, hour.nodes.pods, "nodes.pods")
        return NodeMatrices(
            names, _transposed(usage), _transposed(requests), present.T, pods.T, self._named.nodes_by_hour
        )

    def _filled(self, names: Sequence[str], reasons: Sequence[UnmeasuredReason], classes: Sequence[str]) -> RowMatrices:
        """Return the defaults, H × N."""
        count, hours = len(names), len(self._hours)
        return RowMatrices(
            tuple(names),
            {
                name: {
                    metric: _matrix(self._above if name == "charged" else self._default[metric], count)
                    for metric in (METRICS if name == "usage" else BILLED_METRICS)
                }
                for name in AMOUNT_FIELDS
            },
            measured=_matrix(self.pods_observed, count),
            gpu_measured=np.full((hours, count), UNKNOWN),
            unmeasured={reason: np.zeros((hours, count), np.int64) for reason in reasons},
            storage={name: _matrix(self._storage, count) for name in classes},
            present=np.zeros((hours, count), np.bool_),
        )

    def _put_metric(
        self,
        amounts: Mapping[AmountField, Mapping[Metric, Integers]],
        metric: Metric,
        cells: tuple[int, slice],
        columns: _Columns | None,
    ) -> None:
        usage = amounts["usage"][metric]
        if columns is not None:
            _put(usage, cells, columns.usage, f"{metric}.usage")
        if metric == "gpu_memory":
            return
        requests, charged = amounts["requests"][metric], amounts["charged"][metric]
        matched, at_read = amounts["usage_matched"][metric], amounts["requests_matched"][metric]
        given = columns if isinstance(columns, MetricColumns) else _NO_COLUMNS
        _put(requests, cells, given.requests, f"{metric}.requests")
        matched[cells], at_read[cells] = usage[cells], requests[cells]
        _put(matched, cells, given.usage_matched, f"{metric}.usage_matched")
        _put(at_read, cells, given.requests_matched, f"{metric}.requests_matched")
        _put(charged, cells, given.charged, f"{metric}.charged")
        above, base = charged[cells], requests[cells]
        if given.charged is not None and ((above != UNKNOWN) & (base == UNKNOWN)).any():
            raise LineError(cells[0] + 2, f"{metric}.charged is known where requests are not")
        charged[cells] = np.where((above == UNKNOWN) | (base == UNKNOWN), UNKNOWN, base + above)


_NO_COLUMNS = MetricColumns()
_NOTHING = SpecialLine()


def _one_row(amounts: MetricAmounts | UsageAmount | None) -> _Columns | None:
    """Return the amounts of a special entry as columns of one element."""
    if amounts is None:
        return None
    given = {name: getattr(amounts, name, UNSET) for name in AMOUNT_FIELDS}
    return MetricColumns(**{name: None if amount is UNSET else [amount] for name, amount in given.items()})


def _matrix(by_hour: Integers, rows: int) -> Integers:
    return np.repeat(by_hour[:, np.newaxis], rows, axis=1)


def _keys(counted: Sequence[Mapping[_Key, object]]) -> list[_Key]:
    return sorted({key for each in counted for key in each})


def _put(matrix: Integers, cells: tuple[int, slice], column: Sequence[HourAmount] | None, name: str) -> None:
    """Put a column of a line in its place, unless it is absent."""
    if column is None:
        return
    target = matrix[cells]
    if len(column) != len(target):
        raise LineError(cells[0] + 2, f"{name} has {len(column)} elements, the day has named {len(target)} so far")
    try:
        # Most columns have no null in them, and numpy reads those at once.
        plain = [UNKNOWN if each is None else each for each in column] if None in column else column
        target[:] = np.array(plain, np.int64)
    except OverflowError as error:
        raise LineError(cells[0] + 2, f"{name}: {error}") from error


def _transposed(matrices: Mapping[_Key, Integers]) -> dict[_Key, Integers]:
    return {key: matrix.T for key, matrix in matrices.items()}


def _handed_out(filled: RowMatrices) -> RowMatrices:
    return RowMatrices(
        filled.names,
        {name: _transposed(amounts) for name, amounts in filled.amounts.items()},
        filled.measured.T,
        filled.gpu_measured.T,
        _transposed(filled.unmeasured),
        _transposed(filled.storage),
        filled.present.T,
    )
