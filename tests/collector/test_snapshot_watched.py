"""What sources that watch know of an interval."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from collector.clock import boot_time
from collector.kubernetes.watch import Timing
from collector.observations import Cluster
from collector.settings import load
from collector.snapshot import LiveSources
from tests.support.decoded import at
from tests.support.kubernetes_api import KubernetesApi, serving_cluster
from tests.support.kubernetes_objects import container, node, pod
from tests.support.patience import LIMIT_SECONDS, eventually

QUICK = Timing(short_watch=3, pauses=(0.01, 0.05))


@contextmanager
def watching(api: KubernetesApi, **options: Any) -> Iterator[LiveSources]:
    settings = load({"HOME": "/nonexistent", "KL_K8S_API_ENDPOINT": api.url})
    with LiveSources(settings, timing=QUICK, reading_sec=LIMIT_SECONDS, **options) as sources:
        yield sources


@pytest.fixture
def api() -> Iterator[KubernetesApi]:
    with serving_cluster() as made:
        made.put("namespaces", {"metadata": {"name": "kube-system", "uid": "the-cluster"}})
        made.put("nodes", node("n1"))
        made.put("pods", pod(container(cpu="1"), name="a"))
        yield made


def cores(found: Cluster | None) -> dict[str, float]:
    assert found is not None
    return {span.pod.name: span.pod.requests["cpu"] * span.seconds for span in found.pods}


def test_a_job_between_two_looks_is_known_to_the_second(api: KubernetesApi) -> None:
    with watching(api) as sources:
        begin = time.time()
        assert cores(sources.cluster(begin - 300, begin)) == {"a": pytest.approx(300.0)}
        bound = int(begin) - 40
        told = {
            "conditions": [{"type": "PodScheduled", "status": "True", "lastTransitionTime": at(bound)}],
            "containerStatuses": [{"name": "app", "state": {"terminated": {"finishedAt": at(bound + 30)}}}],
        }
        job = pod(container(cpu="4"), name="job", phase="Succeeded", status=told)
        api.put("pods", job)
        api.delete("pods", job)
        end = time.time()
        # 4 cores for 30 s
        assert cores(sources.cluster(begin - 100, end))["job"] == 120.0
        assert len(api.listings("pods")) == 1
        assert "job" not in cores(sources.cluster(end, end + 10))


def test_where_nothing_can_be_watched_it_says_so_and_goes_on(api: KubernetesApi) -> None:
    api.faults.watch_status.update(dict.fromkeys(("namespaces", "nodes", "pods"), 403))
    with watching(api) as sources:
        for name in ("b", "c"):
            api.put("pods", pod(container(cpu="1"), name=name))
            now = time.time()
            found = sources.cluster(now - 300, now)
            assert name in cores(found)
        assert found is not None
        assert [spot.code for spot in found.blind_spots] == ["pods_not_watched"]


def test_an_interval_is_unknown_while_the_cluster_does_not_answer_and_the_next_is_whole(api: KubernetesApi) -> None:
    with watching(api) as sources:
        begin = time.time()
        assert sources.cluster(begin - 300, begin) is not None
        api.faults.watch["pods"] = "reset"
        api.faults.list_status["pods"] = 403
        assert sources.cluster(begin, time.time()) is None
        assert sources.read_usage() is None
        api.faults.watch.clear()
        api.faults.list_status.clear()
        assert cores(sources.cluster(begin, begin + 300)) == {"a": 300.0}


@pytest.mark.parametrize(("later", "kept"), [(-60.0, 2), (60.0, 1)])
def test_what_ended_five_intervals_ago_is_forgotten_while_no_interval_can_be_asked_for(
    api: KubernetesApi, later: float, kept: int
) -> None:
    api.faults.list_status["nodes"] = 403
    passed = 0.0

    def clock() -> float:
        return time.time() + passed

    api.clock = clock
    settings = load({"HOME": "/nonexistent", "KL_K8S_API_ENDPOINT": api.url})
    known = LiveSources(settings, boot=lambda: boot_time() + passed, clock=clock, timing=QUICK, reading_sec=5.0)
    finished = {"containerStatuses": [{"name": "app", "state": {"terminated": {"finishedAt": at(int(time.time()))}}}]}
    with known as sources:
        state = sources._state
        api.put("pods", pod(container(cpu="4"), name="job", phase="Succeeded", status=finished))
        eventually(lambda: len(state.pods) == 2)
        passed = 5.0 * settings.polling_interval_sec + later
        assert sources.read_usage() is None
        # The watch of pods may be answering the first question still; it has turned before it answers the second.
        assert sources.read_usage() is None
        assert [each.name for each in state.pods.present()] == ["a"]
        eventually(lambda: len(state.pods) == kept)


def test_namespaces_that_fail_cost_no_interval(api: KubernetesApi, caplog: pytest.LogCaptureFixture) -> None:
    api.faults.list_status["namespaces"] = 403
    with watching(api) as sources:
        now = time.time()
        found = sources.cluster(now - 300, now)
        assert found is not None
        assert (found.uid, found.namespaces) == (None, {})
    assert "does not allow to list namespaces" in caplog.text
