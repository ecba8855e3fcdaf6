"""A real HTTP server on loopback that answers as a test scripts it."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True)
class Request:
    """A request the server received."""

    path: str
    query: dict[str, str]
    headers: dict[str, str]


@dataclass(frozen=True)
class Answer:
    """An answer to send, `body` as it is, with `delay_sec` before each `chunk_bytes`.

    `length` claims another size than the body's; with `chunked`, which claims none, it leaves out the last chunk.
    """

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    length: int | None = None
    delay_sec: float = 0.0
    chunk_bytes: int = 1 << 20
    chunked: bool = False


def json_answer(document: Any, status: int = 200, **headers: str) -> Answer:
    """A JSON document as an answer."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, json.dumps(document).encode(), {"Content-Type": "application/json", **named})


def status_answer(code: int, message: str, **metadata: str) -> Answer:
    """A Kubernetes `Status` object, as the API server refuses requests."""
    return json_answer(
        {"kind": "Status", "apiVersion": "v1", "metadata": metadata, "status": "Failure", "message": message}, code
    )


class ScriptedServer:
    """`url` answers with what `script` returns for a request; `requests` holds all that came."""

    def __init__(
        self, script: Callable[[Request], Answer], tls: tuple[Path, Path] | None, host: str, port: int
    ) -> None:
        self.requests: list[Request] = []
        self._stopping = threading.Event()
        self._server = ThreadingHTTPServer((host, port), self._handler(script))
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_address[1]
        self.url = f"{'https' if tls else 'http'}://{host}:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _handler(self, script: Callable[[Request], Answer]) -> type[BaseHTTPRequestHandler]:
        received, stopping = self.requests, self._stopping

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                query = {name: values[0] for name, values in parse_qs(parts.query).items()}
                request = Request(parts.path, query, {key.lower(): value for key, value in self.headers.items()})
                received.append(request)
                self._send(script(request))

            def _send(self, answer: Answer) -> None:
                # A Date among the headers stands in place of the real one; an empty one for none.
                told = {"Server": "test", "Date": self.date_time_string(), **answer.headers}
                self.send_response_only(answer.status)
                for name, value in told.items():
                    if value:
                        self.send_header(name, value)
                if answer.chunked:
                    self.send_header("Transfer-Encoding", "chunked")
                else:
                    claimed = len(answer.body) if answer.length is None else answer.length
                    self.send_header("Content-Length", str(claimed))
                self.end_headers()
                # A client that gave up has closed the connection.
                with suppress(OSError):
                    self._send_body(answer)
                # A connection that owes bytes has to end, or the client would wait for them.
                self.close_connection = answer.length is not None

            def _send_body(self, answer: Answer) -> None:
                for start in range(0, len(answer.body), answer.chunk_bytes):
                    if answer.delay_sec and stopping.wait(answer.delay_sec):
                        return
                    part = answer.body[start : start + answer.chunk_bytes]
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part) if answer.chunked else part)
                    self.wfile.flush()
                if answer.chunked and answer.length is None:
                    self.wfile.write(b"0\r\n\r\n")

            def log_message(self, *_: object) -> None:
                return

        return Handler


@contextmanager
def serving(
    script: Callable[[Request], Answer], *, tls: tuple[Path, Path] | None = None, host: str = "127.0.0.1", port: int = 0
) -> Iterator[ScriptedServer]:
    """A server for the length of a `with` block; `tls` is a certificate and key file."""
    server = ScriptedServer(script, tls, host, port)
    try:
        yield server
    finally:
        server.stop()


def closed_port() -> int:
    """A port on loopback that nothing listens on."""
    with serving(lambda _: Answer()) as server:
        return server.port
