"""Who is charged, and how much: pods in every phase, through the whole pipeline.

All hours have one tick a step; a pod asks for 1 core and 1 GiB unless told otherwise.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.rules.telling import Told, Work, at, column, machine, published, special, ticks, work
from tests.support import kubernetes_objects as api

HOUR_OF = ("2026-11-21T13:00", "2026-11-21T14:00")


def asking(name: str, **changes: Any) -> Work:
    return work("shop", name, **{"asked": "1", "asked_memory": "1Gi", **changes})


@pytest.mark.parametrize(
    ("changes", "requests", "usage"),
    [
        ({"node": None, "phase": "Pending"}, 0.0, 0.0),
        # Pulling its image: metrics-server does not know it, and it uses nothing.
        ({"phase": "Pending"}, 1.0, 0.0),
        ({"phase": "Running", "cores": 0.5, "gib": 0.25}, 1.0, 0.5),
        # It finished a moment ago, and metrics-server still lists it.
        ({"phase": "Succeeded", "cores": 0.5, "gib": 0.25}, 0.0, 0.0),
        ({"phase": "Failed", "cores": 0.5, "gib": 0.25}, 0.0, 0.0),
        ({"phase": "Failed", "status": {"reason": "Evicted"}}, 0.0, 0.0),
        # Its node is lost: it is bound, and nobody measures it.
        ({"phase": "Unknown"}, 1.0, 0.0),
    ],
    ids=["waiting for a node", "bound and pending", "running", "succeeded", "failed", "evicted", "on a lost node"],
)
def test_a_pod_counts_from_binding_to_its_end(
    tmp_path: Path, changes: dict[str, Any], requests: float, usage: float
) -> None:
    # 10 cores: what the pod uses is not idle, what it only asks for is.
    hourly = published(tmp_path, ticks(Told([asking("web", **changes)]), *HOUR_OF))["hourly_7d"]
    assert column(hourly, "shop", "requests") == [requests]
    assert column(hourly, "shop", "requests", "memory") == [requests]
    assert column(hourly, "shop") == [usage]
    assert column(hourly, "shop", "usage", "memory") == [usage / 2]
    assert special(hourly, "idle") == [10.0 - usage]


def test_a_terminating_pod_counts_until_it_is_gone(tmp_path: Path) -> None:
    # Deleted at 13:30 with a long grace period and gone at 13:45: 9 of 12 steps of 1 core asked, 0.4 used.
    leaving = asking("web", cores=0.4)
    leaving.pod["metadata"]["deletionTimestamp"] = "2026-11-21T13:30:00Z"
    samples = [
        *ticks(Told([asking("web", cores=0.4)]), "2026-11-21T13:00", "2026-11-21T13:30"),
        *ticks(Told([leaving]), "2026-11-21T13:30", "2026-11-21T13:45"),
        *ticks(Told(namespaces={"shop": {}}), "2026-11-21T13:45", "2026-11-21T14:00"),
    ]
    hourly = published(tmp_path, samples)["hourly_7d"]
    assert column(hourly, "shop", "requests") == pytest.approx([9 / 12])
    assert column(hourly, "shop") == pytest.approx([0.4 * 9 / 12])


def test_a_job_is_charged_for_the_quarters_of_the_hour_in_which_it_is_bound(tmp_path: Path) -> None:
    """15 minutes each: waits for a node, pulls its image, runs on 2 cores, has succeeded.

    It asks for 1 core in 6 of 12 steps (0.5 core-hours) and uses 2 cores in 3 of them (0.5 core-hours).
    """
    phases = [
        asking("job", phase="Pending", node=None),
        asking("job", phase="Pending"),
        asking("job", cores=2.0),
        asking("job", phase="Succeeded", cores=2.0),
    ]
    samples = []
    for quarter, phase in enumerate(phases):
        begin = at(HOUR_OF[0]) + 900 * quarter
        samples += ticks(Told([phase]), begin, begin + 900)
    hourly = published(tmp_path, samples)["hourly_7d"]
    assert column(hourly, "shop", "requests") == pytest.approx([0.5])
    assert column(hourly, "shop") == pytest.approx([0.5])
    assert special(hourly, "idle") == pytest.approx([9.5])


def test_pods_of_all_phases_add_up_in_their_namespace(tmp_path: Path) -> None:
    # Bound: pending, running, terminating, lost: 4 x 1 asked. Used: 0.5 + 0.2. One of two running pods is measured.
    leaving = asking("d", cores=0.2)
    leaving.pod["metadata"]["deletionTimestamp"] = "2026-11-21T13:30:00Z"
    works = [
        asking("a", phase="Pending", node=None),
        asking("b", phase="Pending"),
        asking("c", cores=0.5),
        leaving,
        asking("e", phase="Succeeded", cores=9.0),
        asking("f", phase="Failed", status={"reason": "Evicted"}),
        asking("g", phase="Unknown"),
    ]
    hourly = published(tmp_path, ticks(Told(works), *HOUR_OF))["hourly_7d"]
    assert column(hourly, "shop", "requests") == pytest.approx([4.0])
    assert column(hourly, "shop") == pytest.approx([0.7])
    assert "coverage" not in hourly["namespaces"]["shop"]


def test_static_pods_and_daemon_sets_are_charged_to_their_namespace(tmp_path: Path) -> None:
    """A static etcd (its mirror, 250m asked, 0.1 used) on one node, a daemon set's proxy (100m, 0.05) on each of two.

    Requests 0.25 + 2 x 0.1 = 0.45; usage 0.1 + 2 x 0.05 = 0.2.
    """
    etcd = work("kube-system", "etcd-n1", asked="250m", cores=0.1)
    etcd.pod["metadata"] |= {
        "annotations": {"kubernetes.io/config.mirror": "0f3a"},
        "ownerReferences": [{"kind": "Node", "name": "n1"}],
    }
    proxies = [work("kube-system", f"proxy-{node}", asked="100m", cores=0.05, node=node) for node in ("n1", "n2")]
    for proxy in proxies:
        proxy.pod["metadata"]["ownerReferences"] = [{"kind": "DaemonSet", "name": "proxy"}]
    told = Told([etcd, *proxies], nodes=(machine("n1"), machine("n2")))
    hourly = published(tmp_path, ticks(told, *HOUR_OF))["hourly_7d"]
    assert column(hourly, "kube-system", "requests") == pytest.approx([0.45])
    assert column(hourly, "kube-system") == pytest.approx([0.2])
    assert special(hourly, "idle") == pytest.approx([19.8])


def test_a_namespace_without_bound_pods_is_a_known_zero(tmp_path: Path) -> None:
    told = Told([asking("web", phase="Pending", node=None)], namespaces={"empty": {}})
    hourly = published(tmp_path, ticks(told, *HOUR_OF))["hourly_7d"]
    for name in ("shop", "empty"):
        assert column(hourly, name) == column(hourly, name, "requests") == [0.0]


def test_fewer_than_half_of_the_running_pods_measured_is_unknown_and_half_is_known(tmp_path: Path) -> None:
    # Hour 1: one of four measured: usage unknown, and what is not allocated to anybody is unmeasured.
    # Hour 2: two of four: 2 x 0.5 core-hours, half of the namespace is not covered.
    def told(measured: int) -> Told:
        return Told([asking(name, cores=0.5 if place < measured else None) for place, name in enumerate("abcd")])

    samples = ticks(told(1), "2026-11-21T13:00", "2026-11-21T14:00")
    samples += ticks(told(2), "2026-11-21T14:00", "2026-11-21T15:00")
    found = published(tmp_path, samples)
    hourly, daily = found["hourly_7d"], found["daily_14d"]
    assert column(hourly, "shop") == [None, 1.0]
    assert column(hourly, "shop", "requests") == [4.0, 4.0]
    assert hourly["namespaces"]["shop"]["coverage"] == [0.25, 0.5]
    assert special(hourly, "idle") == [None, 9.0]
    assert special(hourly, "unmeasured") == [10.0, 0.0]
    assert hourly["coverage"]["metrics"] == [1.0, 1.0]
    # The day compares what two of the four request in the second hour only.
    assert column(daily, "shop", "requests_matched") == [2.0]
    assert column(daily, "shop", "usage_hours") == [1.0]


def test_effective_requests_reach_the_books_as_the_scheduler_computes_them(tmp_path: Path) -> None:
    """One pod with all: apps 500m + 250m, a sidecar of 100m, an init container of 2 cores after it, overhead 50m.

    max(0.5 + 0.25 + 0.1, 0.1 + 2) + 0.05 = 2.15 cores; memory max(64Mi + 32Mi, 32Mi + 0) = 96Mi = 0.09375 GiB.
    A pod under resize from 1 to 3 cores holds 3; pod-level requests of 4 cores replace a sum of 1.
    """
    everything = api.pod(
        api.container("a", cpu="500m", memory="64Mi"),
        api.container("b", cpu="250m"),
        name="everything",
        spec={
            "initContainers": [
                api.container("side", restart_policy="Always", cpu="100m", memory="32Mi"),
                api.container("init", cpu="2"),
            ],
            "overhead": {"cpu": "50m"},
        },
    )
    one_core = {"cpu": "1"}
    resized = api.pod(
        api.container("a", cpu="3"),
        name="resized",
        status={
            "containerStatuses": [{"name": "a", "allocatedResources": one_core, "resources": {"requests": one_core}}]
        },
    )
    levelled = api.pod(api.container("a", cpu="1"), name="levelled", spec={"resources": {"requests": {"cpu": "4"}}})
    told = Told(
        [Work(pod, api.pod_metrics("shop", pod["metadata"]["name"])) for pod in (everything, resized, levelled)]
    )
    hourly = published(tmp_path, ticks(told, *HOUR_OF))["hourly_7d"]
    assert column(hourly, "shop", "requests") == pytest.approx([2.15 + 3.0 + 4.0])
    assert column(hourly, "shop", "requests", "memory") == pytest.approx([0.09375])


def test_quantities_of_every_spelling_reach_the_books_exactly(tmp_path: Path) -> None:
    # Usage: 123456789n = 0.123456789 cores; 1536Mi = 1.5 GiB. Requests: 1e-1 = 0.1; 1610612736 bytes = 1.5 GiB.
    pod = api.pod(api.container("a", cpu="1e-1", memory="1610612736"))
    told = Told([Work(pod, api.pod_metrics("shop", "web-0", ("123456789n", "1536Mi")))])
    hourly = published(tmp_path, ticks(told, *HOUR_OF))["hourly_7d"]
    assert column(hourly, "shop") == [0.123456789]
    assert column(hourly, "shop", "usage", "memory") == [1.5]
    assert column(hourly, "shop", "requests") == [0.1]
    assert column(hourly, "shop", "requests", "memory") == [1.5]
