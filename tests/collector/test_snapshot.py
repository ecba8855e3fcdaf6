"""A whole snapshot from a small real cluster, and what is left of it when a source fails."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from collector.accounting.tick_sample import account
from collector.model import TickSample
from collector.settings import load
from collector.snapshot import LiveSources
from kl_core.errors import SettingsError
from tests.support.kubernetes_objects import container, listing, node, node_metrics, pod, pod_metrics
from tests.support.scripted_http import Answer, Request, closed_port, json_answer, serving, status_answer

DATA = Path(__file__).parent / "dcgm" / "data"
METRICS = "/apis/metrics.k8s.io/v1beta1"
PAGES: dict[str, Answer] = {
    "/api/v1/namespaces": json_answer(
        listing("NamespaceList", [{"metadata": {"name": name, "labels": {"team": name}}} for name in ("ml", "vision")])
    ),
    "/api/v1/nodes": json_answer(listing("NodeList", [node("gpu-node-1", cpu="16", capacity={"nvidia.com/gpu": "2"})])),
    "/api/v1/pods": json_answer(
        listing(
            "PodList",
            [
                pod(container(cpu="4", memory="8Gi", gpu="1"), namespace="ml", name="train-0", node="gpu-node-1"),
                pod(container(cpu="1", gpu="1"), namespace="vision", name="serve-5c9d-x2x", node="gpu-node-1"),
            ],
        )
    ),
    f"{METRICS}/nodes": json_answer(listing("NodeMetricsList", [node_metrics("gpu-node-1", "5", "9Gi")])),
    f"{METRICS}/pods": json_answer(
        listing(
            "PodMetricsList",
            [pod_metrics("ml", "train-0", ("3", "6Gi")), pod_metrics("vision", "serve-5c9d-x2x", ("500m", "1Gi"))],
        )
    ),
    "/metrics": Answer(200, (DATA / "labelled.prom").read_bytes()),
}


@contextmanager
def live(changed: dict[str, Answer] | None = None, **environ: str) -> Iterator[LiveSources]:
    """Sources that ask a server with PAGES, some of them changed."""
    pages = {**PAGES, **(changed or {})}
    with serving(lambda request: pages.get(request.path, Answer(404))) as server:
        settings = load({"HOME": "/nonexistent", "KL_K8S_API_ENDPOINT": server.url,
                         "KL_NVIDIA_DCGM_ENDPOINT": server.url, **environ})  # fmt: skip
        with LiveSources(settings) as sources:
            yield sources


def tick(sources: LiveSources) -> TickSample:
    return account(sources.snapshot(), time=300, interval=300, charged=lambda _: True)


def test_a_snapshot_of_a_cluster_is_accounted() -> None:
    with live() as sources:
        sample = tick(sources)
        assert sources.failures == {"kubernetes": 0, "metrics": 0, "dcgm": 0}
    gib = 2.0**30
    assert sample.observed == {"kubernetes": True, "metrics": True, "dcgm": True}
    assert sample.namespaces["ml"].labels == {"team": "ml"}
    assert sample.namespaces["ml"].requests == {"cpu": 4.0, "memory": 8 * gib, "gpu": 1.0}
    # 87 % and 10240 MiB of the first device
    assert sample.namespaces["ml"].usage == {"cpu": 3.0, "memory": 6 * gib, "gpu": 0.87, "gpu_memory": 10 * gib}
    assert sample.namespaces["vision"].usage["gpu"] == 0.12
    # 10240 + 5120 + 2048 + 13312 MiB = 30 GiB
    assert sample.capacity == {"cpu": 16.0, "memory": 16 * gib, "gpu": 2.0, "gpu_memory": 30 * gib}
    assert sample.nodes[0].usage["cpu"] == 5.0
    assert sample.nodes[0].pods == 2


def test_a_second_snapshot_is_as_good_as_the_first() -> None:
    with live() as sources:
        assert tick(sources) == tick(sources)


@pytest.mark.parametrize(
    ("changed", "observed", "failures", "logged"),
    [
        ({"/api/v1/nodes": status_answer(403, "no")}, (False, True, True), (1, 0, 0), "does not allow to list nodes"),
        ({"/api/v1/pods": status_answer(500, "no")}, (False, True, True), (1, 0, 0), "/api/v1/pods answered 500"),
        ({f"{METRICS}/nodes": Answer(404)}, (True, False, True), (0, 1, 0), "metrics-server is not installed"),
        ({f"{METRICS}/pods": Answer(200, b'{"items": [')}, (True, False, True), (0, 1, 0), "truncated JSON"),
        ({"/metrics": Answer(500)}, (True, True, False), (0, 0, 1), "answered 500"),
    ],
    ids=["nodes forbidden", "pods failing", "no metrics-server", "usage cut off", "exporter failing"],
)
def test_a_failing_source_is_logged_counted_and_unobserved(
    changed: dict[str, Answer],
    observed: tuple[bool, bool, bool],
    failures: tuple[int, int, int],
    logged: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING), live(changed) as sources:
        sample = tick(sources)
        assert tuple(sources.failures.values()) == failures
    assert tuple(sample.observed.values()) == observed
    assert logged in caplog.text


def test_the_next_tick_after_a_failure_is_whole_again() -> None:
    answers = iter([Answer(503), *[PAGES["/api/v1/namespaces"]] * 2])

    def script(request: Request) -> Answer:
        return next(answers) if request.path == "/api/v1/namespaces" else PAGES[request.path]

    with serving(script) as server:
        settings = load({"HOME": "/nonexistent", "KL_K8S_API_ENDPOINT": server.url})
        with LiveSources(settings) as sources:
            assert [tick(sources).observed["kubernetes"] for _ in range(2)] == [False, True]


def test_without_an_exporter_configured_dcgm_is_neither_seen_nor_failed() -> None:
    with live(KL_NVIDIA_DCGM_ENDPOINT="") as sources:
        snapshot = sources.snapshot()
        assert (snapshot.devices, snapshot.dcgm_configured) == (None, False)
        assert sources.failures["dcgm"] == 0


def test_no_cluster_at_the_endpoint_is_a_tick_without_sources(caplog: pytest.LogCaptureFixture) -> None:
    settings = load({"HOME": "/nonexistent", "KL_K8S_API_ENDPOINT": f"http://127.0.0.1:{closed_port()}"})
    with caplog.at_level(logging.WARNING), LiveSources(settings) as sources:
        sample = tick(sources)
        assert sources.failures == {"kubernetes": 1, "metrics": 1, "dcgm": 0}
    assert sample.observed == {"kubernetes": False, "metrics": False, "dcgm": None}
    assert "nothing listens there" in caplog.text


def test_settings_that_lead_to_no_cluster_are_refused_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="No cluster to talk to"):
        LiveSources(load({"HOME": str(tmp_path), "KUBECONFIG": str(tmp_path / "none")}))


def test_a_token_that_is_wrong_is_told_without_telling_it(caplog: pytest.LogCaptureFixture) -> None:
    def script(request: Request) -> Answer:
        right = request.headers.get("authorization") == "Bearer right"
        return PAGES[request.path] if right else status_answer(401, "Unauthorized")

    with serving(script) as server, caplog.at_level(logging.DEBUG):
        environ = {"HOME": "/nonexistent", "KL_K8S_API_ENDPOINT": server.url}
        with LiveSources(load({**environ, "KL_K8S_AUTH_TOKEN": "hush-hush"})) as sources:
            assert tick(sources).observed["kubernetes"] is False
        with LiveSources(load({**environ, "KL_K8S_AUTH_TOKEN": "right"})) as sources:
            assert tick(sources).observed["kubernetes"] is True
    assert "does not accept the credentials (401)" in caplog.text
    assert "hush" not in caplog.text


def test_credentials_that_cannot_be_loaded_now_are_tried_again_at_the_next_tick(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_bytes(b"\xff\xfe")
    with serving(lambda request: PAGES[request.path]) as server:
        settings = load({"HOME": "/nonexistent", "KL_K8S_API_ENDPOINT": server.url,
                         "KL_K8S_AUTH_TOKEN_FILE": str(token)})  # fmt: skip
        with LiveSources(settings) as sources:
            assert sources.snapshot().cluster is None
            token.write_text("good")
            assert tick(sources).observed["kubernetes"] is True
            assert sources.failures == {"kubernetes": 1, "metrics": 1, "dcgm": 0}
