"""Closed hours to write: one that can be checked by hand, any at all, and what each is when it is read back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from hypothesis import strategies as st

from collector.hour import ClosedHour, HourAmount, HourAmounts, HourNode, HourRate, HourRow, NodeIs, Origin
from collector.model import NodeFacts
from collector.store.ledger.day import SPECIAL_ROWS
from collector.store.ledger.form import LedgerCluster
from collector.store.ledger.writing import CAUSES, REASONS
from kl_core.calendar import DAY, HOUR, read_iso
from kl_core.vocabulary import BILLED_METRICS, METRICS, Metric

MIDNIGHT = read_iso("2026-10-03T00:00:00Z")
CLUSTER = LedgerCluster("prod", "7f0c", "2025-01-02T03:04:05Z")
NODE = NodeIs(
    NodeFacts("m5.large", "eu-west-1a", "general", "spot", {"kubernetes.io/arch": "amd64"}),
    {"cpu": 4_000, "memory": 16_384},
    {"cpu": 3_900, "memory": 15_000},
)


def row(usage: int = 0, requests: int = 0, charged: int | None = None, **changes: object) -> HourRow:
    """A namespace that used this many milli-core-seconds, with a MiB-second for each, and held no GPU."""
    used: HourAmounts = {"cpu": usage, "memory": usage, "gpu": 0, "gpu_memory": 0}
    held: HourAmounts = {"cpu": requests, "memory": requests, "gpu": 0}
    billed = {**held, "cpu": max(usage, requests) if charged is None else charged}
    matched = {metric: used[metric] for metric in BILLED_METRICS}
    return replace(HourRow(used, held, billed, matched, held, measured=HOUR), **changes)  # type: ignore[arg-type]


def hour(start: int, namespaces: Mapping[str, HourRow] | None = None, **changes: object) -> ClosedHour:
    """An observed hour of a cluster of 4 cores and 4 GiB that costs 2.50 EUR."""
    closed = ClosedHour(
        start=start,
        origin="collector",
        observed={"kubernetes": HOUR, "metrics": HOUR, "dcgm": None},
        pods_observed=HOUR,
        unobserved={},
        capacity={"cpu": 4_000 * HOUR, "memory": 4_096 * HOUR, "gpu": 0, "gpu_memory": 0},
        allocatable={"cpu": 3_900 * HOUR, "memory": 4_000 * HOUR, "gpu": 0, "gpu_memory": 0},
        rate=HourRate(2.5, "EUR", None),
        bill={"cpu": 2_000_000, "memory": 500_000, "gpu": 0},
        namespaces={"shop": row(3_600_000, 7_200_000), "web": row(100, 50)} if namespaces is None else namespaces,
        special={},
        nodes={"node-1": HourNode({"cpu": 9, "memory": 8, "gpu": 0, "gpu_memory": 0}, _zeros(), HOUR, 7_200, NODE)},
    )
    return replace(closed, **changes)  # type: ignore[arg-type]


def unobserved(start: int) -> ClosedHour:
    """An hour of which nobody knows anything."""
    nothing: HourAmounts = dict.fromkeys(METRICS)
    return ClosedHour(
        start=start,
        origin="collector",
        observed={"kubernetes": 0, "metrics": 0, "dcgm": None},
        pods_observed=0,
        unobserved={"kubernetes": {"collector_down": HOUR}, "metrics": {"collector_down": HOUR}},
        capacity=nothing,
        allocatable=nothing,
        rate=None,
        bill={},
        namespaces={},
        special={},
    )


def day(midnight: int = MIDNIGHT, hours: int = 24) -> list[ClosedHour]:
    """Hours of a day whose amounts differ."""
    return [
        hour(midnight + at * HOUR, {"shop": row(1_000 + at, 900, 1_100 + at), "web": row(at, at + 1)})
        for at in range(hours)
    ]


def _zeros() -> HourAmounts:
    return dict.fromkeys(BILLED_METRICS, 0)


AMOUNT = st.none() | st.integers(0, 2**50)
LABELS = st.dictionaries(st.sampled_from(["team", "app/tier"]), st.sampled_from(["", "data", "web"]))


@st.composite
def closed_hours(draw: st.DrawFn, start: int, names: Sequence[str]) -> ClosedHour:
    """Any hour of some of these namespaces."""
    origin: Origin = draw(st.sampled_from(["collector", "rrd", "import"]))
    amounts = st.fixed_dictionaries(dict.fromkeys(METRICS, AMOUNT))
    listed = draw(st.lists(st.sampled_from(names), unique=True))
    return ClosedHour(
        start=start,
        origin=origin,
        observed=draw(st.fixed_dictionaries(dict.fromkeys(("kubernetes", "metrics", "dcgm"), AMOUNT))),
        pods_observed=draw(st.integers(0, HOUR)),
        unobserved=draw(
            st.dictionaries(
                st.sampled_from(("kubernetes", "metrics", "dcgm")),
                st.dictionaries(st.sampled_from(CAUSES), st.integers(1, HOUR), min_size=1),
            )
        ),
        capacity=draw(amounts),
        allocatable=draw(amounts),
        rate=draw(
            st.none()
            | st.builds(
                HourRate,
                st.floats(0, 1e6),
                st.sampled_from(["EUR", "€", "円"]),
                st.none() | st.just({"cpu": 0.1, "memory": 0.7, "gpu": 0.2}),
            )
        ),
        bill=draw(st.dictionaries(st.sampled_from(BILLED_METRICS), st.integers(0, 2**50))),
        namespaces={name: draw(rows(origin)) for name in listed},
        special={name: replace(draw(rows(origin)), labels={}, present=True) for name in draw(specials)},
        nodes={name: draw(nodes) for name in draw(st.lists(st.sampled_from(["n1", "n2", "n3"]), unique=True))},
        storage_observed=draw(st.none() | st.integers(0, HOUR) | st.sampled_from([0, 1799, 1800])),
    )


specials = st.lists(st.sampled_from(SPECIAL_ROWS), unique=True)
what = st.builds(
    NodeIs,
    st.builds(NodeFacts, st.none() | st.just("m5"), st.none() | st.just("a"), st.none(), st.none(), LABELS),
    st.dictionaries(st.sampled_from(METRICS), AMOUNT),
    st.dictionaries(st.sampled_from(METRICS), AMOUNT),
)
nodes = st.builds(
    HourNode,
    st.dictionaries(st.sampled_from(METRICS), AMOUNT),
    st.dictionaries(st.sampled_from(BILLED_METRICS), AMOUNT),
    st.integers(1, HOUR),
    st.integers(0, 2**40),
    what,
)


@st.composite
def rows(draw: st.DrawFn, origin: Origin) -> HourRow:
    """Any row, which may leave metrics out."""
    billed = st.dictionaries(st.sampled_from(BILLED_METRICS), AMOUNT)
    requests = draw(billed)
    above = st.integers(0, 10) if origin == "collector" else st.none() | st.integers(0, 10)
    charged: dict[Metric, HourAmount] = {
        metric: None if amount is None or (extra := draw(above)) is None else amount + extra
        for metric, amount in requests.items()
    }
    return HourRow(
        usage=draw(st.dictionaries(st.sampled_from(METRICS), AMOUNT)),
        requests=requests,
        charged=charged,
        usage_matched=draw(billed),
        requests_matched=draw(billed),
        measured=draw(st.none() | st.integers(0, HOUR)),
        gpu_measured=draw(st.none() | st.integers(0, HOUR)),
        unmeasured=draw(st.dictionaries(st.sampled_from(REASONS), st.integers(1, 99))),
        storage=draw(st.dictionaries(st.sampled_from(["fast", "slow"]), AMOUNT)),
        labels=draw(st.none() | LABELS),
        present=draw(st.booleans()),
    )


def read_back(hours: Sequence[ClosedHour]) -> list[ClosedHour]:
    """What these hours are when they are read: every name that their day has had, and every metric."""
    filled: list[ClosedHour] = []
    before: dict[str, Mapping[str, str]] = {}
    for of_day in in_one_day(hours):
        more, before = _read_back(of_day, before)
        filled += more
    return filled


def _read_back(
    hours: Sequence[ClosedHour], before: Mapping[str, Mapping[str, str]]
) -> tuple[list[ClosedHour], dict[str, Mapping[str, str]]]:
    """The same of the hours of one day, with the labels at its end; `before` are those of the day before."""
    labels: dict[str, Mapping[str, str]] = {}
    filled = []
    for closed in hours:
        for name, each in closed.namespaces.items():
            if name not in labels or (each.present and each.labels is not None):
                nobody_told = before.get(name, {}) if closed is hours[0] else {}
                labels[name] = nobody_told if each.labels is None else each.labels
        namespaces = {
            name: replace(_full(closed, closed.namespaces.get(name)), labels=known) for name, known in labels.items()
        }
        filled.append(
            replace(
                closed,
                namespaces=namespaces,
                special={name: _full(closed, each) for name, each in closed.special.items()},
                nodes={
                    name: replace(
                        node,
                        usage=_with_all(METRICS, node.usage, closed),
                        requests=_with_all(BILLED_METRICS, node.requests, closed),
                    )
                    for name, node in closed.nodes.items()
                },
            )
        )
    return filled, labels


def _full(closed: ClosedHour, listed: HourRow | None) -> HourRow:
    each = listed or HourRow({}, {}, {}, {}, {}, measured=closed.pods_observed, present=False)
    charged = _with_all(BILLED_METRICS, each.charged, closed)
    if closed.origin != "collector":
        charged = {metric: each.charged.get(metric) for metric in BILLED_METRICS}
    no_claims = 0 if (closed.storage_observed or 0) >= 1800 else None
    return replace(
        each,
        usage=_with_all(METRICS, each.usage, closed),
        requests=_with_all(BILLED_METRICS, each.requests, closed),
        charged=charged,
        usage_matched=_with_all(BILLED_METRICS, each.usage_matched, closed),
        requests_matched=_with_all(BILLED_METRICS, each.requests_matched, closed),
        storage={name: amount for name, amount in each.storage.items() if amount != no_claims},
    )


def _with_all(metrics: Sequence[Metric], amounts: HourAmounts, closed: ClosedHour) -> HourAmounts:
    return {metric: amounts.get(metric, None if closed.capacity[metric] is None else 0) for metric in metrics}


@st.composite
def days_of_hours(draw: st.DrawFn) -> list[ClosedHour]:
    """A few hours in a row, in one day or two."""
    first = MIDNIGHT + draw(st.integers(20, 23)) * HOUR
    starts = [first + at * HOUR for at in range(draw(st.integers(1, 6)))]
    return [draw(closed_hours(start, ["a", "b", "c", "d-4"])) for start in starts]


def in_one_day(hours: Sequence[ClosedHour]) -> list[list[ClosedHour]]:
    """The same by day."""
    by_day: dict[int, list[ClosedHour]] = {}
    for closed in hours:
        by_day.setdefault(closed.start // DAY, []).append(closed)
    return list(by_day.values())
