import json
import logging
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kubernetes.client import Configuration

from collector.errors import SourceError
from collector.kubernetes.metrics_server import _amount, list_node_metrics, list_pod_metrics
from collector.kubernetes.quantity import parse_quantity
from collector.kubernetes.session import Session
from collector.observations import ContainerMetrics, NodeMetrics, PodMetrics
from tests.support.kubernetes_objects import Object, listing, node_metrics, pod_metrics
from tests.support.patience import LIMIT_SECONDS
from tests.support.scripted_http import Answer, Request, json_answer, serving

MIB = 2**20
AT = datetime(2026, 11, 21, 14, tzinfo=UTC).timestamp()
LEFT_OUT = object()


@contextmanager
def session_with(script: Callable[[Request], Answer]) -> Iterator[Session]:
    with serving(script) as server:
        session = Session(Configuration(host=server.url, retries=False), LIMIT_SECONDS)
        try:
            yield session
        finally:
            session.close()


def pods_of(*items: Any) -> list[PodMetrics]:
    with session_with(lambda _: json_answer(listing("PodMetricsList", list(items)))) as session:
        return list(list_pod_metrics(session))


def nodes_of(answer: Answer) -> tuple[NodeMetrics, ...]:
    with session_with(lambda _: answer) as session:
        return list_node_metrics(session)


def changed(item: Object, **members: Any) -> Object:
    merged = {**item, **members}
    return {name: value for name, value in merged.items() if value is not LEFT_OUT}


def test_values_are_read_as_they_are_told() -> None:
    item = pod_metrics("shop", "web-0", ("250m", "1024Ki"), ("-123456789n", "3Mi"), window="1m0.5s")
    assert pods_of(item) == [
        PodMetrics(
            "shop",
            "web-0",
            AT,
            60.5,
            (ContainerMetrics("app", 0.25, MIB), ContainerMetrics("c1", -0.123456789, 3 * MIB)),
        )
    ]


@given(number=st.integers(0, 10**20), suffix=st.sampled_from(["n", "Ki", "m", "", "u", "Mi"]))
def test_every_value_is_the_quantity_it_is_written_as(number: int, suffix: str) -> None:
    assert _amount(f"{number}{suffix}") == float(parse_quantity(f"{number}{suffix}"))


@pytest.mark.parametrize(
    ("told", "seconds"),
    [
        ("15s", 15.0),
        ("15.016s", 15.016),
        ("1m0s", 60.0),
        ("1h1m1s", 3661.0),
        ("30000ms", 30.0),
        ("0s", None),
        ("", None),
        ("soon", None),
        ("15", None),
        ("-15s", None),
        ("15s!", None),
        (None, None),
        (LEFT_OUT, None),
    ],
)
def test_a_window_is_read_as_go_writes_durations(told: Any, seconds: float | None) -> None:
    assert pods_of(changed(pod_metrics("shop", "web"), window=told))[0].window == seconds


@pytest.mark.parametrize(
    ("told", "time"),
    [
        ("2026-11-21T14:00:00Z", AT),
        ("2026-11-21T15:00:00+01:00", AT),
        ("2026-11-21T14:00:00.123456789Z", AT + 0.123456),
        ("2026-11-21T14:00:00", None),
        ("yesterday", None),
        (None, None),
        (LEFT_OUT, None),
    ],
)
def test_a_time_is_read_where_it_is_one(told: Any, time: float | None) -> None:
    assert pods_of(changed(pod_metrics("shop", "web"), timestamp=told))[0].timestamp == time


@pytest.mark.parametrize(
    ("usage", "cpu", "memory"),
    [
        (None, None, None),
        ({}, None, None),
        ({"cpu": "1"}, 1.0, None),
        ({"cpu": "?", "memory": "1Ki"}, None, 1024.0),
        ({"cpu": 2, "memory": 0.5}, 2.0, 0.5),
        ({"cpu": None, "memory": ""}, None, None),
        ({"cpu": "1", "memory": "1Ki", "swap": "9Gi"}, 1.0, 1024.0),
    ],
)
def test_a_value_that_is_none_costs_itself(usage: Any, cpu: float | None, memory: float | None) -> None:
    (found,) = pods_of(changed(pod_metrics("shop", "web"), containers=[{"name": "app", "usage": usage}]))
    assert found.containers == (ContainerMetrics("app", cpu, memory),)


@pytest.mark.parametrize(
    "containers",
    ["app", {"app": {}}, ["app"], [None], [{"name": 7}], [{"usage": "1"}], [{"usage": {"cpu": True}}], None, LEFT_OUT],
)
def test_an_odd_item_spoils_itself_alone(containers: Any) -> None:
    good = pod_metrics("shop", "web", ("1", "1Ki"))
    before, found, after = pods_of(good, changed(pod_metrics("shop", "odd"), containers=containers), good)
    assert (found.namespace, found.name, found.containers) == ("shop", "odd", None)
    assert before.containers == after.containers == (ContainerMetrics("app", 1.0, 1024.0),)


@pytest.mark.parametrize(
    "item", ["web", None, 7, [], {}, {"metadata": None}, {"metadata": {}}, {"metadata": {"name": None}}]
)
def test_an_item_that_names_no_pod_is_left_out_and_told(item: Any, caplog: pytest.LogCaptureFixture) -> None:
    good = pod_metrics("shop", "web", ("1", "1Ki"))
    with caplog.at_level(logging.WARNING):
        assert [each.name for each in pods_of(good, item, good)] == ["web", "web"]
    assert "1 items of /apis/metrics.k8s.io/v1beta1/pods do not say whose they are" in caplog.text


def test_a_text_that_is_no_unicode_spoils_its_item_alone() -> None:
    body = json.dumps(listing("PodMetricsList", [pod_metrics("shop", name) for name in ("a", "b", "c")])).encode()
    with session_with(lambda _: Answer(200, body.replace(b'"b"', b'"\xff"'))) as session:
        assert [each.name for each in list_pod_metrics(session)] == ["a", "c"]


def test_pods_are_asked_for_when_the_first_is() -> None:
    asked: list[Request] = []

    def script(request: Request) -> Answer:
        asked.append(request)
        return json_answer(listing("PodMetricsList", [pod_metrics("shop", "web")]))

    with session_with(script) as session:
        stream = list_pod_metrics(session)
        assert asked == []
        assert [item.name for item in stream] == ["web"]
    assert [request.path for request in asked] == ["/apis/metrics.k8s.io/v1beta1/pods"]


NO_LISTS = [
    ({}, "empty"),
    ({"items": None}, "empty"),
    ({"kind": "PodMetricsList"}, "empty"),
    ({"kind": "PodMetricsList", "items": None}, "empty"),
    ({"kind": "Status"}, "error"),
    ({"kind": "Status", "items": []}, "error"),
    ({"kind": "PodMetricsList", "items": {"a": 1}}, "error"),
    ({"items": []}, "error"),
    (["a"], "error"),
    (None, "error"),
]


@pytest.mark.parametrize(("answer", "cause"), NO_LISTS)
def test_an_answer_without_items_is_no_listing(answer: Any, cause: str) -> None:
    with (
        session_with(lambda _: json_answer(answer)) as session,
        pytest.raises(SourceError, match="did not answer with a list") as caught,
    ):
        list(list_pod_metrics(session))
    assert caught.value.cause == cause


@pytest.mark.parametrize("kept", [0.3, 0.9])
@pytest.mark.parametrize("claimed", [True, False], ids=["shorter than announced", "cut inside"])
def test_a_truncated_listing_is_none(kept: float, claimed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collector.kubernetes.session.MAX_ATTEMPTS", 2)
    body = json.dumps(listing("PodMetricsList", [pod_metrics("shop", f"web-{i}", ("1m", "1Mi")) for i in range(50)]))
    cut = body.encode()[: int(len(body) * kept)]
    answer = Answer(200, cut, length=len(body) if claimed else None)
    with (
        session_with(lambda _: answer) as session,
        pytest.raises(SourceError, match=r"metrics: .*(broke off|truncated)"),
    ):
        next(list_pod_metrics(session))


def test_an_absent_metrics_server_is_told() -> None:
    with (
        session_with(lambda _: Answer(404, b"404 page not found")) as session,
        pytest.raises(SourceError, match="metrics-server is not installed"),
    ):
        next(list_pod_metrics(session))


def test_nodes_are_listed() -> None:
    items = [node_metrics("n1", "1500m", "2Mi"), {**node_metrics("n2", "1", "1"), "usage": {"cpu": "2"}}]
    assert nodes_of(json_answer(listing("NodeMetricsList", items))) == (
        NodeMetrics("n1", AT, 1.5, 2.0 * MIB),
        NodeMetrics("n2", AT, 2.0, None),
    )


@pytest.mark.parametrize("item", ["n1", None, {"metadata": {}}, {**node_metrics("n1", "1", "1"), "usage": "much"}])
def test_an_odd_node_is_left_out(item: Any) -> None:
    good = node_metrics("n2", "1", "1Mi")
    assert nodes_of(json_answer(listing("NodeMetricsList", [item, good]))) == (NodeMetrics("n2", AT, 1.0, MIB),)


@pytest.mark.parametrize(
    "answer",
    [Answer(403, b"{}"), Answer(404, b""), *map(json_answer, NO_LISTS)],
)
def test_without_a_listing_of_nodes_their_usage_alone_is_unknown(
    answer: Answer, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        assert nodes_of(answer) == ()
    assert "usage of single nodes is unknown" in caplog.text


def test_memory_is_that_of_the_answer_and_not_of_what_is_in_it() -> None:
    items = [pod_metrics("shop", f"web-{i}", ("123456789n", "65536Ki")) for i in range(20_000)]
    # The server is part of the measured process, so it sends in small parts.
    answer = replace(json_answer(listing("PodMetricsList", items)), chunk_bytes=1 << 14)
    del items
    with session_with(lambda _: answer) as session:
        tracemalloc.start()
        try:
            assert sum(1 for _ in list_pod_metrics(session)) == 20_000
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert peak < 2.5 * len(answer.body)
