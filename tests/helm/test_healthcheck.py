"""The image's health check beside a server of this tree: http, https, and metrics on a port of their own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.helm.tool import ROOT
from tests.support.certificates import self_signed
from tests.support.mcp_clients import environment
from tests.support.patience import LIMIT_SECONDS, eventually
from tests.support.scripted_http import closed_port

CHECK = ROOT / "deploy" / "image" / "healthcheck.py"
COMMAND = Path(sys.executable).with_name("kl-mcp")


def _check(process: int, told: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(CHECK), str(process)]
    return subprocess.run(
        command, capture_output=True, text=True, env=environment(told), timeout=LIMIT_SECONDS, check=False
    )


@contextmanager
def _started(told: Mapping[str, str]) -> Iterator[int]:
    process = subprocess.Popen([sys.executable, COMMAND], env=environment(told), stderr=subprocess.DEVNULL)
    try:
        yield process.pid
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize(
    ("host", "tls", "metrics"),
    [("127.0.0.1", False, True), ("127.0.0.1", True, False), ("0.0.0.0", True, True)],
)
def test_a_server_is_healthy_while_it_answers_whatever_its_certificate_is_called(
    tmp_path: Path, host: str, tls: bool, metrics: bool
) -> None:
    cert, key = self_signed(tmp_path, "kubeledger.example.com")
    told = {"KL_MCP_LISTEN_HOST": host, "KL_MCP_LISTEN_PORT": str(closed_port()), "KL_DATA_DIR": str(tmp_path)}
    told |= {"KL_MCP_TLS_CERT_FILE": str(cert), "KL_MCP_TLS_KEY_FILE": str(key)} if tls else {}
    told |= {"KL_MCP_METRICS_PORT": "0"} if metrics else {}
    with _started(told) as process:
        done = eventually(lambda: healthy if (healthy := _check(process, told)).returncode == 0 else None)
        elsewhere = _check(process, told | {"KL_MCP_LISTEN_PORT": str(closed_port())})

    assert (done.stdout, done.stderr) == ("", "")
    assert elsewhere.returncode == 1
    assert elsewhere.stderr.startswith("kubeledger-healthcheck: the server does not answer: ")
