"""The stdio transport, on a real process: nothing but protocol on standard output, through exit."""

from __future__ import annotations

import fcntl
import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import anyio
import orjson
import pytest

from kl_mcp.protocol.stdio import Unanswered
from kl_mcp.tools import TABLE
from tests.support.handshake import HANDSHAKE, INITIALIZE
from tests.support.malformed_messages import MALFORMED
from tests.support.mcp_clients import MODES, connect, environment, payload, stdio_parameters
from tests.support.patience import LIMIT_SECONDS, eventually
from tests.support.published import publish

CHATTY = """\
import atexit, os, subprocess, sys
atexit.register(lambda: print("stray print at exit"))
print("stray print before the transport starts")
import kl_mcp.protocol.stdio
from kl_mcp.cli import main
kl_mcp.protocol.stdio.DRAIN_SECONDS = 120
code = main(sys.argv[1:])
print("stray print after the transport ended")
os.write(1, b"stray write to descriptor 1\\n")
subprocess.run(["echo", "stray child"])
sys.__stdout__.write("stray write to the first standard output\\n")
sys.exit(code)
"""
"""A program around kl-mcp that writes to standard output wherever it can."""

STRAYS = 6

CALLS: list[dict[str, Any]] = [
    {"jsonrpc": "2.0", "id": "list", "method": "tools/list"},
    {"jsonrpc": "2.0", "id": 3, "method": "tools/call", "params": {"name": "describe_dataset", "arguments": {}}},
    {"jsonrpc": "2.0", "id": 4, "method": "tools/call", "params": {"name": "no_such_tool", "arguments": {}}},
]


def _pipe(directory: Path, messages: list[dict[str, Any]], *, raw: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Pipe messages into the chatty program, close its input, wait for its end; standard output is buffered."""
    arguments = ["--transport", "stdio", "--data-dir", str(directory), "--log-level", "debug"]
    buffered = {name: value for name, value in environment().items() if name != "PYTHONUNBUFFERED"}
    lines = b"".join(orjson.dumps(message) + b"\n" for message in messages)
    return subprocess.run(
        [sys.executable, "-c", CHATTY, *arguments],
        input=raw + lines,
        capture_output=True,
        env=buffered,
        timeout=LIMIT_SECONDS,
        check=False,
    )


@pytest.mark.parametrize("mode", MODES)
def test_the_tools_answer_over_stdio_in_each_era(tmp_path: Path, mode: str) -> None:
    publish(tmp_path, 2)

    async def question() -> tuple[list[str], dict[str, Any]]:
        async with connect(stdio_parameters(tmp_path), mode) as client:
            tools = [tool.name for tool in (await client.list_tools()).tools]
            result = await client.call_tool("describe_dataset", {})
            assert result.structured_content == payload(result)
            return tools, payload(result)

    tools, described = anyio.run(question)

    assert tools == list(TABLE)
    assert described["layout"] == "native"


@pytest.mark.requirement("KL-X-2")
def test_every_line_of_standard_output_is_protocol_whatever_the_process_prints(tmp_path: Path) -> None:
    publish(tmp_path, 2)

    ended = _pipe(tmp_path, [*HANDSHAKE, *CALLS])

    messages = [orjson.loads(line) for line in ended.stdout.splitlines()]
    assert all(message["jsonrpc"] == "2.0" for message in messages)
    assert ended.returncode == 0
    assert ended.stderr.count(b"stray") == STRAYS


def test_requests_that_are_piped_in_are_all_answered_before_it_ends(tmp_path: Path) -> None:
    publish(tmp_path, 2)

    ended = _pipe(tmp_path, [*HANDSHAKE, *CALLS])

    answers = {message["id"]: message for message in map(orjson.loads, ended.stdout.splitlines())}
    assert set(answers) == {INITIALIZE["id"], "list", 3, 4}
    assert answers[3]["result"]["structuredContent"]["layout"] == "native"
    assert answers[4]["error"]["code"] == -32602


@pytest.mark.requirement("KL-X-7")
def test_lines_that_are_no_messages_are_answered_and_do_not_end_the_session(tmp_path: Path) -> None:
    refused = [(code, request_id) for _, code, request_id in MALFORMED.values()]
    raw = b"".join(content + b"\n" for content, _, _ in MALFORMED.values())

    ended = _pipe(tmp_path, [*HANDSHAKE, *CALLS[:1]], raw=raw + b"\r\n \n")

    messages = [orjson.loads(line) for line in ended.stdout.splitlines()]
    answers = [(each["error"]["code"], each["id"]) for each in messages if "error" in each]
    assert answers == refused
    assert all(len(each["error"]["message"]) <= 120 for each in messages if "error" in each)
    assert [each["id"] for each in messages if "result" in each] == [INITIALIZE["id"], "list"]
    assert ended.returncode == 0


def test_the_last_line_needs_no_line_feed_and_a_carriage_return_does_no_harm(tmp_path: Path) -> None:
    ping = b'{"jsonrpc": "2.0", "id": "%s", "method": "ping"}'

    ended = _pipe(tmp_path, [], raw=ping % b"first" + b"\r\n" + ping % "läst".encode())

    answers = {each["id"]: each["result"] for each in map(orjson.loads, ended.stdout.splitlines())}
    assert answers == {"first": {}, "läst": {}}


@pytest.mark.parametrize("request_id", [2**64, -(2**63) - 1, 10**99])
def test_an_id_beyond_64_bits_is_answered_as_it_is(tmp_path: Path, request_id: int) -> None:
    line = json.dumps({"jsonrpc": "2.0", "id": request_id, "method": "ping"}).encode()

    ended = _pipe(tmp_path, [], raw=line)

    assert json.loads(ended.stdout) == {"jsonrpc": "2.0", "id": request_id, "result": {}}
    assert ended.returncode == 0


def test_without_a_single_request_it_ends_when_its_input_does(tmp_path: Path) -> None:
    ended = _pipe(tmp_path, [])

    assert ended.returncode == 0
    assert ended.stdout == b""


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_at_once_while_it_waits_for_input(tmp_path: Path, stop: signal.Signals) -> None:
    command = [sys.executable, "-m", "kl_mcp", "--transport", "stdio", "--data-dir", str(tmp_path)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, env=environment()) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(orjson.dumps(INITIALIZE) + b"\n")
        process.stdin.flush()
        assert orjson.loads(process.stdout.readline())["id"] == INITIALIZE["id"]
        process.send_signal(stop)

        assert process.wait(LIMIT_SECONDS) == -stop


async def settles(unanswered: Unanswered) -> bool:
    """Say whether nothing is left to be answered."""
    ended = anyio.Event()

    async def wait() -> None:
        await unanswered.settled()
        ended.set()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(wait)
        await anyio.wait_all_tasks_blocked()
        tasks.cancel_scope.cancel()
    return ended.is_set()


def test_a_listening_request_does_not_hold_up_the_end_of_input() -> None:
    unanswered = Unanswered()
    unanswered.received({"jsonrpc": "2.0", "id": 1, "method": "subscriptions/listen"})
    unanswered.received({"jsonrpc": "2.0", "method": "notifications/initialized"})

    assert anyio.run(settles, unanswered)
    unanswered.received({"jsonrpc": "2.0", "id": 2, "method": "tools/list"})
    assert not anyio.run(settles, unanswered)
    unanswered.answered('{"jsonrpc":"2.0","id":2,"result":{}}')
    assert anyio.run(settles, unanswered)


@pytest.mark.parametrize("request_id", [2**64, -(2**63) - 1, 10**99])
def test_an_id_beyond_64_bits_is_known_again_in_its_answer(request_id: int) -> None:
    unanswered = Unanswered()
    unanswered.received({"jsonrpc": "2.0", "id": request_id, "method": "tools/list"})
    unanswered.answered(f'{{"jsonrpc": "2.0", "id": {request_id}, "result": {{}}}}')

    assert anyio.run(settles, unanswered)


def test_a_notification_to_the_client_answers_none_of_its_requests() -> None:
    async def answered(*lines: str) -> bool:
        unanswered = Unanswered()
        unanswered.received({"jsonrpc": "2.0", "id": 1, "method": "tools/list"})
        for line in lines:
            unanswered.answered(line)
        with anyio.CancelScope() as given_up:
            given_up.cancel()  # ends the first wait, where there is one
            await unanswered.settled()
        return not given_up.cancelled_caught

    notification = '{"jsonrpc": "2.0", "method": "notifications/resources/updated", "params": {}}'
    assert not anyio.run(answered, notification)
    assert anyio.run(answered, notification, '{"jsonrpc": "2.0", "id": 1, "result": {}}')


@contextmanager
def _started(directory: Path, *flags: str) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "kl_mcp", "--transport", "stdio", "--data-dir", str(directory), *flags]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, env=environment()) as process:
        try:
            yield process
        finally:
            process.kill()  # one that waits for ever would be waited for


def _answered(process: subprocess.Popen[bytes], message: dict[str, Any]) -> dict[str, Any]:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(orjson.dumps(message) + b"\n")
    process.stdin.flush()
    assert select.select([process.stdout], [], [], LIMIT_SECONDS)[0], "no answer"
    answer: dict[str, Any] = orjson.loads(process.stdout.readline())
    return answer


@pytest.mark.requirement("KL-X-2")
def test_a_client_that_never_reads_standard_error_is_answered_all_the_same(tmp_path: Path) -> None:
    publish(tmp_path, 1)
    with _started(tmp_path, "--log-level", "debug", "--audit-log", "-") as process:
        assert process.stderr is not None
        room = fcntl.fcntl(process.stderr, fcntl.F_SETPIPE_SZ, 4 * select.PIPE_BUF)
        _answered(process, INITIALIZE)
        calls = [_answered(process, {**CALLS[1], "id": number}) for number in range(100)]
        process.stdin.close()  # type: ignore[union-attr]

        assert [call["id"] for call in calls] == list(range(100))
        assert process.wait(LIMIT_SECONDS) == 0
        assert room / 2 < len(process.stderr.read()) <= room


def test_warnings_alone_are_logged_unless_more_is_asked_for(tmp_path: Path) -> None:
    publish(tmp_path, 1)

    def logged(*flags: str) -> str:
        with _started(tmp_path, *flags) as process:
            _answered(process, INITIALIZE)
            _answered(process, CALLS[1])
            return process.communicate(timeout=LIMIT_SECONDS)[1].decode()

    silent = logged()
    warned = logged("--metrics-port", "0")

    assert silent == ""
    (line,) = warned.splitlines()
    assert "WARNING kl_mcp.cli: KL_MCP_METRICS_PORT has no meaning over stdio" in line


def test_it_ends_quietly_when_nobody_reads_its_answers_any_more(tmp_path: Path) -> None:
    publish(tmp_path, 1)
    with _started(tmp_path) as process:
        _answered(process, INITIALIZE)
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        process.stdin.write(orjson.dumps(CALLS[0]) + b"\n")
        process.stdin.flush()

        assert process.wait(LIMIT_SECONDS) == 0
        assert process.stderr.read() == b""


CLIENT = """\
import os, signal, subprocess, sys
inlet, outlet = os.pipe()
os.set_inheritable(outlet, True)
sibling = subprocess.Popen(["sleep", "infinity"], close_fds=False)
server = subprocess.Popen(sys.argv[1:], stdin=inlet, stdout=subprocess.PIPE)
os.write(outlet, os.environb[b"HANDSHAKE"])
server.stdout.readline()
print(server.pid, sibling.pid, flush=True)
signal.pause()
"""
"""A client whose other child holds the server's standard input open."""


def test_it_ends_when_its_parent_is_gone_though_another_process_holds_its_input_open(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "kl_mcp", "--transport", "stdio", "--data-dir", str(tmp_path)]
    hello = {"HANDSHAKE": (orjson.dumps(INITIALIZE) + b"\n").decode()}
    client = subprocess.Popen([sys.executable, "-c", CLIENT, *command], stdout=subprocess.PIPE, env=environment(hello))
    assert client.stdout is not None
    server, sibling = map(int, client.stdout.readline().split())
    try:
        assert is_alive(server)
        client.kill()
        client.wait(LIMIT_SECONDS)
        client.stdout.close()

        eventually(lambda: not is_alive(server))
        assert is_alive(sibling)
    finally:
        for each in (sibling, server):
            with suppress(ProcessLookupError):
                os.kill(each, signal.SIGKILL)


def is_alive(pid: int) -> bool:
    """Tell whether a process runs; one that has ended and was not waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
