"""How the HTTP transport starts and stops: what a real process says, and what it ends with."""

from __future__ import annotations

import asyncio
import signal
import socket
import subprocess
import sys
from pathlib import Path

import anyio
import pytest
from starlette.types import Message, Receive, Scope, Send

from kl_mcp.transport.app import UnfinishedAnswer
from kl_mcp.transport.sockets import listen, own_addresses
from tests.support.mcp_clients import connect, environment, http_server
from tests.support.patience import LIMIT_SECONDS
from tests.support.published import publish
from tests.support.turned_server import TurnedServer, turned_server


def test_the_start_line_names_address_directory_and_generation_on_standard_error(tmp_path: Path) -> None:
    publish(tmp_path, 3)
    with http_server(tmp_path) as server:
        (line,) = [line for line in server.log if "Serving " in line]

    assert server.url in line
    assert str(tmp_path) in line
    assert "generation 3" in line


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
@pytest.mark.parametrize("flags", [(), ("--allowed-hosts", "*"), ("--allowed-hosts", "mcp.example.com")])
def test_an_open_address_names_the_real_ones_and_says_who_may_call(
    tmp_path: Path, host: str, flags: tuple[str, ...]
) -> None:
    with http_server(tmp_path, "--host", host, *flags) as server:
        (started,) = [line for line in server.log if "Serving " in line]
        log = "\n".join(server.log)
    with listen(host, 0) as sock:
        addresses = [f"[{address}]" if ":" in address else address for address in own_addresses(sock)]

    assert addresses, "this machine has a route to nowhere"
    assert all(f"http://{address}:{server.port}/mcp" in started for address in addresses)
    assert f"Nobody is asked for a token: whoever reaches port {server.port} can read everything." in log
    assert ("Only localhost is accepted as Host header" in log) is (flags == ())
    assert (f"KL_MCP_ALLOWED_HOSTS, such as {own_addresses(sock)[0]}" in log) is (flags == ())


def test_who_is_asked_for_a_token_or_listens_to_this_machine_alone_is_not_warned(tmp_path: Path) -> None:
    tokens = tmp_path / "tokens.json"
    tokens.write_text('{"tokens": []}')
    tokens.chmod(0o600)
    asked = ("--host", "0.0.0.0", "--allowed-hosts", "*", "--tokens-file", str(tokens))
    for flags in (asked, ("--host", "127.0.0.1", "--allowed-hosts", "*")):
        with http_server(tmp_path / "data", *flags) as server:
            pass
        assert not any("Nobody is asked" in line for line in server.log)


def test_a_port_in_use_is_one_clear_line_and_exit_code_1(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        command = [sys.executable, "-m", "kl_mcp", "--data-dir", str(tmp_path), "--port", str(port)]
        ended = subprocess.run(
            command, capture_output=True, text=True, env=environment(), timeout=LIMIT_SECONDS, check=False
        )

    assert ended.returncode == 1
    assert ended.stdout == ""
    (line,) = ended.stderr.splitlines()
    assert f"port {port}: the port is in use" in line
    assert "KL_MCP_LISTEN_PORT" in line


def test_standard_output_stays_empty_and_calls_are_logged_on_standard_error(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "kl_mcp", "--data-dir", str(tmp_path), "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment())
    assert process.stderr is not None
    line = next(line for line in process.stderr if "Serving " in line)
    url = line.split("Serving ")[1].split(" ")[0]

    async def question() -> None:
        async with connect(url, "2026-07-28") as client:
            await client.call_tool("describe_dataset", {})

    anyio.run(question)
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=LIMIT_SECONDS)

    assert out == ""
    assert "tool=describe_dataset ms=" in err


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_it_stops_cleanly_within_two_seconds_while_streams_are_open(tmp_path: Path, stop: signal.Signals) -> None:
    async def scenario(server: TurnedServer) -> int:
        async with (
            connect(server.url, "2026-07-28") as client,
            client.listen(resource_subscriptions=["kubeledger://dataset"]) as subscription,
        ):
            server.process.send_signal(stop)
            await anyio.to_thread.run_sync(server.turn_to_its_end, 2)
            with anyio.fail_after(LIMIT_SECONDS):
                events = [event async for event in subscription]
            await anyio.to_thread.run_sync(server.process.wait, LIMIT_SECONDS)
            return len(events)

    with (
        turned_server(tmp_path) as server,
        socket.create_connection(("127.0.0.1", server.port), LIMIT_SECONDS) as unfinished,
    ):
        unfinished.sendall(b"POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n")
        events = anyio.run(scenario, server)
        answer = unfinished.recv(1000)

    assert events == 0
    assert server.process.returncode == 0
    assert answer.startswith(b"HTTP/1.1 503")
    assert not any("Traceback" in line for line in server.log)


def test_a_second_interrupt_stops_it_without_waiting_for_open_requests(tmp_path: Path) -> None:
    with (
        turned_server(tmp_path) as server,
        socket.create_connection(("127.0.0.1", server.port), LIMIT_SECONDS) as unfinished,
    ):
        unfinished.sendall(b"POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n")
        for _ in range(2):
            server.process.send_signal(signal.SIGINT)
            assert server.process.poll() is None
            server.turn_to_its_end(0.2)
        # No more time passes than that; whoever waited for the request would wait for ever.
        assert server.process.wait(LIMIT_SECONDS) == 0


def test_an_answer_that_has_begun_is_not_begun_again_when_the_server_stops() -> None:
    sent: list[Message] = []

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await anyio.sleep_forever()

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        await asyncio.sleep(0)
        return {"type": "http.disconnect"}

    async def scenario() -> None:
        answering = asyncio.create_task(UnfinishedAnswer(app)({"type": "http"}, receive, send))
        while not sent:
            await asyncio.sleep(0)
        answering.cancel()
        with pytest.raises(asyncio.CancelledError):
            await answering

    asyncio.run(scenario())
    assert [message["status"] for message in sent] == [200]
