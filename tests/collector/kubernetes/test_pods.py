"""When a pod holds what, and which of its containers run; each time set by hand."""

import sys
from typing import Any

import pytest

from collector.kubernetes.objects import Decoder, PodObject
from collector.kubernetes.pods import Shared, parse_pod
from tests.support.decoded import LATER, at, page, read_pod
from tests.support.kubernetes_objects import container, pod

T = 1_800_000_000
SCHEDULED = {"type": "PodScheduled", "status": "True", "lastTransitionTime": at(T)}


def running(name: str, since: float) -> dict[str, Any]:
    return {"name": name, "state": {"running": {"startedAt": at(since)}}}


def terminated(name: str, finished: float | None) -> dict[str, Any]:
    return {
        "name": name,
        "state": {"terminated": {"exitCode": 0, "finishedAt": None if finished is None else at(finished)}},
    }


def status(*conditions: dict[str, Any], **rest: Any) -> dict[str, Any]:
    return {"conditions": list(conditions), **rest}


def created(item: dict[str, Any], time: float) -> dict[str, Any]:
    item["metadata"]["creationTimestamp"] = at(time)
    return item


def test_a_pod_is_bound_when_it_was_scheduled_else_started_else_created() -> None:
    told = status(SCHEDULED, startTime=at(T + 3))
    assert read_pod(created(pod(status=told), T - 5)).bound == T
    assert read_pod(created(pod(status={"startTime": at(T + 3)}), T - 5)).bound == T + 3
    assert read_pod(created(pod(), T - 5)).bound == T - 5
    assert read_pod(pod()).bound == 0.0


def test_a_condition_that_does_not_hold_tells_no_binding() -> None:
    unscheduled = {**SCHEDULED, "status": "False"}
    assert read_pod(pod(status=status(unscheduled, startTime=at(T + 3)))).bound == T + 3


def test_a_pod_without_a_node_is_not_there_whatever_it_asks_for() -> None:
    (found,) = Decoder(PodObject).page(page("PodList", pod(container(cpu="no quantity"), node=None))).items
    assert parse_pod(found, LATER, Shared()) is None


def test_a_pod_keeps_its_names_and_its_requests() -> None:
    found = read_pod(pod(container(cpu="250m", gpu="1"), namespace="shop", name="web-1", node="n2"))
    assert (found.key, found.uid, found.node) == (("shop", "web-1"), "shop-web-1", "n2")
    assert found.requests == {"cpu": 0.25, "nvidia.com/gpu": 1.0}
    assert found.ended is None


def test_a_finished_pod_ended_with_the_last_of_its_containers() -> None:
    told = status(
        SCHEDULED,
        {"type": "Ready", "status": "False", "lastTransitionTime": at(T + 90)},
        containerStatuses=[terminated("a", T + 30), terminated("b", T + 60)],
        initContainerStatuses=[terminated("i", T + 5)],
    )
    assert read_pod(pod(phase="Succeeded", status=told)).ended == T + 60


def test_a_finished_pod_whose_containers_do_not_tell_ended_when_it_was_disrupted_else_not_ready_else_at_its_start() -> (
    None
):
    disrupted = {"type": "DisruptionTarget", "status": "True", "lastTransitionTime": at(T + 70)}
    unready = {"type": "Ready", "status": "False", "lastTransitionTime": at(T + 90)}
    lost = {"containerStatuses": [terminated("a", None)], "startTime": at(T + 2)}
    assert read_pod(pod(phase="Failed", status=status(SCHEDULED, unready, disrupted, **lost))).ended == T + 70
    assert read_pod(pod(phase="Failed", status=status(SCHEDULED, unready, **lost))).ended == T + 90
    ready = {**unready, "status": "True"}
    assert read_pod(pod(phase="Failed", status=status(SCHEDULED, ready, **lost))).ended == T + 2


def test_containers_that_could_not_be_located_ended_with_their_pod() -> None:
    # ContainerStatusUnknown: their times are null. What the others tell is no more than the least.
    disrupted = {"type": "DisruptionTarget", "status": "True", "lastTransitionTime": at(T + 500)}
    not_ready = {"type": "Ready", "status": "False", "lastTransitionTime": at(T + 490)}
    rest = {"phase": "Failed", "initContainerStatuses": [terminated("setup", T + 20)]}

    def ended(*containers: dict[str, Any], conditions: tuple[dict[str, Any], ...] = (disrupted, not_ready)) -> Any:
        told = status(SCHEDULED, *conditions, startTime=at(T), containerStatuses=list(containers), **rest)
        return read_pod(pod(status=told)).ended

    assert ended(terminated("app", None)) == T + 500
    assert ended(terminated("app", None), conditions=(not_ready,)) == T + 490
    assert ended(terminated("app", None), terminated("proxy", T + 505)) == T + 505
    assert ended(terminated("app", None), conditions=()) == T + 20
    assert ended(terminated("app", T + 480), terminated("proxy", T + 470)) == T + 480


def test_the_times_of_a_node_whose_clock_is_behind_are_moved_to_the_servers() -> None:
    # Its kubelet began with the pod ten minutes before it was bound.
    late = status(SCHEDULED, startTime=at(T - 600), containerStatuses=[terminated("app", T - 540)], phase="Succeeded")
    assert read_pod(pod(status=late)).ended == T + 60
    runs = status(SCHEDULED, startTime=at(T - 600), containerStatuses=[running("app", T - 595)], phase="Running")
    assert read_pod(pod(status=runs)).running == (("app", T + 5),)


@pytest.mark.parametrize("start", [T, T + 3, None])
def test_the_times_of_a_node_whose_clock_is_right_or_not_told_stay(start: float | None) -> None:
    told = {} if start is None else {"startTime": at(start)}
    ended = status(SCHEDULED, containerStatuses=[terminated("app", T + 60)], phase="Succeeded", **told)
    assert read_pod(pod(status=ended)).ended == T + 60
    runs = status(SCHEDULED, containerStatuses=[running("app", T + 5)], phase="Running", **told)
    assert read_pod(pod(status=runs)).running == (("app", T + 5),)


def test_a_rejected_pod_held_nothing() -> None:
    rejected = read_pod(pod(phase="Failed", status={"reason": "OutOfcpu", "startTime": at(T)}))
    assert (rejected.bound, rejected.ended) == (T, T)
    assert read_pod(pod(phase="Failed")).ended == 0.0


def test_a_pod_never_ended_before_it_was_bound() -> None:
    told = status(SCHEDULED, startTime=at(T - 5))
    assert read_pod(pod(phase="Failed", status=told)).ended == T


def test_deletion_is_no_end_and_a_container_that_ended_is_not_the_pods() -> None:
    item = pod(status=status(SCHEDULED, containerStatuses=[terminated("a", T + 30), running("b", T + 1)]))
    item["metadata"]["deletionTimestamp"] = at(T + 40)
    assert read_pod(item).ended is None


def test_no_time_is_later_than_the_servers() -> None:
    # Of the server's time 100 s after T whole seconds are known: up to T + 101 may be told.
    told = status({**SCHEDULED, "lastTransitionTime": at(T + 500)})
    assert read_pod(pod(status=told), T + 100).bound == T + 101
    told = status(SCHEDULED, containerStatuses=[terminated("a", T + 500)])
    assert read_pod(pod(phase="Succeeded", status=told), T + 100).ended == T + 101
    told = status(SCHEDULED, containerStatuses=[running("a", T + 500)])
    assert read_pod(pod(status=told), T + 100).running == (("a", T + 101),)
    told = status(SCHEDULED, containerStatuses=[running("a", T + 101)])
    assert read_pod(pod(status=told), T + 100).running == (("a", T + 101),)


def test_containers_that_run_have_their_start_and_the_others_are_named() -> None:
    spec = {
        "initContainers": [{"name": "setup"}, {"name": "proxy", "restartPolicy": "Always"}],
        "ephemeralContainers": [{"name": "debug"}],
    }
    told = status(
        initContainerStatuses=[terminated("setup", T), running("proxy", T + 1)],
        containerStatuses=[
            running("app", T + 2),
            {"name": "crashing", "state": {"waiting": {"reason": "CrashLoopBackOff"}}},
        ],
        ephemeralContainerStatuses=[running("debug", T + 9)],
    )
    found = read_pod(pod(container("app"), container("crashing"), spec=spec, status=told))
    assert found.containers == ("setup", "proxy", "app", "crashing", "debug")
    assert found.running == (("proxy", T + 1), ("app", T + 2), ("debug", T + 9))


def test_a_running_pod_without_statuses_runs_all_its_containers_for_long() -> None:
    spec = {"initContainers": [{"name": "setup"}, {"name": "proxy", "restartPolicy": "Always"}]}
    old = (("proxy", 0.0), ("app", 0.0))
    assert read_pod(pod(container("app"), spec=spec)).running == old
    item = pod(container("app"), spec=spec)
    del item["status"]
    assert read_pod(item).running == old


def test_a_status_without_a_state_is_healthy_and_one_without_anything_in_it_waits() -> None:
    assert read_pod(pod(container("app"), status={"containerStatuses": [{"name": "app"}]})).running == (("app", 0.0),)
    assert read_pod(pod(container("app"), status={"containerStatuses": [{"name": "app", "state": {}}]})).running == ()


@pytest.mark.parametrize("phase", ["Unknown", "Pending", "Succeeded", "Failed"])
def test_in_another_phase_nothing_runs_that_is_not_said_to(phase: str) -> None:
    found = read_pod(pod(container("app", cpu="1"), phase=phase))
    assert (found.running, found.requests) == ((), {"cpu": 1.0})


def test_a_pending_pod_may_run_its_init_containers() -> None:
    told = {"initContainerStatuses": [running("setup", T)]}
    assert read_pod(pod(phase="Pending", status=told)).running == (("setup", T),)


def test_what_ran_in_a_lost_or_finished_pod_runs_no_more() -> None:
    told = {"containerStatuses": [running("app", T)]}
    assert read_pod(pod(phase="Unknown", status=told)).running == ()
    assert read_pod(pod(phase="Failed", status=told)).running == ()


def test_claims_are_those_it_shares_and_those_made_for_it() -> None:
    spec = {
        "resourceClaims": [
            {"name": "a", "resourceClaimName": "shared"},
            {"name": "b", "resourceClaimTemplateName": "t"},
        ]
    }
    told = {"resourceClaimStatuses": [{"name": "b", "resourceClaimName": "web-0-b-x7"}, {"name": "c"}]}
    assert read_pod(pod(spec=spec, status=told)).claims == ("shared", "web-0-b-x7")


def test_pods_of_a_template_share_what_they_have_in_common() -> None:
    shared = Shared()
    items = [pod(container("app", cpu="1"), name=name, status=status(SCHEDULED)) for name in ("a", "b")]
    one, other = (parse_pod(item, LATER, shared) for item in Decoder(PodObject).page(page("PodList", *items)).items)
    assert one is not None
    assert other is not None
    for field in ("requests", "containers", "namespace", "node"):
        assert getattr(one, field) is getattr(other, field)


def test_what_is_shared_is_bounded() -> None:
    shared = Shared(limit=10)
    assert [shared.one((number,)) for number in range(1000)] == [(number,) for number in range(1000)]
    assert sys.getsizeof(shared._values) < 10_000
