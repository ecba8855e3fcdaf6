from datetime import UTC, datetime

import pytest

from kl_core.calendar import (
    DAY,
    HOUR,
    WEEK,
    add_months,
    boundaries,
    bucket_name,
    bucket_start,
    floor_day,
    floor_hour,
    floor_month,
    hour_of_tick,
    iso,
    iso_or_none,
    next_bucket,
    read_iso,
)
from kl_core.vocabulary import ScaleName


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


@pytest.mark.parametrize("interval", [300, 600, 900, 1200, 1800, 3600])
def test_the_interval_of_a_tick_lies_in_the_hour_it_is_filed_under(interval: int) -> None:
    for tick in range(at("2026-11-21T00:00") + interval, at("2026-11-22T00:00") + 1, interval):
        hour = hour_of_tick(tick)
        assert hour <= tick - interval < tick <= hour + HOUR


def test_months_are_counted_over_year_ends() -> None:
    assert add_months(at("2026-01-31T10:00"), -2) == at("2025-11-01T00:00")
    assert add_months(at("2026-11-21T10:00"), 2) == at("2027-01-01T00:00")
    assert floor_month(at("2024-02-29T23:59")) == at("2024-02-01T00:00")


def test_an_hour_and_a_day_begin_at_their_start_and_not_before() -> None:
    start = at("2026-11-21T14:00")
    assert [floor_hour(start + seconds) for seconds in (-1, 0, 3599, 3600)] == [
        start - HOUR,
        start,
        start,
        start + HOUR,
    ]
    midnight = at("2026-11-21T00:00")
    assert [floor_day(midnight + seconds) for seconds in (-1, 0, DAY - 1, DAY)] == [
        midnight - DAY,
        midnight,
        midnight,
        midnight + DAY,
    ]
    assert WEEK == 7 * 24 * 3600


def test_instants_are_written_and_read_in_utc() -> None:
    assert iso(at("2026-11-21T14:05")) == "2026-11-21T14:05:00Z"
    assert iso(at("2026-11-21T14:05") + 0.9996) == "2026-11-21T14:05:00Z"
    assert iso(at("2026-11-21T14:05") + 0.25, "milliseconds") == "2026-11-21T14:05:00.250Z"
    assert (iso_or_none(None), iso_or_none(0)) == (None, "1970-01-01T00:00:00Z")
    assert read_iso("2026-11-21T14:05:00Z") == at("2026-11-21T14:05")


@pytest.mark.parametrize(
    "written", ["2026-11-21", "2026-11-21T14:05:00", "2026-11-21T14:05:00+01:00", "2026-13-01T00:00:00Z"]
)
def test_what_is_no_instant_is_refused(written: str) -> None:
    with pytest.raises(ValueError):
        read_iso(written)


@pytest.mark.parametrize(
    ("scale", "start", "after", "before", "name"),
    [
        ("hourly_7d", "2026-01-01T00:00", "2026-01-01T01:00", "2025-12-31T23:00", "2026-01-01T00:00:00Z"),
        ("daily_14d", "2024-02-29T00:00", "2024-03-01T00:00", "2024-02-28T00:00", "2024-02-29"),
        ("monthly_12m", "2026-01-01T00:00", "2026-02-01T00:00", "2025-12-01T00:00", "2026-01"),
    ],
)
def test_buckets_of_a_scale(scale: ScaleName, start: str, after: str, before: str, name: str) -> None:
    begins, ends = at(start), at(after)
    assert [bucket_start(scale, instant) for instant in (begins - 1, begins, ends - 1, ends)] == [
        at(before),
        begins,
        begins,
        ends,
    ]
    assert (next_bucket(scale, begins), next_bucket(scale, begins, -1)) == (ends, at(before))
    assert bucket_name(scale, begins) == name
    assert boundaries(scale, at(before), begins) == (at(before), begins, ends)
    assert boundaries(scale, begins, begins) == (begins, ends)
