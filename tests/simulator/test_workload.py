from collections import Counter
from itertools import pairwise
from zlib import crc32

import numpy as np
import pytest

from simulator.catalogue import NAMESPACE_CREATED, NAMESPACE_DELETED, NODE_ADDED
from simulator.faults import parse_time
from simulator.objects import usage_totals
from simulator.pods import pod_units, split
from simulator.shapes import (
    GIB,
    HOUR,
    MIB,
    Container,
    Curve,
    Moment,
    NamespaceSpec,
    NodeSpec,
    PodGroup,
    Replicas,
    active_hours,
    between,
    daily,
)
from simulator.workload import Workload, default_origin, step_ends

ORIGIN = parse_time("2025-10-01T00:00:00Z")
NOW = parse_time("2026-11-21T14:00:00Z")


def standard() -> Workload:
    return Workload(ORIGIN)


def one_namespace(cpu: Curve, *, since: Moment | None = None, until: Moment | None = None) -> Workload:
    group = PodGroup("web", "Deployment", (Container("web", "web:1", 250, 512),), replicas=Replicas(2))
    lived = since or Moment(-1)
    spec = NamespaceSpec("web", cpu, Curve(2.0 * GIB), (group,), since=lived, until=until)
    return Workload(ORIGIN, (spec,), (NodeSpec("n", "worker", 4, 16, 500, 1024),), ())


def test_the_origin_is_the_start_of_the_month_thirteen_months_before() -> None:
    assert default_origin(NOW) == ORIGIN
    assert default_origin(parse_time("2026-01-01T00:00:00Z")) == parse_time("2024-12-01T00:00:00Z")


@pytest.mark.parametrize("metric", ["cpu", "memory", "gpu", "gpu_memory"])
def test_the_mean_of_the_twelve_steps_is_the_hour_and_the_steps_differ(metric: str) -> None:
    workload = standard()
    start = NOW - 24 * HOUR
    steps = workload.step_values("ml-training", metric, step_ends(start, NOW))  # type: ignore[arg-type]
    hourly = workload.interval_means("ml-training", metric, start, NOW, HOUR)  # type: ignore[arg-type]
    assert np.allclose(steps.reshape(24, 12).mean(axis=1), hourly, rtol=1e-12)
    assert np.ptp(steps[:12]) > 0


def test_the_hour_is_the_hourly_function_to_rounding() -> None:
    workload = standard()
    curve = workload.namespace("search").cpu
    hours = np.arange(NOW // HOUR - 400, NOW // HOUR)
    expected = curve.hourly(hours, ORIGIN)
    measured = workload.interval_means("search", "cpu", int(hours[0]) * HOUR, NOW, HOUR)
    assert np.allclose(measured, expected, rtol=1e-12)


def test_an_hour_of_a_curve_is_the_product_of_its_factors() -> None:
    # Saturday 2025-11-01T15:00Z, 31.625 days after the origin: 10 cores x 1.5 (peak hour) x 0.5 (weekend)
    # x (1 + 0.2 x 31.625 / 365) = 7.5 x 1.017328767 = 7.629965753
    curve = Curve(10.0, daily(0.5, 15), weekend=0.5, growth=0.2)
    hour = parse_time("2025-11-01T15:00:00Z") // HOUR
    assert curve.hourly(np.array([hour]), ORIGIN)[0] == pytest.approx(7.629965753, rel=1e-9)


def test_a_step_is_its_hour_times_its_ripple() -> None:
    # Phase 0, step 3 of the hour: cos(2 pi 3 / 12) = 0, step 0: cos(0) = 1, step 6: -1. 10 cores, ripple 0.1.
    curve = Curve(10.0, ripple=0.1)
    ends = np.array([ORIGIN + 300, ORIGIN + 4 * 300, ORIGIN + 7 * 300])
    assert curve.steps(ends, ORIGIN, 0) == pytest.approx([11.0, 10.0, 9.0])


def test_shapes_over_the_day_have_mean_one() -> None:
    assert sum(daily(0.4, 14)) / 24 == pytest.approx(1.0)
    assert sum(between(22, 4, 0.02)) / 24 == pytest.approx(1.0)
    assert active_hours(22, 4) == {22, 23, 0, 1, 2, 3, 4}


def test_a_namespace_born_at_20_past_uses_two_thirds_of_its_first_hour() -> None:
    # 12 cores without ripple from 00:20: steps ending 00:25 ... 01:00 are 8 of 12; 12 x 8 / 12 = 8.
    workload = one_namespace(Curve(12.0, ripple=0.0), since=Moment(0, 20 * 60))
    assert workload.usage("web", "cpu", ORIGIN + HOUR, HOUR) == pytest.approx(8.0)
    assert workload.usage("web", "cpu", ORIGIN + 20 * 60) == 0.0
    assert workload.usage("web", "cpu", ORIGIN + 25 * 60) == pytest.approx(12.0)
    assert workload.pods(ORIGIN + 20 * 60) == ()
    assert len(workload.pods(ORIGIN + 25 * 60)) == 2


def test_a_deleted_namespace_has_no_usage_no_pods_and_no_requests() -> None:
    workload = one_namespace(Curve(12.0), until=Moment(1))
    deleted = parse_time("2025-11-01T00:00:00Z")
    ends = np.array([deleted, deleted + 300])
    assert workload.requests("web", "cpu", ends).tolist() == [0.5, 0.0]
    assert workload.step_values("web", "cpu", ends)[1] == 0.0
    assert [len(workload.pods(int(end))) for end in ends] == [2, 0]
    assert [len(workload.living(int(end))) for end in ends] == [1, 0]


def test_requests_are_those_of_the_pods_that_are_bound_and_unfinished() -> None:
    # reporting: 2 x 1500m running + 500m whose image is being pulled = 3.5 cores; 2 x 2048Mi + 512Mi = 4608 MiB.
    # batch-nightly at 14:00: the planner's 200m; the succeeded job's 4 cores do not count.
    # dev-sandbox: pods without requests, and 200 cores of a pod that no node can take.
    workload, end = standard(), np.array([NOW])
    assert workload.requests("reporting", "cpu", end)[0] == pytest.approx(3.5)
    assert workload.requests("reporting", "memory", end)[0] == 4608 * MIB
    assert workload.requests("batch-nightly", "cpu", end)[0] == pytest.approx(0.2)
    assert workload.requests("dev-sandbox", "cpu", end)[0] == 0.0


def test_init_containers_and_sidecars_count_by_the_schedulers_rule() -> None:
    # shop-checkout: 3 x max(1500m + 200m, 2000m) = 6 cores; 3 x max(2048 + 256, 1024) MiB = 6912 MiB.
    # payments: 2 x (1800m + 150m) = 3.9 cores; 2 x (3072 + 128) MiB = 6400 MiB.
    workload, end = standard(), np.array([NOW])
    assert workload.requests("shop-checkout", "cpu", end)[0] == pytest.approx(6.0)
    assert workload.requests("shop-checkout", "memory", end)[0] == 6912 * MIB
    assert workload.requests("payments", "cpu", end)[0] == pytest.approx(3.9)
    assert workload.requests("payments", "memory", end)[0] == 6400 * MIB


def test_gpu_use_is_shared_by_the_pods_of_a_device_and_requests_are_divided_by_the_replicas() -> None:
    # gpu-1 offers each GPU twice: predictors 0..3 hold 4 x 1/2, notebooks 0..1 hold 2 x 1/2. ml-training: 2 + 1 whole.
    workload, end = standard(), np.array([NOW])
    requests = {name: workload.requests(f"ml-{name}", "gpu", end)[0] for name in ("inference", "notebooks", "training")}
    assert requests == {"inference": 2.0, "notebooks": 1.0, "training": 3.0}
    # Device 0 of gpu-1 is shared by a predictor and a notebook, device 3 is the other notebook's alone.
    by_index = {device.index: device for device in workload.devices if device.node == "gpu-1"}
    shared = workload.device_values(by_index[0], "utilisation", end)[0]
    alone = workload.device_values(by_index[3], "utilisation", end)[0]
    assert workload.usage("ml-notebooks", "gpu", NOW) == pytest.approx(shared / 2 + alone)
    assert np.isnan(workload.requests("ml-training", "gpu_memory", end)[0])


def test_capacity_grows_with_the_node_that_was_added() -> None:
    # 3 x 8 + 3 x 64 + 2 x 64 = 344 cores, then 64 more. Allocatable: 3 x 7.5 + 4 x 63.5 + 2 x 63 = 402.5.
    workload = standard()
    added = workload.time_of(NODE_ADDED)
    ends = np.array([added, added + 300])
    assert workload.capacity("cpu", ends).tolist() == [344.0, 408.0]
    assert workload.allocatable("cpu", ends)[1] == pytest.approx(402.5)
    assert workload.capacity("memory", ends)[1] == (3 * 32 + 6 * 256) * GIB
    assert workload.capacity("gpu", ends)[1] == 8.0


def test_the_events_of_the_year_lie_inside_twelve_whole_months() -> None:
    workload = standard()
    months = [NODE_ADDED, NAMESPACE_CREATED, NAMESPACE_DELETED]
    assert all(
        parse_time("2025-11-01T00:00:00Z") < workload.time_of(each) < parse_time("2026-11-01T00:00:00Z")
        for each in months
    )
    assert workload.labels("payments", ORIGIN + 300)["team"] == "payments"
    assert workload.labels("payments", NOW)["team"] == "fintech"


def test_pods_fit_their_nodes_at_every_hour_of_a_week_and_of_every_month() -> None:
    workload = standard()
    times = [NOW - hour * HOUR for hour in range(168)] + [
        workload.time_of(Moment(month)) + hour * HOUR for month in range(1, 14) for hour in (1, 12, 23)
    ]
    allocatable = {node.name: (node.cores * 1000 - node.reserved_millicores) for node in workload.nodes}
    memory = {node.name: node.gibibytes * 1024 - node.reserved_mebibytes for node in workload.nodes}
    gpus = {node.name: node.gpus * node.gpu_replicas for node in workload.nodes}
    for end in times:
        held: dict[str, Counter[str]] = {node.name: Counter() for node in workload.nodes_at(end)}
        for pod in workload.pods(end):
            if pod.charged:
                held[str(pod.node)].update(
                    cpu=pod.group.held.millicores, memory=pod.group.held.mebibytes, gpu=pod.group.gpus
                )
        for node, sums in held.items():
            assert sums["cpu"] <= allocatable[node]
            assert sums["memory"] <= memory[node]
            assert sums["gpu"] <= gpus[node]


def test_a_namespace_that_uses_something_always_has_a_running_pod() -> None:
    workload = standard()
    for end in range(NOW - 168 * HOUR, NOW + HOUR, HOUR):
        running = {pod.namespace for pod in workload.pods(end) if pod.running}
        using = {name for name, (cpu, memory) in usage_totals(workload, end).items() if cpu or memory}
        assert using == running


def test_every_device_holder_is_a_running_pod_of_its_node() -> None:
    workload = standard()
    for month in range(14):
        end = workload.time_of(Moment(month)) + 300
        pods = {(pod.namespace, pod.group.name, pod.ordinal): pod.node for pod in workload.pods(end) if pod.group.gpus}
        holders = {
            (holder.namespace, holder.group, holder.ordinal): device.node
            for device in workload.devices
            if workload.held(device, np.array([end]))[0]
            for holder in device.holders
        }
        assert holders == pods


def test_namespaces_are_far_apart_in_cpu_and_no_ratio_is_near_a_boundary() -> None:
    # A new demo's cluster is 13 to 14 months old: whatever the day, no ranking may hang on rounding.
    workload = standard()
    for age in range(396, 428):
        for hour in (0, 15):
            end = ORIGIN + (age * 24 + hour) * HOUR
            ends = step_ends(end - 14 * 24 * HOUR, end)
            names = [spec.name for spec in workload.namespaces if not spec.name.startswith(("kube-", "openshift-"))]
            use = {name: float(workload.step_values(name, "cpu", ends).mean()) for name in names}
            ranked = sorted((value for value in use.values() if value), reverse=True)
            assert all(lower < 0.93 * higher for higher, lower in pairwise(ranked))
            for name in names:
                requests = float(workload.requests(name, "cpu", ends).mean())
                if requests:
                    ratio = use[name] / requests
                    assert abs(ratio - 0.5) > 0.05
                    assert abs(ratio - 1.0) > 0.02


def test_a_total_is_split_without_loss_and_in_proportion() -> None:
    assert split(10, [1, 1, 1]) == [3, 4, 3]
    assert split(1_000_000_001, [3.0, 1.0]) == [750_000_001, 250_000_000]
    assert split(7, []) == []


def test_pods_add_up_to_their_namespace_within_one_rounding() -> None:
    workload = standard()
    pods = workload.pods(NOW)
    totals = usage_totals(workload, NOW)
    sums: Counter[str] = Counter()
    for pod, (nanocores, _) in zip(pods, pod_units(pods, totals), strict=True):
        sums[pod.namespace] += nanocores
    for namespace, nanocores in sums.items():
        assert nanocores == round(totals[namespace][0] * 1e9)


def test_the_same_origin_gives_the_same_cluster() -> None:
    assert [pod.name for pod in standard().pods(NOW)] == [pod.name for pod in standard().pods(NOW)]
    assert standard().usage("ci", "cpu", NOW) == standard().usage("ci", "cpu", NOW)


def test_a_synthetic_cluster_has_the_size_asked_for() -> None:
    workload = Workload.synthetic(ORIGIN, 120, 3)
    pods = workload.pods(NOW)
    assert len(workload.living(NOW)) == 120
    assert len(pods) == 360
    assert len({(pod.namespace, pod.name) for pod in pods}) == 360
    assert workload.usage("team-00000", "cpu", NOW, HOUR) > workload.usage("team-00119", "cpu", NOW, HOUR)


def test_phases_of_the_ripple_differ_between_namespaces() -> None:
    phases = {crc32(f"{spec.name}/cpu".encode()) % 12 for spec in standard().namespaces}
    assert len(phases) > 6
