"""The rendered containers as processes of this machine, with their own commands, environment, files and probes.

Volumes are temporary directories, ports free ones of the loopback interface.
"""

from __future__ import annotations

import http.client
import os
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.helm.containers import POD_ADDRESS, environment
from tests.helm.tool import Manifest, container_of, is_hook, of_kind, the
from tests.support.patience import LIMIT_SECONDS, eventually
from tests.support.scripted_http import closed_port

VOLUME, FILES = "/var/lib/kubeledger", "/etc/kubeledger"
BIN = Path(sys.executable).parent


def command(words: Sequence[str]) -> list[str]:
    """A command of the image as it is called here."""
    return [str(BIN / words[0]), *words[1:]]


def local(container: Manifest, root: Path, **settings: str) -> dict[str, str]:
    """A container's environment, with the volume at `root` and its files below `root/files`."""
    told = {
        name: value.replace(VOLUME, str(root)).replace(FILES, str(root / "files"))
        for name, value in environment(container).items()
    }
    return {**told, "PATH": os.environ["PATH"], "HOME": "/nonexistent", **settings}


@dataclass(frozen=True)
class RunningServer:
    """The server's container; `ports` are where its ports are here, by their names."""

    container: Manifest
    ports: Mapping[str, int]

    def probe(self, name: str) -> int:
        """The HTTP status that the kubelet gets for a probe."""
        get = self.container[name]["httpGet"]
        return self.ask(get["path"], port=get["port"], scheme=get.get("scheme", "HTTP"))

    def ask(
        self, path: str, *, host: str = POD_ADDRESS, port: str = "mcp", scheme: str = "HTTP", token: str = ""
    ) -> int:
        """The HTTP status of a request under a Host header. A certificate is not verified, as by the kubelet."""
        connection = http.client.HTTPConnection("127.0.0.1", self.ports[port], timeout=LIMIT_SECONDS)
        if scheme == "HTTPS":
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            connection = http.client.HTTPSConnection(
                "127.0.0.1", self.ports[port], timeout=LIMIT_SECONDS, context=context
            )
        try:
            connection.request(
                "GET", path, headers={"Host": host, **({"Authorization": f"Bearer {token}"} if token else {})}
            )
            return connection.getresponse().status
        finally:
            connection.close()


@dataclass(frozen=True)
class RunningCollector:
    """The collector's container."""

    container: Manifest
    environ: dict[str, str]

    def probe(self, name: str) -> int:
        """The exit code of a probe."""
        words = self.container[name]["exec"]["command"]
        return subprocess.run(command(words), env=self.environ, capture_output=True, check=False).returncode


@contextmanager
def process(words: Sequence[str], environ: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """A container's command, ended with the block."""
    started = subprocess.Popen(command(words), env=environ, stderr=subprocess.DEVNULL)
    try:
        yield started
    finally:
        started.kill()
        started.wait()


def answers(ask: Callable[[], int], expected: int) -> Callable[[], bool]:
    def happened() -> bool:
        try:
            return ask() == expected
        except OSError:
            return False

    return happened


@contextmanager
def running_server(manifests: list[Manifest], root: Path) -> Iterator[RunningServer]:
    """The server's container, ready: that nothing is published yet is explained."""
    container = container_of(manifests, "mcp")
    running = RunningServer(container, {port["name"]: closed_port() for port in container["ports"]})
    listening = {
        "KL_MCP_LISTEN_HOST": "127.0.0.1",
        "KL_MCP_LISTEN_PORT": str(running.ports["mcp"]),
        "KL_MCP_METRICS_PORT": str(running.ports["metrics"]),
    }
    with process(container["command"], local(container, root, **listening)):
        eventually(answers(lambda: running.probe("readinessProbe"), 200))
        yield running


def helm_test(manifests: list[Manifest], root: Path, url: str) -> subprocess.CompletedProcess[str]:
    """The container of `helm test`, run against `url` in place of the Service's."""
    (tester,) = [each for each in of_kind(manifests, "Pod") if is_hook(each)]
    container = tester["spec"]["containers"][0]
    words, (address, *asked) = container["command"][:3], container["command"][3:]
    port = next(port["port"] for port in the(manifests, "Service")["spec"]["ports"] if port["name"] == "mcp")
    assert address == f"{url.partition(':')[0]}://kubeledger.kubeledger.svc:{port}"
    return subprocess.run(
        [*command(words), url, *asked],
        env=local({"env": container.get("env", [])}, root),
        capture_output=True,
        text=True,
        timeout=LIMIT_SECONDS,
        check=False,
    )
