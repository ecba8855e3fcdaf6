"""Time: calendar, polling intervals, gaps, clocks. One namespace, `web`, that asks for twice what it uses."""

from __future__ import annotations

from pathlib import Path

import pytest

from collector.store.store import Store
from tests.rules.telling import DAY, Told, at, column, machine, published, special, ticks, work
from tests.support.books import books_after, documents

INTERVALS = (300, 600, 900, 1200, 1800, 3600)


def using(cores: float, *, of: float = 10.0) -> Told:
    return Told([work("web", cores=cores, asked=f"{round(2000 * cores)}m")], [machine(cores=of)])


# Polling


@pytest.mark.parametrize("interval", INTERVALS)
def test_every_polling_interval_gives_the_same_books(tmp_path: Path, interval: int) -> None:
    # 13 and 15 o'clock at 3 cores, 14 o'clock at 6: 12 core-hours of 30.
    samples = ticks(using(3.0), "2026-11-21T13:00", "2026-11-21T14:00", interval)
    samples += ticks(using(6.0), "2026-11-21T14:00", "2026-11-21T15:00", interval)
    samples += ticks(using(3.0), "2026-11-21T15:00", "2026-11-21T16:00", interval)
    found = published(tmp_path, samples)
    assert column(found["hourly_7d"], "web") == pytest.approx([3.0, 6.0, 3.0])
    assert column(found["daily_14d"], "web") == pytest.approx([12.0])
    assert column(found["daily_14d"], "web", "requests") == pytest.approx([24.0])
    assert found["hourly_7d"]["coverage"]["kubernetes"] == [1.0, 1.0, 1.0]
    assert found["daily_14d"]["coverage"]["kubernetes"] == pytest.approx([3 / 16])


@pytest.mark.parametrize("interval", INTERVALS[:-1])
def test_a_tick_stands_for_the_interval_that_ends_at_its_time(tmp_path: Path, interval: int) -> None:
    # The only tick of the open hour: its interval x 6 cores, of an hour that is not older than that.
    samples = ticks(using(3.0), "2026-11-21T12:00", "2026-11-21T13:00", interval)
    samples += ticks(using(6.0), "2026-11-21T13:00", at("2026-11-21T13:00") + interval, interval)
    hourly = published(tmp_path, samples)["hourly_7d"]
    assert column(hourly, "web") == pytest.approx([3.0, 6.0 * interval / 3600])
    assert hourly["elapsed_hours"] == pytest.approx([1.0, interval / 3600])
    assert hourly["complete"] == [True, False]


@pytest.mark.parametrize(
    ("interval", "share", "usage"),
    [
        (300, 5 / 12, None),
        (600, 6 / 12, 3.0),
        (900, 6 / 12, 3.0),
        (1200, 8 / 12, 3.0),
        (1800, 6 / 12, 3.0),
        (3600, 1.0, 3.0),
    ],
)
def test_a_start_in_the_middle_of_an_hour_counts_what_its_ticks_stand_for(
    tmp_path: Path, interval: int, share: float, usage: float | None
) -> None:
    """The first tick after 13:36 is at 13:40, :40, :45, :40, 14:00 or 14:00, and stands for its interval.

    That is from 13:35, :30, :30, :20, :30 or :00 on: 5, 6, 6, 8, 6 or 12 of the hour's steps, of which 6 are enough.
    """
    samples = ticks(using(3.0), "2026-11-21T13:36", "2026-11-21T14:00", interval)
    hourly = published(tmp_path, samples)["hourly_7d"]
    assert hourly["coverage"]["kubernetes"] == [pytest.approx(share)]
    assert column(hourly, "web") == [usage]


def test_the_interval_can_change_from_one_start_to_the_next(tmp_path: Path) -> None:
    # Half an hour at 5 minutes with 2 cores, then one tick of an hour with 4: steps that are known stay so.
    with Store.open(tmp_path) as store:
        store.append(ticks(using(2.0), "2026-11-21T13:00", "2026-11-21T13:30"))
    found = published(tmp_path, ticks(using(4.0), "2026-11-21T13:00", "2026-11-21T14:00", 3600))
    # (6 x 2 + 6 x 4) / 12 = 3.
    assert column(found["hourly_7d"], "web") == pytest.approx([3.0])
    assert found["hourly_7d"]["coverage"]["kubernetes"] == [1.0]


# Gaps and clocks


def test_a_collector_that_is_down_for_three_days_leaves_them_unknown(tmp_path: Path) -> None:
    """It is down from the 17th 12:00 to the 20th 12:00, between two days and a half at 3 cores of 10.

    17th: 12 x 3 = 36 core-hours in 12 observed hours; 18th and 19th: unknown; 20th: 36 again. The month adds
    up 24 + 12 + 12 + 24 = 72 hours: 216 core-hours, and 504 of idle.
    """
    samples = ticks(using(3.0), "2026-11-16T00:00", "2026-11-17T12:00")
    samples += ticks(using(3.0), "2026-11-20T12:00", "2026-11-22T00:00")
    found = published(tmp_path, samples)
    daily, monthly = found["daily_14d"], found["monthly_12m"]
    assert column(daily, "web") == [
        pytest.approx(72),
        pytest.approx(36),
        None,
        None,
        pytest.approx(36),
        pytest.approx(72),
    ]
    assert daily["observed_hours"] == pytest.approx([24, 12, 0, 0, 12, 24])
    assert daily["coverage"]["kubernetes"] == pytest.approx([1, 0.5, 0, 0, 0.5, 1])
    assert daily["coverage"]["metrics"] == daily["coverage"]["kubernetes"]
    assert column(monthly, "web") == pytest.approx([216])
    assert special(monthly, "idle") == pytest.approx([504])
    assert monthly["observed_hours"] == [72]


def test_a_gap_ends_with_the_step_after_it_and_shifts_nothing(tmp_path: Path) -> None:
    # Down from 13:15 to 13:40. Known: 3 steps of 2 cores, 4 of 9; 7 of 12 are enough: (3 x 2 + 4 x 9) / 7 = 6.
    samples = ticks(using(2.0), "2026-11-21T12:00", "2026-11-21T13:15")
    samples += ticks(using(9.0), "2026-11-21T13:40", "2026-11-21T14:00")
    hourly = published(tmp_path, samples)["hourly_7d"]
    assert column(hourly, "web") == pytest.approx([2.0, 6.0])
    assert hourly["coverage"]["kubernetes"] == pytest.approx([1.0, 7 / 12])


def test_a_clock_that_steps_back_leaves_the_books_as_they_were_until_it_has_passed(tmp_path: Path) -> None:
    # After the tick of 13:30 the clock is set back by 20 minutes: the ticks of 13:15 to 13:30 are refused.
    with Store.open(tmp_path / "db") as store:
        store.append(ticks(using(3.0), "2026-11-21T13:00", "2026-11-21T13:30"))
        again = store.append(ticks(using(9.0), "2026-11-21T13:10", "2026-11-21T13:30"))
        assert (again.stored, again.refused) == (0, 4)
        store.append(ticks(using(5.0), "2026-11-21T13:30", "2026-11-21T14:00"))
    hourly = published(tmp_path / "db", [])["hourly_7d"]
    # (6 x 3 + 6 x 5) / 12 = 4.
    assert column(hourly, "web") == pytest.approx([4.0])
    assert hourly["coverage"]["kubernetes"] == [1.0]


def test_of_two_ticks_in_one_step_the_first_is_booked(tmp_path: Path) -> None:
    samples = [
        *ticks(using(3.0), "2026-11-21T13:00", "2026-11-21T13:05"),
        *ticks(using(9.0), "2026-11-21T13:00", "2026-11-21T13:05"),
        *ticks(using(3.0), "2026-11-21T13:05", "2026-11-21T14:00"),
    ]
    assert column(published(tmp_path, samples)["hourly_7d"], "web") == pytest.approx([3.0])


def test_a_restart_in_mid_hour_changes_nothing(tmp_path: Path) -> None:
    whole = published(tmp_path / "whole", ticks(using(3.0), "2026-11-21T11:00", "2026-11-21T14:00"))
    for start, end in (("11:00", "12:40"), ("12:40", "13:05"), ("13:05", "14:00")):
        samples = ticks(using(3.0), f"2026-11-21T{start}", f"2026-11-21T{end}")
        found = published(tmp_path / "parts", samples)
    assert found == whole


# The calendar


@pytest.mark.parametrize(
    ("month", "after", "hours"),
    [
        ("2026-01", "2026-02", 744),
        ("2026-02", "2026-03", 672),
        ("2028-02", "2028-03", 696),
        ("2026-04", "2026-05", 720),
        ("2026-12", "2027-01", 744),
    ],
)
def test_a_month_has_the_hours_of_its_days(tmp_path: Path, month: str, after: str, hours: int) -> None:
    # One core throughout, from a day before the month to an hour after it: the leap day counts, the year may turn.
    begin, end = at(f"{month}-01T00:00"), at(f"{after}-01T00:00")
    samples = ticks(using(1.0), begin - DAY, end + 3600, 3600)
    monthly = published(tmp_path, samples)["monthly_12m"]
    assert monthly["buckets"][1:] == [f"{month}-01T00:00:00Z", f"{after}-01T00:00:00Z"]
    assert column(monthly, "web") == pytest.approx([24.0, hours, 1.0])
    assert monthly["elapsed_hours"][1:] == [hours, 1.0]
    assert monthly["complete"] == [True, True, False]
    assert monthly["coverage"]["kubernetes"][1:] == [1.0, 1.0]


def test_a_tick_at_midnight_belongs_to_the_day_month_and_year_that_it_ends(tmp_path: Path) -> None:
    # The tick of 1 January 00:00 stands for the last step of December.
    samples = ticks(using(12.0, of=20.0), "2026-12-31T23:55", "2027-01-01T00:00")
    found = published(tmp_path, samples)
    assert {name: document["buckets"] for name, document in found.items()} == {
        "hourly_7d": ["2026-12-31T23:00:00Z"],
        "daily_14d": ["2026-12-31T00:00:00Z"],
        "monthly_12m": ["2026-12-01T00:00:00Z"],
    }
    after = published(tmp_path, ticks(using(12.0, of=20.0), "2027-01-01T00:00", "2027-01-01T00:05"))
    # Of the last hour of the year one step is known, which is too little; the first of the new one is open.
    assert column(after["monthly_12m"], "web") == [None, pytest.approx(1.0)]


@pytest.mark.parametrize(("later", "idle"), [(30.0, 15 * 24 * (5.0 + 25.0)), (6.0, 15 * 24 * (5.0 + 1.0))])
def test_a_cluster_that_grows_or_shrinks_in_mid_month_is_added_up_hour_by_hour(
    tmp_path: Path, later: float, idle: float
) -> None:
    # 15 days of 10 cores, then 15 of more or fewer; web uses 5 throughout.
    samples = ticks(using(5.0), "2026-11-01T00:00", "2026-11-16T00:00", 3600)
    samples += ticks(using(5.0, of=later), "2026-11-16T00:00", "2026-12-01T00:00", 3600)
    monthly = published(tmp_path, samples)["monthly_12m"]
    assert monthly["capacity"]["cpu"] == pytest.approx([15 * 24 * (10.0 + later)])
    assert column(monthly, "web") == pytest.approx([30 * 24 * 5.0])
    assert special(monthly, "idle") == pytest.approx([idle])


def test_the_open_bucket_of_every_scale_ends_with_the_last_tick(tmp_path: Path) -> None:
    # 1 November 00:00 to the 2nd 06:20 at 3 cores: 30 hours and a third.
    samples = ticks(using(3.0), "2026-11-01T00:00", "2026-11-02T06:20")
    found = published(tmp_path, samples)
    for scale, elapsed in (("hourly_7d", 1 / 3), ("daily_14d", 6 + 1 / 3), ("monthly_12m", 30 + 1 / 3)):
        document = found[scale]
        assert document["complete"][-1] is False
        assert document["elapsed_hours"][-1] == document["observed_hours"][-1] == pytest.approx(elapsed)
        assert column(document, "web")[-1] == pytest.approx(3.0 * elapsed)
        assert document["coverage"]["kubernetes"][-1] == 1.0


def test_when_an_hour_closes_its_amount_does_not_jump(tmp_path: Path) -> None:
    # 11 steps of the open hour and all 12 of the closed one: 3 x 11/12, then 3.
    with Store.open(tmp_path) as store:
        store.append(ticks(using(3.0), "2026-11-21T13:00", "2026-11-21T13:55"))
    before = documents(books_after(tmp_path, []))["hourly_7d"]
    after = published(tmp_path, ticks(using(3.0), "2026-11-21T13:55", "2026-11-21T14:00"))["hourly_7d"]
    assert column(before, "web") == pytest.approx([2.75])
    assert column(after, "web") == pytest.approx([3.0])
