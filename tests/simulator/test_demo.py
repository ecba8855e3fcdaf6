"""The demo as a newcomer runs it, on a database that already holds all but the last minutes."""

import base64
import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from collector.settings import Settings
from simulator.clients import client_configurations
from simulator.demo import MAX_PORT, main
from simulator.history import fill
from simulator.progress import shown
from simulator.questions import QUESTIONS, text_table
from simulator.shapes import HOUR
from simulator.workload import Workload, default_origin
from tests.support.patience import LIMIT_SECONDS, eventually


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def young(directory: Path) -> None:
    """A demo that began three hours ago."""
    now = int(time.time())
    settings = Settings(directory / "db", directory / "data")
    fill(Workload(default_origin(now)), settings, start=now // HOUR * HOUR - 3 * HOUR, now=now)


@contextmanager
def demo(directory: Path, port: int) -> Iterator[subprocess.Popen[str]]:
    arguments = ["--dir", str(directory), "--port", str(port)]
    # KL_DATA_DIR must not reach the demo's collector.
    process = subprocess.Popen(
        [sys.executable, "-m", "simulator.demo", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | {"KL_DATA_DIR": "/nowhere"},
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def output_until(process: subprocess.Popen[str], text: str) -> str:
    lines = []
    for line in process.stdout or ():
        lines.append(line)
        if text in line:
            return "".join(lines)
    raise AssertionError("the demo ended:\n" + "".join(lines))


def gone(url: str) -> bool:
    try:
        urllib.request.urlopen(url, timeout=LIMIT_SECONDS).close()
    except (urllib.error.URLError, OSError):
        return True
    return False


def test_the_demo_answers_stops_cleanly_and_goes_on_the_next_time(tmp_path: Path) -> None:
    young(tmp_path)
    for number in (signal.SIGINT, signal.SIGTERM):
        port = free_port()
        with demo(tmp_path, port) as process:
            output = output_until(process, "Press Ctrl-C")
            for question in QUESTIONS:
                assert question.text in output
            assert "data-warehouse" in output
            # The trajectory is by the month, and so is what is said of its time.
            _, _, trajectory = output.partition(QUESTIONS[1].text)
            shown = re.findall(r"^   (\d{4}-\d\d)\b", trajectory.partition("Trend:")[0], re.MULTILINE)
            assert re.search(rf"^   {shown[1]} to {shown[-1]}, the last month still open; in", trajectory, re.MULTILINE)
            for client in client_configurations(f"http://127.0.0.1:{port}/mcp"):
                assert f"  {client.name}" in output
            simulator = f"http://127.0.0.1:{(tmp_path / 'simulator.port').read_text().strip()}"
            assert not gone(f"{simulator}/version")
            process.send_signal(number)
            rest, _ = process.communicate(timeout=LIMIT_SECONDS)
        assert process.returncode == 0
        assert rest.strip() == "Stopped."
        assert gone(f"{simulator}/version")
        assert gone(f"http://127.0.0.1:{port}/healthz")


def test_an_interrupt_while_history_is_filled_in_stops_everything(tmp_path: Path) -> None:
    with demo(tmp_path, free_port()) as process:
        output_until(process, "Filling in the history")
        eventually(lambda: any(tmp_path.rglob("*.rrd*")))
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=LIMIT_SECONDS)
    assert process.returncode == 0
    assert rest.endswith("Stopped.\n")
    assert gone(f"http://127.0.0.1:{(tmp_path / 'simulator.port').read_text().strip()}/version")


def test_a_child_that_dies_ends_the_demo_with_the_end_of_its_log(tmp_path: Path) -> None:
    young(tmp_path)
    port = free_port()
    with demo(tmp_path, port) as process:
        output_until(process, "Press Ctrl-C")
        server = next(pid for pid in children_of(process) if b"kl_mcp" in Path(f"/proc/{pid}/cmdline").read_bytes())
        os.kill(server, signal.SIGKILL)
        rest, _ = process.communicate(timeout=LIMIT_SECONDS)
    assert process.returncode == 1
    assert "demo: kl-mcp ended with exit code -9" in rest
    assert f"The end of {tmp_path / 'mcp.log'}" in rest


def children_of(process: subprocess.Popen[str]) -> list[int]:
    return [int(pid) for pid in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()]


def has_ended(pid: int) -> bool:
    """Whether a process is gone, or a zombie that nobody waits for."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes() == b""
    except (FileNotFoundError, ProcessLookupError):
        return True


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGKILL], ids=["its terminal closes", "it is killed"])
def test_nothing_outlives_the_demo(tmp_path: Path, number: signal.Signals) -> None:
    young(tmp_path)
    with demo(tmp_path, free_port()) as process:
        output_until(process, "Press Ctrl-C")
        children = children_of(process)
        assert len(children) == 3
        process.send_signal(number)
        process.communicate(timeout=LIMIT_SECONDS)
    eventually(lambda: all(map(has_ended, children)))


def run(directory: Path, port: int) -> tuple[int, str]:
    with demo(directory, port) as process:
        output, _ = process.communicate(timeout=LIMIT_SECONDS)
        return process.returncode, output


@contextmanager
def pasted(command: str) -> Iterator[subprocess.Popen[str]]:
    """A command of a message, as a user pastes it into the shell that the demo was started from."""
    process = subprocess.Popen(
        command, shell=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )
    try:
        yield process
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.communicate(timeout=LIMIT_SECONDS)


def last_line(output: str) -> str:
    return output.strip().splitlines()[-1].strip()


def test_a_port_in_use_is_one_clear_message_whose_command_can_be_pasted(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code, output = run(tmp_path, port)
        assert code == 1
        assert output.startswith(f"demo: port {port} on 127.0.0.1 is in use. Stop what uses it, or choose another:\n")
        command = re.fullmatch(rf"make demo PORT=(\d+) DIR={tmp_path}", last_line(output))
        assert command is not None
        assert int(command[1]) > port
        with pasted(command[0]) as process:
            output_until(process, "Starting the simulated cluster")


@pytest.mark.parametrize("port", ["abc", "0", "65536", "-1", "٣"])
def test_what_is_no_port_is_said_to_be_none(port: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--port=" + port])
    assert ended.value.code == 2
    assert f"{port!r} is not a port. Choose a number from 1 to 65535." in capsys.readouterr().err


def test_where_the_last_port_is_in_use_one_below_it_is_named(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", MAX_PORT))
        taken.listen()
        code, output = run(tmp_path, MAX_PORT)
    assert code == 1
    (port,) = re.findall(r"make demo PORT=(\d+)", last_line(output))
    assert 0 < int(port) < MAX_PORT


def test_a_second_demo_leaves_the_first_alone_and_names_a_command_that_runs_beside_it(tmp_path: Path) -> None:
    young(tmp_path)
    first, second = free_port(), free_port()
    with demo(tmp_path, first) as process:
        output_until(process, "Starting the MCP server")
        code, output = run(tmp_path, second)
        assert code == 1
        assert output.startswith(f"demo: another demo runs in {tmp_path}. Stop it, or start this one beside it:\n")
        assert last_line(output) == f"make demo PORT={second} DIR={tmp_path}/{second}"
        output_until(process, "Press Ctrl-C")


def test_without_a_terminal_progress_is_plain_lines(tmp_path: Path) -> None:
    now = int(time.time())
    settings = Settings(tmp_path / "db", tmp_path / "data")
    fill(Workload(default_origin(now)), settings, start=now // HOUR * HOUR - 3 * HOUR, now=now - 2 * HOUR)
    with demo(tmp_path, free_port()) as process:
        output = output_until(process, "Press Ctrl-C")
    assert re.search(r"^    100 % of \d+ ticks$", output, re.MULTILINE)
    assert [character for character in output if not (character.isprintable() or character == "\n")] == []


def test_progress_has_a_line_for_each_quarter() -> None:
    output = io.StringIO()
    with shown(output) as progress:
        for _ in range(10):
            progress(30, 300)
    assert output.getvalue() == "".join(f"    {percent} % of 300 ticks\n" for percent in (25, 50, 75, 100))


def test_on_a_terminal_progress_is_a_bar() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    output = Terminal()
    with shown(output) as progress:
        progress(150, 300)
    assert "\r" in output.getvalue()


def test_a_foreign_state_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "cluster.json").write_text("[]")
    code, output = run(tmp_path, free_port())
    assert code == 1
    assert f"demo: {tmp_path / 'cluster.json'} is not of this demo" in output


def test_a_state_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    code, output = run(tmp_path / "file" / "state", free_port())
    assert code == 1
    assert output.startswith(f"demo: cannot create {tmp_path / 'file' / 'state'}: ")


def test_client_configurations_name_the_address_and_are_valid() -> None:
    url = "http://127.0.0.1:5484/mcp"
    clients = client_configurations(url)
    files = ["Claude Desktop", "Cursor", "VS Code", "Cline", "Windsurf"]
    names = ["Claude Code", *files, "Gemini CLI", "Codex", "opencode", "MCP Inspector"]
    assert [client.name for client in clients] == names
    for client in clients:
        assert url in client.text
        if client.language == "json":
            assert list(json.loads(client.text)) == ["servers" if client.name == "VS Code" else "mcpServers"]
            assert client.where.endswith(".json")


@pytest.mark.parametrize("token", ["", "s3cr+t/="])
def test_links_add_the_same_server_as_the_files(token: str) -> None:
    clients = {client.name: client for client in client_configurations("https://example.com:8443/mcp", token)}
    assert [name for name, client in clients.items() if client.link] == ["Cursor", "VS Code"]
    for name, read in (("Cursor", base64.b64decode), ("VS Code", str)):
        link = urlsplit(clients[name].link)
        query = {key: value for key, (value,) in parse_qs(link.query, strict_parsing=True).items()}
        (servers,) = json.loads(clients[name].text).values()
        assert {query["name"]: json.loads(read(query["config"]))} == servers


def test_a_table_aligns_numbers_to_the_right_and_says_what_is_unknown() -> None:
    lines = text_table(("name", "hours"), [("a", 1234.5), ("bcd", None)]).splitlines()
    assert lines == ["name     hours", "----  --------", "a     1,234.50", "bcd    unknown"]


def test_a_table_without_rows_is_its_header() -> None:
    assert text_table(("a", "b"), []).splitlines() == ["a  b", "-  -"]
