import tracemalloc
from collections.abc import Callable
from typing import Any, TypeVar

import pytest
from kubernetes.client import Configuration

from collector.errors import SourceError
from collector.kubernetes import listings
from collector.kubernetes.listings import parse_namespace, parse_node, parse_pod
from collector.kubernetes.session import Session
from collector.model import Pod
from tests.support.kubernetes_objects import container, listing, node, pod
from tests.support.patience import LIMIT_SECONDS
from tests.support.scripted_http import Answer, Request, json_answer, serving, status_answer

GIB = 2**30
T = TypeVar("T")


def asking(script: Callable[[Request], Answer], ask: Callable[[Session], T]) -> T:
    """What `ask` gets from a server with this script."""
    with serving(script) as server:
        session = Session(Configuration(host=server.url, retries=False), LIMIT_SECONDS)
        try:
            return ask(session)
        finally:
            session.close()


def pods_named(numbers: range) -> list[dict[str, Any]]:
    return [pod(container(cpu="1"), name=f"web-{number}") for number in numbers]


def all_pods(session: Session) -> list[Pod]:
    return list(listings.list_pods(session))


def test_a_namespace_has_a_name_and_labels() -> None:
    assert parse_namespace({"metadata": {"name": "shop", "labels": {"team": "web"}}}) == ("shop", {"team": "web"})
    assert parse_namespace({"metadata": {"name": "shop"}}) == ("shop", {})


def test_a_node_is_read_in_cores_and_bytes() -> None:
    parsed = parse_node(node("n1", cpu="4", memory="16Gi", allocatable={"cpu": "3920m", "memory": "15Gi"}))
    assert parsed.name == "n1"
    assert parsed.capacity == {"cpu": 4.0, "memory": 16.0 * GIB}
    assert parsed.allocatable == {"cpu": 3.92, "memory": 15.0 * GIB}
    assert (parsed.ready, parsed.schedulable, parsed.gpu_replicas) == (True, True, 1)


@pytest.mark.parametrize("ready", ["False", "Unknown"])
def test_a_node_that_is_not_ready_or_cordoned_says_so(ready: str) -> None:
    parsed = parse_node(node(ready=ready, unschedulable=True))
    assert (parsed.ready, parsed.schedulable) == (False, False)


def test_a_node_advertises_gpus_in_gpu_equivalents() -> None:
    assert parse_node(node(capacity={"nvidia.com/gpu": "8"})).capacity["gpu"] == 8.0
    # 8 units, 4 to a GPU: 2 GPUs
    shared = parse_node(node(labels={"nvidia.com/gpu.replicas": "4"}, capacity={"nvidia.com/gpu": "8"}))
    assert (shared.capacity["gpu"], shared.gpu_replicas) == (2.0, 4)
    # 2 x 3/7 + 1 x 1/7 = 1
    labels = {"nvidia.com/gpu.product": "NVIDIA-A100-SXM4-40GB", "nvidia.com/mig.strategy": "mixed"}
    mixed = node(
        labels=labels, capacity={"nvidia.com/mig-3g.20gb": "2", "nvidia.com/mig-1g.5gb": "1", "nvidia.com/gpu": "0"}
    )
    assert parse_node(mixed).capacity["gpu"] == pytest.approx(1.0)


def test_a_gpu_that_failed_is_not_allocatable() -> None:
    parsed = parse_node(node(allocatable={"nvidia.com/gpu": "7"}, capacity={"nvidia.com/gpu": "8"}))
    assert (parsed.capacity["gpu"], parsed.allocatable["gpu"]) == (8.0, 7.0)


def test_a_node_without_gpus_has_no_gpu_key() -> None:
    assert "gpu" not in parse_node(node()).capacity
    assert "gpu" not in parse_node(node(capacity={"nvidia.com/gpu": "0"})).capacity


def test_a_bound_pod_is_read_with_its_requests() -> None:
    parsed = parse_pod(pod(container(cpu="250m", memory="1Gi"), namespace="shop", name="web-0", node="n7"))
    assert parsed == Pod("shop", "web-0", "n7", "Running", {"cpu": 0.25, "memory": 1.0 * GIB})


def test_of_a_pod_that_waits_for_a_node_no_request_is_read() -> None:
    parsed = parse_pod(pod(container(cpu="no quantity"), namespace="shop", name="web-1", node=None, phase="Pending"))
    assert parsed == Pod("shop", "web-1", "", "Pending", {})


def test_static_and_daemon_pods_are_pods_like_any_other() -> None:
    mirror = pod(container(cpu="100m"), namespace="kube-system", name="etcd-n1")
    mirror["metadata"]["annotations"] = {"kubernetes.io/config.mirror": "x"}
    daemon = pod(container(cpu="100m"), namespace="kube-system", name="proxy-n1")
    daemon["metadata"]["ownerReferences"] = [{"kind": "DaemonSet", "name": "proxy"}]
    parsed = [parse_pod(item) for item in (mirror, daemon)]
    assert [item.requests["cpu"] for item in parsed] == [0.1, 0.1]


def test_a_pod_keeps_the_gpu_resources_it_asked_for() -> None:
    parsed = parse_pod(pod({"name": "a", "resources": {"requests": {"nvidia.com/mig-1g.5gb": "2"}}}))
    assert parsed.requests == {"nvidia.com/mig-1g.5gb": 2.0}


def test_pods_are_listed_page_by_page_without_finished_ones() -> None:
    requests: list[Request] = []
    pages = {None: (range(3), "one"), "one": (range(3, 6), "two"), "two": (range(6, 7), "")}

    def script(request: Request) -> Answer:
        requests.append(request)
        numbers, token = pages[request.query.get("continue")]
        return json_answer(listing("PodList", pods_named(numbers), **{"continue": token} if token else {}))

    names = [item.name for item in asking(script, all_pods)]
    assert names == [f"web-{number}" for number in range(7)]
    assert {request.path for request in requests} == {"/api/v1/pods"}
    assert {request.query["limit"] for request in requests} == {"500"}
    assert {request.query["fieldSelector"] for request in requests} == {"status.phase!=Succeeded,status.phase!=Failed"}


def test_a_page_is_asked_for_when_its_first_pod_is() -> None:
    asked: list[Request] = []

    def script(request: Request) -> Answer:
        asked.append(request)
        return json_answer(listing("PodList", pods_named(range(2)), **{"continue": "more"}))

    def take(session: Session) -> None:
        pods = listings.list_pods(session)
        assert asked == []
        next(pods)
        next(pods)
        assert len(asked) == 1

    asking(script, take)


def test_an_expired_token_goes_on_with_the_one_the_server_offers() -> None:
    def script(request: Request) -> Answer:
        token = request.query.get("continue")
        if token is None:
            return json_answer(listing("PodList", pods_named(range(3)), **{"continue": "stale"}))
        if token == "stale":
            return status_answer(410, "The provided continue parameter is too old", **{"continue": "fresh"})
        assert token == "fresh"
        return json_answer(listing("PodList", pods_named(range(3, 5))))

    assert [item.name for item in asking(script, all_pods)] == [f"web-{number}" for number in range(5)]


def test_an_expired_token_without_another_begins_again_and_delivers_no_pod_twice() -> None:
    # The second round has one pod more than the first, and lacks one that went away.
    rounds = [pods_named(range(4)), pods_named(range(1, 6))]
    served: list[str | None] = []

    def script(request: Request) -> Answer:
        token = request.query.get("continue")
        served.append(token)
        items = rounds[served.count(None) - 1]
        if token is None:
            return json_answer(listing("PodList", items[:2], **{"continue": "rest"}))
        if served.count(None) == 1:
            return status_answer(410, "expired")
        return json_answer(listing("PodList", items[2:]))

    names = [item.name for item in asking(script, all_pods)]
    assert names == ["web-0", "web-1", "web-2", "web-3", "web-4", "web-5"]
    assert served == [None, "rest", None, "rest"]


def test_the_same_pod_name_in_two_namespaces_is_two_pods() -> None:
    items = [pod(container(cpu="1"), namespace=namespace, name="web") for namespace in ("a", "b")]
    found = asking(lambda _: json_answer(listing("PodList", items)), all_pods)
    assert [item.namespace for item in found] == ["a", "b"]


def test_a_token_that_always_expires_is_given_up() -> None:
    requests: list[Request] = []

    def script(request: Request) -> Answer:
        requests.append(request)
        if "continue" in request.query:
            return status_answer(410, "expired")
        return json_answer(listing("PodList", pods_named(range(1)), **{"continue": "x"}))

    with pytest.raises(SourceError) as caught:
        asking(script, all_pods)
    assert caught.value.status == 410
    assert len(requests) == 2 * (listings.MAX_LISTING_RESTARTS + 1)


def test_a_page_that_fails_ends_the_listing_with_the_reason() -> None:
    def script(request: Request) -> Answer:
        if "continue" in request.query:
            return status_answer(403, "no more")
        return json_answer(listing("PodList", pods_named(range(1)), **{"continue": "x"}))

    with pytest.raises(SourceError, match=r"does not allow to list pods in the whole cluster \(403\)"):
        asking(script, all_pods)


def test_an_empty_cluster_has_empty_listings() -> None:
    def script(request: Request) -> Answer:
        # Go writes an empty list as null.
        return json_answer({"kind": "List", "metadata": {}, "items": None})

    assert asking(script, all_pods) == []
    assert asking(script, listings.list_nodes) == ()
    assert asking(script, listings.list_namespaces) == {}


def test_json_that_is_no_list_is_no_kubernetes_api() -> None:
    with pytest.raises(SourceError, match="did not answer with a list"):
        asking(lambda _: json_answer({"hello": "world"}), listings.list_namespaces)


def test_an_object_that_cannot_be_understood_is_named() -> None:
    items = [pod(container(cpu="a lot"), name="odd")]
    with pytest.raises(
        SourceError, match=r"the object 'odd' cannot be understood .*'a lot' is not a Kubernetes quantity"
    ):
        asking(lambda _: json_answer(listing("PodList", items)), all_pods)


def peak_memory(pods: int) -> int:
    """Bytes that listing this many pods takes at most, after what the first pages take."""
    page = listings.PAGE_SIZE
    bodies = {
        start: json_answer(
            listing(
                "PodList",
                pods_named(range(start, start + page)),
                **{"continue": str(start + page)} if start + page < pods else {},
            )
        )
        for start in range(0, pods, page)
    }

    def measure(session: Session) -> int:
        stream = listings.list_pods(session)
        for _ in range(page):
            next(stream)
        tracemalloc.start()
        try:
            assert sum(1 for _ in stream) == pods - page
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    return asking(lambda request: bodies[int(request.query.get("continue", "0"))], measure)


def test_memory_does_not_grow_with_the_number_of_pods() -> None:
    # A page of 500 small pods takes about 1.5 MB; 18,000 pods more may take their hashes, 12 bytes each, and no page.
    few, many = peak_memory(2_000), peak_memory(20_000)
    assert many - few < 18_000 * 20
