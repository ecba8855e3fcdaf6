from __future__ import annotations

import pytest

from collector.books.amounts import amounts
from collector.books.cost import currency_in_force, price
from collector.books.page import CPU, GPU, GPU_MEMORY, MEMORY, Page
from collector.store.rates import RateChange
from tests.collector.books.test_amounts import HOUR, START, U, cluster, namespace, none_for_nan

FLAT = RateChange(START - HOUR, 10.0, "$", {"cpu": 1.0, "memory": 0.0, "gpu": 0.0})


def priced(page: Page, *history: RateChange) -> Page:
    return price(page, history, currency_in_force(history, int(page.starts[-1])))


def total(page: Page, hour: int) -> float:
    """All that is charged for an hour: namespaces, idle, unmeasured and non-allocatable, over the priced metrics."""
    cluster = page.cluster
    rows = [cluster.non_allocatable_cost, cluster.idle_cost, cluster.unmeasured_cost, *page.entries.cost]
    return float(
        sum(
            row[metric, hour] for row in rows for metric in (CPU, MEMORY, GPU) if row[metric, hour] == row[metric, hour]
        )
    )


def test_default_weights_follow_capacity_at_default_prices() -> None:
    # 10 cores: 10 x 0.031611 = 0.31611; 40 GiB: 40 x 0.004237 = 0.16948; together 0.48559.
    page = priced(amounts(cluster([10.0]), [namespace("a", [2.5])]), RateChange(START, 6.0, "$", None))
    assert page.cluster.bill[CPU].tolist() == pytest.approx([6.0 * 0.31611 / 0.48559])
    assert page.cluster.bill[MEMORY].tolist() == pytest.approx([6.0 * 0.16948 / 0.48559])
    # The namespace uses a quarter of the cores and 5 of 40 GiB.
    assert page.entries.cost[0, CPU].tolist() == pytest.approx([6.0 * 0.31611 / 0.48559 * 0.25])
    assert page.entries.cost[0, MEMORY].tolist() == pytest.approx([6.0 * 0.16948 / 0.48559 * 0.125])


def test_gpus_take_part_in_the_hours_in_which_there_are_any() -> None:
    page = amounts(cluster([10.0, 10.0], gpu=[0.0, 2.0], gpu_gib=[0.0, 80.0]), [])
    bill = priced(page, RateChange(START, 6.0, "$", None)).cluster.bill
    # With 2 GPUs: 2 x 0.95 = 1.9 beside 0.31611 and 0.16948: 2.38559 in all.
    assert bill[GPU].tolist() == pytest.approx([0.0, 6.0 * 1.9 / 2.38559])
    assert bill[CPU].tolist() == pytest.approx([6.0 * 0.31611 / 0.48559, 6.0 * 0.31611 / 2.38559])
    assert bill[[CPU, MEMORY, GPU]].sum(axis=0).tolist() == pytest.approx([6.0, 6.0])


def test_gpu_memory_costs_nothing() -> None:
    page = priced(amounts(cluster([10.0], gpu=[2.0], gpu_gib=[80.0]), [namespace("a", [1.0])]), FLAT)
    assert none_for_nan(page.cluster.bill[GPU_MEMORY]) == [None]
    assert none_for_nan(page.entries.cost[0, GPU_MEMORY]) == [None]


def test_configured_weights_are_spread_over_the_metrics_that_have_capacity() -> None:
    # cpu 0.5, memory 0.3, gpu 0.2. Without GPUs 0.8 is left: cpu 5/8, memory 3/8 of 8 an hour.
    page = amounts(cluster([10.0, 10.0], gpu=[0.0, 2.0], gpu_gib=[0.0, 80.0]), [])
    bill = priced(page, RateChange(START, 8.0, "$", {"cpu": 0.5, "memory": 0.3, "gpu": 0.2})).cluster.bill
    assert bill[CPU].tolist() == pytest.approx([5.0, 4.0])
    assert bill[MEMORY].tolist() == pytest.approx([3.0, 2.4])
    assert bill[GPU].tolist() == pytest.approx([0.0, 1.6])


def test_weights_on_nothing_that_is_there_give_way_to_the_default() -> None:
    page = amounts(cluster([10.0]), [])
    bill = priced(page, RateChange(START, 8.0, "$", {"cpu": 0.0, "memory": 0.0, "gpu": 1.0})).cluster.bill
    assert bill[CPU].tolist() == pytest.approx([8.0 * 0.31611 / 0.48559])


@pytest.mark.requirement("KL-D-7")
def test_the_rows_of_an_hour_add_up_to_its_rate() -> None:
    # 9 of 10 cores allocatable, 2 + 3 used in hour 1; b unknown in hour 2; more used than allocatable in hour 3.
    page = amounts(
        cluster([10.0, 10.0, 10.0], [9.0, 9.0, 9.0]),
        [namespace("a", [2.0, 2.0, 6.0]), namespace("b", [3.0, U, 5.0])],
    )
    page = priced(page, RateChange(START, 12.5, "$", None))
    assert [total(page, hour) for hour in range(3)] == pytest.approx([12.5, 12.5, 12.5])


def test_a_change_of_rate_counts_from_its_hour_on() -> None:
    page = amounts(cluster([10.0] * 4), [namespace("a", [5.0] * 4)])
    page = priced(
        page, RateChange(START + HOUR, 10.0, "$", FLAT.weights), RateChange(START + 3 * HOUR, 30.0, "$", FLAT.weights)
    )
    # Hour 0 is before the first rate; then half of 10, 10 and 30.
    assert none_for_nan(page.entries.cost[0, CPU]) == [None, 5.0, 5.0, 15.0]
    assert none_for_nan(page.cluster.bill[CPU]) == [None, 10.0, 10.0, 30.0]


def test_hours_after_a_rate_was_taken_away_have_no_cost_until_there_is_a_new_one() -> None:
    page = amounts(cluster([10.0] * 3, [9.0] * 3), [namespace("a", [5.0] * 3)])
    page = priced(
        page, FLAT, RateChange(START + HOUR, 0.0, "$", None), RateChange(START + 2 * HOUR, 20.0, "$", FLAT.weights)
    )
    # Half of 10, no price, half of 20; of the rest a tenth is not allocatable and four tenths are idle.
    assert none_for_nan(page.entries.cost[0, CPU]) == [5.0, None, 10.0]
    for metric in (CPU, MEMORY):
        assert none_for_nan(page.cluster.bill[metric])[1] is None
    assert none_for_nan(page.cluster.bill[CPU]) == [10.0, None, 20.0]
    assert none_for_nan(page.cluster.non_allocatable_cost[CPU]) == [1.0, None, 2.0]
    assert none_for_nan(page.cluster.idle_cost[CPU]) == [4.0, None, 8.0]


def test_hours_in_another_currency_are_unknown_and_never_added() -> None:
    page = amounts(cluster([10.0] * 2), [namespace("a", [5.0] * 2)])
    page = priced(page, FLAT, RateChange(START + HOUR, 8.0, "€", FLAT.weights))
    assert none_for_nan(page.entries.cost[0, CPU]) == [None, 4.0]
    assert none_for_nan(page.cluster.bill[CPU]) == [None, 8.0]


def test_an_hour_that_was_not_observed_is_not_billed() -> None:
    page = priced(amounts(cluster([10.0, U]), [namespace("a", [5.0, U])]), FLAT)
    assert none_for_nan(page.cluster.bill[CPU]) == [10.0, None]


def test_hours_are_priced_where_there_is_a_bill_and_cost_hours_are_those_with_known_usage() -> None:
    # Before the rate; usage known; unknown; not observed; without any capacity, so that there is nothing to bill.
    page = amounts(cluster([10.0, 10.0, 10.0, U, 0.0]), [namespace("a", [5.0, 5.0, U, U, 0.0])])
    page = priced(page, RateChange(START + HOUR, 10.0, "$", None))
    assert page.priced.tolist() == [0.0, 1.0, 1.0, 0.0, 0.0]
    assert page.entries.cost_hours[0, CPU].tolist() == [0.0, 1.0, 0.0, 0.0, 0.0]
    # GPUs that nobody has cost a known nothing.
    assert page.entries.cost_hours[0, GPU].tolist() == [0.0, 1.0, 1.0, 0.0, 0.0]
    known = [[value is not None for value in none_for_nan(page.entries.cost[0, metric])] for metric in (CPU, GPU)]
    assert known == [[hours > 0 for hours in page.entries.cost_hours[0, metric]] for metric in (CPU, GPU)]


def test_without_a_rate_there_is_no_cost() -> None:
    page = amounts(cluster([10.0]), [namespace("a", [5.0])])
    assert price(page, (), None) is page


def test_the_currency_in_force_changes_with_its_hour() -> None:
    history = (RateChange(START, 1.0, "$", None), RateChange(START + HOUR, 1.0, "€", None))
    assert currency_in_force((), START) is None
    assert currency_in_force(history, START - HOUR) == "$"
    assert currency_in_force(history, START) == "$"
    assert currency_in_force(history, START + HOUR) == "€"


def test_office_hours_with_twice_the_capacity_are_charged_to_the_cent() -> None:
    """A team of 10 cores in a cluster of 20 by night and 40 by day, at 6.00 an hour.

    Per hour it uses 10/20 or 10/40: with 12 office hours a day 12 x 6 x 0.5 + 12 x 6 x 0.25 = 36.00 + 18.00 = 54.00.
    From the sums of the day it would be 144.00 x 240 / 720 = 48.00: 11 % too little.
    """
    capacity = [40.0 if 7 <= hour < 19 else 20.0 for hour in range(24)]
    rate = RateChange(START, 6.0, "$", FLAT.weights)
    page = priced(amounts(cluster(capacity), [namespace("team", [10.0] * 24)]), rate)
    assert round(float(page.entries.cost[0, CPU].sum()), 2) == 54.00
    assert round(sum(total(page, hour) for hour in range(24)), 2) == 144.00
