"""What dates mean. Sample at 19:30 on Saturday, 21 November 2026; the week before is that of Monday, 9 November."""

import pytest

from kl_core.calendar import iso
from kl_query.dates import as_hours, dates_meant, read_date, scale_said
from tests.support.datasets import at

NEWEST = int(at("2026-11-21T19:30:00Z").timestamp())


def meaning(date: str, newest: int = NEWEST) -> tuple[str, str, str] | None:
    period = read_date(date, newest)
    return (period.scale, iso(period.first)[:13], iso(period.stop)[:13]) if period else None


HOURS, DAYS, MONTHS = "hourly_7d", "daily_14d", "monthly_12m"


@pytest.mark.requirement("KL-T-8")
@pytest.mark.parametrize(
    ("date", "scale", "first", "stop"),
    [
        ("2026-11-21T14:00:00Z", HOURS, "2026-11-21T14", "2026-11-21T15"),
        ("2026-11-21t14z", HOURS, "2026-11-21T14", "2026-11-21T15"),
        ("2026-11-21 14:00", HOURS, "2026-11-21T14", "2026-11-21T15"),
        ("2026-11-21T14:00:00.000Z", HOURS, "2026-11-21T14", "2026-11-21T15"),
        ("2026-11-21T14:00:00+01:00", HOURS, "2026-11-21T13", "2026-11-21T14"),
        ("2026-11-21T00:30:00+05:30", HOURS, "2026-11-20T19", "2026-11-20T20"),
        ("2026-11-21T23:00:00-0100", HOURS, "2026-11-22T00", "2026-11-22T01"),
        ("2026-11-21", DAYS, "2026-11-21T00", "2026-11-22T00"),
        ("2026-12", MONTHS, "2026-12-01T00", "2027-01-01T00"),
        ("November 2026", MONTHS, "2026-11-01T00", "2026-12-01T00"),
        ("nov-2026", MONTHS, "2026-11-01T00", "2026-12-01T00"),
        ("2026 May", MONTHS, "2026-05-01T00", "2026-06-01T00"),
        ("2026-Q3", MONTHS, "2026-07-01T00", "2026-10-01T00"),
        ("q4 2026", MONTHS, "2026-10-01T00", "2027-01-01T00"),
        ("2026", MONTHS, "2026-01-01T00", "2027-01-01T00"),
        ("2028-02", MONTHS, "2028-02-01T00", "2028-03-01T00"),
        ("0001-01-01T01:00+01:00", HOURS, "0001-01-01T00", "0001-01-01T01"),
        ("2026-11-14..2026-11-16", DAYS, "2026-11-14T00", "2026-11-17T00"),
        ("2026-11-14/2026-11-16", DAYS, "2026-11-14T00", "2026-11-17T00"),
        ("2026-11-14 to 2026-11-16", DAYS, "2026-11-14T00", "2026-11-17T00"),
        ("2026-10..2026-11-16", DAYS, "2026-10-01T00", "2026-11-17T00"),
        ("2026-11-20T22:00:00Z..2026-11-21T03:59", HOURS, "2026-11-20T22", "2026-11-21T04"),
        ("2026-11-20T22:00:00Z..latest", HOURS, "2026-11-20T22", "2026-11-21T20"),
        ("2026-11-18..latest", DAYS, "2026-11-18T00", "2026-11-22T00"),
        ("2026-09..latest", MONTHS, "2026-09-01T00", "2026-12-01T00"),
        ("yesterday..today", DAYS, "2026-11-20T00", "2026-11-22T00"),
        ("today", DAYS, "2026-11-21T00", "2026-11-22T00"),
        ("Yesterday", DAYS, "2026-11-20T00", "2026-11-21T00"),
        ("this hour", HOURS, "2026-11-21T19", "2026-11-21T20"),
        ("last_hour", HOURS, "2026-11-21T18", "2026-11-21T19"),
        ("this_week", DAYS, "2026-11-16T00", "2026-11-23T00"),
        ("last week", DAYS, "2026-11-09T00", "2026-11-16T00"),
        ("current-month", MONTHS, "2026-11-01T00", "2026-12-01T00"),
        ("last_month", MONTHS, "2026-10-01T00", "2026-11-01T00"),
        ("wtd", DAYS, "2026-11-16T00", "2026-11-23T00"),
        ("month to date", MONTHS, "2026-11-01T00", "2026-12-01T00"),
        ("QTD", MONTHS, "2026-10-01T00", "2027-01-01T00"),
        ("year_to_date", MONTHS, "2026-01-01T00", "2027-01-01T00"),
        ("this_quarter", MONTHS, "2026-10-01T00", "2027-01-01T00"),
        ("previous quarter", MONTHS, "2026-07-01T00", "2026-10-01T00"),
        ("this_year", MONTHS, "2026-01-01T00", "2027-01-01T00"),
        ("last_year", MONTHS, "2025-01-01T00", "2026-01-01T00"),
        ("last_24h", HOURS, "2026-11-20T19", "2026-11-21T19"),
        ("last_7d", DAYS, "2026-11-14T00", "2026-11-21T00"),
        ("last 7 days", DAYS, "2026-11-14T00", "2026-11-21T00"),
        ("past 1 day", DAYS, "2026-11-20T00", "2026-11-21T00"),
        ("30d", DAYS, "2026-10-22T00", "2026-11-21T00"),
        ("last_2w", DAYS, "2026-11-07T00", "2026-11-21T00"),
        ("last_12m", MONTHS, "2025-11-01T00", "2026-11-01T00"),
    ],
)
def test_a_date_is_a_bucket_a_range_or_a_word(date: str, scale: str, first: str, stop: str) -> None:
    assert meaning(date) == (scale, first, stop)
    assert scale_said(date) == scale


@pytest.mark.parametrize(
    "date",
    [
        *("", "latest", "all", "tomorrow", "next_week", "past week", "last_0d", "last_7x", "7", "last_99999d", "soon"),
        *("2026-13", "2026-02-30", "0000-01", "2026-11-21T25:00", "2026-11-21T14:30:00Z", "20261121", "2026-Q5"),
        *(
            "\uff12\uff10\uff12\uff16-11",
            "2026-11-21T14:00:00+00:30",
            "2026-11-21T14:00:00+24:00",
            "2026-11-21T14:00:00-99:00",
            "2026-11-21T14:00:00+01:60",
            "0001-01-01T00:00+01:00",
            "9999-12-31T23:00-05:00",
            "2026-11-21..9999-12-31T23:00-05:00",
            "Mar 11",
            "2026-11-14..",
            "..2026-11-14",
            "a..b",
            "1..2..3",
        ),
        *("2026-11-14,2026-11-16", "2026-11-14T00:00:00Z/2026-11-16T00:00:00Z", "latest..2026-11-14"),
    ],
)
def test_what_is_no_date_or_not_plain_is_none(date: str) -> None:
    assert meaning(date) is None
    assert scale_said(date) is None


@pytest.mark.parametrize(
    ("newest", "today", "last_week", "last_1d"),
    [
        # A sample at midnight ends the day that it belongs to; 22 November is a Sunday.
        ("2026-11-22T00:00:00Z", "2026-11-21", "2026-11-09", "2026-11-21"),
        ("2026-11-22T00:05:00Z", "2026-11-22", "2026-11-09", "2026-11-21"),
        ("2026-11-23T00:00:00Z", "2026-11-22", "2026-11-09", "2026-11-22"),
        ("2026-11-23T00:05:00Z", "2026-11-23", "2026-11-16", "2026-11-22"),
    ],
)
def test_words_are_resolved_against_the_bucket_of_the_newest_sample(
    newest: str, today: str, last_week: str, last_1d: str
) -> None:
    sampled = int(at(newest).timestamp())
    firsts = [meaning(word, sampled) for word in ("today", "last_week", "last_1d")]
    assert [first[1][:10] for first in firsts if first] == [today, last_week, last_1d]


@pytest.mark.parametrize(
    ("date", "meant"),
    [
        ("2026-11-21T14:30:00Z", ["2026-11-21T14:00:00Z"]),
        ("2026-11-21T14:30:00+01:00", ["2026-11-21T13:00:00Z"]),
        ("2026-11-14,2026-11-16", ["2026-11-14..2026-11-16"]),
        ("2026-11-14 - 2026-11-16", ["2026-11-14..2026-11-16"]),
        ("2026-11-14T00:00:00Z,2026-11-16T00:00:00Z", ["2026-11-14T00:00:00Z..2026-11-15T23:00:00Z"]),
        ("2026-11-14T00:00:00Z/2026-11-14T02:30:00Z", ["2026-11-14T00:00:00Z..2026-11-14T02:00:00Z"]),
        *((day, ["2026-11-05"]) for day in ("2026/11/5", "2026-11-5", "20261105", "2026-11-05Z", "2026.11.05")),
        *((day, ["2026-11-05"]) for day in ("5 November 2026", "5 nov 2026", "November 5, 2026", "Nov 5 2026")),
        *((since, ["2026-11-14..latest"]) for since in ("2026-11-14..", "2026-11-14 .. Now", "2026-11-14..now")),
        ("soon..now", []),
        ("11/05/2026", []),
        ("2026-02-30", []),
        ("0001-01-01T00:30+01:00", []),
        ("2026-11-21T00:00Z,9999-12-31T23:30-05:00", []),
        ("soon", []),
        ("soon,later", []),
        ("a,b,c", []),
    ],
)
def test_of_what_is_not_plain_the_likeliest_meaning_is_told(date: str, meant: list[str]) -> None:
    assert dates_meant(date) == meant


@pytest.mark.requirement("KL-T-8")
@pytest.mark.parametrize(
    ("date", "hours"),
    [
        ("last_7d", "last_168h"),
        ("past 2 days", "last_48h"),
        ("1w", "last_168h"),
        ("last_9999d", "last_9999h"),
        ("last_3h", "last_3h"),
        ("last_1m", "last_1m"),
        ("yesterday", "yesterday"),
        ("2026-11-20", "2026-11-20"),
    ],
)
def test_counted_days_are_so_many_whole_hours_of_the_scale_of_hours(date: str, hours: str) -> None:
    assert as_hours(date) == hours
