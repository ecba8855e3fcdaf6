"""Dates without a year, and the hours of a bucket that a rolling window holds."""

from __future__ import annotations

import pytest

from kl_core.calendar import HOUR
from kl_query.dataset.legacy.dates import hours_inside, read_day, read_instant, read_month
from tests.support.legacy_layout import DAILY, MONTHLY, at


@pytest.mark.parametrize(
    ("written", "newest", "day"),
    [
        ("21 Nov", "2026-11-21T19:00:00Z", "2026-11-21T00:00:00Z"),
        ("31 Dec", "2027-01-03T02:00:00Z", "2026-12-31T00:00:00Z"),
        ("01 Jan", "2027-01-03T02:00:00Z", "2027-01-01T00:00:00Z"),
        ("1 Jan", "2026-12-31T23:00:00Z", "2027-01-01T00:00:00Z"),
        ("29 Feb", "2028-03-05T00:00:00Z", "2028-02-29T00:00:00Z"),
        ("28 Feb", "2027-03-05T00:00:00Z", "2027-02-28T00:00:00Z"),
    ],
)
def test_a_day_without_a_year_is_the_one_nearest_to_the_newest_sample(written: str, newest: str, day: str) -> None:
    assert read_day(written, at(newest)) == at(day)


@pytest.mark.parametrize("written", ["31 Feb", "21 Nouv", "Nov 21", "", "x Nov", "0 Jan"])
def test_what_is_no_day_is_none(written: str) -> None:
    assert read_day(written, at("2026-11-21T19:00:00Z")) is None


def test_a_day_has_no_year_while_there_is_no_sample() -> None:
    assert read_day("21 Nov", None) is None


def test_a_month_has_its_year() -> None:
    assert read_month("Nov 2026") == at("2026-11-01T00:00:00Z")
    assert [read_month(text) for text in ("2026 Nov", "Nov 26", "Nov", "Abc 2026", "Nov 0000")] == [None] * 5
    assert read_instant("2026-11-21 19:00") is None


@pytest.mark.parametrize(
    ("day", "hours"),
    [
        # Points at 20:00, 21:00, 22:00 and 23:00 come after 7 November 19:00.
        ("2026-11-07", 4),
        ("2026-11-08", 24),
        # Points from 00:00 to 19:00, both included.
        ("2026-11-21", 20),
        ("2026-11-22", 0),
        ("2026-11-06", 0),
    ],
)
def test_a_day_counts_its_hours_inside_the_14_days(day: str, hours: int) -> None:
    start, newest = at(f"{day}T00:00:00Z"), at("2026-11-21T19:00:00Z")
    assert hours_inside(start, start + 24 * HOUR, newest, DAILY) == hours


def test_the_first_of_370_days_is_in_the_middle_of_a_month() -> None:
    # 370 days before 21 November 2026, 19:00 is 16 November 2025, 19:00: 4 points that day and 14 whole days.
    first, end = at("2025-11-01T00:00:00Z"), at("2025-12-01T00:00:00Z")
    assert hours_inside(first, end, at("2026-11-21T19:00:00Z"), MONTHLY) == 4 + 14 * 24
