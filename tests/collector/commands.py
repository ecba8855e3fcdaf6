"""The collector's command as a process, and a cluster for it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from kl_core.calendar import iso
from tests.support import kubernetes_objects as kube
from tests.support.patience import LIMIT_SECONDS, eventually
from tests.support.scripted_http import Answer, Request, json_answer, status_answer


def cluster(request: Request, now: float | None = None) -> Answer:
    """A cluster with one node, one namespace and one pod that used half a core just now, or at `now`."""
    measured_at = iso(round(time.time() if now is None else now) - 10)
    answers = {
        "/api/v1/namespaces": kube.listing("NamespaceList", [{"metadata": {"name": "shop"}}]),
        "/api/v1/nodes": kube.listing("NodeList", [kube.node()]),
        "/api/v1/pods": kube.listing("PodList", [kube.pod(kube.container(cpu="1", memory="1Gi"))]),
        "/api/v1/persistentvolumeclaims": kube.listing("PersistentVolumeClaimList", []),
        "/apis/metrics.k8s.io/v1beta1/nodes": kube.listing("NodeMetricsList", []),
        "/apis/metrics.k8s.io/v1beta1/pods": kube.listing(
            "PodMetricsList", [kube.pod_metrics("shop", "web-0", ("500m", "512Mi"), at=measured_at)]
        ),
    }
    if request.headers.get("authorization") != "Bearer good":
        return status_answer(401, "Unauthorized")
    return json_answer(answers[request.path]) if request.path in answers else status_answer(404, "not found")


def environment(root: Path, endpoint: str, **settings: str) -> dict[str, str]:
    return {
        "KL_DB_LOCATION": str(root / "db"),
        "KL_DATA_DIR": str(root / "data"),
        "KL_K8S_API_ENDPOINT": endpoint,
        "KL_K8S_AUTH_TOKEN": "good",
        "KL_METRICS_PORT": "0",
        "HOME": str(root),
        "PATH": os.environ["PATH"],
        **settings,
    }


def kl_collector(*arguments: str, environ: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "collector", *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, env=dict(environ), check=False, timeout=LIMIT_SECONDS
    )


def running(environ: Mapping[str, str], subcommand: str = "run") -> subprocess.Popen[str]:
    # A shell lets its background jobs ignore SIGINT, and so would all that they start.
    command = ["env", "--default-signal=INT", sys.executable, "-m", "collector", subcommand]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=dict(environ))
    return _Stopped(process)  # type: ignore[return-value]


class _Stopped:
    """Ends the process it holds when its block is left."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def __enter__(self) -> subprocess.Popen[str]:
        return self._process

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()


def wait_for(path: Path) -> None:
    eventually(path.exists)
