"""Runs a simulator: in this process for tests, or in the foreground as a process of its own."""

from __future__ import annotations

import json
import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn

from simulator.api import application
from simulator.faults import Clock, ClockOrder, Faults
from simulator.shapes import STEP
from simulator.state import Simulator
from simulator.workload import Workload, default_origin

START_SECONDS = 60.0


@dataclass(frozen=True)
class RunningSimulator:
    """A simulator that answers at `url` from a thread of this process."""

    url: str
    simulator: Simulator

    @property
    def token(self) -> str | None:
        """The bearer token that may read everything; None: no token is asked for."""
        return self.simulator.token

    @property
    def workload(self) -> Workload:
        """The formula behind the answers."""
        return self.simulator.workload

    @property
    def dcgm_url(self) -> str:
        """The DCGM page of all GPU nodes."""
        return f"{self.url}/dcgm/metrics"

    def set_faults(self, **faults: Any) -> None:
        """Replace all faults, given as the fields of `Faults`; without arguments: none."""
        self.simulator.set_faults(Faults.model_validate(faults))

    def set_clock(self, **order: Any) -> None:
        """Change the clock, given as the fields of `ClockOrder`."""
        self.simulator.clock.obey(ClockOrder.model_validate(order))

    def calls(self) -> list[dict[str, str]]:
        """Requests so far, oldest first: method, path, query."""
        return list(self.simulator.calls)

    def forget_calls(self) -> None:
        """Start the record of requests anew."""
        self.simulator.calls.clear()


@contextmanager
def running_simulator(
    workload: Workload | None = None,
    *,
    at: int | None = None,
    interval: int = STEP,
    token: str | None = None,
    restricted_token: str | None = None,
    faults: Faults | None = None,
) -> Iterator[RunningSimulator]:
    """A simulator on a free port of 127.0.0.1; `at` (UNIX seconds) freezes its clock."""
    simulator = Simulator(
        workload or Workload(default_origin(at or int(time.time()))),
        Clock(time.time, at, interval),
        token,
        restricted_token,
        faults or Faults(),
    )
    with _listening("127.0.0.1", 0) as listener, _serving(simulator, listener):
        yield RunningSimulator(_url(listener), simulator)


def serve(simulator: Simulator, host: str, port: int, started: Callable[[str], None]) -> None:
    """Serve until SIGINT or SIGTERM; `started` is told the URL. OSError if the port is taken."""
    with _listening(host, port) as listener:
        started(_url(listener))
        _server(simulator).run(sockets=[listener])


@contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(128)
        yield listener


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://{host}:{port}"


def _server(simulator: Simulator) -> uvicorn.Server:
    # Truncated answers are meant; uvicorn would log each of them as an error.
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
    config = uvicorn.Config(
        application(simulator),
        log_config=None,
        access_log=False,
        lifespan="off",
        ws="none",
        date_header=False,
        # Watches go on for as long as their clients like.
        timeout_graceful_shutdown=1,
    )
    return uvicorn.Server(config)


@contextmanager
def _serving(simulator: Simulator, listener: socket.socket) -> Iterator[None]:
    server = _server(simulator)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="simulator", daemon=True)
    thread.start()
    deadline = time.monotonic() + START_SECONDS
    while not server.started:
        if time.monotonic() > deadline or not thread.is_alive():
            raise RuntimeError("the simulator did not start; another exception in its thread says why")
        time.sleep(0.005)
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(START_SECONDS)


def kubeconfig(url: str, token: str | None = None) -> str:
    """A kubeconfig (JSON, which is YAML) for a simulator.

    kubectl sends no credentials over plain HTTP, so that a simulator meant for kubectl asks for no token.
    """
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "simulated", "cluster": {"server": url}}],
        "users": [{"name": "simulated", "user": {"token": token} if token else {}}],
        "contexts": [{"name": "simulated", "context": {"cluster": "simulated", "user": "simulated"}}],
        "current-context": "simulated",
    }
    return json.dumps(document, indent=2) + "\n"


def write_atomically(path: Path, text: str) -> None:
    """Write a file so that a reader sees all of it or none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    unfinished.write_text(text, encoding="utf-8")
    unfinished.replace(path)
