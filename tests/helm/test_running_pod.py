"""The rendered containers as processes of this machine, with their own commands, environment and probes.

A simulator stands for the cluster. The volume is a temporary directory, the port a free one of the loopback interface.
"""

from __future__ import annotations

import http.client
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from simulator.server import running_simulator
from tests.helm.conftest import Rendered
from tests.helm.containers import POD_ADDRESS, environment
from tests.helm.tool import Manifest, container_of, is_hook, of_kind
from tests.support.scripted_http import closed_port

VOLUME = "/var/lib/kubeledger"
BIN = Path(sys.executable).parent
SECONDS = 60


def command(words: Sequence[str]) -> list[str]:
    """A command of the image as it is called here."""
    return [str(BIN / words[0]), *words[1:]]


def local(container: Manifest, root: Path, **settings: str) -> dict[str, str]:
    """A container's environment, with the volume at `root`."""
    told = {name: value.replace(VOLUME, str(root)) for name, value in environment(container).items()}
    return {**told, "PATH": os.environ["PATH"], "HOME": "/nonexistent", **settings}


@dataclass(frozen=True)
class RunningPod:
    """The two containers of a pod."""

    collector: Manifest
    collector_environment: dict[str, str]
    server: Manifest
    port: int

    def probe(self, name: str) -> int:
        """The answer of a probe: an exit code of the collector's, an HTTP status of the server's."""
        if name in self.collector:
            words = self.collector[name]["exec"]["command"]
            done = subprocess.run(command(words), env=self.collector_environment, capture_output=True, check=False)
            return done.returncode
        return self.ask(self.server[name]["httpGet"]["path"], host=f"{POD_ADDRESS}:{self.port}")

    def ask(self, path: str, *, host: str, method: str = "GET") -> int:
        """The HTTP status of a request under a Host header."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request(method, path, headers={"Host": host})
            return connection.getresponse().status
        finally:
            connection.close()


@contextmanager
def process(words: Sequence[str], environ: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """A container's command, ended with the block."""
    started = subprocess.Popen(command(words), env=environ, stderr=subprocess.DEVNULL)
    try:
        yield started
    finally:
        started.kill()
        started.wait()


def until(happens: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + SECONDS
    while not happens():
        assert time.monotonic() < deadline, f"{what} within {SECONDS} s"
        time.sleep(0.1)


def answers(ask: Callable[[], int], expected: int) -> Callable[[], bool]:
    def happened() -> bool:
        try:
            return ask() == expected
        except OSError:
            return False

    return happened


@pytest.fixture(scope="module")
def pod(rendered: Rendered, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPod]:
    """The pod of a default installation, ready."""
    manifests, root, port = rendered("default"), tmp_path_factory.mktemp("volume"), closed_port()
    collector, server = (container_of(manifests, name) for name in ("collector", "mcp"))
    with ExitStack() as stack:
        cluster = stack.enter_context(running_simulator())
        environ = local(collector, root, KL_K8S_API_ENDPOINT=cluster.url)
        listening = {"KL_MCP_LISTEN_HOST": "127.0.0.1", "KL_MCP_LISTEN_PORT": str(port)}
        running = RunningPod(collector, environ, server, port)
        stack.enter_context(process(server["command"], local(server, root, **listening)))
        # Nothing is published yet, which is explained: the pod is ready for questions.
        until(answers(lambda: running.probe("readinessProbe"), 200), "the server is ready without data")
        assert running.probe("startupProbe") == 1
        stack.enter_context(process(collector["command"], environ))
        until(answers(lambda: running.probe("startupProbe"), 0), "the collector's loop turns")
        yield running


def test_the_probes_succeed(pod: RunningPod) -> None:
    assert pod.probe("livenessProbe") == 0
    assert pod.probe("readinessProbe") == 200
    assert pod.ask(pod.server["livenessProbe"]["httpGet"]["path"], host=f"{POD_ADDRESS}:{pod.port}") == 200


def test_the_container_of_helm_test_finds_the_server_and_its_tools(pod: RunningPod, rendered: Rendered) -> None:
    (tester,) = [each for each in of_kind(rendered("default"), "Pod") if is_hook(each)]
    *words, host, port = tester["spec"]["containers"][0]["command"]
    assert (host, port) == ("kubeledger", "5484")
    done = subprocess.run(
        [*command(words), "127.0.0.1", str(pod.port)],
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "'ready': True" in done.stdout
    assert "get_top_consumers" in done.stdout


def test_the_container_of_helm_test_fails_where_something_else_answers(rendered: Rendered) -> None:
    (tester,) = [each for each in of_kind(rendered("default"), "Pod") if is_hook(each)]
    *words, _, _ = tester["spec"]["containers"][0]["command"]
    with running_simulator() as other:
        port = other.url.rpartition(":")[2]
        done = subprocess.run([*command(words), "127.0.0.1", port], capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "/readyz answered 404" in done.stderr


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("kubeledger.kubeledger.svc:5484", 200),
        (f"{POD_ADDRESS}:5484", 200),
        ("localhost:5484", 200),
        ("evil.example:5484", 421),
    ],
)
def test_metrics_are_scraped_by_the_service_and_by_the_pod_s_address(pod: RunningPod, host: str, status: int) -> None:
    assert pod.ask("/metrics", host=host) == status


@pytest.mark.parametrize(("age", "code"), [(890, 0), (910, 1)])
def test_the_collector_is_restarted_where_its_heartbeat_is_three_intervals_old(
    rendered: Rendered, tmp_path: Path, age: int, code: int
) -> None:
    """The chart's default interval is 300 s."""
    container = container_of(rendered("default"), "collector")
    environ = local(container, tmp_path)
    heartbeat = Path(environ["KL_DB_LOCATION"], "heartbeat")
    heartbeat.parent.mkdir()
    heartbeat.touch()
    os.utime(heartbeat, (time.time() - age, time.time() - age))
    words = container["livenessProbe"]["exec"]["command"]
    assert subprocess.run(command(words), env=environ, capture_output=True, check=False).returncode == code
