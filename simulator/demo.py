"""`make demo`: a simulated cluster, twelve months of its history, the collector and the MCP server, all running.

State is kept in one directory, so that a second run goes on where the first one stopped. Ctrl-C stops everything.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import shlex
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NoReturn

import anyio
from mcp.client import Client

from collector.settings import Settings, load
from kl_core.errors import KubeLedgerError
from simulator.clients import client_configurations
from simulator.faults import parse_time
from simulator.history import fill, first_history
from simulator.objects import timestamp
from simulator.processes import Child, ProcessError, answers, child, port_is_free
from simulator.progress import shown
from simulator.questions import QUESTIONS
from simulator.server import write_atomically
from simulator.workload import Workload, default_origin

ROOT = Path(__file__).resolve().parent.parent
STATE = ROOT / ".demo"
HOST = "127.0.0.1"
HOURLY_RATE = "25"
CURRENCY = "EUR"
START_SECONDS = 60.0
WATCH_SECONDS = 0.5
MAX_PORT = 65_535


class DemoError(Exception):
    """The demo cannot run; the message says what to do."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs until interrupted; exit code 0 then, 1 with one clear message if something cannot start or fails."""
    options = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, _interrupt)
    signal.signal(signal.SIGINT, _interrupt)
    try:
        with ExitStack() as running:
            children = _start(options.dir.expanduser().resolve(), options.port, running)
            _say("\nRunning. Press Ctrl-C to stop; the data stays for the next run.")
            _watch(children)
    except KeyboardInterrupt:
        _say("\nStopped.")
        return 0
    except (DemoError, ProcessError, KubeLedgerError) as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m simulator.demo", description=__doc__)
    parser.add_argument("--dir", type=Path, default=STATE, help="where its state is kept (default: %(default)s)")
    parser.add_argument("--port", type=_port, default=5484, help="of the MCP server (default: %(default)s)")
    return parser


def _port(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and 1 <= int(text) <= MAX_PORT):
        raise argparse.ArgumentTypeError(f"{text!r} is not a port. Choose a number from 1 to {MAX_PORT}.")
    return int(text)


def _interrupt(_number: int, _frame: object) -> NoReturn:
    # A second signal must not interrupt the stopping of the children.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    raise KeyboardInterrupt


def _say(text: str) -> None:
    print(text, flush=True)


@contextmanager
def _step(what: str) -> Iterator[None]:
    began = time.monotonic()
    print(f"{what} ... ", end="", flush=True)
    yield
    _say(f"done in {time.monotonic() - began:.1f} s")


def _start(directory: Path, port: int, running: ExitStack) -> list[Child]:
    """Brings everything up, asks the questions, and returns the processes to watch."""
    _make(directory)
    _check_free(directory, port, running)
    origin = _origin(directory / "cluster.json")
    with _step("Starting the simulated cluster"):
        cluster, api = _cluster(directory, origin, running)
    _say(f"    Kubernetes API at {api}; try: KUBECONFIG={directory / 'kubeconfig'} kubectl top pods -A")
    settings = _collector_settings(directory, api)
    _fill(Workload(origin), load(settings))
    with _step("Starting the collector, which samples the cluster every 5 minutes"):
        collector = running.enter_context(
            child("kl-collector", ["collector", "run"], directory / "collector.log", settings)
        )
        collector.check()
    with _step("Starting the MCP server"):
        server = _server(directory, port, running)
    url = f"http://{HOST}:{port}/mcp"
    _say("\nAsking the MCP server five questions:")
    anyio.run(_ask, url)
    _say(f"\nThe MCP server is at {url}\nLogs are in {directory}\n\nTo connect a client:")
    for client in client_configurations(url):
        place = f" ({client.where})" if client.where else ""
        _say(f"\n  {client.name}{place}\n" + "\n".join(f"    {line}" for line in client.text.splitlines()))
    return [cluster, collector, server]


def _make(directory: Path) -> None:
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DemoError(
            f"cannot create {directory}: {error.strerror}. Choose another one: make demo DIR=PATH"
        ) from error


def _check_free(directory: Path, port: int, running: ExitStack) -> None:
    if not running.enter_context(_locked(directory)):
        free = _free_port(port)
        beside = _command(directory / str(free), free)
        raise DemoError(f"another demo runs in {directory}. Stop it, or start this one beside it:\n\n    {beside}\n")
    if not port_is_free(HOST, port):
        other = _command(directory, _free_port(port))
        raise DemoError(f"port {port} on {HOST} is in use. Stop what uses it, or choose another:\n\n    {other}\n")


@contextmanager
def _locked(directory: Path) -> Iterator[bool]:
    """Whether this demo is the only one in its directory, which it is then until it ends."""
    with (directory / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


def _free_port(port: int) -> int:
    candidates: tuple[int, ...] = (*range(port, MAX_PORT + 1), *range(port, 0, -1))
    return next(each for each in candidates if port_is_free(HOST, each))


def _command(directory: Path, port: int) -> str:
    """What starts the demo there, to be pasted into the shell that this one was started from."""
    make = ["make"] if Path.cwd() == ROOT else ["make", "-C", str(ROOT)]
    place = [] if directory == STATE else [f"DIR={directory}"]
    return shlex.join([*make, "demo", f"PORT={port}", *place])


def _origin(file: Path) -> int:
    """The origin of the cluster of an earlier run, so that it stays the same; otherwise a new one, written down."""
    if not file.exists():
        origin = default_origin(int(time.time()))
        write_atomically(file, json.dumps({"origin": timestamp(origin)}) + "\n")
        return origin
    try:
        return parse_time(json.loads(file.read_text())["origin"])
    except (ValueError, KeyError, TypeError) as error:
        raise DemoError(f"{file} is not of this demo ({error}). Delete {file.parent} to begin anew") from error


def _cluster(directory: Path, origin: int, running: ExitStack) -> tuple[Child, str]:
    port_file = directory / "simulator.port"
    port_file.unlink(missing_ok=True)
    files = ["--port-file", str(port_file), "--kubeconfig", str(directory / "kubeconfig")]
    arguments = ["simulator", "serve", "--origin", str(origin), *files]
    cluster = running.enter_context(child("the simulated cluster", arguments, directory / "simulator.log"))
    cluster.wait_until(port_file.exists, "starting", START_SECONDS)
    return cluster, f"http://{HOST}:{port_file.read_text().strip()}"


def _collector_settings(directory: Path, api: str) -> dict[str, str]:
    return {
        "KL_DB_LOCATION": str(directory / "db"),
        "KL_DATA_DIR": str(directory / "data"),
        "KL_CLUSTER_NAME": "demo",
        "KL_BILLING_HOURLY_RATE": HOURLY_RATE,
        # Demos may run beside each other.
        "KL_METRICS_PORT": "0",
        "KL_BILLING_CURRENCY": CURRENCY,
        "KL_NVIDIA_DCGM_ENDPOINT": f"{api}/dcgm/metrics",
        "KUBECONFIG": str(directory / "kubeconfig"),
    }


def _fill(workload: Workload, settings: Settings) -> None:
    """Stores what is missing of the last twelve months, and what fell due meanwhile."""
    now = int(time.time())
    start = first_history(now)
    _say(f"Filling in the history since {timestamp(start)[:10]}: hourly, and every 5 minutes for the last 14 days")
    began = time.monotonic()
    with shown(sys.stdout) as progress:
        stored = fill(workload, settings, start=start, now=now, progress=progress)
        stored += fill(workload, settings, start=start, now=int(time.time()))
    _say(f"    {stored} ticks in {time.monotonic() - began:.1f} s; the database is in {settings.db_location}")


def _server(directory: Path, port: int, running: ExitStack) -> Child:
    arguments = ["kl_mcp", "--data-dir", str(directory / "data"), "--host", HOST, "--port", str(port)]
    server = running.enter_context(child("kl-mcp", arguments, directory / "mcp.log"))
    server.wait_until(lambda: answers(f"http://{HOST}:{port}/readyz"), "becoming ready", START_SECONDS)
    return server


async def _ask(url: str) -> None:
    async with Client(url) as client:
        for number, question in enumerate(QUESTIONS, start=1):
            began = time.monotonic()
            result = await client.call_tool(question.tool, dict(question.arguments))
            took = 1000 * (time.monotonic() - began)
            answer: dict[str, Any] | None = result.structured_content
            if result.is_error or answer is None:
                raise DemoError(f"{question.tool} answered with an error: {result.content}")
            call = ", ".join(f"{name}={value}" for name, value in question.arguments.items())
            heading = f"{question.tool}({call}), {took:.0f} ms\n   {question.window(answer)}"
            _say(f"\n{number}. {question.text}\n   {heading}\n")
            _say("\n".join(f"   {line}" for line in question.show(answer).splitlines()))


def _watch(children: Sequence[Child]) -> NoReturn:
    """Until a signal comes, which is noted and not raised: inside of `check` it could leave a child's lock taken."""
    came: list[int] = []
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, lambda number, _frame: came.append(number))
    while not came:
        for running in children:
            running.check()
        time.sleep(WATCH_SECONDS)
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
