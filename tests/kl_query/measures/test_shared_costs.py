"""Costs after sharing over random clusters, against a slow reference that hands every amount over one by one."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kl_core.vocabulary import Metric
from kl_query.answers.namespace_breakdown import breakdown
from kl_query.dataset import Dataset
from kl_query.dataset.model import Sharing
from kl_query.measures.sharing import shared_by
from kl_query.numbers import Array
from kl_query.selection import select
from kl_query.view import Frame, frame
from kl_query.warnings.warning import RowId
from tests.support.datasets import Column, Row, Scale, loaded
from tests.support.datasets import Dataset as Published
from tests.support.shown import first_page

DAYS = 3
CAPACITY = 1e6
PRICE: dict[Metric, float] = {"cpu": 0.5, "memory": 0.25, "gpu": 3.0}
Usage = Mapping[str, Mapping[Metric, Sequence[float]]]

known_amounts = st.one_of(st.floats(1e-9, 1e4), st.just(0.0))
amounts = st.one_of(known_amounts, st.just(math.nan))
names = st.from_regex(r"(kube-|infra-|team-)[a-z]{1,3}", fullmatch=True)
policies = st.builds(
    Sharing,
    namespaces=st.sampled_from([(), ("infra-*",), ("infra-*", "kube-*"), ("*",)]),
    idle=st.booleans(),
    multiplier=st.sampled_from([1.0, 1.15, 0.5]),
)


def clusters(values: st.SearchStrategy[float]) -> st.SearchStrategy[Usage]:
    column = st.lists(values, min_size=DAYS, max_size=DAYS)
    metric: st.SearchStrategy[Metric] = st.sampled_from(list(PRICE))
    return st.dictionaries(names, st.dictionaries(metric, column, max_size=3), max_size=8)


def dataset(usage: Usage, policy: Sharing) -> Dataset:
    """Three days with one price a metric throughout, so that a bill is capacity times price."""
    rows: dict[str, dict[str, Row]] = {
        name: {metric: Row(column, column) for metric, column in ((m, _nullable(c)) for m, c in row.items())}
        for name, row in usage.items()
    }
    capacity: dict[str, Column] = {metric: [CAPACITY] * DAYS for metric in PRICE}
    bill: dict[str, Column] = {metric: [CAPACITY * price] * DAYS for metric, price in PRICE.items()}
    scale = Scale("2026-11-19", rows, capacity, bill=bill)
    facts: Any = {"cost_model": "CHARGE_BACK", "currency": "$", "last_sample": "2026-11-22T00:00:00Z"}
    return shared_by(loaded(Published(daily=scale, **facts), check=False), policy)


def _nullable(column: Sequence[float]) -> list[float | None]:
    return [None if math.isnan(value) else value for value in column]


def view(data: Dataset, metric: Metric | Literal["total"], date: str = "all") -> Frame:
    return frame(data, "daily_14d", metric, "costs", date=date)


def handed_over(own: Mapping[str, float], idle: float, policy: Sharing, shared: frozenset[str]) -> dict[str, float]:
    """The three steps, amount by amount. `own` holds known costs; the key `idle!` of the result is what idle keeps."""
    rows = dict(own)
    bearing = [name for name in rows if name not in shared and rows[name] > 0]
    weights = {name: rows[name] / sum(rows[bearer] for bearer in bearing) for name in bearing}
    for giver in shared & rows.keys() if bearing else ():
        for bearer in bearing:
            rows[bearer] += own[giver] * weights[bearer]
        rows[giver] = 0.0
    left, total = idle, sum(rows.values())
    if policy.idle and idle > 0 and total > 0:
        rows = {name: value + idle * value / total for name, value in rows.items()}
        left = 0.0
    return {name: value * policy.multiplier for name, value in {**rows, "idle!": left}.items()}


@settings(deadline=None)
@given(clusters(known_amounts), policies, st.sampled_from(list(PRICE)), st.sampled_from(["all", "2026-11-20"]))
def test_what_each_namespace_costs_is_what_the_slow_reference_hands_it(
    usage: Usage, policy: Sharing, metric: Metric, date: str
) -> None:
    data = dataset(usage, policy)
    days = range(DAYS) if date == "all" else range(1, 2)
    own = {
        name: PRICE[metric] * sum(row[metric][i] for i in days) if metric in row else 0.0 for name, row in usage.items()
    }
    idle = PRICE[metric] * CAPACITY * len(days) - sum(own.values())
    if any(0 < value < 1e-9 for value in own.values()):
        return  # the reference divides by such a sum, and loses what the product keeps
    expected = handed_over(own, idle, policy, frozenset(map(str, data.shared)))
    found = view(data, metric, date)
    assert dict(zip(found.totals.rows, found.totals.value, strict=True)) == pytest.approx(
        {n: v for n, v in expected.items() if n != "idle!"}, rel=1e-6, abs=1e-6
    )
    left = found.special("idle")
    assert left is not None
    assert left[1].value == pytest.approx(expected["idle!"], rel=1e-6, abs=1e-6)


def test_every_metric_and_bucket_is_shared_for_itself() -> None:
    rows = {
        "shop": {"cpu": Row([40, 10], [0, 0]), "gpu": Row([24, 0], [0, 0])},
        "web": {"cpu": Row([20, 10], [0, 0])},
        "infra": {"cpu": Row([12, 20], [0, 0]), "gpu": Row([6, 6], [0, 0])},
    }
    # What is left of the bill is idle: of cpu 18 and -5, of gpu 18 and nothing.
    whole: dict[str, Column] = {"cpu": [90, 35], "gpu": [48, 6]}
    data = loaded(Published(daily=Scale("2026-11-19", rows, whole, bill=whole), currency="$"), check=False)
    found = view(shared_by(data, Sharing(namespaces=("infra",), idle=True)), "total")

    # cpu: 40 x 1.5 and 10 x 2 (negative idle is left); gpu: 24 x (24 + 6) / 24 x (30 + 18) / 30 and nothing
    assert list(column(found, "shop")) == pytest.approx([60 + 48, 20])
    # in the second bucket nobody else has a cost of GPUs: infra keeps its 6
    assert list(column(found, "infra")) == pytest.approx([0, 6])
    idle = found.special("idle")
    assert idle is not None
    assert list(idle[0]) == [0, -5]
    assert list(found.column_of(select(found.dataset, None, None))) == pytest.approx([60 * 1.5 + 48, 40 + 6])
    assert found.after_sharing is not None
    assert found.after_sharing.borne("shared") == 12 + 20 + 6


@pytest.mark.requirement("KL-H-2")
@settings(deadline=None)
@given(clusters(known_amounts), policies, st.sampled_from([*PRICE, "total"]))
def test_namespaces_and_idle_are_the_bill_times_the_multiplier(
    usage: Usage, policy: Sharing, metric: Metric | Literal["total"]
) -> None:
    found = view(dataset(usage, policy), metric)
    answer = first_page(breakdown(found, exclude_system=True), 100)
    bill = DAYS * CAPACITY * (sum(PRICE.values()) if metric == "total" else PRICE[metric])
    assert answer["capacity_value"] == pytest.approx(policy.multiplier * bill, rel=1e-5)
    rows = math.fsum(row["value"] for row in answer["breakdown"])
    parts = rows + answer["rest"]["value"] + answer["excluded_system"]["value"]
    # answers have six digits, and a row may be as large as the bill
    close = 1e-5 * bill * policy.multiplier
    assert parts == pytest.approx(answer["total_value"], abs=close)
    assert parts + answer["cluster_overhead"]["idle_value"] == pytest.approx(policy.multiplier * bill, abs=close)


@settings(deadline=None)
@given(clusters(amounts), policies, st.sampled_from([*PRICE, "total"]))
def test_whatever_is_unknown_sharing_keeps_the_sum_of_what_is_known(
    usage: Usage, policy: Sharing, metric: Metric | Literal["total"]
) -> None:
    data = dataset(usage, policy)
    shared, plain = view(data, metric), view(shared_by(data, Sharing()), metric)
    for with_sharing, without in (
        (list(shared.totals.value), list(plain.totals.value)),
        *(
            ([column(shared, name)[i] for name in usage], [column(plain, name)[i] for name in usage])
            for i in range(DAYS)
        ),
    ):
        assert [math.isnan(value) for value in with_sharing] == [math.isnan(value) for value in without]
    after, before = whole_sum(shared), whole_sum(plain)
    assert after == pytest.approx(policy.multiplier * before, rel=1e-6)
    for i in range(DAYS):
        assert bucket_sum(shared, i) == pytest.approx(policy.multiplier * bucket_sum(plain, i), rel=1e-6, abs=1e-6)


def column(found: Frame, name: RowId) -> Array:
    column: Array = found.columns(found.table.numbers([name]))[0]
    return column


def whole_sum(found: Frame) -> float:
    idle = found.special("idle")
    assert idle is not None
    return math.fsum(v for v in [*found.totals.value, idle[1].value] if not math.isnan(v))


def bucket_sum(found: Frame, bucket: int) -> float:
    idle = found.special("idle")
    assert idle is not None
    values = [*(column(found, name)[bucket] for name in found.scale.namespaces), idle[0][bucket]]
    return math.fsum(value for value in values if not math.isnan(value))


@settings(deadline=None)
@given(clusters(known_amounts), policies)
def test_the_metrics_add_up_to_the_total(usage: Usage, policy: Sharing) -> None:
    data = dataset(usage, policy)
    by_metric = [view(data, metric).totals for metric in PRICE]
    totals = view(data, "total").totals
    for name, total in zip(totals.rows, totals.value, strict=True):
        assert total == pytest.approx(math.fsum(t[name].value for t in by_metric), rel=1e-9, abs=1e-9)


@pytest.mark.requirement("KL-H-5")
@settings(deadline=None)
@given(clusters(amounts), st.sampled_from([1.15, 0.5]))
def test_under_a_multiplier_alone_points_add_up_to_their_window(usage: Usage, multiplier: float) -> None:
    found = view(dataset(usage, Sharing(multiplier=multiplier)), "total")
    for name, total in zip(found.table, found.totals.value, strict=True):
        known = [value for value in column(found, name) if not math.isnan(value)]
        assert math.isnan(total) or total == pytest.approx(math.fsum(known), rel=1e-9)


@settings(deadline=None)
@given(clusters(amounts), policies)
def test_the_cluster_per_bucket_is_the_sum_of_its_namespaces(usage: Usage, policy: Sharing) -> None:
    found = view(dataset(usage, policy), "total")
    for i, value in enumerate(found.column_of(select(found.dataset, None, None))):
        known = [v for v in (column(found, name)[i] for name in usage) if not math.isnan(v)]
        assert (math.isnan(value) and not known) or value == pytest.approx(math.fsum(known), rel=1e-9, abs=1e-9)
