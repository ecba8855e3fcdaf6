import json
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from kubernetes.client import Configuration

from collector.errors import SourceError
from collector.kubernetes.metrics_server import list_node_usage, list_pod_usage, parse_node_usage, parse_pod_usage
from collector.kubernetes.session import Session
from collector.model import NodeUsage, PodUsage
from tests.support.kubernetes_objects import listing, node_metrics, pod_metrics
from tests.support.patience import LIMIT_SECONDS
from tests.support.scripted_http import Answer, Request, json_answer, serving

MIB = 2**20


@contextmanager
def session_with(script: Callable[[Request], Answer]) -> Iterator[Session]:
    with serving(script) as server:
        session = Session(Configuration(host=server.url, retries=False), LIMIT_SECONDS)
        try:
            yield session
        finally:
            session.close()


def test_a_pods_usage_is_the_sum_of_its_containers() -> None:
    # 250m + 123456789n = 0.373456789 cores; 1024Ki + 3Mi = 4 MiB
    item = pod_metrics("shop", "web-0", ("250m", "1024Ki"), ("123456789n", "3Mi"))
    usage = parse_pod_usage(item)
    assert (usage.namespace, usage.name, usage.memory) == ("shop", "web-0", 4 * MIB)
    assert usage.cpu == pytest.approx(0.373456789, rel=1e-12)


def test_a_pod_without_containers_uses_nothing() -> None:
    assert parse_pod_usage(pod_metrics("shop", "web-0")) == PodUsage("shop", "web-0", 0.0, 0.0)


def test_a_nodes_usage_is_read_in_cores_and_bytes() -> None:
    assert parse_node_usage(node_metrics("n1", "1500m", "2Mi")) == NodeUsage("n1", 1.5, 2.0 * MIB)


def test_nodes_are_listed() -> None:
    answer = json_answer(listing("NodeMetricsList", [node_metrics("n1", "1", "1Mi"), node_metrics("n2", "2", "1Mi")]))
    with session_with(lambda _: answer) as session:
        assert [item.cpu for item in list_node_usage(session)] == [1.0, 2.0]


def test_pods_are_listed_as_they_arrive() -> None:
    items = [pod_metrics("shop", f"web-{i}", (f"{i}m", "1Mi")) for i in range(200)]
    answer = json_answer(listing("PodMetricsList", items))
    asked: list[Request] = []

    def script(request: Request) -> Answer:
        asked.append(request)
        return answer

    with session_with(script) as session:
        stream = list_pod_usage(session)
        assert asked == []
        assert [item.cpu for item in stream] == [i / 1000 for i in range(200)]
    assert [request.path for request in asked] == ["/apis/metrics.k8s.io/v1beta1/pods"]


def test_an_absent_metrics_server_is_told_when_either_listing_is_asked_for() -> None:
    with session_with(lambda _: Answer(404, b"404 page not found")) as session:
        with pytest.raises(SourceError, match="metrics-server is not installed"):
            list_node_usage(session)
        with pytest.raises(SourceError, match="metrics-server is not installed"):
            next(list_pod_usage(session))


@pytest.mark.parametrize("kept", [0.3, 0.9])
@pytest.mark.parametrize("claimed", [True, False], ids=["shorter than announced", "cut inside"])
def test_a_truncated_listing_raises_after_what_arrived(kept: float, claimed: bool) -> None:
    body = json.dumps(listing("PodMetricsList", [pod_metrics("shop", f"web-{i}", ("1m", "1Mi")) for i in range(50)]))
    cut = body.encode()[: int(len(body) * kept)]
    answer = Answer(200, cut, length=len(body) if claimed else None)
    delivered: list[PodUsage] = []
    with session_with(lambda _: answer) as session:
        stream = list_pod_usage(session)
        with pytest.raises(SourceError, match=r"metrics: .*(broke off|truncated)"):
            delivered.extend(stream)
    assert len(delivered) < 50


@pytest.mark.parametrize(
    "item",
    [
        {"metadata": {"name": "x"}},
        {"metadata": {"namespace": "a", "name": "x"}, "containers": [{"usage": {"cpu": "?"}}]},
    ],
)
def test_an_item_that_cannot_be_understood_is_an_error_of_the_source(item: dict[str, object]) -> None:
    with (
        session_with(lambda _: json_answer({"kind": "PodMetricsList", "items": [item]})) as session,
        pytest.raises(SourceError, match="cannot be understood"),
    ):
        list(list_pod_usage(session))


def test_json_that_is_no_list_is_no_metrics_api() -> None:
    with (
        session_with(lambda _: json_answer({"kind": "Status"})) as session,
        pytest.raises(SourceError, match="did not answer with a list"),
    ):
        list_node_usage(session)


def peak_memory(pods: int) -> int:
    items = [pod_metrics("shop", f"web-{i}", ("250m", "64Mi")) for i in range(pods)]
    # The server is part of the measured process, so it sends in small parts.
    answer = replace(json_answer(listing("PodMetricsList", items)), chunk_bytes=1 << 14)
    del items
    with session_with(lambda _: answer) as session:
        stream = list_pod_usage(session)
        next(stream)
        tracemalloc.start()
        try:
            assert sum(1 for _ in stream) == pods - 1
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()


def test_memory_does_not_grow_with_the_number_of_pods() -> None:
    # A buffer of 64 KiB holds the stream; the 18,000 pods more are 3 MB of JSON.
    assert peak_memory(20_000) - peak_memory(2_000) < 200_000
