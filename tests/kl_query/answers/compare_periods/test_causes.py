"""What changed, told apart: usage, the size of the cluster, the rate; under every cost model and per metric."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kl_mcp.tools import TABLE
from kl_query.dataset import load_dataset
from kl_query.dataset.model import Sharing
from kl_query.measures.sharing import shared_by
from tests.kl_mcp.tools.conftest import check_schemas
from tests.support.datasets import Dataset, Row, Scale, at, write

SAMPLED = "2026-03-01T00:00:00Z"
HOURS = [744, 672]  # January and February 2026
RATE = {"effective": "2026-01-01T00:00:00Z", "rate": 10.0, "currency": "$", "weights": None}


def written(directory: Path, **facts: Any) -> Any:
    monthly = Scale(**{"first": "2026-01", **facts})
    published = Dataset(monthly=monthly, rates=[RATE], currency="$", last_sample=SAMPLED)
    return load_dataset(write(directory, published))


def compared(dataset: Any, **arguments: Any) -> dict[str, Any]:
    answer = TABLE["compare_periods"].run(arguments, dataset, at(SAMPLED).timestamp())
    check_schemas("compare_periods", answer)
    found: dict[str, Any] = answer["what_changed"]
    return found


def change(before: float | None, after: float | None, pct: float | None) -> dict[str, float | None]:
    return {"before": before, "after": after, "change_pct": pct}


def three_causes(directory: Path) -> Any:
    """web uses 4 cores of 10 and then 5 of 20, at 10 and then 15 an hour: 4.00 and then 3.75 an hour."""
    return written(
        directory,
        capacity={"cpu": [10 * 744, 20 * 672]},
        bill={"cpu": [10 * 744, 15 * 672]},
        namespaces={"web": {"cpu": Row([4 * 744, 5 * 672], [8 * 744, 8 * 672])}},
    )


@pytest.mark.requirement("KL-T-15")
@pytest.mark.parametrize(
    ("arguments", "amount", "share"),
    [
        ({"cost_model": "cumulative"}, change(4, 5, 25), change(40, 25, -37.5)),
        ({"cost_model": "normalized"}, change(4, 5, 25), change(40, 25, -37.5)),
        ({"cost_model": "costs"}, change(4, 3.75, -6.25), change(40, 25, -37.5)),
        ({"dimension": "requests"}, change(8, 8, 0), change(80, 40, -50)),
    ],
)
def test_usage_cluster_and_rate_are_told_under_every_cost_model(
    tmp_path: Path, arguments: dict[str, str], amount: Any, share: Any
) -> None:
    changed = compared(three_causes(tmp_path), metric="cpu", namespace="web", **arguments)
    assert changed["usage_per_hour"] == {"unit": "cores", **change(4, 5, 25)}
    assert changed["capacity_per_hour"] == change(10, 20, 100)
    assert changed["rate_per_hour"] == changed["metric_rate_per_hour"] == change(10, 15, 50)
    assert (changed["amount_per_hour"], changed["cluster_share_pct"]) == (amount, share)
    assert changed["by_metric"] == []


@pytest.mark.requirement("KL-T-15")
def test_usage_is_told_over_all_hours_it_is_known_for_and_money_over_those_with_a_price(tmp_path: Path) -> None:
    # 6 cores for 240 hours without a rate, then 4 for 504 hours at 10 an hour for 10 cores: 4416 core-hours, 2016 money
    dataset = written(
        tmp_path,
        capacity={"cpu": [7440, 6720]},
        bill={"cpu": [5040, 6720]},
        namespaces={"web": {"cpu": Row([6 * 240 + 4 * 504, 4 * 672], [0, 0], cost=[2016, 2688])}},
        more={"priced_hours": [504, 672]},
    )
    changed = compared(dataset, metric="cpu", namespace="web", cost_model="costs")
    assert changed["usage_per_hour"] == {"unit": "cores", **change(4.64516, 4, -13.8889)}  # 3456 over 744
    assert changed["amount_per_hour"] == change(4, 4, 0)


def of_two_metrics(directory: Path) -> Any:
    """cpu as in `three_causes`; 8 GiB of 40 throughout, for which 2 an hour are paid; no GPU of 4, at 1 an hour."""
    return written(
        directory,
        capacity={"cpu": [10 * 744, 20 * 672], "memory": [40 * 744, 40 * 672], "gpu": [4 * 744, 4 * 672]},
        bill={"cpu": [10 * 744, 15 * 672], "memory": [2 * 744, 2 * 672], "gpu": [744, 672]},
        namespaces={
            "web": {
                "cpu": Row([4 * 744, 5 * 672], [0, 0]),
                "memory": Row([8 * 744, 8 * 672], [0, 0]),
            }
        },
    )


@pytest.mark.requirement("KL-T-15")
def test_a_change_of_the_total_is_told_metric_by_metric(tmp_path: Path) -> None:
    changed = compared(of_two_metrics(tmp_path), metric="total", namespace="web", cost_model="costs")
    assert changed["usage_per_hour"] is None
    # 4 + 0.4 of 13, 3.75 + 0.4 of 18
    assert changed["amount_per_hour"] == change(4.4, 4.15, -5.68182)
    assert changed["cluster_share_pct"] == change(33.8462, 23.0556, -31.8813)
    assert changed["rate_per_hour"] == change(13, 18, 38.4615)
    nothing = change(0.4, 0.4, 0)
    assert changed["by_metric"] == [
        {
            "metric": "cpu",
            "usage_per_hour": {"unit": "cores", **change(4, 5, 25)},
            "amount_per_hour": change(4, 3.75, -6.25),
            "capacity_per_hour": change(10, 20, 100),
            "cluster_share_pct": change(40, 25, -37.5),
            "metric_rate_per_hour": change(10, 15, 50),
        },
        {
            "metric": "memory",
            "usage_per_hour": {"unit": "GiB", **change(8, 8, 0)},
            "amount_per_hour": nothing,
            "capacity_per_hour": change(40, 40, 0),
            "cluster_share_pct": change(20, 20, 0),
            "metric_rate_per_hour": change(2, 2, 0),
        },
    ]


def test_a_multiplier_raises_money_and_no_usage(tmp_path: Path) -> None:
    dataset = shared_by(three_causes(tmp_path), Sharing(multiplier=2.0))
    changed = compared(dataset, metric="total", namespace="web", cost_model="costs")
    assert changed["amount_per_hour"] == change(8, 7.5, -6.25)
    (cpu,) = changed["by_metric"]
    assert cpu["usage_per_hour"] == {"unit": "cores", **change(4, 5, 25)}
    assert (cpu["amount_per_hour"], cpu["metric_rate_per_hour"]) == (change(8, 7.5, -6.25), change(20, 30, 50))


EXPORTER = {
    # Configured on 11 January: 10 GiB in use of 30 for 504 hours.
    "capacity": {"cpu": [7440, 6720], "gpu_memory": [30 * 504, 30 * 672]},
    "namespaces": {"ml": {"gpu_memory": Row([10 * 504, 10 * 672], [None, None], usage_hours=[504, 672])}},
}


@pytest.mark.requirement("KL-T-15")
@pytest.mark.parametrize("cost_model", ["cumulative", "normalized"])
@pytest.mark.parametrize(
    ("coverage", "more"),
    [
        ([1.0, 1.0], {"expected_hours": {"dcgm": [504, 672]}, "capacity_hours": {"gpu_memory": [504, 672]}}),
        ([504 / 744, 1.0], {"capacity_hours": {"gpu_memory": [504, 672]}}),
    ],
)
def test_gpu_memory_is_set_against_the_capacity_of_the_hours_in_which_that_is_known(
    tmp_path: Path, cost_model: str, coverage: list[float], more: dict[str, Any]
) -> None:
    dataset = written(tmp_path, **EXPORTER, coverage={"dcgm": coverage}, more=more)
    changed = compared(dataset, metric="gpu_memory", namespace="ml", cost_model=cost_model)
    assert changed["usage_per_hour"] == {"unit": "GiB", **change(10, 10, 0)}
    assert changed["capacity_per_hour"] == change(30, 30, 0)
    assert changed["cluster_share_pct"] == change(33.3333, 33.3333, 0)
    answer = TABLE["compare_periods"].run(
        {"metric": "gpu_memory", "namespace": "ml", "cost_model": cost_model}, dataset, at(SAMPLED).timestamp()
    )
    assert (answer["trend"]["direction"], answer["trend"]["rise_pct"]) == ("stable", 0)


def test_an_exporter_that_misses_ticks_of_hours_it_answered_for_leaves_no_hour_out(tmp_path: Path) -> None:
    # Seven of twelve ticks of every hour of January: coverage 7/12, and every hour of capacity and usage is known.
    facts = {
        "capacity": {"cpu": [7440, 6720], "gpu_memory": [30 * 744, 30 * 672]},
        "namespaces": {"ml": {"gpu_memory": Row([10 * 744, 10 * 672], [None, None])}},
    }
    dataset = written(tmp_path, **facts, coverage={"dcgm": [7 / 12, 1.0]}, more={"silent_hours": {"dcgm": [310, 0]}})
    changed = compared(dataset, metric="gpu_memory", namespace="ml")
    assert changed["capacity_per_hour"] == change(30, 30, 0)
    assert changed["cluster_share_pct"] == change(33.3333, 33.3333, 0)
