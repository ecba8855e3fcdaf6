from __future__ import annotations

from dataclasses import replace

from collector.model import Entry, MetricValues
from collector.store.paths import ENTRY, GPU
from collector.store.row_values import cluster_values, entry_values, gpu_values, not_sampled, pods_measured, zero
from tests.support.samples import GIB, NOON, entry, failed_tick, gpu_entry, tick


def test_pods_are_measured_where_the_api_and_metrics_server_both_answered() -> None:
    assert pods_measured(tick(NOON))
    assert not pods_measured(tick(NOON, metrics=False))
    assert not pods_measured(failed_tick(NOON, metrics=True))


def test_an_entry_without_cpu_uses_zero_of_it() -> None:
    lost = Entry({"gpu": 0.5, "gpu_memory": 1.0}, measured=1.0)
    assert entry_values(lost, pods=True) == (0.0, 0.0, 0.0, 0.0, 1.0)
    assert gpu_values(lost) == (0.5, 0.0, 1.0)


def test_no_pod_was_measured_where_metrics_server_did_not_answer() -> None:
    half = entry(None, None, cpu_requests=2.0, measured=0.5)
    assert entry_values(half, pods=True) == (None, None, 2.0, 0.0, 0.5)
    assert entry_values(half, pods=False) == (None, None, 2.0, 0.0, 0.0)
    assert zero(ENTRY, pods=True) == (0.0, 0.0, 0.0, 0.0, 1.0)
    assert zero(ENTRY, pods=False) == (0.0, 0.0, 0.0, 0.0, 0.0)


def test_history_that_knows_no_pods_counts_as_measured_where_usage_is_known() -> None:
    assert entry_values(entry(1.0, measured=None), pods=True)[-1] == 1.0
    assert entry_values(entry(None, None, measured=None), pods=True)[-1] == 0.0


def test_gpu_usage_that_an_entry_with_gpu_requests_does_not_tell_is_unknown() -> None:
    assert gpu_values(Entry({"cpu": 1.0, "memory": 1.0}, {"gpu": 2.0}, 1.0)) == (None, 2.0, None)
    assert gpu_values(gpu_entry(0.5, 1.0, 3.0)) == (0.5, 1.0, 3 * GIB)
    assert gpu_values(entry(1.0)) == zero(GPU, pods=True) == (0.0, 0.0, 0.0)


def test_a_cluster_without_gpus_has_none_and_one_whose_exporters_failed_an_unknown_memory_of_them() -> None:
    def capacity(gpu: MetricValues) -> tuple[float | None, ...]:
        without = tick(NOON, cpu=8.0, gib=1.0)
        return cluster_values(replace(without, capacity={**without.capacity, **gpu}), pods=True)[:4]

    assert capacity({}) == (8.0, GIB, 0.0, 0.0)
    assert capacity({"gpu": 2.0}) == (8.0, GIB, 2.0, None)


def test_a_pause_counts_with_the_setting_that_comes_after_it() -> None:
    unknown = (None,) * 8
    assert not_sampled(tick(NOON, dcgm=False)) == (*unknown, 0.0, 0.0, 0.0, 0.0, 1.0)
    assert not_sampled(tick(NOON)) == (*unknown, 0.0, 0.0, 0.0, 0.0, 0.0)
    # A tick that failed: the source that answered all the same counts as observed, pods do not.
    answered = cluster_values(failed_tick(NOON, metrics=True, dcgm=True), pods=False)
    assert answered == (*unknown, 0.0, 1.0, 1.0, 0.0, 1.0)
