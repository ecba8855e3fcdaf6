"""Rows of the store in, amounts out; every expected number is computed in the test."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from collector.books.amounts import Stored, amounts
from collector.books.lifetimes import Lifetimes, lifetimes
from collector.books.page import CPU, DCGM, GPU, GPU_MEMORY, KUBERNETES, MEMORY, METRICS_SERVER, Array, Page
from collector.store.paths import EntryKey
from collector.store.rows import ClusterRows, EntryRows
from kl_core.vocabulary import METRICS, Metric, Source

HOUR = 3600
START = 490_000 * HOUR
GIB = 2.0**30
U = np.nan
EVER = lifetimes([(START - HOUR, START - HOUR)], active=True, gpu_since=START - HOUR)


def cluster(
    cpu: list[float],
    allocatable: list[float] | None = None,
    step: int = HOUR,
    gpu: list[float] | None = None,
    gpu_gib: list[float] | None = None,
    kubernetes: list[float] | None = None,
    metrics: list[float] | None = None,
    pods: list[float] | None = None,
) -> ClusterRows:
    """CPU as given, 4 GiB per core, GPUs only if given."""
    seen = [0.0 if np.isnan(value) else 1.0 for value in cpu]
    column = np.array(cpu)
    capacity: dict[Metric, Array] = dict.fromkeys(METRICS, np.full(len(cpu), np.nan))
    capacity |= {"cpu": column, "memory": column * 4 * GIB}
    free = np.array(allocatable or cpu)
    usable = capacity | {"cpu": free, "memory": free * 4 * GIB}
    if gpu is not None:
        capacity["gpu"] = usable["gpu"] = np.array(gpu)
        capacity["gpu_memory"] = usable["gpu_memory"] = np.array(gpu_gib) * GIB
    observed: dict[Source, Array] = {
        "kubernetes": np.array(kubernetes or seen),
        "metrics": np.array(metrics or seen),
        "dcgm": np.zeros(len(cpu)),
    }
    return ClusterRows(
        start=START,
        step=step,
        capacity=capacity,
        allocatable=usable,
        observed=observed,
        observed_pods=np.array(pods or seen),
        configured_dcgm=np.zeros(len(cpu)),
    )


def namespace(
    name: str,
    cpu: list[float],
    asked: list[float] | None = None,
    lived: Lifetimes = EVER,
    gpu: list[float] | None = None,
    gpu_gib: list[float] | None = None,
    measured: list[float] | None = None,
) -> Stored:
    """CPU usage and requests; memory is 2 GiB per used core."""
    used = np.array(cpu)
    wanted = np.array(asked if asked is not None else [0.0] * len(cpu))
    usage: dict[Metric, Array] = {"cpu": used, "memory": used * 2 * GIB}
    requests: dict[Metric, Array] = {"cpu": wanted, "memory": wanted * GIB}
    if gpu is not None:
        usage |= {"gpu": np.array(gpu), "gpu_memory": np.array(gpu_gib) * GIB}
        requests["gpu"] = np.ones(len(cpu))
    share = np.array(measured) if measured is not None else np.where(np.isnan(used), U, 1.0)
    return Stored(EntryKey("namespace", name), lived, EntryRows(usage, requests, share))


def usage(page: Page, row: int, metric: int) -> list[float | None]:
    return none_for_nan(page.entries.usage[row, metric])


def none_for_nan(values: Array) -> list[float | None]:
    return [None if np.isnan(value) else float(value) for value in values]


def test_a_closed_hour_is_its_mean_times_one_hour() -> None:
    # 2.5 cores for an hour are 2.5 core-hours; 5 GiB of memory for an hour are 5 GiB-hours.
    page = amounts(cluster([10.0]), [namespace("shop", [2.5], [4.0])])
    assert usage(page, 0, CPU) == [2.5]
    assert usage(page, 0, MEMORY) == [5.0]
    assert page.entries.requests[0, CPU].tolist() == [4.0]
    assert page.cluster.capacity[MEMORY].tolist() == [40.0]


def test_a_step_is_a_twelfth_of_an_hour() -> None:
    page = amounts(cluster([12.0, 12.0], step=300), [namespace("shop", [6.0, 3.0])])
    assert usage(page, 0, CPU) == [0.5, 0.25]
    assert page.cluster.capacity[CPU].tolist() == [1.0, 1.0]
    assert page.observed.tolist() == pytest.approx([1 / 12, 1 / 12])


def test_idle_is_what_is_allocatable_and_used_by_nobody() -> None:
    # Of 10 cores 9 are allocatable; 2 and 3 are used: 4 idle, 1 not allocatable.
    page = amounts(cluster([10.0], [9.0]), [namespace("a", [2.0]), namespace("b", [3.0])])
    assert page.cluster.idle[CPU].tolist() == [4.0]
    assert page.cluster.non_allocatable[CPU].tolist() == [1.0]
    assert page.cluster.unmeasured[CPU].tolist() == [0.0]


@pytest.mark.requirement("KL-D-6")
def test_idle_is_negative_where_usage_exceeds_allocatable() -> None:
    # 9.5 cores in use of 9 allocatable ones.
    page = amounts(cluster([10.0], [9.0]), [namespace("a", [9.5])])
    assert page.cluster.idle[CPU].tolist() == [-0.5]


@pytest.mark.requirement("KL-D-6")
def test_an_unknown_namespace_makes_idle_unknown_and_the_remainder_unmeasured() -> None:
    # Hour 1: 9 - 2 - 3 = 4 idle. Hour 2: b is unknown, so 9 - 2 = 7 cannot be told apart.
    page = amounts(cluster([10.0, 10.0], [9.0, 9.0]), [namespace("a", [2.0, 2.0]), namespace("b", [3.0, U])])
    assert none_for_nan(page.cluster.idle[CPU]) == [4.0, None]
    assert page.cluster.unmeasured[CPU].tolist() == [0.0, 7.0]
    assert page.cluster.unmeasured_hours[CPU].tolist() == [0.0, 1.0]


def test_special_entries_that_are_stored_count_against_idle() -> None:
    excluded = Stored(EntryKey("special", "excluded"), EVER, namespace("x", [1.5]).rows)
    page = amounts(cluster([10.0]), [namespace("a", [2.0]), excluded])
    assert page.cluster.idle[CPU].tolist() == [6.5]


def test_everything_is_unknown_in_an_hour_without_capacity() -> None:
    page = amounts(cluster([10.0, U]), [namespace("a", [2.0, 2.0], [3.0, 3.0])])
    assert usage(page, 0, CPU) == [2.0, None]
    assert none_for_nan(page.entries.requests[0, CPU]) == [3.0, None]
    assert none_for_nan(page.cluster.idle[CPU]) == [8.0, None]
    assert none_for_nan(page.cluster.unmeasured[CPU]) == [0.0, None]
    assert page.observed.tolist() == [1.0, 0.0]
    assert page.entries.hours[0, CPU].tolist() == [1.0, 0.0]


def test_outside_its_lives_a_namespace_is_a_known_zero_where_the_cluster_was_observed() -> None:
    # Alive in the second hour only; the RRD holds nothing of the others. The fourth hour was not observed.
    lived = lifetimes([(START + HOUR + 1200, START + HOUR + 2400)], active=False, gpu_since=None)
    page = amounts(cluster([10.0, 10.0, 10.0, U]), [namespace("a", [U, 2.0, U, U], [U, 3.0, U, U], lived)])
    assert usage(page, 0, CPU) == [0.0, 2.0, 0.0, None]
    assert none_for_nan(page.entries.requests[0, CPU]) == [0.0, 3.0, 0.0, None]
    assert none_for_nan(page.cluster.idle[CPU]) == [10.0, 8.0, 10.0, None]


def test_inside_its_life_a_namespace_that_was_not_measured_is_unknown() -> None:
    page = amounts(cluster([10.0, 10.0], metrics=[1.0, 0.0]), [namespace("a", [2.0, U], [3.0, 3.0])])
    assert usage(page, 0, CPU) == [2.0, None]
    assert page.entries.requests[0, CPU].tolist() == [3.0, 3.0]
    assert none_for_nan(page.entries.matched[0, CPU]) == [3.0, None]


def test_before_its_first_gpu_a_namespace_used_none() -> None:
    lived = lifetimes([(START, START)], active=True, gpu_since=START + HOUR + 300)
    asked = cluster([10.0, 10.0], gpu=[4.0, 4.0], gpu_gib=[160.0, 160.0])
    page = amounts(asked, [namespace("ml", [1.0, 1.0], lived=lived, gpu=[U, 0.75], gpu_gib=[U, 20.0])])
    assert usage(page, 0, GPU) == [0.0, 0.75]
    assert usage(page, 0, GPU_MEMORY) == [0.0, 20.0]
    assert page.entries.requests[0, GPU].tolist() == [0.0, 1.0]
    assert page.cluster.idle[GPU].tolist() == [4.0, 3.25]
    assert page.cluster.idle[GPU_MEMORY].tolist() == [160.0, 140.0]


def test_requests_of_gpu_memory_are_unknown() -> None:
    asked = cluster([10.0], gpu=[4.0], gpu_gib=[160.0])
    page = amounts(asked, [namespace("ml", [1.0], gpu=[0.5], gpu_gib=[20.0])])
    assert none_for_nan(page.entries.requests[0, GPU_MEMORY]) == [None]
    assert none_for_nan(page.entries.matched[0, GPU_MEMORY]) == [None]


def test_a_cluster_without_gpus_has_a_known_zero_of_them() -> None:
    page = amounts(cluster([10.0, U]), [namespace("a", [1.0, U])])
    assert none_for_nan(page.cluster.capacity[GPU]) == [0.0, None]
    assert none_for_nan(page.cluster.idle[GPU]) == [0.0, None]


def test_gpu_memory_of_an_unknown_capacity_is_unknown_but_none_in_use_is_zero() -> None:
    # The exporters failed for most of the hour: 4 GPUs, their memory unknown.
    asked = cluster([10.0], gpu=[4.0], gpu_gib=[U])
    page = amounts(asked, [namespace("ml", [1.0], gpu=[0.5], gpu_gib=[20.0]), namespace("web", [1.0])])
    assert usage(page, 0, GPU_MEMORY) == [None]
    assert usage(page, 1, GPU_MEMORY) == [0.0]
    assert none_for_nan(page.cluster.idle[GPU_MEMORY]) == [None]
    assert none_for_nan(page.cluster.unmeasured[GPU_MEMORY]) == [None]


def test_measured_hours_are_as_stored_in_a_life_and_those_of_the_source_outside() -> None:
    # 3/4 of the pods in 10 of 12 samples; half of them in 4; nobody sampled; gone.
    asked = cluster([10.0] * 4, metrics=[10 / 12, 4 / 12, 0.0, 0.5], pods=[10 / 12, 4 / 12, 0.0, 5 / 12])
    lived = lifetimes([(START + 300, START + 3 * HOUR)], active=False, gpu_since=None)
    page = amounts(asked, [namespace("a", [1.0, U, U, U], lived=lived, measured=[7.5 / 12, 2 / 12, U, U])])
    assert page.entries.measured[0].tolist() == pytest.approx([7.5 / 12, 2 / 12, 0.0, 5 / 12])
    assert page.sampled[METRICS_SERVER].tolist() == pytest.approx([10 / 12, 4 / 12, 0.0, 0.5])


def test_silent_hours_are_those_in_which_only_the_api_answered() -> None:
    # Of 12 steps the API answered in 12, 6 and 9, pods and usage were both known in 9, 6 and 8.
    rows = cluster([10.0] * 3, kubernetes=[1.0, 0.5, 0.75], pods=[0.75, 0.5, 8 / 12])
    rows = replace(
        rows,
        observed={**rows.observed, "dcgm": np.array([0.5, 0.75, 2 / 12])},
        configured_dcgm=np.array([1.0, 1.0, 0.5]),
    )
    page = amounts(rows, [])
    assert page.silent[KUBERNETES].tolist() == [0.0, 0.0, 0.0]
    assert page.silent[METRICS_SERVER].tolist() == pytest.approx([0.25, 0.0, 1 / 12])
    # 1 - 0.5; the exporter answered more often than the API; set in half of the steps: min(0.75, 0.5) - 2/12.
    assert page.silent[DCGM].tolist() == pytest.approx([0.5, 0.0, 4 / 12])


def test_capacity_of_gpu_memory_is_known_in_the_hours_in_which_exporters_told_it() -> None:
    page = amounts(cluster([10.0, 10.0, U], gpu=[4.0] * 3, gpu_gib=[160.0, U, 160.0]), [])
    assert page.capacity_known[GPU_MEMORY].tolist() == [1.0, 0.0, 0.0]
    assert page.capacity_known[GPU].tolist() == page.observed.tolist() == [1.0, 1.0, 0.0]


@pytest.mark.parametrize(
    ("pods", "measured", "matched"),
    [
        # 10 pods of 4 cores are 40; what 6 of them use is set against 24.
        (1.0, 0.6, 24.0),
        (1.0, 1.0, 40.0),
        (1.0, 1 - 1e-12, 40.0),
        (1.0, 0.5, 20.0),
        # Fewer than half in a part of the hour, which is unknown; in the rest at least half, or that were unknown too.
        (1.0, 0.45, 20.0),
        # metrics-server answered in three quarters of the hour, and knew 6 of 10 pods in each sample.
        (0.75, 0.45, 24.0),
        # It never answered, and usage is known all the same: nobody ran.
        (0.0, 0.0, 40.0),
    ],
)
def test_usage_is_set_against_the_requests_of_the_pods_that_were_measured(
    pods: float, measured: float, matched: float
) -> None:
    stored = namespace("shop", [24.0], [40.0], measured=[measured], gpu=[0.5], gpu_gib=[1.0])
    page = amounts(cluster([100.0], gpu=[2.0], gpu_gib=[32.0], pods=[pods]), [stored])
    assert page.entries.requests[0, CPU].tolist() == [40.0]
    assert page.entries.matched[0, CPU].tolist() == pytest.approx([matched], rel=1e-12)
    assert page.entries.usage_matched[0, CPU].tolist() == [24.0]
    # 40 GiB are requested; GPUs are measured by exporters.
    assert page.entries.matched[0, MEMORY].tolist() == pytest.approx([matched], rel=1e-12)
    assert page.entries.matched[0, GPU].tolist() == [1.0]


def test_requests_of_a_namespace_that_is_unknown_are_matched_by_nothing() -> None:
    page = amounts(cluster([100.0]), [namespace("shop", [U], [40.0], measured=[0.4])])
    assert np.isnan(page.entries.matched[0, CPU]).all()
