"""A Kubernetes API over real HTTP: lists page by page, watches with bookmarks, and fails as it is told."""

from __future__ import annotations

import json
import select
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal
from urllib.parse import parse_qs, urlsplit

Object = dict[str, Any]
KINDS = {
    "namespaces": "Namespace",
    "nodes": "Node",
    "pods": "Pod",
    "persistentvolumeclaims": "PersistentVolumeClaim",
}
_POLL_SECONDS = 0.02


@dataclass
class Faults:
    """What goes wrong, by resource."""

    list_status: dict[str, int] = field(default_factory=dict)
    list_body: dict[str, bytes] = field(default_factory=dict)
    watch_status: dict[str, int] = field(default_factory=dict)
    watch: dict[str, Literal["reset", "cut", "silent", "expired", "gibberish", "list", "hasty"]] = field(
        default_factory=dict
    )
    hang: set[str] = field(default_factory=set)
    endless: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class Asked:
    """A request that came."""

    resource: str
    query: dict[str, str]
    authorization: str

    @property
    def watches(self) -> bool:
        return "watch" in self.query


class KubernetesApi:
    """Objects by resource and name; each change has the next resourceVersion and is sent to those who watch."""

    def __init__(self, *, bookmarks: bool = True) -> None:
        self.faults = Faults()
        self.asked: list[Asked] = []
        self.bookmarks = bookmarks
        self.clock = time.time
        """What its `Date` tells, UNIX seconds."""
        self._version = 100
        self._oldest = 0
        self._objects: dict[str, dict[tuple[str, str], Object]] = {name: {} for name in KINDS}
        self._events: list[tuple[int, str, str, Object]] = []
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._streams: set[socket.socket] = set()
        self._serve(0)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def _serve(self, port: int) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", port), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._leave()

    def _leave(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @contextmanager
    def away(self) -> Iterator[None]:
        """Let nothing listen at its address for a while, and all streams break."""
        self._leave()
        self.break_streams()
        try:
            yield
        finally:
            self._serve(int(self.url.rpartition(":")[2]))

    def put(self, resource: str, *items: Object) -> None:
        """Create or change objects."""
        for item in items:
            self._change(resource, item, gone=False)

    def delete(self, resource: str, item: Object) -> None:
        self._change(resource, item, gone=True)

    def forget_events(self) -> None:
        """Let all versions expire that were told until now."""
        with self._lock:
            self._version += 1
            self._oldest = self._version
            self._events.clear()

    def restore(self, resource: str, *items: Object) -> None:
        """Go back to an earlier state, as from a backup: no event tells of it, and versions begin anew."""
        with self._lock:
            self._version, self._events = 1, []
            self._objects[resource] = {
                (each["metadata"].get("namespace", ""), each["metadata"]["name"]): each for each in items
            }

    def break_streams(self) -> None:
        """Reset all connections that watch."""
        for stream in list(self._streams):
            with suppress(OSError):
                stream.shutdown(socket.SHUT_RDWR)

    @property
    def streams(self) -> int:
        """How many connections watch."""
        return len(self._streams)

    def watches(self, resource: str) -> list[Asked]:
        return [each for each in self.asked if each.watches and each.resource == resource]

    def listings(self, resource: str) -> list[Asked]:
        return [each for each in self.asked if not each.watches and each.resource == resource]

    def _change(self, resource: str, item: Object, *, gone: bool) -> None:
        with self._lock:
            self._version += 1
            metadata = item["metadata"]
            key = metadata.get("namespace", ""), metadata["name"]
            item = {**item, "metadata": {**metadata, "resourceVersion": str(self._version)}}
            known = key in self._objects[resource]
            if gone:
                self._objects[resource].pop(key, None)
            else:
                self._objects[resource][key] = item
            kind = "DELETED" if gone else "MODIFIED" if known else "ADDED"
            self._events.append((self._version, resource, kind, item))

    def _page(self, resource: str, query: dict[str, str]) -> Object:
        with self._lock:
            items, version = list(self._objects[resource].values()), self._version
        start, limit = int(query.get("continue", "0")), int(query.get("limit", "0")) or len(items)
        metadata = {"resourceVersion": str(version)}
        if resource in self.faults.endless:
            metadata["continue"], start = "1", 0
        elif start + limit < len(items):
            metadata["continue"] = str(start + limit)
        kind = KINDS[resource]
        return {"kind": f"{kind}List", "apiVersion": "v1", "metadata": metadata, "items": items[start : start + limit]}

    def _lines(self, resource: str, query: dict[str, str]) -> Iterator[Object | None]:
        """Events until the watch times out, None where there is none at the moment."""
        since = int(query["resourceVersion"])
        seconds = float(query["timeoutSeconds"])
        end, bookmark = time.monotonic() + seconds, time.monotonic() + max(0.0, min(60.0, seconds - 2))
        hasty_until = 0.0
        if self.faults.watch.get(resource) == "hasty":
            hasty_until = time.monotonic() + 0.3
            yield self._bookmark(resource, since)
        if since < self._oldest or self.faults.watch.get(resource) == "expired":
            yield {"type": "ERROR", "object": {"kind": "Status", "code": 410, "message": "too old resource version"}}
            return
        while time.monotonic() < end and not self._stopping.is_set():
            if self.faults.watch.get(resource) != "silent" and time.monotonic() > hasty_until:
                with self._lock:
                    events = [each for each in self._events if each[0] > since and each[1] == resource]
                    now = self._version
                for version, _, kind, item in events:
                    since = version
                    yield {"type": kind, "object": item}
                if self.bookmarks and query.get("allowWatchBookmarks") == "true" and time.monotonic() >= bookmark:
                    since, bookmark = now, time.monotonic() + 60.0
                    yield self._bookmark(resource, now)
            yield None
            time.sleep(_POLL_SECONDS)

    def _bookmark(self, resource: str, version: int) -> Object:
        mark = {"kind": KINDS[resource], "metadata": {"resourceVersion": str(version)}}
        return {"type": "BOOKMARK", "object": mark}

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def date_time_string(self, timestamp: float | None = None) -> str:
                return super().date_time_string(api.clock() if timestamp is None else timestamp)

            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                resource = parts.path.rpartition("/")[2]
                query = {name: values[0] for name, values in parse_qs(parts.query).items()}
                asked = Asked(resource, query, self.headers.get("Authorization", ""))
                api.asked.append(asked)
                with suppress(OSError):
                    (self._watch if asked.watches else self._list)(resource, query)

            def _list(self, resource: str, query: dict[str, str]) -> None:
                if resource in api.faults.hang:
                    api._stopping.wait()
                    return
                status = api.faults.list_status.get(resource, 200)
                if status != 200:
                    self._answer(status, {"kind": "Status", "status": "Failure", "code": status, "message": "no"})
                elif resource in api.faults.list_body:
                    self._send(200, api.faults.list_body[resource])
                else:
                    self._answer(200, api._page(resource, query))

            def _watch(self, resource: str, query: dict[str, str]) -> None:
                status = api.faults.watch_status.get(resource, 200)
                fault = api.faults.watch.get(resource)
                if status != 200:
                    self._answer(status, {"kind": "Status", "status": "Failure", "code": status, "message": "no"})
                    return
                if fault == "list":
                    self._answer(200, api._page(resource, {}))
                    return
                self.send_response(200)
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                api._streams.add(self.connection)
                try:
                    self._stream(resource, query)
                finally:
                    api._streams.discard(self.connection)

            def _stream(self, resource: str, query: dict[str, str]) -> None:
                for line in api._lines(resource, query):
                    fault = api.faults.watch.get(resource)
                    if fault == "reset":
                        self.connection.shutdown(socket.SHUT_RDWR)
                        return
                    if fault == "cut":
                        break
                    if line is None:
                        if self._is_left():
                            return
                    else:
                        self._chunk(b"<html>" if fault == "gibberish" else json.dumps(line).encode() + b"\n")
                self._chunk(b"")

            def _is_left(self) -> bool:
                readable = select.select([self.connection], [], [], 0)[0]
                return bool(readable) and not self.connection.recv(1, socket.MSG_PEEK)

            def _chunk(self, part: bytes) -> None:
                self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
                self.wfile.flush()

            def _answer(self, status: int, document: Object) -> None:
                self._send(status, json.dumps(document).encode())

            def _send(self, status: int, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                return

        return Handler


@contextmanager
def serving_cluster(*, bookmarks: bool = True) -> Iterator[KubernetesApi]:
    """An API for the length of a `with` block."""
    api = KubernetesApi(bookmarks=bookmarks)
    try:
        yield api
    finally:
        api.stop()
