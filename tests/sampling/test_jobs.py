"""What is true of a job, and what metrics-server knows of it, with values reckoned by hand."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from tests.sampling.jobs import HOUR, LENGTHS, PAIRS, Job, phases
from tests.sampling.meters import IdealMeter, Key, MetricsServer
from tests.sampling.rules import ASKED_SEC, known_from, moments_known_of, share_known

RUN = ("jobs", "run")


class Lasting:
    """A pod that runs from one time to another."""

    def __init__(self, begin: float, end: float) -> None:
        self._begin = begin
        self._end = end

    def running(self, time: float) -> Mapping[Key, float]:
        return {RUN: self._begin} if self._begin <= time < self._end else {}


def test_a_job_runs_at_its_phase_for_its_length() -> None:
    # At 00:20, 05:20, 10:20 … for 30 s.
    job = Job(300, 30, 20)
    assert list(job.begins(0, 600)) == [20, 320]
    assert [job.run_at(time) for time in (19.5, 20, 49.5, 50, 320.5)] == [None, 20, 20, None, 320]
    assert [job.seconds(0, 300), job.seconds(0, 25), job.seconds(40, 330), job.seconds(50, 320)] == [30, 5, 20, 0]
    # One that runs over the hour began before it.
    assert list(Job(3600, 290, 3500).begins(3600, 3900)) == [3500]
    assert Job(3600, 290, 3500).seconds(3600, 3900) == 190
    assert Job(3600, 290, 3500).run_at(3700) == 3500


def test_every_pair_is_of_a_length_below_the_period_and_every_phase_is_a_multiple_of_ten_seconds() -> None:
    assert len(PAIRS) == 2 + 4 + 4 + 4
    assert [len(phases(period)) for period in (60, 300, 600, 3600)] == [6, 30, 60, 360]


@pytest.mark.parametrize(("age", "known"), [(0.1, 30), (9.9, 30), (10.0, 15), (14.9, 15)])
def test_a_container_is_known_from_its_second_scrape_on_or_if_it_was_ten_seconds_old_at_its_first(
    age: float, known: int
) -> None:
    """Scrapes at 0, 15, 30 …; at that of 15 it is of an age."""
    seen = [time for time in range(120) if MetricsServer(15, 0).read(Lasting(15 - age, 1000), time)]
    assert seen == list(range(known, 120))


def test_a_container_that_was_made_anew_is_another_one() -> None:
    server = MetricsServer(15, 0)
    server.scrape(15, {RUN: 1})
    server.scrape(30, {RUN: 25})
    assert not server.answer()
    server.scrape(45, {RUN: 25})
    assert [each.window for each in server.answer()] == [15]


def test_what_runs_no_more_is_answered_for_until_the_next_scrape() -> None:
    seen = [time for time in range(200) if MetricsServer(60, 0).read(Lasting(30, 100), time)]
    assert (seen[0], seen[-1]) == (60, 119)


def test_cpu_is_what_was_used_between_two_scrapes() -> None:
    (found,) = MetricsServer(60, 0).read(Lasting(30, 1000), 200)
    assert (found.timestamp, found.window, found.containers and found.containers[0].cpu) == (180, 60, 1.0)
    (fresh,) = MetricsServer(60, 0).read(Lasting(30, 1000), 61)
    assert (fresh.timestamp, fresh.window) == (60, 30)


def test_the_ideal_meter_knows_what_runs() -> None:
    assert [time for time in range(50) if IdealMeter().read(Lasting(10, 40), time)] == list(range(10, 40))


def test_the_share_that_is_known_by_hand() -> None:
    # At 15 s, a run of 30 s: from an age of 10 to 15 it is known from then on, 17.5 of 30 s in the mean, and from one
    # below 10 after another scrape, from 20 s on in the mean: (5 × 17.5 + 10 × 10) ÷ 15 = 12.5 s.
    assert share_known(30, 15) == pytest.approx(12.5 / 30)
    # At 60 s, from an age of 10 to 30, (20 × 10) ÷ 60 = 3.33 s.
    assert share_known(30, 60) == pytest.approx(200 / 60 / 30)
    # A run of 60 s: (50 × 25) ÷ 60 = 20.83 s. One of 290 s: (50 × 255 + 10 × 225) ÷ 60 = 250 s.
    assert share_known(60, 60) == pytest.approx(1250 / 60 / 60)
    assert share_known(290, 60) == pytest.approx(250 / 290)
    assert share_known(10, 15) == share_known(10, 60) == 0


@pytest.mark.parametrize("resolution", [15, 60])
@pytest.mark.parametrize("length", LENGTHS)
def test_the_share_that_is_known_is_the_mean_over_all_ages(length: int, resolution: int) -> None:
    ages = [(number + 0.5) / 100 for number in range(100 * resolution)]
    known = sum(max(0.0, length - known_from(age, resolution)) for age in ages) / len(ages)
    assert share_known(length, resolution) == pytest.approx(known / length, rel=1e-3)


@pytest.mark.parametrize("resolution", [15, 60])
@pytest.mark.parametrize(("period", "length"), PAIRS)
def test_the_rules_reckoned_by_age_are_those_of_the_scrapes(period: int, length: int, resolution: int) -> None:
    """Moment by moment over an hour, for some phases of both."""
    for phase in list(phases(period))[:: max(1, period // 60)]:
        scrape_phase = (7.3 * phase + 3.1) % resolution
        job, known = Job(period, length, phase), 0
        for moment in range(HOUR, 2 * HOUR):
            begin = job.run_at(moment + ASKED_SEC)
            if begin is not None:
                newest = moment + ASKED_SEC - (moment + ASKED_SEC - scrape_phase) % resolution
                known += begin < newest - resolution or 10 <= newest - begin < resolution
        assert known == moments_known_of(job, resolution, scrape_phase)
