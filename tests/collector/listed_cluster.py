"""A small cluster over real HTTP, and sources that list it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from collector.observations import Cluster
from collector.settings import load
from collector.snapshot import LiveSources
from tests.support.decoded import at
from tests.support.kubernetes_objects import container, listing, node, node_metrics, pod, pod_metrics, volume_claim
from tests.support.scripted_http import Answer, json_answer, serving

DATA = Path(__file__).parent / "dcgm" / "data"


METRICS = "/apis/metrics.k8s.io/v1beta1"


GIB = 2.0**30


T = 1_700_000_000
"""When the cluster was made."""


PAGES: dict[str, Answer] = {
    "/api/v1/namespaces": json_answer(
        listing(
            "NamespaceList",
            [
                {"metadata": {"name": "kube-system", "uid": "the-cluster", "creationTimestamp": at(T)}},
                {"metadata": {"name": "ml", "labels": {"team": "research"}}},
            ],
        )
    ),
    "/api/v1/nodes": json_answer(
        listing(
            "NodeList",
            [
                node("gpu-node-1", cpu="16", capacity={"nvidia.com/gpu": "2"}),
                node("v", labels={"type": "virtual-kubelet"}),
            ],
        )
    ),
    "/api/v1/pods": json_answer(
        listing(
            "PodList",
            [
                pod(container(cpu="4", memory="8Gi", gpu="1"), namespace="ml", name="train-0", node="gpu-node-1"),
                pod(container(cpu="1", gpu="1"), namespace="vision", name="serve-5c9d-x2x", node="gpu-node-1"),
            ],
        )
    ),
    "/api/v1/persistentvolumeclaims": json_answer(
        listing(
            "PersistentVolumeClaimList",
            [volume_claim("data", "ml", "10Gi", "fast"), volume_claim("new", "ml", "5Gi", phase="Pending")],
        )
    ),
    f"{METRICS}/nodes": json_answer(listing("NodeMetricsList", [node_metrics("gpu-node-1", "5", "9Gi")])),
    f"{METRICS}/pods": json_answer(listing("PodMetricsList", [pod_metrics("ml", "train-0", ("3", "6Gi"))])),
    "/metrics": Answer(200, (DATA / "labelled.prom").read_bytes()),
}


@contextmanager
def live(changed: dict[str, Answer] | None = None, **environ: str) -> Iterator[LiveSources]:
    """Sources that list what a server with PAGES has, some of them changed."""
    pages = {**PAGES, **(changed or {})}
    with serving(lambda request: pages.get(request.path, Answer(404))) as server:
        settings = load({"HOME": "/nonexistent", "KL_K8S_API_ENDPOINT": server.url,
                         "KL_NVIDIA_DCGM_ENDPOINT": server.url, **environ})  # fmt: skip
        with LiveSources(settings, watching=False) as sources:
            yield sources


def cluster_of(sources: LiveSources) -> Cluster | None:
    now = time.time()
    return sources.cluster(now - 300, now)
