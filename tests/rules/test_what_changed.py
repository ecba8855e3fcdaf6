"""From ticks over months to what an answer says changed: usage, the size of the cluster, or the rate.

Ticks are an hour apart, the rate is for cpu alone, and `web` runs on one node.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from collector.model import TickSample
from collector.publish.publisher import Publisher
from collector.settings import Settings
from collector.store import rates as rates_file
from collector.store.rates import RateChange
from collector.store.store import Store
from kl_mcp.tools import TABLE
from kl_query.dataset import Dataset, load_dataset
from tests.rules.telling import HOUR, Told, at, machine, ticks, work

PAGE = (Path(__file__).parents[1] / "collector" / "dcgm" / "data" / "labelled.prom").read_text()
CPU_ONLY = {"cpu": 1.0, "memory": 0.0, "gpu": 0.0}


def using(cores: float, *, of: float = 10.0) -> Told:
    return Told([work("web", cores=cores, gib=4.0)], [machine(cores=of)])


def charging(start: str, rate: float, currency: str = "$") -> RateChange:
    return RateChange(at(f"{start}T00:00"), rate, currency, CPU_ONLY)


def filed(root: Path, samples: Sequence[TickSample], *history: RateChange) -> Dataset:
    """What a collector publishes of these ticks under a history of rates, loaded."""
    settings = Settings(db_location=root / "db", data_dir=root / "data", cluster_name="prod", cost_model="CHARGE_BACK")
    with Store.open(settings.db_location) as store:
        store.append(samples)
        rates_file.save(settings.db_location, history)
        Publisher(settings, store, lambda: float(samples[-1].time)).publish()
    return load_dataset(settings.data_dir)


def compared(dataset: Dataset, **arguments: Any) -> dict[str, Any]:
    now = max(moment for moment in dataset.last_sample_at.values() if moment is not None)
    return TABLE["compare_periods"].run({"namespace": "web", **arguments}, dataset, float(now))


def hourly(told: Told, start: str, end: str) -> list[TickSample]:
    return ticks(told, f"{start}T00:00", f"{end}T00:00", HOUR)


def change(before: float, after: float, pct: float) -> dict[str, float]:
    return {"before": before, "after": after, "change_pct": pct}


@pytest.fixture(scope="module")
def four_months(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """January 4 cores of 10 at 10.00; February 5 of 10 at 10.00; March 5 of 20 at 10.00; April 5 of 20 at 15.00."""
    samples = hourly(using(4.0), "2026-01-01", "2026-02-01")
    samples += hourly(using(5.0), "2026-02-01", "2026-03-01")
    samples += hourly(using(5.0, of=20.0), "2026-03-01", "2026-05-02")
    root = tmp_path_factory.mktemp("months")
    return filed(root, samples, charging("2026-01-01", 10.0), charging("2026-04-01", 15.0))


CHANGES = {
    # date, baseline; usage, capacity, rate, share of the cluster
    "usage": ("2026-02", "2026-01", change(4, 5, 25), change(10, 10, 0), change(10, 10, 0), change(40, 50, 25)),
    "capacity": ("2026-03", "2026-02", change(5, 5, 0), change(10, 20, 100), change(10, 10, 0), change(50, 25, -50)),
    "rate": ("2026-04", "2026-03", change(5, 5, 0), change(20, 20, 0), change(10, 15, 50), change(25, 25, 0)),
    "all three": (
        "2026-04",
        "2026-01",
        change(4, 5, 25),
        change(10, 20, 100),
        change(10, 15, 50),
        change(40, 25, -37.5),
    ),
}
# The rate times the share of the cluster.
MONEY = {
    "usage": change(4, 5, 25),
    "capacity": change(5, 2.5, -50),
    "rate": change(2.5, 3.75, 50),
    "all three": change(4, 3.75, -6.25),
}


@pytest.mark.requirement("KL-T-14", "KL-T-15")
@pytest.mark.parametrize("cost_model", ["cumulative", "normalized", "costs"])
@pytest.mark.parametrize("what", CHANGES)
def test_each_cause_of_a_change_is_told_from_the_others_under_every_cost_model(
    four_months: Dataset, what: str, cost_model: str
) -> None:
    date, baseline, usage, capacity, rate, share = CHANGES[what]
    arguments = {"metric": "cpu", "cost_model": cost_model, "scale": "monthly_12m"}
    found = compared(four_months, **arguments, date=date, baseline=baseline)["comparison"]["what_changed"]
    assert found["usage_per_hour"] == {"unit": "cores", **usage}
    assert (found["capacity_per_hour"], found["rate_per_hour"]) == (capacity, rate)
    assert found["cluster_share_pct"] == share
    assert found["amount_per_hour"] == (MONEY[what] if cost_model == "costs" else usage)


@pytest.mark.requirement("KL-T-15")
@pytest.mark.parametrize("what", CHANGES)
def test_each_cause_of_a_change_of_the_whole_bill_is_told_by_metric(four_months: Dataset, what: str) -> None:
    date, baseline, usage, capacity, rate, share = CHANGES[what]
    arguments = {"metric": "total", "cost_model": "costs", "scale": "monthly_12m"}
    found = compared(four_months, **arguments, date=date, baseline=baseline)["comparison"]["what_changed"]
    assert (found["amount_per_hour"], found["rate_per_hour"]) == (MONEY[what], rate)
    (cpu,) = found["by_metric"]  # nothing is paid for memory
    assert cpu == {
        "metric": "cpu",
        "usage_per_hour": {"unit": "cores", **usage},
        "amount_per_hour": MONEY[what],
        "capacity_per_hour": capacity,
        "cluster_share_pct": share,
        "metric_rate_per_hour": rate,
    }


def test_the_trend_tells_what_changed_from_its_first_to_its_last_month(four_months: Dataset) -> None:
    answer = compared(four_months, metric="cpu", cost_model="costs")
    # 4, 5, 2.5 and 3.75 an hour: a line that falls by 0.325 a month (Σ(x - 1.5)(y - 3.8125) / 5), over 3 months 0.975
    assert (answer["trend"]["rise_pct"], answer["trend"]["direction"]) == (pytest.approx(-25.5738), "decreasing")
    assert answer["what_changed"]["amount_per_hour"] == MONEY["all three"]
    assert answer["what_changed"]["usage_per_hour"] == {"unit": "cores", **change(4, 5, 25)}


@pytest.mark.requirement("KL-T-13")
def test_a_month_with_a_gap_and_two_rates_is_told_by_its_priced_hours(tmp_path: Path) -> None:
    """Installed on 6 January; 5.00 from the 11th, 10.00 from the 21st: 240 and 264 hours. 4 of 10 cores throughout."""
    samples = hourly(using(4.0), "2026-01-06", "2026-03-02")
    dataset = filed(tmp_path, samples, charging("2026-01-11", 5.0), charging("2026-01-21", 10.0))
    answer = compared(dataset, metric="cpu")
    changed = answer["what_changed"]
    # (240 x 5 + 264 x 10) / 504 and 0.4 of it
    assert changed["rate_per_hour"] == change(7.61905, 10, 31.25)
    assert changed["amount_per_hour"] == change(3.04762, 4, 31.25)
    assert changed["cluster_share_pct"] == change(40, 40, 0)
    assert changed["usage_per_hour"] == {"unit": "cores", **change(4, 4, 0)}
    # 0.95238 over a mean of 3.52381
    assert (answer["trend"]["direction"], answer["trend"]["rise_pct"]) == ("growing", 27.027)


@pytest.mark.requirement("KL-T-13")
def test_costs_of_a_month_priced_and_measured_in_part_are_told_by_the_hours_with_both(tmp_path: Path) -> None:
    """Usage from 11 January on, a rate from the 13th, and on the 21st a day without metrics: 432 hours have a cost."""
    blind = replace(using(4.0), metrics=False)
    samples = hourly(blind, "2026-01-01", "2026-01-11") + hourly(using(4.0), "2026-01-11", "2026-01-21")
    samples += hourly(blind, "2026-01-21", "2026-01-22") + hourly(using(4.0), "2026-01-22", "2026-03-02")
    dataset = filed(tmp_path, samples, charging("2026-01-13", 10.0))
    answer = compared(dataset, metric="cpu")
    assert answer["monthly_12m"]["series"][0]["value"] == 4 * 432  # 31 days without 12, and without one
    assert answer["what_changed"]["amount_per_hour"] == change(4, 4, 0)
    assert answer["what_changed"]["cluster_share_pct"] == change(40, 40, 0)
    assert (answer["trend"]["direction"], answer["trend"]["rise_pct"]) == ("stable", 0)


@pytest.mark.requirement("KL-T-13")
def test_hours_charged_in_another_currency_have_no_price(tmp_path: Path) -> None:
    """10 € an hour until the 16th of January and 10 $ from then on: 15 days are euros, 384 hours dollars."""
    samples = hourly(using(4.0), "2026-01-01", "2026-03-02")
    dataset = filed(tmp_path, samples, charging("2026-01-01", 10.0, "€"), charging("2026-01-16", 10.0))
    answer = compared(dataset, metric="cpu")
    assert [month["value"] for month in answer["monthly_12m"]["series"][:2]] == [4 * 384, 4 * 672]
    assert answer["what_changed"]["amount_per_hour"] == change(4, 4, 0)
    assert answer["what_changed"]["rate_per_hour"] == change(10, 10, 0)
    assert answer["what_changed"]["usage_per_hour"] == {"unit": "cores", **change(4, 4, 0)}


@pytest.mark.requirement("KL-T-13")
@pytest.mark.parametrize("cost_model", ["cumulative", "normalized"])
def test_gpu_memory_is_a_share_of_the_hours_in_which_an_exporter_told_its_capacity(
    tmp_path: Path, cost_model: str
) -> None:
    """Exporters are configured on 11 January: 10 of 30 GiB of framebuffer from then on."""
    train = work("ml", "train-0", cores=2.0, asked="4", node="gpu-node-1", gpu={"nvidia.com/gpu": "1"})
    well = Told([train], [machine("gpu-node-1", gpu={"nvidia.com/gpu": "2"})], exporters=[PAGE], dcgm=True)
    samples = hourly(replace(well, dcgm=False), "2026-01-01", "2026-01-11")
    dataset = filed(tmp_path, samples + hourly(well, "2026-01-11", "2026-03-02"))
    answer = compared(dataset, metric="gpu_memory", cost_model=cost_model, namespace="ml")
    changed = answer["what_changed"]
    assert changed["usage_per_hour"] == {"unit": "GiB", **change(10, 10, 0)}
    assert changed["capacity_per_hour"] == change(30, 30, 0)
    assert changed["cluster_share_pct"] == change(33.3333, 33.3333, 0)
    assert (answer["trend"]["direction"], answer["trend"]["rise_pct"]) == ("stable", 0)
