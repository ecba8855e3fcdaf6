"""Intervals, outages and clocks: what is written for steps that nobody sampled, or sampled less often."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from collector.store.store import AppendReport, Store
from tests.collector.store.reading import capacity, coverage, requests, usage
from tests.support.samples import DAY, HOUR, NOON, STEP, entry, failed_tick, tick, ticks

WEB = {"web": entry(2.0, cpu_requests=4.0)}


@pytest.mark.parametrize("interval", [300, 600, 900, 1200, 1800, 3600])
def test_a_sample_of_a_longer_interval_is_written_to_each_of_its_steps(tmp_path: Path, interval: int) -> None:
    count = 2 * HOUR // interval
    with Store.open(tmp_path) as store:
        for i in range(1, count + 1):
            store.append([tick(NOON + i * interval, {"web": entry(float(i))}, interval=interval)])
        repeated = [float(i) for i in range(1, count + 1) for _ in range(interval // STEP)]
        assert usage(store, "web", NOON, 24, step=STEP) == repeated
        # Hourly means: of 1..n/2 and of n/2+1..n.
        half = count // 2
        assert usage(store, "web", NOON, 2) == pytest.approx([(half + 1) / 2, half + (half + 1) / 2])
        assert coverage(store, NOON, 2) == [1.0, 1.0]
        assert capacity(store, NOON, 2) == [10.0, 10.0]


@pytest.mark.parametrize("interval", [600, 900, 1200, 1800, 3600])
def test_a_failed_tick_of_a_longer_interval_is_unknown_in_each_of_its_steps(tmp_path: Path, interval: int) -> None:
    with Store.open(tmp_path) as store:
        store.append(
            [tick(NOON + interval, WEB, interval=interval), failed_tick(NOON + 2 * interval, interval=interval)]
        )
        store.append([tick(NOON + 3 * interval, WEB, interval=interval)])
        n = interval // STEP
        assert usage(store, "web", NOON, 3 * n, step=STEP) == [2.0] * n + [None] * n + [2.0] * n
        assert coverage(store, NOON, 3 * n, step=STEP) == [1.0] * n + [0.0] * n + [1.0] * n


@pytest.mark.parametrize("interval", [300, 900, 3600])
def test_a_start_in_the_middle_of_a_day_counts_the_hour_from_its_beginning(tmp_path: Path, interval: int) -> None:
    with Store.open(tmp_path) as store:
        store.append([tick(NOON + HOUR, WEB, interval=interval)])
        n = interval // STEP
        assert coverage(store, NOON, 12, step=STEP) == [0.0] * (12 - n) + [1.0] * n


def test_an_outage_of_three_days_is_back_filled_as_not_observed(tmp_path: Path) -> None:
    back = NOON + 3 * DAY
    with Store.open(tmp_path) as store:
        store.append([tick(NOON + i * STEP, WEB, dcgm=True) for i in range(1, 10)])
    with Store.open(tmp_path) as store:
        store.append([tick(back + i * STEP, WEB, dcgm=True) for i in range(4, 13)])
        hours = 73
        # 9 of 12 steps, 71 hours of nothing, and from 12:15 on 9 of 12 steps.
        expected = [0.75] + [0.0] * 71 + [0.75]
        for source in ("kubernetes", "metrics", "dcgm"):
            assert coverage(store, NOON, hours, source=source) == expected
        assert sum(v or 0.0 for v in coverage(store, NOON, hours)) * 12 == 18, "steps observed"
        assert usage(store, "web", NOON, hours) == [2.0] + [None] * 71 + [2.0]
        assert capacity(store, NOON, hours) == [10.0] + [None] * 71 + [10.0]
        assert usage(store, "web", back, 4, step=STEP) == [None, None, None, 2.0]
        assert coverage(store, back, 4, step=STEP) == [0.0, 0.0, 0.0, 1.0]


def test_a_gap_counts_with_the_setting_that_holds_after_it(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        store.append([tick(NOON + STEP, WEB, dcgm=None), tick(NOON + 4 * STEP, WEB, dcgm=True)])
        assert coverage(store, NOON, 4, step=STEP, source="metrics") == [1.0, 0.0, 0.0, 1.0]
        assert coverage(store, NOON, 4, step=STEP, source="dcgm") == [0.0, 0.0, 0.0, 1.0]
        rows = store.cluster(NOON, NOON + 4 * STEP, STEP)
        assert list(rows.configured_dcgm) == [0.0, 1.0, 1.0, 1.0]


def test_a_gap_that_ends_with_a_failed_tick_is_back_filled_too(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        store.append([tick(NOON + STEP, WEB), failed_tick(NOON + 6 * STEP), tick(NOON + 7 * STEP, WEB)])
        assert coverage(store, NOON, 7, step=STEP) == [1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0]
        assert usage(store, "web", NOON, 7, step=STEP) == [2.0, None, None, None, None, None, 2.0]


@pytest.mark.parametrize(("observed", "known"), [(6, True), (5, False)])
def test_an_hour_is_known_from_half_of_its_steps_on(tmp_path: Path, observed: int, known: bool) -> None:
    with Store.open(tmp_path) as store:
        store.append(ticks(NOON, NOON + observed * STEP, WEB))
    with Store.open(tmp_path) as store:
        store.append([tick(NOON + 2 * HOUR, WEB)])
        assert usage(store, "web", NOON) == [2.0 if known else None]
        assert requests(store, "web", NOON) == [4.0 if known else None]
        assert capacity(store, NOON) == [10.0 if known else None]
        assert coverage(store, NOON) == pytest.approx([observed / 12])


def test_the_interval_may_change_between_restarts(tmp_path: Path) -> None:
    """12:05 and 12:10 at 300 s, then 13:00 at 3600 s, then 13:10 at 600 s, then 13:15 at 300 s."""
    with Store.open(tmp_path) as store:
        store.append([tick(NOON + STEP, {"web": entry(1.0)}), tick(NOON + 2 * STEP, {"web": entry(2.0)})])
    with Store.open(tmp_path) as store:
        store.append([tick(NOON + HOUR, {"web": entry(3.0), "new": entry(12.0)}, interval=3600)])
    with Store.open(tmp_path) as store:
        store.append([tick(NOON + HOUR + 600, {"web": entry(4.0)}, interval=600)])
    with Store.open(tmp_path) as store:
        store.append([tick(NOON + HOUR + 900, {"web": entry(5.0)})])
        assert usage(store, "web", NOON, 16, step=STEP) == [1.0, 2.0] + [3.0] * 10 + [4.0, 4.0, 5.0, None]
        # (1 + 2 + 10 x 3) / 12 = 2.75
        assert usage(store, "web", NOON) == [2.75]
        # Two steps were observed without it: 12 x 10 / 12 = 10.
        assert usage(store, "new", NOON) == [10.0]
        assert coverage(store, NOON, 16, step=STEP) == [1.0] * 15 + [None]


def test_a_shorter_interval_after_a_longer_one_leaves_no_hole(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        store.append(
            [tick(NOON + 1800, WEB, interval=1800), tick(NOON + 2100, WEB), tick(NOON + 2700, WEB, interval=900)]
        )
        assert coverage(store, NOON, 9, step=STEP) == [1.0] * 9
        assert usage(store, "web", NOON, 9, step=STEP) == [2.0] * 9


def test_a_clock_that_steps_back_loses_its_ticks_until_it_is_past_again(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        store.append(ticks(NOON, NOON + HOUR, WEB))
        reports = [store.append([tick(NOON + HOUR + i * STEP, {"web": entry(9.0)})]) for i in (-3, -2, -1, 0, 1)]
        assert reports == [AppendReport(0, 1)] * 4 + [AppendReport(1, 0)]
        assert usage(store, "web", NOON, 13, step=STEP) == [2.0] * 12 + [9.0]


def test_two_ticks_in_one_step_leave_the_first(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        store.append([tick(NOON + STEP, {"web": entry(1.0)})])
        assert store.append([tick(NOON + STEP, {"web": entry(2.0)})]) == AppendReport(0, 1)
        assert usage(store, "web", NOON, 1, step=STEP) == [1.0]


def test_400_days_of_hours_are_kept_of_every_entry(tmp_path: Path) -> None:
    end = NOON + 400 * DAY
    with Store.open(tmp_path) as store:
        for day in range(0, 400, 50):
            start = NOON + day * DAY
            store.append(ticks(start, start + 50 * DAY, WEB, interval=3600))
        rows = store.entry("namespace", "web", NOON - DAY, end, HOUR)
        assert np.isnan(rows.usage["cpu"][:24]).all()
        assert (rows.usage["cpu"][24:] == 2.0).all()
        assert len(rows.usage["cpu"]) == 401 * 24
        assert (store.cluster(NOON, end, HOUR).observed["kubernetes"] == 1.0).all()


def test_a_year_without_the_collector_is_back_filled(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        store.append(ticks(NOON, NOON + HOUR, WEB))
    with Store.open(tmp_path) as store:
        store.append(ticks(NOON + 365 * DAY, NOON + 365 * DAY + HOUR, WEB))
        observed = store.cluster(NOON, NOON + 365 * DAY + HOUR, HOUR).observed["kubernetes"]
        assert observed.sum() == 2.0
        assert not np.isnan(observed).any()
