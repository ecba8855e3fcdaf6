"""The published books of a real store; every expected number is computed in the test."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from collector.books.hour_closing import Bookkeeper, Books
from collector.books.page import CPU, GPU, GPU_MEMORY, MEMORY
from collector.model import Entry, StoredSpecial, TickSample
from collector.publish.scale_document import metrics_present
from collector.store.rates import RateChange
from collector.store.store import Store
from tests.support.books import books_after, documents
from tests.support.samples import entry, failed_tick, tick

CPU_ONLY = {"cpu": 1.0, "memory": 0.0, "gpu": 0.0}


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def hours(first: str, count: int, **namespaces: float) -> list[TickSample]:
    """One tick for each of `count` hours from `first` on; constant cores per namespace."""
    named = {name: entry(cores, cpu_requests=2 * cores) for name, cores in namespaces.items()}
    return [tick(at(first) + 3600 * (hour + 1), named, interval=3600) for hour in range(count)]


def steps(first: str, count: int, **namespaces: float) -> list[TickSample]:
    """One tick for each of `count` 5-minute steps from `first` on."""
    named = {name: entry(cores, cpu_requests=2 * cores) for name, cores in namespaces.items()}
    return [tick(at(first) + 300 * (step + 1), named) for step in range(count)]


def scales(tmp_path: Path, samples: list[TickSample], *rates: RateChange) -> dict[str, Any]:
    return documents(books_after(tmp_path, samples, rates))


def test_the_open_hour_is_the_sum_of_its_steps(tmp_path: Path) -> None:
    # Hour 13 closed with 3 cores; then 5 steps with 6 cores: 5 x 6 / 12 = 2.5 core-hours of 5/12 h.
    published = scales(tmp_path, steps("2026-11-21T13:00", 12, a=3.0) + steps("2026-11-21T14:00", 5, a=6.0))
    hourly = published["hourly_7d"]
    assert hourly["buckets"] == ["2026-11-21T13:00:00Z", "2026-11-21T14:00:00Z"]
    assert hourly["complete"] == [True, False]
    assert hourly["elapsed_hours"] == pytest.approx([1.0, 5 / 12])
    assert hourly["observed_hours"] == pytest.approx([1.0, 5 / 12])
    assert hourly["namespaces"]["a"]["cpu"]["usage"] == pytest.approx([3.0, 2.5])
    assert hourly["namespaces"]["a"]["cpu"]["requests"] == pytest.approx([6.0, 5.0])
    # 10 cores: 10 - 3 = 7 idle; 5 x (10 - 6) / 12 = 1.6667.
    assert hourly["special"]["idle"]["cpu"]["usage"] == pytest.approx([7.0, 20 / 12])


@pytest.mark.requirement("KL-D-5")
def test_the_open_day_and_month_end_with_the_last_tick(tmp_path: Path) -> None:
    # 13 closed hours of 3 cores and 5 steps of 6: 39 + 2.5 core-hours.
    published = scales(tmp_path, hours("2026-11-21T00:00", 13, a=3.0) + steps("2026-11-21T13:00", 5, a=6.0))
    for name in ("daily_14d", "monthly_12m"):
        document = published[name]
        assert document["complete"] == [False]
        assert document["namespaces"]["a"]["cpu"]["usage"] == pytest.approx([41.5])
        assert document["observed_hours"] == pytest.approx([13 + 5 / 12])
    assert published["daily_14d"]["elapsed_hours"] == pytest.approx([13 + 5 / 12])
    assert published["monthly_12m"]["buckets"] == ["2026-11-01T00:00:00Z"]
    # The month began 20 days before the first sample: expected, but not observed.
    assert published["monthly_12m"]["elapsed_hours"] == pytest.approx([480 + 13 + 5 / 12])
    assert published["monthly_12m"]["coverage"]["kubernetes"] == pytest.approx([(13 + 5 / 12) / (493 + 5 / 12)])


def test_a_start_in_the_middle_of_an_hour_is_known_from_half_an_hour_on(tmp_path: Path) -> None:
    # First tick at 13:35 stands for 13:30 to 13:35: 6 of 12 steps are observed, just enough.
    published = scales(tmp_path, steps("2026-11-21T13:30", 7, a=3.0))
    assert published["hourly_7d"]["namespaces"]["a"]["cpu"]["usage"] == pytest.approx([3.0, 0.25])
    assert published["hourly_7d"]["coverage"]["kubernetes"] == pytest.approx([0.5, 1.0])


def test_a_start_with_less_than_half_of_the_hour_left_leaves_it_unknown(tmp_path: Path) -> None:
    published = scales(tmp_path, steps("2026-11-21T13:35", 6, a=3.0))
    assert published["hourly_7d"]["namespaces"]["a"]["cpu"]["usage"] == [None, pytest.approx(0.25)]
    assert published["hourly_7d"]["observed_hours"] == pytest.approx([0.0, 1 / 12])
    assert published["hourly_7d"]["coverage"]["kubernetes"] == pytest.approx([5 / 12, 1.0])
    assert published["hourly_7d"]["special"]["idle"]["cpu"]["usage"] == [None, pytest.approx(7 / 12)]


def test_a_namespace_born_at_20_past_used_8_of_12_core_hours(tmp_path: Path) -> None:
    samples = steps("2026-11-21T13:00", 4, a=1.0) + steps("2026-11-21T13:20", 8, a=1.0, b=12.0)
    hourly = scales(tmp_path, samples)["hourly_7d"]
    # 12 cores in 8 of 12 steps.
    assert hourly["namespaces"]["b"]["cpu"]["usage"] == pytest.approx([8.0])


def test_a_namespace_that_ended_is_zero_until_it_comes_back(tmp_path: Path) -> None:
    samples = hours("2026-11-21T00:00", 2, a=1.0, b=2.0)
    samples += hours("2026-11-21T02:00", 2, a=1.0) + hours("2026-11-21T04:00", 1, a=1.0, b=4.0)
    hourly = scales(tmp_path, samples)["hourly_7d"]
    assert hourly["namespaces"]["b"]["cpu"]["usage"] == pytest.approx([2.0, 2.0, 0.0, 0.0, 4.0])
    assert hourly["namespaces"]["b"]["cpu"]["requests"] == pytest.approx([4.0, 4.0, 0.0, 0.0, 8.0])


def test_an_outage_of_three_days_is_unknown_and_named_by_coverage(tmp_path: Path) -> None:
    # 17 November whole, 18 to 20 missing, 21 whole: the month sums 2 x 24 hours of 3 cores.
    samples = hours("2026-11-17T00:00", 24, a=3.0) + hours("2026-11-21T00:00", 24, a=3.0)
    published = scales(tmp_path, samples)
    daily = published["daily_14d"]
    assert daily["buckets"] == [f"2026-11-{day}T00:00:00Z" for day in range(17, 22)]
    assert daily["observed_hours"] == pytest.approx([24.0, 0.0, 0.0, 0.0, 24.0])
    assert daily["coverage"]["kubernetes"] == pytest.approx([1.0, 0.0, 0.0, 0.0, 1.0])
    assert daily["namespaces"]["a"]["cpu"]["usage"] == [pytest.approx(72.0), None, None, None, pytest.approx(72.0)]
    assert daily["special"]["idle"]["cpu"]["usage"] == [pytest.approx(168.0), None, None, None, pytest.approx(168.0)]
    assert published["monthly_12m"]["namespaces"]["a"]["cpu"]["usage"] == pytest.approx([144.0])
    assert published["monthly_12m"]["observed_hours"] == pytest.approx([48.0])


def test_failed_ticks_lower_coverage_and_leave_the_mean_of_the_rest(tmp_path: Path) -> None:
    # Steps 1 to 9 with 4 cores, 3 failed: the hour's mean is 4 over the known ones.
    start = at("2026-11-21T13:00")
    samples = steps("2026-11-21T13:00", 9, a=4.0) + [failed_tick(start + 300 * step) for step in (10, 11, 12)]
    hourly = scales(tmp_path, samples)["hourly_7d"]
    assert hourly["namespaces"]["a"]["cpu"]["usage"] == pytest.approx([4.0])
    assert hourly["coverage"]["kubernetes"] == pytest.approx([0.75])
    assert hourly["observed_hours"] == pytest.approx([1.0])


def test_metrics_missing_in_the_open_hour_leave_requests_matched_and_unmeasured(tmp_path: Path) -> None:
    # 2 steps measured (3 of 10 cores), 2 not: usage 2 x 3/12 = 0.5, requests 4 x 6/12 = 2, matched 2 x 6/12 = 1;
    # idle 2 x 7/12, unmeasured 2 x 10/12.
    start = at("2026-11-21T13:00")
    blind = {"a": entry(None, None, cpu_requests=6.0, measured=None)}
    samples = steps("2026-11-21T13:00", 2, a=3.0)
    samples += [tick(start + 300 * step, blind, metrics=False) for step in (3, 4)]
    published = scales(tmp_path, samples)
    for document in published.values():
        amounts = document["namespaces"]["a"]["cpu"]
        assert amounts["usage"] == pytest.approx([0.5])
        assert amounts["requests"] == pytest.approx([2.0])
        assert amounts["requests_matched"] == pytest.approx([1.0])
        assert amounts["usage_hours"] == pytest.approx([2 / 12])
        assert document["special"]["idle"]["cpu"]["usage"] == pytest.approx([14 / 12])
        assert document["special"]["unmeasured"]["cpu"]["usage"] == pytest.approx([20 / 12])
    assert published["hourly_7d"]["coverage"]["metrics"] == pytest.approx([0.5])


def test_requests_matched_is_left_out_of_hours_that_are_measured(tmp_path: Path) -> None:
    published = scales(tmp_path, hours("2026-11-21T00:00", 3, a=3.0))
    assert "requests_matched" not in published["hourly_7d"]["namespaces"]["a"]["cpu"]
    assert published["daily_14d"]["namespaces"]["a"]["cpu"]["requests_matched"] == pytest.approx([18.0])
    assert "unmeasured" not in published["daily_14d"]["special"]
    assert "usage_hours" not in published["daily_14d"]["namespaces"]["a"]["cpu"]


def test_coverage_of_a_namespace_is_listed_where_pods_were_missing(tmp_path: Path) -> None:
    # Three quarters of b's pods in both hours, all of a's.
    both = {"a": entry(1.0), "b": entry(1.0, measured=0.75)}
    samples = [tick(at("2026-11-21T00:00") + 3600 * hour, both, interval=3600) for hour in (1, 2)]
    for document in scales(tmp_path, samples).values():
        assert "coverage" not in document["namespaces"]["a"]
    daily = scales(tmp_path / "again", samples)["daily_14d"]
    assert daily["namespaces"]["b"]["coverage"] == pytest.approx([0.75])


def test_gpu_columns_are_there_only_where_there_is_a_gpu(tmp_path: Path) -> None:
    named = {"web": entry(1.0), "ml": entry(1.0, gpu=(0.5, 1.0), gpu_gib=20.0)}
    samples = [tick(at("2026-11-21T01:00"), named, interval=3600, gpu=2.0, gpu_gib=80.0, dcgm=True)]
    books = books_after(tmp_path, samples)
    assert metrics_present(books.longest) == (CPU, MEMORY, GPU, GPU_MEMORY)
    hourly = documents(books)["hourly_7d"]
    assert set(hourly["namespaces"]["web"]) == {"cpu", "memory"}
    assert hourly["namespaces"]["ml"]["gpu"] == {"usage": [0.5], "requests": [1.0]}
    assert hourly["namespaces"]["ml"]["gpu_memory"] == {"usage": [20.0], "requests": [None]}
    assert hourly["special"]["idle"]["gpu"]["usage"] == [1.5]
    assert hourly["coverage"]["dcgm"] == [1.0]


def test_without_an_exporter_gpu_usage_is_unknown_and_requests_count(tmp_path: Path) -> None:
    named = {"web": entry(1.0), "ml": entry(1.0, gpu=(None, 1.0))}
    samples = [tick(at("2026-11-21T01:00"), named, interval=3600, gpu=2.0)]
    books = books_after(tmp_path, samples)
    assert metrics_present(books.longest) == (CPU, MEMORY, GPU)
    hourly = documents(books)["hourly_7d"]
    assert hourly["namespaces"]["ml"]["gpu"] == {"usage": [None], "requests": [1.0], "usage_hours": [0.0]}
    assert hourly["special"]["idle"]["gpu"]["usage"] == [None]
    assert hourly["special"]["unmeasured"] == {"gpu": {"usage": [2.0]}}
    assert hourly["coverage"]["dcgm"] == [None]


def test_coverage_of_an_exporter_counts_from_when_it_was_configured(tmp_path: Path) -> None:
    # Two steps without an exporter, two answered, one failed: 2 of 3.
    start, named = at("2026-11-21T13:00"), {"a": entry(1.0)}
    answers = [None, None, True, True, False]
    samples = [tick(start + 300 * (step + 1), named, dcgm=answer) for step, answer in enumerate(answers)]
    assert scales(tmp_path, samples)["hourly_7d"]["coverage"]["dcgm"] == pytest.approx([2 / 3])


def test_coverage_of_an_exporter_configured_inside_an_hour_is_exact_in_days_too(tmp_path: Path) -> None:
    """Configured from 13:20 on: answers to 13:50, failure to 14:00, answers to 15:00.

    Of the hour from 13:00 (12 - 4) steps are expected and 6 answered, of the two hours (24 - 4) and 18. The day is
    12 h old at noon, of which the store knows from 13:00 on: 180 steps to 15:00 less the 4 without the setting.
    """
    start, named = at("2026-11-21T13:00"), {"a": entry(1.0)}
    answers = [None] * 4 + [True] * 6 + [False] * 2 + [True] * 12
    samples = [tick(start + 300 * (step + 1), named, dcgm=answer) for step, answer in enumerate(answers)]
    found = scales(tmp_path, samples)
    assert found["hourly_7d"]["coverage"]["dcgm"] == pytest.approx([6 / 8, 1.0])
    assert found["daily_14d"]["coverage"]["dcgm"] == pytest.approx([18 / 176])


def test_an_entry_of_unknown_usage_is_listed_though_it_requests_nothing(tmp_path: Path) -> None:
    lost: dict[StoredSpecial, Entry] = {"unattributed": entry(0.0, gpu=(None, 0.0))}
    samples = [tick(at("2026-11-21T01:00"), {"a": entry(1.0)}, interval=3600, gpu=2.0, dcgm=False, special=lost)]
    special = scales(tmp_path, samples)["hourly_7d"]["special"]
    assert special["unattributed"] == {"gpu": {"usage": [None]}}
    assert special["unmeasured"]["gpu"]["usage"] == [2.0]


def test_a_cluster_without_gpus_lists_neither_gpu_metric(tmp_path: Path) -> None:
    assert metrics_present(books_after(tmp_path, hours("2026-11-21T00:00", 1, a=1.0)).longest) == (CPU, MEMORY)


def test_excluded_namespaces_are_a_special_entry_with_requests(tmp_path: Path) -> None:
    hidden = entry(2.0, cpu_requests=3.0)
    samples = [tick(at("2026-11-21T01:00"), {"a": entry(1.0)}, interval=3600, special={"excluded": hidden})]
    special = scales(tmp_path, samples)["hourly_7d"]["special"]
    assert special["excluded"]["cpu"] == {"usage": [2.0], "requests": [3.0]}
    assert special["idle"]["cpu"]["usage"] == [7.0]


def test_a_special_entry_that_was_always_zero_is_left_out(tmp_path: Path) -> None:
    samples = [tick(at("2026-11-21T01:00"), {"a": entry(1.0)}, interval=3600, special={"excluded": entry(0.0)})]
    assert set(scales(tmp_path, samples)["hourly_7d"]["special"]) == {"non-allocatable", "idle"}


@pytest.mark.requirement("KL-D-9")
def test_namespaces_may_be_called_like_special_entries(tmp_path: Path) -> None:
    names = {"idle": 1.0, "non-allocatable": 2.0, "excluded": 3.0}
    hourly = scales(tmp_path, hours("2026-11-21T00:00", 1, **names))["hourly_7d"]
    assert {name: row["cpu"]["usage"] for name, row in hourly["namespaces"].items()} == {
        "excluded": [3.0],
        "idle": [1.0],
        "non-allocatable": [2.0],
    }
    assert hourly["special"]["idle"]["cpu"]["usage"] == [4.0]


def test_a_namespace_is_listed_in_the_scales_whose_window_it_lived_in(tmp_path: Path) -> None:
    samples = hours("2025-10-20T00:00", 24, older=1.0, a=1.0)
    samples += hours("2025-12-31T00:00", 24, old=1.0, a=1.0)
    samples += hours("2026-11-10T00:00", 24, recent=1.0, a=1.0) + hours("2026-11-21T00:00", 24, a=1.0)
    books = books_after(tmp_path, samples)
    published = documents(books)
    # The window of the months begins with November 2025, that of the days on 8 November, that of the hours on the 15th.
    assert books.namespaces == ("a", "old", "recent")
    assert list(published["monthly_12m"]["namespaces"]) == ["a", "old", "recent"]
    assert list(published["daily_14d"]["namespaces"]) == ["a", "recent"]
    assert list(published["hourly_7d"]["namespaces"]) == ["a"]


def test_months_have_their_real_lengths_over_a_leap_day_and_a_year_turn(tmp_path: Path) -> None:
    # One core from 1 December 2023 to 1 March 2024: 31, 31 and 29 days.
    published = scales(tmp_path, hours("2023-12-01T00:00", (31 + 31 + 29) * 24, a=1.0))
    monthly = published["monthly_12m"]
    assert monthly["buckets"] == ["2023-12-01T00:00:00Z", "2024-01-01T00:00:00Z", "2024-02-01T00:00:00Z"]
    assert monthly["complete"] == [True, True, True]
    assert monthly["elapsed_hours"] == [744.0, 744.0, 696.0]
    assert monthly["namespaces"]["a"]["cpu"]["usage"] == pytest.approx([744.0, 744.0, 696.0])
    assert len(published["daily_14d"]["buckets"]) == 14
    assert len(published["hourly_7d"]["buckets"]) == 168


def test_a_cluster_that_grows_in_mid_month_is_summed_hour_by_hour(tmp_path: Path) -> None:
    # 24 hours of 10 cores, then 24 of 30: 960 core-hours of capacity, of which 48 x 5 are used.
    day, month = at("2026-11-01T00:00"), {"a": entry(5.0)}
    samples = [tick(day + 3600 * (n + 1), month, interval=3600, cpu=10.0 if n < 24 else 30.0) for n in range(48)]
    monthly = scales(tmp_path, samples)["monthly_12m"]
    assert monthly["capacity"]["cpu"] == pytest.approx([960.0])
    assert monthly["special"]["idle"]["cpu"]["usage"] == pytest.approx([960.0 - 240.0])


def test_office_hours_with_twice_the_capacity_are_charged_to_the_cent_in_every_scale(tmp_path: Path) -> None:
    """10 cores of 20 by night and of 40 from 7 to 19, at 6.00 an hour: 12 x 3.00 + 12 x 1.50 = 54.00 a day."""
    day, team = at("2026-11-02T00:00"), {"team": entry(10.0)}
    samples = [
        tick(day + 3600 * (n + 1), team, interval=3600, cpu=40.0 if 7 <= n % 24 < 19 else 20.0) for n in range(48)
    ]
    rate = RateChange(day, 6.0, "$", CPU_ONLY)
    published = scales(tmp_path, samples, rate)
    costs = published["daily_14d"]["namespaces"]["team"]["cpu"]["cost"]
    assert [round(cost, 2) for cost in costs] == [54.00, 54.00]
    assert round(published["monthly_12m"]["namespaces"]["team"]["cpu"]["cost"][0], 2) == 108.00
    assert published["monthly_12m"]["bill"]["cpu"] == pytest.approx([288.0])
    hourly = published["hourly_7d"]
    assert "cost" not in hourly["namespaces"]["team"]["cpu"]
    # The hourly scale leaves cost to usage x bill / capacity.
    derived = [
        10.0 * bill / capacity for bill, capacity in zip(hourly["bill"]["cpu"], hourly["capacity"]["cpu"], strict=True)
    ]
    assert round(sum(derived), 2) == 108.00


def test_a_rate_that_changes_at_noon_prices_each_half_of_the_day_with_its_own(tmp_path: Path) -> None:
    # Half of the cluster: 12 hours x 2.00 x 0.5 + 12 hours x 5.00 x 0.5 = 12.00 + 30.00.
    changes = (
        RateChange(at("2026-11-02T00:00"), 2.0, "$", CPU_ONLY),
        RateChange(at("2026-11-02T12:00"), 5.0, "$", CPU_ONLY),
    )
    daily = scales(tmp_path, hours("2026-11-02T00:00", 24, a=5.0), *changes)["daily_14d"]
    assert daily["namespaces"]["a"]["cpu"]["cost"] == pytest.approx([42.0])
    assert daily["bill"] == {"cpu": pytest.approx([84.0]), "memory": [0.0]}


def test_the_open_hour_costs_its_elapsed_part(tmp_path: Path) -> None:
    # 3 of 12 steps at 12.00 an hour: 3.00, half of it for a.
    rate = RateChange(at("2026-11-02T00:00"), 12.0, "$", CPU_ONLY)
    published = scales(tmp_path, steps("2026-11-02T00:00", 3, a=5.0), rate)
    assert published["hourly_7d"]["bill"]["cpu"] == pytest.approx([3.0])
    assert published["daily_14d"]["namespaces"]["a"]["cpu"]["cost"] == pytest.approx([1.5])


def test_days_before_the_first_rate_have_no_cost(tmp_path: Path) -> None:
    rate = RateChange(at("2026-11-03T00:00"), 2.0, "$", CPU_ONLY)
    published = scales(tmp_path, hours("2026-11-02T00:00", 48, a=5.0), rate)
    assert published["daily_14d"]["namespaces"]["a"]["cpu"]["cost"] == [None, pytest.approx(24.0)]
    assert published["daily_14d"]["bill"]["cpu"] == [None, pytest.approx(48.0)]
    assert published["monthly_12m"]["namespaces"]["a"]["cpu"]["cost"] == pytest.approx([24.0])


def test_without_a_rate_there_is_neither_bill_nor_cost_nor_currency(tmp_path: Path) -> None:
    books = books_after(tmp_path, hours("2026-11-02T00:00", 2, a=5.0))
    assert books.currency is None
    for document in documents(books).values():
        assert document["bill"] == {}
        assert "cost" not in document["namespaces"]["a"]["cpu"]


def test_a_new_currency_reprices_what_was_kept(tmp_path: Path) -> None:
    changes = [
        RateChange(at("2026-11-02T00:00"), 2.0, "$", CPU_ONLY),
        RateChange(at("2026-11-04T00:00"), 1.0, "€", CPU_ONLY),
    ]
    with Store.open(tmp_path) as store:
        keeper = Bookkeeper(store)
        store.append(hours("2026-11-02T00:00", 48, a=5.0))
        before = keeper.books(changes)
        store.append(hours("2026-11-04T00:00", 24, a=5.0))
        after = keeper.books(changes)
    assert (before.currency, after.currency) == ("$", "€")
    assert documents(before)["daily_14d"]["namespaces"]["a"]["cpu"]["cost"] == pytest.approx([24.0, 24.0])
    # 24 hours x 1.00 x 0.5; dollars are not added to euros.
    assert documents(after)["daily_14d"]["namespaces"]["a"]["cpu"]["cost"] == [None, None, pytest.approx(12.0)]
    assert documents(after)["monthly_12m"]["namespaces"]["a"]["cpu"]["cost"] == pytest.approx([12.0])


def test_a_store_without_ticks_gives_empty_books(tmp_path: Path) -> None:
    books = books_after(tmp_path, [])
    assert books.namespaces == ()
    assert all(document["buckets"] == [] for document in documents(books).values())


def test_a_cluster_that_never_answered_has_buckets_of_unknowns(tmp_path: Path) -> None:
    hourly = scales(tmp_path, [failed_tick(at("2026-11-21T13:05"))])["hourly_7d"]
    assert hourly["observed_hours"] == [0.0]
    assert hourly["capacity"]["cpu"] == [None]
    assert hourly["coverage"] == {"kubernetes": [0.0], "metrics": [0.0], "dcgm": [None]}


@pytest.mark.parametrize(
    ("last", "hourly", "daily", "monthly"),
    [
        ("2026-12-01T00:00", (168, True), (14, True), (1, True)),
        ("2026-11-30T00:00", (168, True), (14, True), (1, False)),
        ("2026-11-30T01:00", (168, True), (15, False), (1, False)),
    ],
)
def test_a_last_tick_on_a_boundary_opens_no_bucket(
    tmp_path: Path, last: str, hourly: tuple[int, bool], daily: tuple[int, bool], monthly: tuple[int, bool]
) -> None:
    count = (at(last) - at("2026-11-10T00:00")) // 3600
    published = scales(tmp_path, hours("2026-11-10T00:00", count, a=1.0))
    found = [(len(document["buckets"]), document["complete"][-1]) for document in published.values()]
    assert found == [hourly, daily, monthly]
    assert published["monthly_12m"]["namespaces"]["a"]["cpu"]["usage"] == pytest.approx([float(count)])


def test_a_start_in_small_stretches_gives_the_same_books(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    samples = hours("2026-09-20T00:00", 30 * 24, a=1.0, b=2.0) + hours("2026-10-20T00:00", 30 * 24, a=3.0)
    rate = RateChange(at("2026-10-01T00:00"), 2.0, "$", None)
    whole = scales(tmp_path, samples, rate)
    monkeypatch.setattr("collector.books.lifetimes.MAX_STRETCH_CELLS", 1)
    again: Books
    with Store.open(tmp_path) as store:
        again = Bookkeeper(store).books([rate])
    assert documents(again) == whole
