import numpy as np
import pytest

from kl_core.calendar import iso
from kl_core.vocabulary import ScaleName
from kl_query.dataset.model import Scale
from kl_query.dataset.table import Table
from kl_query.date_windows import Window, between, full_window, read_span
from kl_query.errors import ToolArgumentError
from tests.support.datasets import at

HOURS = ["2026-02-28T22:00:00Z", "2026-02-28T23:00:00Z", "2026-03-01T00:00:00Z", "2026-03-01T01:00:00Z"]
DAYS = ["2026-02-27", "2026-02-28", "2026-03-01"]
MONTHS = ["2025-12", "2026-01", "2026-02", "2026-03"]
NAMED: dict[ScaleName, list[str]] = {"hourly_7d": HOURS, "daily_14d": DAYS, "monthly_12m": MONTHS}


def read_window(scale: Scale, date: str) -> Window:
    return between(scale, read_span(scale, date))


def scale(name: ScaleName, dates: list[str] | None = None) -> Scale:
    starts = [int(at(date).timestamp()) for date in (NAMED[name] if dates is None else dates)]
    step = {"hourly_7d": 3600, "daily_14d": 86_400, "monthly_12m": 31 * 86_400}[name]
    ends = [*starts[1:], *([starts[-1] + step] if starts else [])]
    hours = np.array([(end - start) / 3600 for start, end in zip(starts, ends, strict=True)])
    complete = tuple(i < len(starts) - 1 for i in range(len(starts)))
    return Scale(name, "f", tuple(starts), tuple(ends), complete, hours, hours, {}, {}, {}, {}, Table(), Table())


@pytest.mark.parametrize("name", list(NAMED))
def test_latest_is_the_last_bucket_and_all_is_every_one(name: ScaleName) -> None:
    assert read_window(scale(name), "latest").dates == NAMED[name][-1:]
    assert read_window(scale(name), " ALL ").dates == NAMED[name]


@pytest.mark.parametrize("name", list(NAMED))
def test_a_bucket_and_a_range_are_named_as_answers_name_them(name: ScaleName) -> None:
    first, second = NAMED[name][:2]
    assert read_window(scale(name), second).label == second
    assert read_window(scale(name), f"{first}..{second}").dates == [first, second]
    assert read_window(scale(name), f"{first} .. {second}").label == f"{first}..{second}"


@pytest.mark.requirement("KL-T-8")
def test_the_last_seven_days_are_on_the_scale_of_seven_days_at_any_time_of_day() -> None:
    newest = int(at("2026-03-01T04:00:00Z").timestamp())
    hours = [iso(newest - 3600 * back) for back in range(167, -1, -1)]
    assert read_window(scale("hourly_7d", hours), "last_7d").dates == hours
    assert read_window(scale("hourly_7d", hours), "last_1d").dates == hours[-24:]
    with pytest.raises(ToolArgumentError):
        read_window(scale("hourly_7d", hours), "last_8d")


@pytest.mark.parametrize(
    "written", ["2026-02-28T23", "2026-02-28T23:00", "2026-02-28T23:00Z", "2026-02-28 23:00:00+00:00"]
)
def test_an_hour_may_be_written_shorter(written: str) -> None:
    assert read_window(scale("hourly_7d"), written).label == "2026-02-28T23:00:00Z"


@pytest.mark.parametrize(
    "date",
    [
        "",
        "tomorrow",
        "2026-00",
        "2026-13",
        "2026-02-30",
        "2026-02-28T25:00:00Z",
        "2026-02-28T23:30:00Z",
        "a..b..c",
        "..",
        "all..all",
    ],
)
@pytest.mark.parametrize("name", list(NAMED))
def test_what_is_no_date_is_refused_with_the_available_window(name: ScaleName, date: str) -> None:
    with pytest.raises(ToolArgumentError) as caught:
        read_window(scale(name), date)
    assert caught.value.argument == "date"
    assert caught.value.nearest
    assert NAMED[name][0] in str(caught.value.allowed)


def test_a_date_outside_the_window_names_the_nearest_buckets() -> None:
    with pytest.raises(ToolArgumentError) as caught:
        read_window(scale("daily_14d"), "2026-03-05")
    assert caught.value.code == "unknown_date"
    assert caught.value.nearest == ("2026-03-01", "2026-02-28", "2026-02-27")
    assert "2026-02-27..2026-03-01" in caught.value.message


@pytest.mark.parametrize("name", list(NAMED))
@pytest.mark.parametrize(
    ("date", "code"),
    [
        *((date, "invalid_date") for date in ("0001-01-01T00:00+01:00", "9999-12-31T23:00-05:00", "0000")),
        *((date, "invalid_date") for date in ("0001-01-01T00:30+01:00", "2026-03-01,9999-12-31T23:30-05:00")),
        *((date, "unknown_date") for date in ("9999", "9999-Q4", "December 9999", "9999-12-31", "0001", "0001-01")),
        *((date, "unknown_date") for date in ("9999-12-31T23:00Z", "0001-01-01T01:00+01:00", "0001..9999")),
    ],
)
def test_a_date_at_the_edge_of_the_calendar_is_refused_like_any_other(name: ScaleName, date: str, code: str) -> None:
    with pytest.raises(ToolArgumentError) as caught:
        read_window(scale(name), date)
    assert caught.value.code == code


@pytest.mark.parametrize("separator", ["..", " .. ", "/", " to ", " TO "])
def test_a_range_backwards_is_refused_with_the_range_meant(separator: str) -> None:
    with pytest.raises(ToolArgumentError) as caught:
        read_window(scale("daily_14d"), f"2026-03-01{separator}2026-02-27")
    assert caught.value.nearest == ("2026-02-27..2026-03-01",)


@pytest.mark.parametrize(
    ("name", "date", "other"),
    [
        ("monthly_12m", "2026-02-28", "day"),
        ("daily_14d", "2026-02-28T22:00:00Z", "hour"),
        ("daily_14d", "2026-02-28T00:00:00Z..2026-02-28T22:00:00Z", "hour"),
        ("monthly_12m", "2026-02..2026-02-27", "day"),
    ],
)
def test_a_date_of_shorter_buckets_than_the_scale_has_is_explained(name: ScaleName, date: str, other: str) -> None:
    with pytest.raises(ToolArgumentError) as caught:
        read_window(scale(name), date)
    assert f"names {other}s" in caught.value.message


@pytest.mark.parametrize(
    ("name", "date", "label"),
    [
        ("hourly_7d", "2026-03-01", "2026-03-01T00:00:00Z..2026-03-01T01:00:00Z"),
        ("hourly_7d", "2026-02-28T22:00:00Z..2026-02-28T23:59:59Z", "2026-02-28T22:00:00Z..2026-02-28T23:00:00Z"),
        ("hourly_7d", "2026-03", "2026-03-01T00:00:00Z..2026-03-01T01:00:00Z"),
        ("hourly_7d", "2026-03-01T00:00:00Z..latest", "2026-03-01T00:00:00Z..2026-03-01T01:00:00Z"),
        ("daily_14d", "2026-03", "2026-03-01"),
        ("daily_14d", "2026-02-28..latest", "2026-02-28..2026-03-01"),
        ("daily_14d", "2026-02-28T00:00:00Z..2026-02-28T23:00:00Z", "2026-02-28"),
        ("monthly_12m", "2026-Q1", "2026-01..2026-03"),
        ("monthly_12m", "2026", "2026-01..2026-03"),
        ("monthly_12m", "2026-01..2026-02-28", "2026-01..2026-02"),
    ],
)
def test_longer_buckets_are_all_that_the_scale_has_of_them(name: ScaleName, date: str, label: str) -> None:
    assert read_window(scale(name), date).label == label


@pytest.mark.parametrize(
    ("name", "date", "corrections"),
    [
        ("daily_14d", "2026-02", [{"date": "2026-02-27..2026-02-28"}, {"date": "2026-02", "scale": None}]),
        ("daily_14d", "2026-01-03..2026-01-17", [{"date": "2026-01", "scale": None}]),
        (
            "hourly_7d",
            "2026-02-27T23:00:00Z",
            [{"date": "2026-02-27", "scale": None}, {"date": "2026-02", "scale": None}],
        ),
        ("monthly_12m", "2026-02..2026-04", [{"date": "2026-02..2026-03"}]),
        ("monthly_12m", "2025-11", []),
    ],
)
def test_outside_the_data_what_they_hold_of_it_is_suggested(
    name: ScaleName, date: str, corrections: list[dict[str, str | None]]
) -> None:
    with pytest.raises(ToolArgumentError) as caught:
        read_window(scale(name), date)
    assert caught.value.code == "unknown_date"
    assert [each.changes for each in caught.value.corrections] == [*corrections, {"date": "latest"}]


def test_a_scale_without_buckets_has_an_empty_window_for_any_readable_date() -> None:
    nothing = scale("daily_14d", [])
    for date in ("latest", "all", "2026-11-21", "2026-11-01..2026-11-02", "yesterday"):
        window = read_window(nothing, date)
        assert (window.dates, window.label, window.start, window.end, window.partial) == ([], None, None, None, False)
    with pytest.raises(ToolArgumentError):
        read_window(nothing, "tomorrow")


def test_closing_a_window_leaves_the_open_bucket_out() -> None:
    window = full_window(scale("daily_14d"))
    assert window.partial
    assert window.closed().dates == DAYS[:2]
    assert window.closed().closed().dates == DAYS[:2]
