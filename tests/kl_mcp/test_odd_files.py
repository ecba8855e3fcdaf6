"""Real processes over a data directory with odd files in it, or that stops answering: they answer, and they end."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anyio
import orjson
import pytest

from tests.kl_mcp.access.asking import FINANCE, ask, tokens_file
from tests.support.certificates import self_signed
from tests.support.handshake import INITIALIZE
from tests.support.issuer import jwt_flags, key_set_file, token
from tests.support.mcp_clients import (
    HttpServer,
    connect,
    environment,
    http_server,
    payload,
    stdio_parameters,
)
from tests.support.odd_files import put_odd
from tests.support.patience import LIMIT_SECONDS, eventually
from tests.support.published import publish

HANGING = "tests.support.hanging"


def _described(server: HttpServer) -> dict[str, Any]:
    async def question() -> dict[str, Any]:
        async with connect(server.url) as client:
            return payload(await client.call_tool("describe_dataset", {}))

    return anyio.run(question)


def _ends(process: subprocess.Popen[Any], tell: Callable[[], None]) -> int:
    tell()
    try:
        return process.wait(LIMIT_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        raise AssertionError("the process does not end") from None


@pytest.mark.requirement("KL-E-4")
@pytest.mark.parametrize("what", ["pipe", "socket", "link to a device", "link to a file outside"])
def test_over_http_odd_data_files_cost_what_is_in_them_and_the_process_ends(tmp_path: Path, what: str) -> None:
    data = tmp_path / "data"
    publish(data)
    put_odd(data / "hourly_7d-1.json", what)

    with http_server(data) as server:
        described = _described(server)
        code = _ends(server.process, server.process.terminate)

    assert any(w.startswith("hourly_7d-1.json cannot be read") for w in _texts(described))
    assert code == 0


@pytest.mark.requirement("KL-E-5")
@pytest.mark.parametrize("what", ["pipe", "link to a device", "directory"])
def test_over_http_an_odd_manifest_leaves_the_generation_before_until_the_next_one(tmp_path: Path, what: str) -> None:
    data = tmp_path / "data"
    publish(data)

    with http_server(data) as server:
        put_odd(data / "dataset.json", what)
        eventually(lambda: any("cannot be used" in line for line in list(server.log)))
        kept = _described(server)
        if what == "directory":
            (data / "dataset.json").rmdir()
        publish(data, 2)
        eventually(lambda: any("Loaded generation 2" in line for line in list(server.log)))
        code = _ends(server.process, server.process.terminate)

    (warning,) = (w for w in _texts(kept) if "dataset.json cannot be used" in w)
    assert "generation 1" in warning
    assert code == 0


@pytest.mark.parametrize("name", ["dataset.json", "hourly_7d-1.json"])
def test_over_stdio_a_pipe_is_not_waited_for(tmp_path: Path, name: str) -> None:
    publish(tmp_path)
    put_odd(tmp_path / name, "pipe")

    async def question() -> dict[str, Any]:
        async with connect(stdio_parameters(tmp_path)) as client:
            return payload(await client.call_tool("describe_dataset", {}))

    assert any("it is a named pipe" in w for w in _texts(anyio.run(question)))


@pytest.mark.requirement("KL-X-4")
def test_over_http_a_load_that_never_returns_does_not_keep_the_process_alive(tmp_path: Path) -> None:
    publish(tmp_path)

    with http_server(tmp_path, env={"HANGS_WHILE_LOADING": "2"}, module=HANGING) as server:
        publish(tmp_path, 2)
        eventually(lambda: "hanging" in server.log)
        generation = _described(server)["generation"]
        code = _ends(server.process, server.process.terminate)

    assert generation == 1
    assert code == 0
    assert not any("Traceback" in line or "Fatal" in line for line in server.log)


def test_certificates_that_cannot_be_looked_at_do_not_keep_the_process_alive(tmp_path: Path) -> None:
    publish(tmp_path)
    certificate, key = self_signed(tmp_path)
    flags = ("--tls-cert-file", str(certificate), "--tls-key-file", str(key))

    with http_server(tmp_path, *flags, env={"HANGS_AT_CERTIFICATES": "1"}, module=HANGING) as server:
        eventually(lambda: "hanging" in server.log)
        assert _ends(server.process, server.process.terminate) == 0


@pytest.mark.parametrize("odd", ["tokens.json", "keys.json", "tls.crt"])
def test_over_http_a_pipe_in_place_of_a_secret_stops_neither_answers_nor_the_end(tmp_path: Path, odd: str) -> None:
    publish(tmp_path / "data")
    certificate, key = self_signed(tmp_path)
    keys, tokens = key_set_file(tmp_path / "keys.json"), tokens_file(tmp_path / "tokens.json")
    tls = ("--tls-cert-file", str(certificate), "--tls-key-file", str(key)) if odd == certificate.name else ()
    flags = (*jwt_flags(keys, tokens_file=str(tokens)), *tls)

    with http_server(tmp_path / "data", *flags) as server:
        put_odd(tmp_path / odd, "pipe")

        def noticed() -> bool:
            if not tls:
                assert ask(server.port, "tools/list", {}, token=FINANCE).status == 200
                assert ask(server.port, "tools/list", {}, token=token()).status == 200
            return any(odd in line and "is a named pipe" in line for line in list(server.log))

        eventually(noticed)
        assert _ends(server.process, server.process.terminate) == 0


@contextmanager
def _hanging_over_stdio(directory: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that has answered its client, and whose first load never returns."""
    publish(directory)
    command = [sys.executable, "-m", HANGING, "--transport", "stdio", "--data-dir", str(directory)]
    pipe, env = subprocess.PIPE, environment({"HANGS_WHILE_LOADING": "1"})
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, env=env) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdin.write(orjson.dumps(INITIALIZE) + b"\n")
        process.stdin.flush()
        assert orjson.loads(process.stdout.readline())["id"] == INITIALIZE["id"]
        assert any(line == b"hanging\n" for line in process.stderr)
        yield process


@pytest.mark.requirement("KL-X-4")
def test_over_stdio_it_ends_with_its_input_though_a_load_never_returns(tmp_path: Path) -> None:
    with _hanging_over_stdio(tmp_path) as process:
        assert process.stdin is not None
        assert _ends(process, process.stdin.close) == 0


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_over_stdio_a_signal_ends_it_though_a_load_never_returns(tmp_path: Path, stop: signal.Signals) -> None:
    with _hanging_over_stdio(tmp_path) as process:
        assert _ends(process, lambda: process.send_signal(stop)) == -stop


def _texts(answer: dict[str, Any]) -> list[str]:
    """What the warnings of an answer say."""
    return [warning if isinstance(warning, str) else warning["text"] for warning in answer["metadata"]["warnings"]]
