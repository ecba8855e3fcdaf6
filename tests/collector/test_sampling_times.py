"""The moments at which usage is read."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import pairwise

import pytest

from collector.sampling_times import INTERVALS, due_at, reading_moment
from tests.support.patience import LIMIT_SECONDS

NOON = int(datetime(2026, 11, 21, 12, tzinfo=UTC).timestamp())
UID = "0d2a1b34-7c1f-4d0e-9f53-2f8e6c0a9b11"


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


@pytest.mark.parametrize(
    ("now", "interval", "due"),
    [
        ("2026-11-21T12:03", 300, "2026-11-21T12:00"),
        ("2026-11-21T12:05", 300, "2026-11-21T12:05"),
        ("2026-11-21T12:59", 3600, "2026-11-21T12:00"),
        ("2026-11-21T12:31", 1800, "2026-11-21T12:30"),
        ("2026-11-21T12:39", 1200, "2026-11-21T12:20"),
    ],
)
def test_ticks_are_due_at_utc_multiples_of_the_interval(now: str, interval: int, due: str) -> None:
    assert due_at(at(now) + 0.5, interval) == at(due)


def test_an_interval_is_a_multiple_of_five_minutes_that_divides_an_hour() -> None:
    assert list(INTERVALS) == [each for each in range(300, 3601, 300) if 3600 % each == 0]


def phases(interval: int, number: int, cluster: str = UID) -> list[int]:
    """Seconds into its interval at which each reading is taken."""
    times = range(NOON, NOON + number * interval, interval)
    return [reading_moment(time, interval, cluster) - (time - interval) for time in times]


def chi_square(found: Iterable[object], classes: int, number: int) -> float:
    expected = number / classes
    counts = Counter(found)
    assert len(counts) <= classes
    return sum((counted - expected) ** 2 for counted in counts.values()) / expected + expected * (classes - len(counts))


def test_a_moment_is_the_hash_of_cluster_and_time_in_the_interval_before_that_time() -> None:
    number = int(hashlib.sha256(f"{UID}/{NOON}".encode()).hexdigest(), 16)
    assert reading_moment(NOON, 300, UID) == NOON - 300 + number % 300


@pytest.mark.parametrize("interval", INTERVALS)
def test_moments_are_whole_seconds_of_their_interval_its_first_included_and_its_end_not(interval: int) -> None:
    found = phases(interval, 20 * interval)
    assert (min(found), max(found)) == (0, interval - 1)


# In 99.9 % of all cases chi-square is below 382 with 299 degrees of freedom, below 149 with 99, and above 223 and 61.
@pytest.mark.parametrize("cluster", [UID, "another", "kubernetes"])
def test_moments_are_spread_evenly_and_tell_nothing_of_the_next(cluster: str) -> None:
    found = phases(300, 105_120, cluster)  # a year
    assert 223 < chi_square(found, 300, len(found)) < 382
    pairs = [(one // 30, other // 30) for one, other in pairwise(found)]
    assert 61 < chi_square(pairs, 100, len(pairs)) < 149


def test_moments_of_an_hour_of_the_day_are_spread_evenly_too() -> None:
    """A job that runs once a day is seen at 365 of them."""
    found = phases(300, 288 * 3000)[::288]
    assert 223 < chi_square(found, 300, len(found)) < 382


def test_two_clusters_are_read_at_different_moments() -> None:
    same = sum(one == other for one, other in zip(phases(300, 3000), phases(300, 3000, "another"), strict=True))
    assert same < 30  # 10 by chance


def test_another_process_reckons_the_same_moment() -> None:
    program = f"from collector.sampling_times import reading_moment; print(reading_moment({NOON}, 300, {UID!r}))"
    environ = {**os.environ, "PYTHONHASHSEED": "1"}
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, env=environ, check=True, timeout=LIMIT_SECONDS)
    assert int(done.stdout) == reading_moment(NOON, 300, UID)
