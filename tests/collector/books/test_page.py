from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from collector.books.amounts import amounts
from collector.books.cost import price
from collector.books.lifetimes import lifetimes
from collector.books.page import CPU, DCGM, GPU_MEMORY, cut, fold, join, sum_known
from collector.store.paths import EntryKey
from collector.store.rates import RateChange
from tests.collector.books.test_amounts import HOUR, START, U, cluster, namespace, none_for_nan

A, B, C = (EntryKey("namespace", name) for name in "abc")


def test_unknown_cells_count_as_nothing_unless_all_are_unknown() -> None:
    values = np.array([1.0, U, 2.0, U, U, 4.0])
    # Cells 0 to 2, 3 to 4, and 5.
    assert none_for_nan(sum_known(values, [0, 3, 5])) == [3.0, None, 4.0]


def test_a_folded_page_adds_every_hour_on_its_own() -> None:
    # Hour 1: 10 - 2 idle. Hour 2: a unknown, 10 unmeasured. Hour 3: not observed. Hour 4: 10 - 5 idle.
    hours = amounts(cluster([10.0, 10.0, U, 10.0]), [namespace("a", [2.0, U, 1.0, 5.0], [3.0, 4.0, 9.0, 6.0])])
    day = fold(hours, [0])
    assert day.observed.tolist() == [3.0]
    assert day.entries.usage[0, CPU].tolist() == [7.0]
    assert day.entries.hours[0, CPU].tolist() == [2.0]
    assert day.entries.requests[0, CPU].tolist() == [13.0]
    assert day.entries.matched[0, CPU].tolist() == [9.0]
    assert day.cluster.idle[CPU].tolist() == [13.0]
    assert day.cluster.unmeasured[CPU].tolist() == [10.0]
    assert day.cluster.capacity[CPU].tolist() == [30.0]


def test_usage_and_requests_are_matched_over_the_hours_that_know_both() -> None:
    # As imported hours may have it: 5 used in the first two hours, 4 requested in the first, in which 2 were used. In
    # the last two 1 used of 2 requested, then 6 requested while usage is unknown. 3 ÷ 6 over both days.
    hours = amounts(cluster([10.0] * 4), [namespace("a", [2.0, 3.0, 1.0, U], [4.0, U, 2.0, 6.0])])
    days = fold(hours, [0, 2])
    assert days.entries.usage[0, CPU].tolist() == [5.0, 1.0]
    assert days.entries.requests[0, CPU].tolist() == [4.0, 8.0]
    assert days.entries.matched[0, CPU].tolist() == [4.0, 2.0]
    assert days.entries.usage_matched[0, CPU].tolist() == [2.0, 1.0]
    assert days.entries.matched_hours[0, CPU].tolist() == [1.0, 1.0]
    both = fold(days, [0]).entries
    assert (both.usage_matched[0, CPU].tolist(), both.matched[0, CPU].tolist()) == ([3.0], [6.0])


def test_a_bucket_in_which_idle_was_never_known_has_none() -> None:
    day = fold(amounts(cluster([10.0, 10.0]), [namespace("a", [U, U])]), [0])
    assert none_for_nan(day.cluster.idle[CPU]) == [None]
    assert day.cluster.unmeasured[CPU].tolist() == [20.0]


def test_pages_are_joined_with_zero_for_entries_that_were_not_there() -> None:
    first = amounts(cluster([10.0, U]), [namespace("a", [2.0, U])])
    second = amounts(cluster([10.0]), [namespace("c", [3.0]), namespace("a", [4.0])])
    page = join([first, second], [A, B, C])
    assert none_for_nan(page.entries.usage[0, CPU]) == [2.0, None, 4.0]
    assert none_for_nan(page.entries.usage[1, CPU]) == [0.0, None, 0.0]
    assert none_for_nan(page.entries.usage[2, CPU]) == [0.0, None, 3.0]
    assert page.entries.hours[1, CPU].tolist() == [1.0, 0.0, 1.0]
    assert none_for_nan(page.entries.requests[1, GPU_MEMORY]) == [None, None, None]


def test_joining_is_as_if_the_entry_had_been_read_and_found_not_alive() -> None:
    dead = lifetimes([(START - HOUR, START - HOUR)], active=False, gpu_since=None)
    rows = cluster([10.0, U, 8.0])
    read = amounts(rows, [namespace("a", [2.0, U, 1.0]), namespace("b", [U, U, U], lived=dead)])
    joined = join([amounts(rows, [namespace("a", [2.0, U, 1.0])])], [A, B])
    for field in ("usage", "requests", "matched", "hours", "cost_hours", "measured"):
        np.testing.assert_array_equal(getattr(joined.entries, field), getattr(read.entries, field), err_msg=field)


def test_rows_that_are_not_asked_for_are_left_out() -> None:
    page = join([amounts(cluster([10.0]), [namespace("a", [2.0]), namespace("b", [3.0])])], [B])
    assert page.keys == (B,)
    assert page.entries.usage[:, CPU].tolist() == [[3.0]]


def test_hours_are_folded_cut_and_joined_with_their_cells() -> None:
    # GPU memory is known in hours 1 and 3, the exporter silent in hour 2; a rate is in force from hour 2 on.
    rows = cluster([10.0] * 3, gpu=[4.0] * 3, gpu_gib=[160.0, U, 160.0])
    rows = replace(rows, observed={**rows.observed, "dcgm": np.array([1.0, 0.0, 1.0])}, configured_dcgm=np.ones(3))
    page = price(amounts(rows, [namespace("a", [2.0, U, 1.0])]), [RateChange(START + HOUR, 9.0, "$", None)], "$")
    again = join([cut(page, 0, 1), cut(page, 1, 3)], [A, B])
    for part in (page, again):
        day = fold(part, [0, 1])
        assert day.capacity_known[GPU_MEMORY].tolist() == [1.0, 1.0]
        assert day.silent[DCGM].tolist() == [0.0, 1.0]
        assert day.priced.tolist() == [0.0, 2.0]
        assert day.entries.cost_hours[0, CPU].tolist() == [0.0, 1.0]
    # Who was not there used a known nothing, in the hours that were priced.
    assert again.entries.cost_hours[1, CPU].tolist() == [0.0, 1.0, 1.0]


def test_a_cut_keeps_its_cells_and_shares_no_memory() -> None:
    page = amounts(cluster([10.0, 20.0, 30.0]), [namespace("a", [1.0, 2.0, 3.0])])
    part = cut(page, 1, 3)
    assert part.entries.usage[0, CPU].tolist() == [2.0, 3.0]
    assert part.cluster.capacity[CPU].tolist() == [20.0, 30.0]
    assert part.starts.tolist() == [START + HOUR, START + 2 * HOUR]
    assert not np.shares_memory(part.entries.usage, page.entries.usage)


def test_steps_fold_to_the_hour_they_are_of() -> None:
    steps = amounts(cluster([12.0] * 12, step=300), [namespace("a", [6.0] * 6 + [3.0] * 6)])
    hour = fold(steps, [0])
    assert hour.entries.usage[0, CPU].tolist() == pytest.approx([4.5])
    assert hour.observed.tolist() == pytest.approx([1.0])
