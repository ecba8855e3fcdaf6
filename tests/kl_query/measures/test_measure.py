"""What values mean under each cost model, and what is left of them where something is unknown."""

import math
from pathlib import Path
from typing import Any

import pytest

from kl_query.dataset import Dataset, load_dataset
from kl_query.dataset.table import Column
from kl_query.errors import ToolArgumentError
from kl_query.measures.means import Means
from kl_query.view import Frame, frame
from tests.support.datasets import Dataset as Published
from tests.support.datasets import Row, Scale, write

RATES = [{"effective": "2026-11-01T00:00:00Z", "rate": 1.0, "currency": "€", "weights": None}]


def load(directory: Path, **changes: Any) -> Dataset:
    facts: dict[str, Any] = {
        "first": "2026-11-19",
        "capacity": {"cpu": [100, 200], "gpu": [48, 48], "gpu_memory": [960, 960]},
        "bill": {"cpu": [50, 50], "gpu": [24, 48]},
        "namespaces": {
            "web": {"cpu": Row([10, 40], [20, 40])},
            "ml": {
                "cpu": Row([5, None], [5, 5]),
                "gpu": Row([12, 24], [24, 24]),
                "gpu_memory": Row([480, 480], [None, None]),
            },
        },
    }
    return load_dataset(write(directory, Published(daily=Scale(**{**facts, **changes}), rates=RATES, currency="€")))


def view(dataset: Dataset, metric: Any = "cpu", model: Any = "cumulative", **more: Any) -> Frame:
    return frame(dataset, "daily_14d", metric, model, **more)


def column(found: Frame, name: str) -> Column:
    column: Column = found.columns(found.table.numbers([name]))[0]
    return column


def test_normalized_is_the_sum_of_usage_over_the_sum_of_capacity(tmp_path: Path) -> None:
    # (10 + 40) / (100 + 200), not the mean of 10 % and 20 %
    assert view(load(tmp_path), model="normalized").totals["web"].value == pytest.approx(100 * 50 / 300)


def test_costs_are_those_the_collector_summed(tmp_path: Path) -> None:
    web = {"cpu": Row([10, 40], [20, 40], cost=[7.5, 12.5])}
    assert view(load(tmp_path, namespaces={"web": web}), model="costs").totals["web"].value == 20


def test_total_adds_what_is_known_of_the_metrics_and_says_where_one_is_not(tmp_path: Path) -> None:
    totals = view(load(tmp_path), "total", "costs")
    # ml on the 19th: 5 x 50 / 100 + 12 x 24 / 48; on the 20th its cpu is unknown, its gpu 24 x 48 / 48
    assert totals.totals["ml"].value == 2.5 + 6 + 24
    assert totals.totals["ml"].unknown == 1
    assert totals.capacity_or_bill == 50 + 50 + 24 + 48


def test_a_metric_a_namespace_never_had_is_zero_where_the_cluster_was_observed(tmp_path: Path) -> None:
    gpu = view(load(tmp_path, observed=[24, 0]), "gpu")
    observed, gap = column(gpu, "web")
    assert observed == 0
    assert math.isnan(gap)
    assert gpu.totals["web"].value == 0


def test_hours_before_the_first_rate_have_no_cost(tmp_path: Path) -> None:
    costs = view(load(tmp_path, bill={"cpu": [None, 50]}), model="costs")
    # web on the 20th: 40 x 50 / 200
    assert costs.totals["web"].value == 10
    assert costs.capacity_or_bill == 50


def test_a_metric_without_a_price_beside_one_with_a_price_costs_nothing(tmp_path: Path) -> None:
    costs = view(load(tmp_path, bill={"cpu": [50, 50], "gpu": [None, 48]}), "total", "costs")
    # ml on the 19th: 5 x 50 / 100 of cpu alone; on the 20th its cpu is unknown, its gpu 24 x 48 / 48
    assert list(column(costs, "ml")) == [2.5, 24]
    assert costs.totals["ml"].value == 26.5
    assert costs.capacity_or_bill == 50 + 50 + 48


def test_the_mean_of_a_total_is_over_all_hours_where_a_metric_got_its_price_later(tmp_path: Path) -> None:
    rows = {"ml": {"cpu": Row([10, 10], [10, 10]), "gpu": Row([12, 24], [24, 24])}}
    means = Means(view(load(tmp_path, bill={"cpu": [50, 50], "gpu": [None, 48]}, namespaces=rows), "total", "costs"))
    # cpu 10 x 50 / 100 and 10 x 50 / 200, gpu nothing and then 24 x 48 / 48: 31.5 in 48 hours, of a bill of 148 in them
    assert means.total == pytest.approx(31.5 / 48)
    assert means.capacity == pytest.approx(148 / 48)


def test_gpu_memory_has_no_cost_of_its_own(tmp_path: Path) -> None:
    with pytest.raises(ToolArgumentError, match="GPUs are charged through metric=gpu") as caught:
        view(load(tmp_path), "gpu_memory", "costs")
    assert (caught.value.code, caught.value.argument) == ("invalid_combination", "metric")


def test_unknown_buckets_are_skipped_and_counted(tmp_path: Path) -> None:
    total = view(load(tmp_path)).totals["ml"]
    assert (total.value, total.unknown) == (5, 1)


def test_a_bucket_known_in_part_counts_as_left_out(tmp_path: Path) -> None:
    row = Row([10, 40], [20, 40], usage_hours=[24, 12])
    assert view(load(tmp_path, namespaces={"web": {"cpu": row}})).totals["web"].unknown == 1


def test_a_bucket_that_was_not_observed_is_a_gap_and_no_unknown_value(tmp_path: Path) -> None:
    gap = load(tmp_path, observed=[24, 0], namespaces={"web": {"cpu": Row([10, None], [20, None])}})
    assert (view(gap).totals["web"].value, view(gap).totals["web"].unknown) == (10, 0)


def test_the_sum_of_all_is_zero_for_an_observed_cluster_without_namespaces(tmp_path: Path) -> None:
    assert view(load(tmp_path, namespaces={})).all_namespaces == 0
