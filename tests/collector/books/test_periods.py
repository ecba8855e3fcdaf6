from datetime import UTC, datetime

import pytest

from collector.books.page import buckets
from kl_core.calendar import iso
from kl_core.vocabulary import SCALES


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


LONG_AGO = at("2020-01-01T00:05")


def test_the_open_hour_is_listed_after_168_closed_ones() -> None:
    listed = buckets("hourly_7d", LONG_AGO, at("2026-11-21T14:25"))
    assert len(listed.starts) == 168 + 1
    assert iso(listed.starts[0]) == "2026-11-14T14:00:00Z"
    assert iso(listed.starts[-1]) == "2026-11-21T14:00:00Z"
    assert listed.complete == (True,) * 168 + (False,)
    assert listed.elapsed_hours == (1.0,) * 168 + (25 / 60,)


def test_a_last_tick_on_the_hour_leaves_168_closed_hours_and_none_open() -> None:
    listed = buckets("hourly_7d", LONG_AGO, at("2026-11-21T14:00"))
    assert len(listed.starts) == 168
    assert iso(listed.starts[-1]) == "2026-11-21T13:00:00Z"
    assert all(listed.complete)


def test_today_is_listed_after_14_whole_days() -> None:
    listed = buckets("daily_14d", LONG_AGO, at("2026-01-03T00:05"))
    assert len(listed.starts) == 14 + 1
    assert iso(listed.starts[0]) == "2025-12-20T00:00:00Z"
    assert listed.elapsed_hours[-2:] == (24.0, 1 / 12)


def test_a_last_tick_at_midnight_leaves_14_whole_days() -> None:
    listed = buckets("daily_14d", LONG_AGO, at("2026-01-03T00:00"))
    assert (len(listed.starts), iso(listed.starts[-1]), all(listed.complete)) == (14, "2026-01-02T00:00:00Z", True)


def test_the_open_month_is_listed_after_12_whole_ones_of_their_real_lengths() -> None:
    listed = buckets("monthly_12m", LONG_AGO, at("2025-02-10T12:00"))
    assert iso(listed.starts[0]) == "2024-02-01T00:00:00Z"
    # February of the leap year 2024 has 29 days, then March to January, then 9.5 days of February 2025.
    days = [29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31, 31, 9.5]
    assert listed.elapsed_hours == tuple(24.0 * length for length in days)
    assert listed.complete == (True,) * 12 + (False,)


def test_a_last_tick_at_the_turn_of_the_year_closes_december() -> None:
    listed = buckets("monthly_12m", LONG_AGO, at("2026-01-01T00:00"))
    assert len(listed.starts) == 12
    assert (iso(listed.starts[0]), iso(listed.starts[-1])) == ("2025-01-01T00:00:00Z", "2025-12-01T00:00:00Z")
    assert listed.ends[-1] == at("2026-01-01T00:00")


@pytest.mark.requirement("KL-D-5")
@pytest.mark.parametrize("scale", SCALES)
def test_nothing_is_listed_before_the_bucket_of_the_first_sample(scale: str) -> None:
    first, last = at("2026-11-20T10:40"), at("2026-11-21T14:25")
    listed = buckets(scale, first, last)  # type: ignore[arg-type]
    expected = {
        "hourly_7d": "2026-11-20T10:00:00Z",
        "daily_14d": "2026-11-20T00:00:00Z",
        "monthly_12m": "2026-11-01T00:00:00Z",
    }
    assert iso(listed.starts[0]) == expected[scale]


def test_a_first_tick_on_the_hour_belongs_to_the_hour_before() -> None:
    listed = buckets("hourly_7d", at("2026-11-21T10:00"), at("2026-11-21T10:05"))
    assert [iso(start) for start in listed.starts] == ["2026-11-21T09:00:00Z", "2026-11-21T10:00:00Z"]


@pytest.mark.requirement("KL-D-5")
def test_buckets_follow_one_another_without_holes() -> None:
    for scale in SCALES:
        listed = buckets(scale, LONG_AGO, at("2026-03-29T01:30"))
        assert listed.ends[:-1] == listed.starts[1:]
        assert all(start < end for start, end in zip(listed.starts, listed.ends, strict=True))
