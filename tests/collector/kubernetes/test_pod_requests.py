"""Effective requests, case by case, each answer computed by hand in cores and bytes."""

from typing import Any

import msgspec
import pytest

from collector.kubernetes import pod_requests
from collector.kubernetes.objects import PodObject
from collector.observations import HUGE_PAGES
from tests.support.kubernetes_objects import container, pod, resources

MI = 2**20
INFEASIBLE = {"conditions": [{"type": "PodResizePending", "status": "True", "reason": "Infeasible"}]}
DEFERRED = {"conditions": [{"type": "PodResizePending", "status": "True", "reason": "Deferred"}]}


def effective_requests(asked: dict[str, Any]) -> dict[str, float]:
    return pod_requests.effective_requests(msgspec.convert(asked, PodObject))


def cpu_of(
    *containers: dict[str, Any], spec: dict[str, Any] | None = None, status: dict[str, Any] | None = None
) -> Any:
    return effective_requests(pod(*containers, spec=spec, status=status)).get("cpu", 0.0)


def status_of(name: str, *, allocated: str | None = None, actuated: str | None = None) -> dict[str, Any]:
    made: dict[str, Any] = {"name": name}
    if allocated:
        made["allocatedResources"] = {"cpu": allocated}
    if actuated:
        made["resources"] = {"requests": {"cpu": actuated}}
    return made


def test_app_containers_are_added_up() -> None:
    # 250m + 500m = 0.75 cores; 64Mi + 128Mi = 192Mi
    requests = effective_requests(pod(container(cpu="250m", memory="64Mi"), container("b", cpu="500m", memory="128Mi")))
    assert requests == {"cpu": 0.75, "memory": 192 * MI}


def test_a_pod_without_requests_holds_nothing_known() -> None:
    assert effective_requests(pod({"name": "app"})) == {}
    assert effective_requests(pod({"name": "app", "resources": {}})) == {}


def test_limits_are_not_requests() -> None:
    assert cpu_of({"name": "app", "resources": {"limits": {"cpu": "2"}}}) == 0.0


def test_the_largest_init_container_counts_when_it_exceeds_the_app() -> None:
    # per resource: cpu max(0.5, max(2, 1)) = 2; memory max(512Mi, max(64Mi, 128Mi)) = 512Mi
    init = [container("i1", cpu="2", memory="64Mi"), container("i2", cpu="1", memory="128Mi")]
    requests = effective_requests(pod(container(cpu="500m", memory="512Mi"), spec={"initContainers": init}))
    assert requests == {"cpu": 2.0, "memory": 512 * MI}


def test_init_containers_run_one_after_the_other_and_are_not_added_up() -> None:
    # max(1.5, max(1, 1)) = 1.5
    init = [container("i1", cpu="1"), container("i2", cpu="1")]
    assert cpu_of(container(cpu="1500m"), spec={"initContainers": init}) == 1.5


def test_a_sidecar_is_added_to_the_app_containers() -> None:
    # 1 + 0.2 = 1.2
    side = container("side", restart_policy="Always", cpu="200m")
    assert cpu_of(container(cpu="1"), spec={"initContainers": [side]}) == pytest.approx(1.2)


def test_an_init_container_needs_its_own_and_the_sidecars_declared_before_it() -> None:
    # s1 0.3, i1 1, s2 0.5, i2 2: app 1 + 0.3 + 0.5 = 1.8; i1: 0.3 + 1 = 1.3; i2: 0.3 + 0.5 + 2 = 2.8
    init = [
        container("s1", restart_policy="Always", cpu="300m"),
        container("i1", cpu="1"),
        container("s2", restart_policy="Always", cpu="500m"),
        container("i2", cpu="2"),
    ]
    assert cpu_of(container(cpu="1"), spec={"initContainers": init}) == pytest.approx(2.8)


def test_a_sidecar_declared_after_an_init_container_does_not_weigh_on_it() -> None:
    # i1 alone: 2; app 1 + 0.5 = 1.5
    init = [container("i1", cpu="2"), container("s1", restart_policy="Always", cpu="500m")]
    assert cpu_of(container(cpu="1"), spec={"initContainers": init}) == 2.0


def test_overhead_is_added_last() -> None:
    # max(1, 2) + 0.25 = 2.25; 64Mi + 120Mi = 184Mi
    spec = {"initContainers": [container("i", cpu="2")], "overhead": {"cpu": "250m", "memory": "120Mi"}}
    assert effective_requests(pod(container(cpu="1", memory="64Mi"), spec=spec)) == {"cpu": 2.25, "memory": 184 * MI}


def test_pod_level_requests_replace_the_sum_for_the_resources_they_name() -> None:
    # cpu 3 at pod level instead of 1 + 1; memory from the containers: 64Mi + 64Mi
    app = [container("a", cpu="1", memory="64Mi"), container("b", cpu="1", memory="64Mi")]
    assert effective_requests(pod(*app, spec={"resources": {"requests": {"cpu": "3"}}})) == {
        "cpu": 3.0,
        "memory": 128 * MI,
    }


def test_pod_level_requests_replace_a_greater_sum_too_and_overhead_comes_on_top() -> None:
    # 1 at pod level instead of 2, + 0.1
    spec = {"resources": {"requests": {"cpu": "1"}}, "overhead": {"cpu": "100m"}}
    assert cpu_of(container(cpu="2"), spec=spec) == pytest.approx(1.1)


def test_pod_level_requests_do_not_replace_gpus() -> None:
    # GPUs are no pod-level resource: 2 from the container.
    spec = {"resources": {"requests": {"cpu": "1", "nvidia.com/gpu": "8"}}}
    assert effective_requests(pod(container(gpu="2"), spec=spec)) == {"cpu": 1.0, "nvidia.com/gpu": 2.0}


def test_a_resize_to_more_counts_the_spec_before_it_is_made() -> None:
    # max(spec 2, allocated 1, effective 1) = 2
    status = {"containerStatuses": [status_of("app", allocated="1", actuated="1")]}
    assert cpu_of(container(cpu="2"), status=status) == 2.0


def test_a_resize_to_less_counts_what_is_effective_until_it_is_made() -> None:
    # max(spec 1, allocated 1, effective 3) = 3
    status = {"containerStatuses": [status_of("app", allocated="1", actuated="3")]}
    assert cpu_of(container(cpu="1"), status=status) == 3.0


def test_what_is_allocated_but_not_yet_effective_counts() -> None:
    # max(spec 1, allocated 2.5, effective 1) = 2.5
    status = {"containerStatuses": [status_of("app", allocated="2500m", actuated="1")]}
    assert cpu_of(container(cpu="1"), status=status) == 2.5


def test_an_infeasible_resize_leaves_the_spec_out() -> None:
    # max(allocated 1, effective 1) = 1, spec 64 is not going to happen
    status = {**INFEASIBLE, "containerStatuses": [status_of("app", allocated="1", actuated="1")]}
    assert cpu_of(container(cpu="64"), status=status) == 1.0


def test_a_deferred_resize_counts_the_spec() -> None:
    status = {**DEFERRED, "containerStatuses": [status_of("app", allocated="1", actuated="1")]}
    assert cpu_of(container(cpu="64"), status=status) == 64.0


def test_the_greatest_of_the_three_aggregates_counts_not_the_sum_of_greatest_containers() -> None:
    # a shrinks 3 -> 1 and is still effective at 3, b grows 1 -> 3 and is still effective at 1:
    # spec 1 + 3 = 4; allocated 1 + 3 = 4; effective 3 + 1 = 4. Container by container it would be 3 + 3 = 6.
    status = {
        "containerStatuses": [
            status_of("a", allocated="1", actuated="3"),
            status_of("b", allocated="3", actuated="1"),
        ]
    }
    assert cpu_of(container("a", cpu="1"), container("b", cpu="3"), status=status) == 4.0


def test_a_container_without_a_status_is_taken_from_the_spec_in_every_aggregate() -> None:
    # a effective at 2, b has no status yet: spec 1 + 1 = 2; effective 2 + 1 = 3
    status = {"containerStatuses": [status_of("a", allocated="1", actuated="2")]}
    assert cpu_of(container("a", cpu="1"), container("b", cpu="1"), status=status) == 3.0


def test_a_status_without_effective_resources_falls_back_to_what_is_allocated() -> None:
    # spec 1, allocated 2, effective -> allocated 2
    status = {**INFEASIBLE, "containerStatuses": [status_of("app", allocated="2")]}
    assert cpu_of(container(cpu="9"), status=status) == 2.0


def test_an_infeasible_resize_of_a_container_without_an_allocation_counts_nothing_of_it() -> None:
    # a: allocated 1, effective 1; b: neither told: 1, and not 1 + 64. Also where no container's status tells anything.
    told = {**INFEASIBLE, "containerStatuses": [status_of("a", allocated="1", actuated="1")]}
    assert cpu_of(container("a", cpu="1"), container("b", cpu="64"), status=told) == 1.0
    assert cpu_of(container(cpu="64"), status=INFEASIBLE) == 0.0
    # b effective at 2 but without an allocation: max(allocated 1, effective 1 + 2) = 3.
    told["containerStatuses"].append(status_of("b", actuated="2"))
    assert cpu_of(container("a", cpu="1"), container("b", cpu="64"), status=told) == 3.0


def test_a_sidecar_under_resize_counts_its_effective_resources() -> None:
    # app 1 + sidecar effective 0.8 = 1.8
    status = {"initContainerStatuses": [status_of("side", allocated="200m", actuated="800m")]}
    side = container("side", restart_policy="Always", cpu="200m")
    assert cpu_of(container(cpu="1"), spec={"initContainers": [side]}, status=status) == pytest.approx(1.8)


def test_pod_level_requests_under_resize_count_the_greatest_without_overhead() -> None:
    # status holds the overhead of 0.5 too: max(spec 1, allocated 2.5 - 0.5, effective 3.5 - 0.5) + 0.5 = 3.5
    spec = {"resources": {"requests": {"cpu": "1"}}, "overhead": {"cpu": "500m"}}
    status = {"allocatedResources": {"cpu": "2500m"}, "resources": {"requests": {"cpu": "3500m"}}}
    assert cpu_of(container(cpu="1"), spec=spec, status=status) == 3.5


def test_overhead_that_the_pods_own_status_includes_is_counted_once() -> None:
    # max(spec 1, allocated 1.5 - 0.5, effective 1.5 - 0.5) + 0.5 = 1.5
    spec = {"overhead": {"cpu": "500m"}}
    status = {"allocatedResources": {"cpu": "1500m"}, "resources": {"requests": {"cpu": "1500m"}}}
    assert cpu_of(container(cpu="1"), spec=spec, status=status) == 1.5
    # resized from 1 to 3 and infeasible: max(1.5 - 0.5, 1.5 - 0.5) + 0.5 = 1.5
    assert cpu_of(container(cpu="3"), spec=spec, status={**INFEASIBLE, **status}) == 1.5
    # resized from 3 to 1, still effective: max(spec 1, 1.5 - 0.5, 3.5 - 0.5) + 0.5 = 3.5
    shrinking = {**status, "resources": {"requests": {"cpu": "3500m"}}}
    assert cpu_of(container(cpu="1"), spec=spec, status=shrinking) == 3.5


def test_overhead_that_the_pods_own_status_left_out_is_no_less_than_the_overhead() -> None:
    # max(spec 0.25, allocated max(0, 0.25 - 0.5), effective max(0, 0.25 - 0.5)) + 0.5 = 0.75
    status = {"allocatedResources": {"cpu": "250m"}, "resources": {"requests": {"cpu": "250m"}}}
    assert cpu_of(container(cpu="250m"), spec={"overhead": {"cpu": "500m"}}, status=status) == 0.75
    # infeasible, so that only the status counts: 0 + 0.5
    assert cpu_of(container(cpu="9"), spec={"overhead": {"cpu": "500m"}}, status={**INFEASIBLE, **status}) == 0.5


def test_an_allocation_of_the_pod_that_is_not_effective_yet_counts_for_pod_level_requests_only() -> None:
    # pod-level: max(spec 1, allocated 2.5 - 0.5) + 0.5 = 2.5; from containers, whose status tells nothing: 1 + 0.5
    status = {"allocatedResources": {"cpu": "2500m"}}
    overhead = {"overhead": {"cpu": "500m"}}
    assert cpu_of(container(cpu="1"), spec={"resources": {"requests": {"cpu": "1"}}, **overhead}, status=status) == 2.5
    assert cpu_of(container(cpu="1"), spec=overhead, status=status) == 1.5


def test_an_infeasible_pod_level_resize_leaves_the_spec_out() -> None:
    # max(allocated 2, effective 2) = 2
    status = {**INFEASIBLE, "allocatedResources": {"cpu": "2"}, "resources": {"requests": {"cpu": "2"}}}
    assert cpu_of(container(cpu="1"), spec={"resources": {"requests": {"cpu": "50"}}}, status=status) == 2.0


def test_the_pods_own_allocation_stands_for_its_containers_when_the_status_tells_it() -> None:
    # the container's status says 9, the pod's aggregates say 4 and 3: max(spec 1, 4, 3) = 4
    status = {
        "allocatedResources": {"cpu": "4"},
        "resources": {"requests": {"cpu": "3"}},
        "containerStatuses": [status_of("app", allocated="9", actuated="9")],
    }
    assert cpu_of(container(cpu="1"), status=status) == 4.0


@pytest.mark.parametrize("half", [{"allocatedResources": {"cpu": "4"}}, {"resources": {"requests": {"cpu": "4"}}}])
def test_one_of_the_pods_own_aggregates_alone_does_not_stand_for_its_containers(half: dict[str, Any]) -> None:
    # max(spec 1, allocated 2, effective 3) of the container
    status = {**half, "containerStatuses": [status_of("app", allocated="2", actuated="3")]}
    assert cpu_of(container(cpu="1"), status=status) == 3.0


def test_an_init_container_may_need_more_gpus_than_the_app() -> None:
    # max(1, 4) = 4
    spec = {"initContainers": [container("i", gpu="4")]}
    assert effective_requests(pod(container(gpu="1"), spec=spec))["nvidia.com/gpu"] == 4.0


def test_other_resources_are_left_alone() -> None:
    asked = {**resources(cpu="1"), "ephemeral-storage": "not even a quantity", "nvidia.com/gpumem": "3000"}
    assert effective_requests(pod({"name": "app", "resources": {"requests": asked}})) == {"cpu": 1.0}


def test_huge_pages_of_all_sizes_are_bytes_and_part_of_the_memory() -> None:
    # 1 GiB + 64 MiB + 2 × 1 GiB of memory in all, of which 64 MiB + 2 GiB are huge pages
    asked = {"memory": "1Gi", "hugepages-2Mi": "64Mi", "hugepages-1Gi": "2Gi"}
    huge = 64 * MI + 2 * 1024 * MI
    requests = effective_requests(pod({"name": "app", "resources": {"requests": asked}}))
    assert requests == {"memory": 1024 * MI + huge, HUGE_PAGES: huge}


def test_huge_pages_follow_the_rules_of_init_containers_per_size() -> None:
    # 2Mi pages: max(app 64, init 128) = 128 MiB; 1Gi pages: max(app 1, init 0) = 1 GiB; memory max(100, 200) = 200 MiB
    app = {
        "name": "app",
        "resources": {"requests": {"memory": "100Mi", "hugepages-2Mi": "64Mi", "hugepages-1Gi": "1Gi"}},
    }
    init = {"name": "init", "resources": {"requests": {"memory": "200Mi", "hugepages-2Mi": "128Mi"}}}
    requests = effective_requests(pod(app, spec={"initContainers": [init]}))
    assert requests == {"memory": (200 + 128 + 1024) * MI, HUGE_PAGES: (128 + 1024) * MI}


def test_huge_pages_asked_for_by_the_pod_replace_those_of_its_containers() -> None:
    app = {"name": "app", "resources": {"requests": {"hugepages-2Mi": "64Mi"}}}
    requests = effective_requests(pod(app, spec={"resources": {"requests": {"hugepages-2Mi": "256Mi"}}}))
    assert requests == {"memory": 256 * MI, HUGE_PAGES: 256 * MI}
