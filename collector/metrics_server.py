"""Serves /metrics and /healthz on a port of their own, from threads that no tick waits for.

A port that is in use costs the metrics and nothing else: it is said, counted, and tried again.
"""

from __future__ import annotations

import logging
import socket
import sys
import time
from collections.abc import Callable, Iterable
from http import HTTPStatus
from socketserver import TCPServer, ThreadingMixIn
from threading import BoundedSemaphore, Event
from typing import TYPE_CHECKING, Any, Self
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from prometheus_client import make_wsgi_app

from collector.health import Health
from collector.kubernetes.outages import level_of
from collector.metrics import Meter
from kl_core.daemon_threads import begin

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

log = logging.getLogger(__name__)

RETRY_SEC = 60.0
"""After which a port that could not be listened on is tried again."""
MAX_REQUESTS = 16
"""Answered at once; further connections are closed."""
MAX_SILENCE_SEC = 10.0
"""For which a client may keep silent, or take nothing of its answer."""
_LOOK_SEC = 0.5
"""How often it is looked whether to end."""


class MetricsServer:
    """Listens while it is entered."""

    def __init__(
        self,
        host: str,
        port: int,
        meter: Meter,
        examine: Callable[[], Health],
        retry_sec: float = RETRY_SEC,
    ) -> None:
        """`examine` judges the collector; it may be called by several threads at once."""
        self._host = host
        self._meter = meter
        self._app = _app(make_wsgi_app(meter.registry), examine)
        self._retry_sec = retry_sec
        self._stopping = Event()
        self._ended = Event()
        self.port = port
        """What is listened on: with port 0, the one that was free, once it listens."""

    def __enter__(self) -> Self:
        try:
            begin(self._run, "metrics")
        except RuntimeError as error:
            self._ended.set()
            self._meter.count_port_failure()
            log.warning("metrics are not served, for the system has no thread left (%s)", error)
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        # Else another collector would find the port in use. What hangs is left behind.
        self._ended.wait(2 * _LOOK_SEC)

    def _run(self) -> None:
        failures = 0
        while not self._stopping.is_set():
            try:
                server = _Server(self._host, self.port, self._app)
            except OSError as error:
                failures += 1
                self._meter.count_port_failure()
                log.log(
                    level_of(failures, logging.WARNING),
                    "cannot listen on %s port %d for /metrics and /healthz: %s. Stop what uses it, or set "
                    "KL_METRICS_HOST and KL_METRICS_PORT (0: none); ticks go on, and the port is tried again",
                    self._host,
                    self.port,
                    error.strerror,
                )
                self._stopping.wait(self._retry_sec)
                continue
            with server:
                self.port = server.server_port
                log.info("metrics at http://%s/metrics", _address(self._host, self.port))
                while not self._stopping.is_set():
                    server.handle_request()
        self._ended.set()


class _Server(ThreadingMixIn, WSGIServer):
    """A thread a request, up to a limit; OSError where the address cannot be listened on."""

    daemon_threads = True
    timeout = _LOOK_SEC

    def __init__(self, host: str, port: int, app: WSGIApplication) -> None:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        self.address_family = family
        self._slots = BoundedSemaphore(MAX_REQUESTS)
        super().__init__((str(address[0]), port), _Handler)
        self.set_app(app)

    def server_bind(self) -> None:
        """Bind without asking DNS for the machine's name, as HTTPServer does."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]  # type: ignore[assignment] # bytes are of AF_UNIX
        self.setup_environ()

    def get_request(self) -> Any:
        """Accept a connection; where the process has no file left, not at once again."""
        try:
            return super().get_request()
        except OSError:
            time.sleep(_LOOK_SEC)
            raise

    def process_request(self, request: Any, client_address: Any) -> None:
        """Begin a thread for a connection, unless there are too many."""
        if not self._slots.acquire(blocking=False):
            self.shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except RuntimeError:
            self._slots.release()
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer in that thread."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._slots.release()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 -- the library's arguments
        """Log what went wrong with a connection; most often the client has left."""
        log.debug("a request for metrics was not answered: %s", sys.exception())


class _Handler(WSGIRequestHandler):
    timeout = MAX_SILENCE_SEC

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- the name is the library's
        """Log nothing of each request."""


def _app(metrics: WSGIApplication, examine: Callable[[], Health]) -> WSGIApplication:
    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path == "/metrics":
            return metrics(environ, start_response)
        if path != "/healthz":
            return _text(start_response, HTTPStatus.NOT_FOUND, "There are /metrics and /healthz.")
        state = examine()
        status = HTTPStatus.OK if state.problem is None else HTTPStatus.SERVICE_UNAVAILABLE
        return _text(start_response, status, str(state))

    return answer


def _text(start_response: StartResponse, status: HTTPStatus, text: str) -> Iterable[bytes]:
    body = f"{text}\n".encode()
    headers = [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(body)))]
    start_response(f"{status.value} {status.phrase}", headers)
    return [body]


def _address(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
