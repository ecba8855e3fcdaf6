"""From closed hours to the lines of a day.

A line names by position what the day has named before it, so that a day's lines have to be made one after another: what
was named stands in a `DayOrder`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from types import MappingProxyType
from typing import TypeVar, get_args

from msgspec import UNSET

from collector.hour import MIN_KNOWN_SECONDS, ClosedHour, HourAmount, HourAmounts, HourNode, HourRow, NodeIs
from collector.model import StoredSpecial, UnmeasuredReason, UnobservedCause
from collector.store.ledger.form import (
    AMOUNT_FIELDS,
    SCHEMA,
    AmountField,
    Bill,
    ColumnOfAmounts,
    Header,
    HourLine,
    LedgerCluster,
    MetricAmounts,
    MetricColumns,
    NamedLabels,
    NodeColumns,
    NodeLine,
    NodeMetricColumns,
    PerMetric,
    PerSource,
    RateLine,
    SpecialLine,
    UnobservedDays,
    UsageAmount,
    UsageColumn,
)
from kl_core.calendar import DAY, bucket_name, iso
from kl_core.vocabulary import BILLED_METRICS, METRICS, SOURCES, Metric

_Key = TypeVar("_Key")
_Labels = Mapping[str, Mapping[str, str]]
_NO_LABELS: _Labels = MappingProxyType({})

REASONS: tuple[UnmeasuredReason, ...] = get_args(UnmeasuredReason)
CAUSES: tuple[UnobservedCause, ...] = get_args(UnobservedCause)
SPECIALS: tuple[StoredSpecial, ...] = get_args(StoredSpecial)


@dataclass(slots=True)
class DayOrder:
    """What the lines of a day have said so far, in the order of columns: each name's labels, and what each node is."""

    labels: dict[str, Mapping[str, str]] = field(default_factory=dict)
    nodes: dict[str, NodeIs] = field(default_factory=dict)


def day_name(instant: int) -> str:
    """Return the UTC day that holds `instant`, such as `2026-10-03`."""
    return bucket_name("daily_14d", instant)


def header(
    first: ClosedHour,
    cluster: LedgerCluster,
    previous: str,
    last_day: int | None,
    last_labels: _Labels = _NO_LABELS,
) -> tuple[Header, DayOrder]:
    """Return the first line of the day that begins with the hour `first`, and what it named.

    `previous` is the chain of the line before it, `last_day` the start of the day that this is of, None without one.
    `last_labels` are those at that day's end, which stay where nobody tells others.
    """
    order = DayOrder()
    day = first.start // DAY * DAY
    skipped = last_day is not None and day - last_day > DAY
    line = Header(
        schema=SCHEMA,
        date=day_name(day),
        cluster=cluster,
        previous=previous,
        unobserved_days=UnobservedDays(day_name(last_day + DAY), day_name(day - DAY))
        if skipped and last_day is not None
        else None,
        namespaces=_new_names(first, order, last_labels),
        nodes=_node_changes(first, order),
    )
    return line, order


def hour_line(hour: ClosedHour, order: DayOrder) -> HourLine:
    """Return the next line of the day, and note in `order` what it names. Of `gpu_memory` only usage is kept.

    ValueError where less is charged than requested.
    """
    relabelled = _relabelled(hour, order)
    indices = {name: str(index) for index, name in enumerate(order.labels)}
    order.labels.update(relabelled)
    names, node_changes = _new_names(hour, order), _node_changes(hour, order)
    rows = [hour.namespaces.get(name) for name in order.labels]
    columns = {metric: _columns(metric, rows, hour) for metric in METRICS}
    return HourLine(
        hour=iso(hour.start),
        origin=hour.origin,
        names=names,
        labels={indices[name]: dict(sorted(labels.items())) for name, labels in relabelled.items()},
        node_changes=node_changes,
        observed=PerSource(**{source: hour.observed.get(source) for source in SOURCES}),
        pods_observed=hour.pods_observed,
        unobserved={
            source: seconds for source in SOURCES if (seconds := _counted(hour.unobserved.get(source, {}), CAUSES))
        },
        storage_observed=hour.storage_observed,
        capacity=PerMetric(**{metric: hour.capacity.get(metric) for metric in METRICS}),
        allocatable=PerMetric(**{metric: hour.allocatable.get(metric) for metric in METRICS}),
        rate=_rate(hour),
        bill=_bill(hour.bill),
        **{metric: MetricColumns(**columns[metric]) for metric in BILLED_METRICS if columns[metric]},
        gpu_memory=UsageColumn(**columns["gpu_memory"]) if columns["gpu_memory"] else None,
        measured=_unless([_measured(row, hour) for row in rows], hour.pods_observed),
        gpu_measured=_unless([None if row is None else row.gpu_measured for row in rows], None),
        unmeasured=_unmeasured(rows),
        storage=_storage(rows, hour),
        gone=[index for index, row in enumerate(rows) if row is None or not row.present],
        special={name: _special(hour.special[name], hour) for name in SPECIALS if name in hour.special},
        nodes=_node_columns([hour.nodes.get(name) for name in order.nodes], hour),
    )


def default_amount(metric: Metric, hour: ClosedHour) -> HourAmount:
    """Return what anybody has of a metric in whose column nothing else stands: unknown where its capacity is."""
    return None if hour.capacity.get(metric) is None else 0


def default_storage(seconds_observed: HourAmount) -> HourAmount:
    """Return what anybody requests of a storage class in whose column nothing else stands.

    It is unknown where claims were not listed for long enough: those that were bound meanwhile nobody has seen.
    """
    return 0 if (seconds_observed or 0) >= MIN_KNOWN_SECONDS else None


def _relabelled(hour: ClosedHour, order: DayOrder) -> dict[str, Mapping[str, str]]:
    """Return the labels of those that the day has named with others; of one that was not listed nobody told them."""
    return {
        name: row.labels
        for name, row in hour.namespaces.items()
        if row.present and row.labels is not None and order.labels.get(name, row.labels) != row.labels
    }


def _new_names(hour: ClosedHour, order: DayOrder, last_labels: _Labels = _NO_LABELS) -> list[NamedLabels]:
    for name in (new := sorted(hour.namespaces.keys() - order.labels.keys())):
        labels = hour.namespaces[name].labels
        order.labels[name] = last_labels.get(name, {}) if labels is None else labels
    return [NamedLabels(name, dict(sorted(order.labels[name].items()))) for name in new]


def _node_changes(hour: ClosedHour, order: DayOrder) -> list[NodeLine]:
    there = {name: node.what for name, node in hour.nodes.items() if node.present}
    changed = [name for name in sorted(there) if order.nodes.get(name) != there[name]]
    order.nodes.update((name, there[name]) for name in changed)
    return [_node_line(name, there[name]) for name in changed]


def _node_line(name: str, what: NodeIs) -> NodeLine:
    facts = what.facts
    return NodeLine(
        name=name,
        instance_type=facts.instance_type,
        zone=facts.zone,
        pool=facts.pool,
        capacity_type=facts.capacity_type,
        labels=dict(sorted(facts.labels.items())),
        capacity={metric: what.capacity[metric] for metric in METRICS if metric in what.capacity},
        allocatable={metric: what.allocatable[metric] for metric in METRICS if metric in what.allocatable},
    )


def _columns(metric: Metric, rows: Sequence[HourRow | None], hour: ClosedHour) -> dict[AmountField, ColumnOfAmounts]:
    """Return what of a metric is not the default, by field."""
    default = default_amount(metric, hour)
    usage = [default if row is None else row.usage.get(metric, default) for row in rows]
    columns: dict[AmountField, ColumnOfAmounts | None] = {"usage": _unless(usage, default)}
    if metric in BILLED_METRICS:
        requests = [default if row is None else row.requests.get(metric, default) for row in rows]
        matched = [default if row is None else row.usage_matched.get(metric, default) for row in rows]
        at_read = [default if row is None else row.requests_matched.get(metric, default) for row in rows]
        columns["requests"] = _unless(requests, default)
        columns["charged"] = _charged(metric, rows, requests, hour)
        columns["usage_matched"] = None if matched == usage else matched
        columns["requests_matched"] = None if at_read == requests else at_read
    return {name: column for name in AMOUNT_FIELDS if (column := columns.get(name)) is not None}


def _charged(
    metric: Metric, rows: Sequence[HourRow | None], requests: ColumnOfAmounts, hour: ClosedHour
) -> ColumnOfAmounts | None:
    """Return what is charged above requests; None where all is as the origin of the line says by itself."""
    is_ours = hour.origin == "collector"
    default = default_amount(metric, hour) if is_ours else None
    charged = [default if row is None else row.charged.get(metric, default) for row in rows]
    above: ColumnOfAmounts = [
        None if amount is None or base is None else amount - base
        for amount, base in zip(charged, requests, strict=True)
    ]
    if any(amount is not None and base is None for amount, base in zip(charged, requests, strict=True)) or any(
        amount is not None and amount < 0 for amount in above
    ):
        raise ValueError(f"{iso(hour.start)}: less of {metric} is charged than is requested")
    if is_ours:
        return None if above == [None if base is None else 0 for base in requests] else above
    return _unless(above, None)


def _measured(row: HourRow | None, hour: ClosedHour) -> HourAmount:
    return hour.pods_observed if row is None else row.measured


def _unless(column: ColumnOfAmounts, default: HourAmount) -> ColumnOfAmounts | None:
    return None if column.count(default) == len(column) else column


def _unmeasured(rows: Sequence[HourRow | None]) -> dict[UnmeasuredReason, dict[str, int]]:
    pods = {
        reason: {
            str(index): row.unmeasured[reason] for index, row in enumerate(rows) if row and row.unmeasured.get(reason)
        }
        for reason in REASONS
    }
    return {reason: counts for reason, counts in pods.items() if counts}


def _storage(rows: Sequence[HourRow | None], hour: ClosedHour) -> dict[str, ColumnOfAmounts]:
    default = default_storage(hour.storage_observed)
    classes = sorted(set(chain.from_iterable(row.storage for row in rows if row is not None)))
    columns = {
        name: _unless([default if row is None else row.storage.get(name, default) for row in rows], default)
        for name in classes
    }
    return {name: column for name, column in columns.items() if column is not None}


def _special(row: HourRow, hour: ClosedHour) -> SpecialLine:
    amounts = {
        metric: {name: column[0] for name, column in _columns(metric, [row], hour).items()} for metric in METRICS
    }
    default = default_storage(hour.storage_observed)
    return SpecialLine(
        **{metric: MetricAmounts(**amounts[metric]) for metric in BILLED_METRICS if amounts[metric]},
        gpu_memory=UsageAmount(**amounts["gpu_memory"]) if amounts["gpu_memory"] else None,
        measured=UNSET if row.measured == hour.pods_observed else row.measured,
        gpu_measured=UNSET if row.gpu_measured is None else row.gpu_measured,
        unmeasured=_counted(row.unmeasured, REASONS),
        storage={name: amount for name, amount in sorted(row.storage.items()) if amount != default},
    )


def _node_columns(nodes: Sequence[HourNode | None], hour: ClosedHour) -> NodeColumns | None:
    present = [0 if node is None else node.present for node in nodes]
    if not any(present):
        return None
    there = [node if node is not None and node.present else None for node in nodes]
    columns = {metric: _node_metric(metric, there, hour) for metric in METRICS}
    return NodeColumns(
        **{metric: NodeMetricColumns(**columns[metric]) for metric in BILLED_METRICS if columns[metric]},
        gpu_memory=UsageColumn(**columns["gpu_memory"]) if columns["gpu_memory"] else None,
        present=present,
        pods=[0 if node is None else node.pods for node in there],
    )


def _node_metric(
    metric: Metric, nodes: Sequence[HourNode | None], hour: ClosedHour
) -> dict[AmountField, ColumnOfAmounts]:
    default = default_amount(metric, hour)
    columns: dict[AmountField, ColumnOfAmounts | None] = {
        "usage": _unless([default if node is None else node.usage.get(metric, default) for node in nodes], default)
    }
    if metric in BILLED_METRICS:
        requests = [default if node is None else node.requests.get(metric, default) for node in nodes]
        columns["requests"] = _unless(requests, default)
    return {name: column for name, column in columns.items() if column is not None}


def _rate(hour: ClosedHour) -> RateLine | None:
    if hour.rate is None:
        return None
    weights = hour.rate.weights
    return RateLine(
        hour.rate.rate,
        hour.rate.currency,
        None if weights is None else {metric: weights[metric] for metric in METRICS if metric in weights},
    )


def _bill(bill: HourAmounts) -> Bill | None:
    amounts = {metric: bill[metric] for metric in BILLED_METRICS if bill.get(metric) is not None}
    return Bill(**amounts) if amounts else None


def _counted(counts: Mapping[_Key, int], order: Sequence[_Key]) -> dict[_Key, int]:
    return {name: counts[name] for name in order if counts.get(name)}
