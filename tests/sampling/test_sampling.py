"""Jobs that start by the clock: what they request is exact, what they use is measured as often as it can be seen."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from collector.loop import GRACE_SEC
from collector.model import TickSample
from collector.sampling_times import reading_moment
from tests.sampling.documented import percent, table
from tests.sampling.jobs import HOUR, PAIRS, Job
from tests.sampling.proof import BEGIN, METERS, RESOLUTIONS, Cluster, clusters, of_pairs
from tests.sampling.rules import share_known
from tests.sampling.world import INTERVAL, World, stored

AN_HOUR, A_DAY = 12, 288
TOLERANCE = 1e-6
"""Of a second."""


def requested(job: Job, number: int) -> list[int]:
    """The seconds that a job holds its core in each interval."""
    return [job.seconds(time, time + INTERVAL) for time in range(BEGIN, BEGIN + number * INTERVAL, INTERVAL)]


def test_requests_are_exact_to_the_second_at_every_phase() -> None:
    """Though the watch hears of everything as late as it may."""
    for cluster in clusters(None):
        world = World(cluster.uid, cluster.jobs, cluster.meter(), BEGIN, late=GRACE_SEC - 0.5)
        samples = list(world.ticks(AN_HOUR))
        for job in cluster.jobs:
            held = [(sample.namespaces[job.name].requests["cpu"] or 0.0) * INTERVAL for sample in samples]
            assert held == pytest.approx(requested(job, AN_HOUR), abs=TOLERANCE), job


@pytest.mark.parametrize(("late", "held"), [(0.0, 7), (GRACE_SEC, 7), (GRACE_SEC + 1, 7), (GRACE_SEC + 1.5, 8)])
def test_what_ends_with_its_interval_is_exact_as_long_as_the_watch_hears_of_it_in_time(late: float, held: int) -> None:
    """It runs from the 292nd second of each interval to the 299th, of which a tick has to hear within six seconds."""
    job = Job(300, 7, 292)
    world = World("cluster", [job], Cluster(0, None).meter(), BEGIN, late=late)
    seconds = [(sample.namespaces[job.name].requests["cpu"] or 0.0) * INTERVAL for sample in world.ticks(AN_HOUR)]
    assert seconds == pytest.approx([held] * AN_HOUR, abs=TOLERANCE)


def used(samples: Sequence[TickSample], job: Job) -> list[float]:
    return [_known(sample.namespaces[job.name].usage["cpu"]) for sample in samples]


def _known(value: float | None) -> float:
    assert value is not None
    return value


def accounted(
    resolution: int | None, moment: Callable[[int, int, str], int] = reading_moment
) -> Iterator[tuple[Cluster, Mapping[str, list[float]]]]:
    """What was used in an hour of each cluster."""
    for cluster in clusters(resolution):
        jobs = cluster.jobs
        samples = list(World(cluster.uid, jobs, cluster.meter(), BEGIN, moment=moment).ticks(AN_HOUR))
        yield cluster, {job.name: used(samples, job) for job in jobs}


@pytest.mark.parametrize("resolution", METERS)
def test_usage_is_unbiased_but_for_what_the_meter_cannot_see(resolution: int | None) -> None:
    for found in of_pairs(accounted(resolution)).values():
        found.check()


def test_at_a_fixed_phase_a_job_would_be_seen_at_every_tick_or_at_none() -> None:
    """The check would find that out."""
    for (period, length), found in of_pairs(accounted(None, lambda time, *_: time - 1)).items():
        seen, most = found.spread
        # Of jobs that run once an hour more hours are needed, and those of 290 s are nearly always seen.
        assert seen > most or period == HOUR or length == 290


@pytest.mark.parametrize("number", range(0, 360, 90))
def test_both_are_so_in_the_store(tmp_path: Path, number: int) -> None:
    cluster = Cluster(number, 15)
    samples = list(World(cluster.uid, cluster.jobs, cluster.meter(), BEGIN).ticks(AN_HOUR))
    world = World(cluster.uid, cluster.jobs, cluster.meter(), BEGIN)
    columns = stored(tmp_path / "db", world, cluster.jobs, BEGIN, AN_HOUR)
    for job in cluster.jobs:
        kept, held = columns[job.name]
        assert held * INTERVAL == pytest.approx(np.array(requested(job, AN_HOUR)), abs=TOLERANCE)
        assert kept == pytest.approx(np.array(used(samples, job)))


def of_the_store(directory: Path, resolution: int | None) -> Iterator[tuple[Cluster, Mapping[str, list[float]]]]:
    """What a day of each cluster left in a store; what was requested is checked on the way."""
    for cluster in clusters(resolution):
        world, place = World(cluster.uid, cluster.jobs, cluster.meter(), BEGIN), directory / cluster.uid
        columns = stored(place, world, cluster.jobs, BEGIN, A_DAY)
        shutil.rmtree(place)
        for job in cluster.jobs:
            assert columns[job.name][1] * INTERVAL == pytest.approx(np.array(requested(job, A_DAY)), abs=TOLERANCE)
            assert not np.isnan(columns[job.name][0]).any()
        yield cluster, {name: kept.tolist() for name, (kept, _) in columns.items()}


@pytest.mark.sampling
@pytest.mark.parametrize("resolution", METERS)
def test_a_day_of_every_pair_at_every_phase_through_the_store(tmp_path: Path, resolution: int | None) -> None:
    results = of_pairs(of_the_store(tmp_path, resolution))
    for found in results.values():
        found.check()
    rows = table()
    assert {pair: row.measured[resolution] for pair, row in rows.items()} == {
        pair: percent(found.share_seen / (pair[1] / pair[0])) for pair, found in results.items()
    }


def test_the_documentation_says_what_the_rules_let_be_seen() -> None:
    assert list(table()) == list(PAIRS)
    for (_, length), row in table().items():
        assert row.rule == {resolution: percent(share_known(length, resolution)) for resolution in RESOLUTIONS}
