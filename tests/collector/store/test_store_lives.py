"""Namespaces that come, go, and come back; 12 cores are used wherever one is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from collector.model import TickSample
from collector.store.store import Store
from tests.collector.store.reading import coverage, measured, requests, usage
from tests.support.samples import DAY, HOUR, NOON, STEP, entry, failed_tick, gpu_entry, tick, ticks

WEB = {"web": entry(12.0, cpu_requests=24.0)}


def named(*numbers: int, among: range) -> list[TickSample]:
    """A tick at every step of `among`, counted from noon; the namespace is named at `numbers`."""
    return [tick(NOON + i * STEP, WEB if i in numbers else {}) for i in among]


def test_a_namespace_born_at_20_past_has_8_core_hours_in_that_hour(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        store.append(ticks(NOON - HOUR, NOON + 4 * STEP))
        store.append(ticks(NOON + 4 * STEP, NOON + 2 * HOUR, WEB))
        # 12 cores from 12:20 to 13:00: 12 x 40 / 60 = 8.
        assert usage(store, "web", NOON, 2) == [8.0, 12.0]
        assert requests(store, "web", NOON, 2) == [16.0, 24.0]
        assert usage(store, "web", NOON, 12, step=STEP) == [0.0] * 4 + [12.0] * 8
        assert measured(store, "web", NOON) == [1.0]


def test_a_namespace_born_at_40_past_has_4_core_hours_in_that_hour(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        store.append(ticks(NOON, NOON + 8 * STEP))
        store.append(ticks(NOON + 8 * STEP, NOON + HOUR, WEB))
        # 12 x 20 / 60 = 4, though fewer than half of the hour's steps name it.
        assert usage(store, "web", NOON) == [4.0]


def test_a_birth_right_after_a_restart_still_knows_which_steps_were_observed(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        store.append([*ticks(NOON, NOON + 3 * STEP), failed_tick(NOON + 4 * STEP)])
    with Store.open(tmp_path) as store:
        store.append(ticks(NOON + 6 * STEP, NOON + HOUR, WEB))
        # Three observed steps without it, one failed, two while the collector was down, six with it.
        assert usage(store, "web", NOON, 12, step=STEP) == [0.0] * 3 + [None] * 3 + [12.0] * 6
        # (3 x 0 + 6 x 12) / 9 = 8, at a coverage of 9 / 12.
        assert usage(store, "web", NOON) == [8.0]
        assert coverage(store, NOON) == [0.75]


def test_a_birth_fills_steps_whose_metrics_failed_with_zero(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        store.append([tick(NOON + i * STEP, metrics=False) for i in range(1, 9)])
        store.append(ticks(NOON + 8 * STEP, NOON + HOUR, WEB))
        assert usage(store, "web", NOON) == [4.0]


def test_steps_before_the_first_sample_of_all_are_unknown_and_count_as_not_observed(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        store.append([tick(NOON + i * STEP, WEB) for i in range(6, 13)])
        assert usage(store, "web", NOON, 12, step=STEP) == [None] * 5 + [12.0] * 7
        assert coverage(store, NOON, 12, step=STEP) == [0.0] * 5 + [1.0] * 7
        assert coverage(store, NOON, 12, step=STEP, source="dcgm") == [0.0] * 12
        assert coverage(store, NOON) == pytest.approx([7 / 12])
        assert usage(store, "web", NOON) == [12.0]
        assert coverage(store, NOON - HOUR) == [None]


def test_a_start_in_the_second_half_of_an_hour_leaves_that_hour_unknown(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        store.append([tick(NOON + i * STEP, WEB) for i in range(8, 25)])
        assert usage(store, "web", NOON, 2) == [None, 12.0]
        assert coverage(store, NOON, 2) == pytest.approx([5 / 12, 1.0])


def test_a_namespace_that_ends_mid_hour_reads_zero_to_the_end_of_the_hour(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        store.append(named(*range(1, 5), among=range(1, 31)))
        assert usage(store, "web", NOON, 15, step=STEP) == [12.0] * 4 + [0.0] * 8 + [None] * 3
        # 12 cores for 20 minutes: 12 x 20 / 60 = 4. Its database is left alone from 13:00 on.
        assert usage(store, "web", NOON, 2) == [4.0, None]
        record = store.registry.namespaces["web"]
        assert (record.active, record.first_seen, record.last_seen) == (False, NOON + STEP, NOON + 4 * STEP)
        assert record.lives == ((NOON + STEP, NOON + 4 * STEP),)


def test_a_namespace_that_ends_with_the_hour_needs_no_zeros(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        store.append(named(*range(1, 13), among=range(1, 25)))
        assert usage(store, "web", NOON, 14, step=STEP) == [12.0] * 12 + [None] * 2


def test_the_hour_of_an_end_survives_a_restart_and_failed_ticks(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        store.append(named(1, 2, among=range(1, 4)))
    with Store.open(tmp_path) as store:
        store.append([failed_tick(NOON + 4 * STEP), *named(among=range(5, 10))])
    with Store.open(tmp_path) as store:
        store.append(named(among=range(11, 25)))
        known = [12.0, 12.0, 0.0, None, 0.0, 0.0, 0.0, 0.0, 0.0, None, 0.0, 0.0]
        assert usage(store, "web", NOON, 13, step=STEP) == [*known, None]
        # 2 x 12 over ten known steps.
        assert usage(store, "web", NOON) == pytest.approx([2.4])


def test_one_that_comes_back_after_days_under_the_same_name_has_two_lives(tmp_path: Path) -> None:
    back = NOON + 3 * DAY
    with Store.open(tmp_path) as store:
        store.append(named(*range(1, 7), among=range(1, 13)))
        store.append(ticks(NOON + HOUR, back + 8 * STEP))
        store.append(ticks(back + 8 * STEP, back + HOUR, WEB))
        # Half an hour: 6 core-hours; 20 minutes: 4. Between the lives its database says nothing.
        assert usage(store, "web", NOON, 2) == [6.0, None]
        assert usage(store, "web", back - HOUR, 2) == [None, 4.0]
        assert usage(store, "web", back, 12, step=STEP) == [0.0] * 8 + [12.0] * 4
        record = store.registry.namespaces["web"]
        assert record.lives == ((NOON + STEP, NOON + 6 * STEP), (back + 9 * STEP, back + HOUR))
        assert (record.first_seen, record.last_seen, record.active) == (NOON + STEP, back + HOUR, True)


def test_an_absence_within_one_hour_is_zero_and_does_not_end_the_life(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        store.append(named(1, 2, 3, 6, 7, 8, 12, among=range(1, 13)))
        assert usage(store, "web", NOON, 12, step=STEP) == [
            12.0, 12.0, 12.0, 0.0, 0.0, 12.0, 12.0, 12.0, 0.0, 0.0, 0.0, 12.0,
        ]  # fmt: skip
        # 7 of 12 steps: 12 x 7 / 12 = 7.
        assert usage(store, "web", NOON) == [7.0]
        assert store.registry.namespaces["web"].lives == ((NOON + STEP, NOON + HOUR),)


def test_an_absence_over_the_turn_of_an_hour_is_zero_on_both_sides(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        store.append(named(*range(1, 10), *range(15, 25), among=range(1, 25)))
        assert usage(store, "web", NOON, 24, step=STEP) == [12.0] * 9 + [0.0] * 5 + [12.0] * 10
        # 9 of 12 steps, 10 of 12 steps.
        assert usage(store, "web", NOON, 2) == [9.0, 10.0]
        assert store.registry.namespaces["web"].lives == (
            (NOON + STEP, NOON + 9 * STEP),
            (NOON + 15 * STEP, NOON + 24 * STEP),
        )


def test_one_that_vanishes_while_the_collector_is_down_keeps_what_its_last_hour_knows(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        store.append(named(*range(1, 8), among=range(1, 8)))
    with Store.open(tmp_path) as store:
        later = NOON + 2 * DAY
        store.append(ticks(later, later + HOUR))
        # 7 of 12 steps are known and say 12; the others were not observed.
        assert usage(store, "web", NOON, 12, step=STEP) == [12.0] * 7 + [None] * 5
        assert usage(store, "web", NOON, 2) == [12.0, None]
        assert coverage(store, NOON, 2) == pytest.approx([7 / 12, 0.0])
        assert (store.registry.namespaces["web"].active, store.registry.namespaces["web"].last_seen) == (
            False,
            NOON + 7 * STEP,
        )


def test_one_that_ended_before_the_collector_went_down_keeps_what_its_last_hour_knows(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        store.append(named(*range(1, 5), among=range(1, 8)))
    with Store.open(tmp_path) as store:
        store.append([failed_tick(NOON + DAY + STEP), tick(NOON + DAY + 2 * STEP)])
        # 4 steps of 12 cores and 3 of zero: 48 / 7.
        assert usage(store, "web", NOON) == pytest.approx([48 / 7])


def test_one_that_vanishes_while_kubernetes_fails_has_its_last_hour_closed(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        store.append(named(*range(1, 8), among=range(1, 8)))
        store.append([failed_tick(NOON + i * STEP) for i in range(8, 31)])
        assert store.registry.namespaces["web"].active, "no successful listing has said otherwise"
        store.append(named(among=range(31, 37)))
        assert usage(store, "web", NOON) == [12.0]
        assert (store.registry.namespaces["web"].active, store.registry.namespaces["web"].last_seen) == (
            False,
            NOON + 7 * STEP,
        )
        store.append(named(*range(40, 49), among=range(37, 49)))
        # 12 x 9 / 12 = 9: born anew at 15:20, observed from 15:00 on.
        assert usage(store, "web", NOON + 3 * HOUR) == [9.0]


def test_one_that_is_back_in_the_hour_in_which_kubernetes_recovered_is_filled_from_there(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        store.append(named(1, among=range(1, 2)))
        store.append([failed_tick(NOON + i * STEP) for i in range(2, 15)])
        store.append(named(*range(18, 25), among=range(15, 25)))
        # 13:10 to 13:25 observed without it, from 13:25 on with it; two steps unknown.
        assert usage(store, "web", NOON + HOUR, 12, step=STEP) == [None, None, 0.0, 0.0, 0.0, *[12.0] * 7]


def test_a_gap_does_not_end_the_life_of_who_is_there_on_both_sides(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        store.append(named(1, among=range(1, 2)))
        store.append([tick(NOON + DAY, WEB)])
        assert store.registry.namespaces["web"].lives == ((NOON + STEP, NOON + DAY),)
        assert usage(store, "web", NOON + DAY - 2 * STEP, 2, step=STEP) == [None, 12.0]


def test_special_entries_come_and_go_like_namespaces(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        lost = {"unattributed": gpu_entry(6.0, 0.0, 0.0)}
        for i in range(1, 25):
            store.append([tick(NOON + i * STEP, special=lost if 5 <= i <= 10 else {})])  # type: ignore[arg-type]
        # 6 GPUs in 6 of 12 steps.
        assert usage(store, "unattributed", NOON, 2, metric="gpu", kind="special") == [3.0, None]
        assert usage(store, "unattributed", NOON, 2, kind="special") == [0.0, None]
        record = store.registry.special["unattributed"]
        assert (record.active, record.lives) == (False, ((NOON + 5 * STEP, NOON + 10 * STEP),))
    assert (tmp_path / "special" / "unattributed.gpu.rrd").exists()


def test_gpu_series_follow_the_births_and_deaths_of_their_namespace(tmp_path: Path) -> None:
    gpu = {"train": gpu_entry(3.0, 3.0, 0.0)}
    with Store.open(tmp_path) as store:
        for i in range(1, 61):
            store.append([tick(NOON + i * STEP, gpu if i <= 4 or i > 56 else {})])
        # 4 of 12 steps in the first hour, 4 of 12 in the fifth: 3 x 4 / 12 = 1.
        assert usage(store, "train", NOON, 5, metric="gpu") == [1.0, None, None, None, 1.0]


def test_a_namespace_reborn_without_its_gpu_uses_zero_of_it(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        store.append(ticks(NOON, NOON + HOUR, {"train": gpu_entry(3.0, 3.0, 0.0)}))
        store.append(ticks(NOON + HOUR, NOON + 5 * HOUR))
        store.append(ticks(NOON + 5 * HOUR, NOON + 6 * HOUR, {"train": entry(1.0)}))
        assert usage(store, "train", NOON + 5 * HOUR, metric="gpu") == [0.0]
        assert store.registry.namespaces["train"].gpu_since == NOON + STEP
