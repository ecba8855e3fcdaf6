"""The demo as a newcomer runs it, on a database that already holds all but the last minutes."""

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

from collector.settings import Settings
from simulator.clients import client_configurations
from simulator.history import fill
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
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        server = next(pid for pid in children if b"kl_mcp" in Path(f"/proc/{pid}/cmdline").read_bytes())
        os.kill(int(server), signal.SIGKILL)
        rest, _ = process.communicate(timeout=LIMIT_SECONDS)
    assert process.returncode == 1
    assert "demo: kl-mcp ended with exit code -9" in rest
    assert f"The end of {tmp_path / 'mcp.log'}" in rest


def run(directory: Path, port: int) -> tuple[int, str]:
    with demo(directory, port) as process:
        output, _ = process.communicate(timeout=LIMIT_SECONDS)
        return process.returncode, output


def test_a_port_in_use_is_one_clear_message(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code, output = run(tmp_path, port)
    assert code == 1
    assert output == (
        f"demo: port {port} on 127.0.0.1 is in use: perhaps by another demo. Stop what uses it, or choose another "
        "port: python -m simulator.demo --port 5485\n"
    )


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
    names = ["Claude Code", "Claude Desktop", "Cursor", "Windsurf", "Gemini CLI", "MCP Inspector"]
    assert [client.name for client in clients] == names
    for client in clients:
        assert url in client.text
        if client.language == "json":
            assert list(json.loads(client.text)) == ["mcpServers"]
            assert client.where.endswith(".json")


def test_a_table_aligns_numbers_to_the_right_and_says_what_is_unknown() -> None:
    lines = text_table(("name", "hours"), [("a", 1234.5), ("bcd", None)]).splitlines()
    assert lines == ["name     hours", "----  --------", "a     1,234.50", "bcd    unknown"]


def test_a_table_without_rows_is_its_header() -> None:
    assert text_table(("a", "b"), []).splitlines() == ["a  b", "-  -"]
