"""The simulated API as kubectl sees it."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from simulator.faults import parse_time
from simulator.server import RunningSimulator, kubeconfig, running_simulator
from simulator.workload import Workload
from tests.support.patience import LIMIT_SECONDS

NOW = parse_time("2026-11-20T14:03:00Z")

Kubectl = Callable[..., list[list[str]]]


@pytest.fixture(scope="module")
def simulator() -> Iterator[RunningSimulator]:
    with running_simulator(Workload(parse_time("2025-10-01T00:00:00Z")), at=NOW) as running:
        yield running


@pytest.fixture
def kubectl(simulator: RunningSimulator, tmp_path: Path) -> Kubectl:
    """Runs kubectl and returns its table: a list of words for each line."""
    program = shutil.which("kubectl")
    if program is None:
        pytest.skip("kubectl is not installed")
    config = tmp_path / "kubeconfig"
    config.write_text(kubeconfig(simulator.url))

    def run(*arguments: str) -> list[list[str]]:
        environment = os.environ | {"KUBECONFIG": str(config), "HOME": str(tmp_path), "NO_PROXY": "127.0.0.1"}
        done = subprocess.run(
            [program, *arguments], env=environment, capture_output=True, text=True, timeout=LIMIT_SECONDS, check=False
        )
        assert done.returncode == 0, done.stderr
        return [line.split() for line in done.stdout.splitlines()]

    return run


def test_get_nodes(kubectl: Kubectl) -> None:
    header, *rows = kubectl("get", "nodes")
    assert header == ["NAME", "STATUS", "ROLES", "AGE", "VERSION"]
    assert len(rows) == 9
    # Created at the origin, 2025-10-01, shown on 2026-11-20: 415 days.
    assert rows[0] == ["gpu-0", "Ready", "worker", "415d", "v1.32.4"]


def test_get_pods_of_all_namespaces(kubectl: Kubectl, simulator: RunningSimulator) -> None:
    header, *rows = kubectl("get", "pods", "-A")
    assert header == ["NAMESPACE", "NAME", "READY", "STATUS", "RESTARTS", "AGE"]
    assert len(rows) == len(simulator.workload.pods(simulator.simulator.clock.end))
    states = {(row[0], row[3]) for row in rows}
    assert {("batch-nightly", "Completed"), ("dev-sandbox", "Pending"), ("reporting", "ContainerCreating")} <= states


def test_get_pods_in_small_chunks_and_by_field(kubectl: Kubectl) -> None:
    assert kubectl("get", "pods", "-A", "--chunk-size=7") == kubectl("get", "pods", "-A")
    rows = kubectl("get", "pods", "-A", "--no-headers", "--field-selector=status.phase=Succeeded")
    assert [row[3] for row in rows] == ["Completed"]


def test_get_claims(kubectl: Kubectl) -> None:
    rows = kubectl("get", "pvc", "-n", "messaging", "--no-headers")
    assert [(row[0], row[1], *row[3:6]) for row in rows] == [
        (f"data-kafka-{i}", "Bound", "256Gi", "RWO", "fast") for i in range(3)
    ]
    (pending,) = kubectl("get", "pvc", "-A", "--no-headers", "--field-selector=status.phase=Pending")
    assert pending[:3] == ["dev-sandbox", "wished-for", "Pending"]


def test_get_namespaces(kubectl: Kubectl) -> None:
    rows = kubectl("get", "ns")
    names = [row[0] for row in rows[1:]]
    assert {"openshift-monitoring", "kube-system", "registry"} <= set(names)
    assert "legacy-crm" not in names


def test_get_objects_as_json(kubectl: Kubectl) -> None:
    assert kubectl("get", "pod", "-n", "search", "search-node-0", "-o", "jsonpath={.spec.nodeName}")[0][0]
    assert kubectl("get", "ns", "payments", "-o", "jsonpath={.metadata.labels.team}") == [["fintech"]]


def test_top_pods_of_all_namespaces(kubectl: Kubectl, simulator: RunningSimulator) -> None:
    header, *rows = kubectl("top", "pods", "-A")
    assert header == ["NAMESPACE", "NAME", "CPU(cores)", "MEMORY(bytes)"]
    end = simulator.simulator.clock.end
    assert len(rows) == sum(pod.running for pod in simulator.workload.pods(end))
    millicores = sum(int(row[2].removesuffix("m")) for row in rows if row[0] == "data-warehouse")
    assert millicores == pytest.approx(1000 * simulator.workload.usage("data-warehouse", "cpu", end), abs=4)


def test_top_nodes(kubectl: Kubectl) -> None:
    rows = kubectl("top", "nodes", "--no-headers")
    assert len(rows) == 9
    assert all(row[2].endswith("%") for row in rows)


def test_describe_node(kubectl: Kubectl) -> None:
    lines = kubectl("describe", "node", "gpu-1")
    assert ["nvidia.com/gpu:", "8"] in lines
    assert ["nvidia.com/gpu", "6", "6"] in lines


def test_version_and_api_resources(kubectl: Kubectl) -> None:
    assert any(line[:2] == ["Server", "Version:"] for line in kubectl("version"))
    assert any(line[:2] == ["pods", "po"] for line in kubectl("api-resources"))


def test_get_pods_watched(simulator: RunningSimulator, tmp_path: Path) -> None:
    program = shutil.which("kubectl")
    if program is None:
        pytest.skip("kubectl is not installed")
    with running_simulator(simulator.workload, at=parse_time("2026-11-20T21:58:00Z")) as running:
        config = tmp_path / "kubeconfig"
        config.write_text(kubeconfig(running.url))
        environment = os.environ | {"KUBECONFIG": str(config), "HOME": str(tmp_path), "NO_PROXY": "127.0.0.1"}
        command = [program, "get", "pods", "-n", "batch-nightly", "-w", "--no-headers"]
        with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as watching:
            assert watching.stdout is not None
            listed = {watching.stdout.readline().split()[0] for _ in range(2)}
            running.set_clock(at=parse_time("2026-11-20T22:03:00Z"))
            joined = {watching.stdout.readline().split()[0] for _ in range(6)}
            watching.terminate()
        assert len(listed | joined) == 8
