"""Money: hour by hour, with the rate and the weights in force at that hour, to the cent.

`web` uses 5 of 10 cores and 10 of 40 GiB unless told otherwise. At the default prices of 0.031611 per core-hour and
0.004237 per GiB-hour the 10 cores are worth 0.31611 and the 40 GiB 0.16948, so that cpu has 0.31611 / 0.48559 = 65.1 %
of the rate.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from collector.books.hour_closing import Bookkeeper
from collector.store.rates import RateChange, RateHistory, record
from collector.store.store import Store
from tests.rules.telling import HOUR, Told, at, collected, column, machine, published, special, ticks, work
from tests.support.books import documents

START = "2026-11-21T00:00"
CPU_ONLY = {"cpu": 1.0, "memory": 0.0, "gpu": 0.0}
WEB = work("web", cores=5.0, gib=10.0, asked="8", asked_memory="20Gi")


def told(*, of: float = 10.0) -> Told:
    return Told([WEB], [machine(cores=of, gib=4 * of)])


def hours(count: int, start: str = START, **changes: Any) -> list[Any]:
    return ticks(told(**changes), start, at(start) + count * HOUR, HOUR)


def money(document: dict[str, Any], metric: str = "cpu") -> list[float | None]:
    """Cost of web, to the cent."""
    return [None if value is None else round(value, 2) for value in column(document, "web", "cost", metric)]


def rate(start: str, amount: float, weights: dict[str, float] | None = None, currency: str = "$") -> RateChange:
    return RateChange(at(start), amount, currency, weights)


def rows_of(document: dict[str, Any], place: int) -> float:
    """Everything that is charged of a bucket, over all rows and metrics."""
    rows = [*document["namespaces"].values(), *document["special"].values()]
    return sum(row[m]["cost"][place] or 0.0 for row in rows for m in ("cpu", "memory", "gpu") if m in row)


def test_capacity_that_doubles_in_office_hours_is_charged_to_the_cent(tmp_path: Path) -> None:
    """10 cores by night, and a second node of 10 from 07:00 to 19:00; web always uses 5; 6.00 an hour, all on cpu.

    12 x 6.00 x 5/10 + 12 x 6.00 x 5/20 = 36.00 + 18.00 = 54.00 a day. From the day's sums it would be
    144.00 x 120 / 360 = 48.00: 11 % too little. A working week: 5 x 54.00 = 270.00.
    """
    small = Told([WEB], [machine("n1")])
    large = Told([WEB], [machine("n1"), machine("n2")])
    samples = []
    for day in range(2, 7):
        dawn, dusk = f"2026-11-{day:02}T07:00", f"2026-11-{day:02}T19:00"
        samples += ticks(small, f"2026-11-{day:02}T00:00", dawn, 900)
        samples += ticks(large, dawn, dusk, 900)
        samples += ticks(small, dusk, f"2026-11-{day + 1:02}T00:00", 900)
    found = published(tmp_path, samples, rate("2026-11-01T00:00", 6.0, CPU_ONLY))
    assert money(found["daily_14d"]) == [54.00] * 5
    assert money(found["monthly_12m"]) == [270.00]
    assert found["monthly_12m"]["bill"]["cpu"] == pytest.approx([5 * 144.00])
    assert rows_of(found["monthly_12m"], 0) == pytest.approx(720.00)
    # Hours are left to the reader: usage x bill / capacity.
    hourly = found["hourly_7d"]
    each = zip(column(hourly, "web"), hourly["bill"]["cpu"], hourly["capacity"]["cpu"], strict=True)
    assert round(sum((used or 0.0) * bill / whole for used, bill, whole in each), 2) == 270.00


def test_the_default_weights_split_the_rate_by_capacity_at_default_prices(tmp_path: Path) -> None:
    # 10.00 an hour for 24 hours: cpu 240 x 0.31611 / 0.48559 = 156.24, half of it web's; memory 83.76, a quarter.
    daily = published(tmp_path, hours(24), rate(START, 10.0))["daily_14d"]
    assert [round(daily["bill"][metric][0], 2) for metric in ("cpu", "memory")] == [156.24, 83.76]
    assert (money(daily), money(daily, "memory")) == ([78.12], [20.94])
    assert rows_of(daily, 0) == pytest.approx(240.00)


def test_each_hour_has_the_rate_and_the_weights_in_force(tmp_path: Path) -> None:
    """Six hours: two before any rate, two at 10.00 on cpu only, one at 16.00 with 0.75 / 0.25, one at 20.00 likewise.

    web has half of the cpu and a quarter of the memory: cpu 2 x 5 + 6 + 7.50 = 23.50; memory 0 + 1 + 1.25 = 2.25.
    """
    later = {"cpu": 0.75, "memory": 0.25, "gpu": 0.0}
    history = (
        rate("2026-11-21T02:00", 10.0, CPU_ONLY),
        rate("2026-11-21T04:00", 16.0, later),
        rate("2026-11-21T05:00", 20.0, later),
    )
    found = published(tmp_path, hours(6), *history)
    hourly, daily = found["hourly_7d"], found["daily_14d"]
    assert hourly["bill"]["cpu"] == [None, None, 10.0, 10.0, 12.0, 15.0]
    assert hourly["bill"]["memory"] == [None, None, 0.0, 0.0, 4.0, 5.0]
    assert (money(daily), money(daily, "memory")) == ([23.50], [2.25])
    assert daily["bill"] == {"cpu": [47.0], "memory": [9.0]}
    assert rows_of(daily, 0) == pytest.approx(56.0)


def test_a_rate_set_in_mid_hour_takes_effect_at_the_next_full_hour(tmp_path: Path) -> None:
    # 6.00 from the first tick's hour on; at 01:25 the collector is started with 12.00: that holds from 02:00 on.
    weights = {"billing_resource_weights": CPU_ONLY, "billing_hourly_rate": 6.0}
    first = [(at(START) + 300 * step, told()) for step in range(1, 18)]
    second = [(at(START) + 300 * step, told()) for step in range(18, 37)]
    collected(tmp_path, first, **weights)
    data = collected(tmp_path, second, **{**weights, "billing_hourly_rate": 12.0})
    manifest = orjson.loads((data / "dataset.json").read_bytes())
    assert [(each["effective"], each["rate"]) for each in manifest["rates"]] == [
        ("2026-11-21T00:00:00Z", 6.0),
        ("2026-11-21T02:00:00Z", 12.0),
    ]
    hourly = orjson.loads((data / manifest["files"]["hourly_7d"]["name"]).read_bytes())
    assert hourly["bill"]["cpu"] == pytest.approx([6.0, 6.0, 12.0])
    daily = orjson.loads((data / manifest["files"]["daily_14d"]["name"]).read_bytes())
    # Half of 6 + 6 + 12.
    assert money(daily) == [12.0]


def test_a_first_rate_does_not_price_the_hours_before_it(tmp_path: Path) -> None:
    # The store has three hours when the first rate is set at 03:10: 04:00 is the first hour with a cost.
    history: RateHistory = record((), 10.0, "$", CPU_ONLY, now=at("2026-11-21T03:10"), has_samples=True)
    daily = published(tmp_path, hours(6), *history)["daily_14d"]
    assert history[0].effective == at("2026-11-21T04:00")
    assert money(daily) == [10.0]
    assert daily["bill"]["cpu"] == [20.0]


def test_a_rate_that_ends_leaves_the_money_of_before(tmp_path: Path) -> None:
    history = record((), 10.0, "$", CPU_ONLY, now=at(START), has_samples=False)
    history = record(history, None, "$", None, now=at("2026-11-21T03:00"), has_samples=True)
    daily = published(tmp_path, hours(6), *history)["daily_14d"]
    assert (money(daily), daily["bill"]["cpu"]) == ([15.0], [30.0])


def test_hours_after_the_rate_was_removed_have_unknown_cost_and_not_zero(tmp_path: Path) -> None:
    # 10.00 from 00:00 on, unset at 03:25: the hours from 04:00 on have no price, as those before a first rate.
    history = record((), 10.0, "$", CPU_ONLY, now=at(START), has_samples=False)
    history = record(history, None, "$", None, now=at("2026-11-21T03:25"), has_samples=True)
    hourly = published(tmp_path, hours(6), *history)["hourly_7d"]
    assert hourly["bill"]["cpu"] == [10.0, 10.0, 10.0, 10.0, None, None]
    assert hourly["bill"]["memory"] == [0.0, 0.0, 0.0, 0.0, None, None]


def test_days_after_the_rate_was_removed_have_unknown_cost_and_not_zero(tmp_path: Path) -> None:
    history = (rate(START, 10.0, CPU_ONLY), rate("2026-11-22T00:00", 0.0, None))
    found = published(tmp_path, hours(48), *history)
    # Half of 24 x 10.00.
    assert (money(found["daily_14d"]), found["daily_14d"]["bill"]["cpu"]) == ([120.0, None], [240.0, None])
    assert (money(found["monthly_12m"]), found["monthly_12m"]["bill"]["cpu"]) == ([120.0], [240.0])


def test_the_rates_of_two_currencies_are_never_added(tmp_path: Path) -> None:
    history = (rate(START, 10.0, CPU_ONLY), rate("2026-11-22T00:00", 8.0, CPU_ONLY, "€"))
    found = published(tmp_path, hours(48), *history)
    assert money(found["daily_14d"]) == [None, 96.0]
    assert money(found["monthly_12m"]) == [96.0]


def test_an_hour_that_was_not_observed_costs_nothing_and_is_not_billed(tmp_path: Path) -> None:
    # 24 hours at 10.00 of which two are missing: 220.00 are billed.
    samples = [*hours(10), *hours(12, "2026-11-21T12:00")]
    daily = published(tmp_path, samples, rate(START, 10.0, CPU_ONLY))["daily_14d"]
    assert (money(daily), daily["bill"]["cpu"]) == ([110.0], [220.0])
    assert daily["observed_hours"] == [22.0]


def test_hours_whose_usage_is_unknown_are_billed_as_unmeasured(tmp_path: Path) -> None:
    # Of four hours at 10.00 one has no metrics: web 3 x 5, idle 3 x 5, unmeasured 10.
    blind = replace(told(), metrics=False)
    samples = [*hours(3), *ticks(blind, "2026-11-21T03:00", "2026-11-21T04:00", HOUR)]
    daily = published(tmp_path, samples, rate(START, 10.0, CPU_ONLY))["daily_14d"]
    assert money(daily) == [15.0]
    assert special(daily, "idle", "cpu", "cost") == [pytest.approx(15.0)]
    assert special(daily, "unmeasured", "cpu", "cost") == [pytest.approx(10.0)]
    assert daily["bill"]["cpu"] == [pytest.approx(40.0)]


def test_usage_beyond_allocatable_is_charged_and_idle_is_a_credit(tmp_path: Path) -> None:
    # 10 cores of which 4 are reserved; 7 used of 6 allocatable. At 10.00: web 7, non-allocatable 4, idle -1.
    busy = Told([work("web", cores=7.0)], [machine(cores=10, reserved_cores=4)])
    daily = published(tmp_path, ticks(busy, START, "2026-11-21T01:00"), rate(START, 10.0, CPU_ONLY))["daily_14d"]
    assert money(daily) == [7.0]
    assert special(daily, "idle") == [-1.0]
    assert special(daily, "idle", "cpu", "cost") == [pytest.approx(-1.0)]
    assert special(daily, "non-allocatable", "cpu", "cost") == [pytest.approx(4.0)]


@pytest.mark.parametrize("cost_model", ["CUMULATIVE_RATIO", "RATIO", "CHARGE_BACK"])
def test_cost_is_published_whenever_there_is_a_rate_whatever_the_model(tmp_path: Path, cost_model: str) -> None:
    story = [(at(START) + 300 * step, told()) for step in (1, 2, 3)]
    data = collected(
        tmp_path,
        story,
        cost_model=cost_model,
        billing_hourly_rate=12.0,
        billing_resource_weights=CPU_ONLY,
        billing_currency="€",
    )
    manifest = orjson.loads((data / "dataset.json").read_bytes())
    assert (manifest["cost_model"], manifest["currency"]) == (cost_model, "€")
    daily = orjson.loads((data / manifest["files"]["daily_14d"]["name"]).read_bytes())
    # A quarter of an hour at 12.00, half of it web's.
    assert money(daily) == [1.5]


def test_a_month_costs_the_same_whether_it_is_kept_hour_by_hour_or_read_at_once(tmp_path: Path) -> None:
    # 30 days, 720 hours at 10.00, growing to 20 cores in mid-month: 360 x 5 + 360 x 2.50 = 2700.00.
    history = (rate("2026-11-01T00:00", 10.0, CPU_ONLY),)
    with Store.open(tmp_path) as store:
        keeper = Bookkeeper(store)
        for day in range(1, 31):
            store.append(hours(24, f"2026-11-{day:02}T00:00", of=10.0 if day <= 15 else 20.0))
            kept = keeper.books(history)
        anew = Bookkeeper(store).books(history)
    assert money(documents(kept)["monthly_12m"]) == money(documents(anew)["monthly_12m"]) == [2700.00]
