"""A server that speaks the listings of one scene of a case, over real HTTP."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

Scene = dict[str, Any]

_LISTINGS = {
    "/api/v1/namespaces": ("NamespaceList", "v1", "namespaces"),
    "/api/v1/nodes": ("NodeList", "v1", "nodes"),
    "/api/v1/pods": ("PodList", "v1", "pods"),
    "/api/v1/persistentvolumeclaims": ("PersistentVolumeClaimList", "v1", "volumeclaims"),
    "/apis/metrics.k8s.io/v1beta1/nodes": ("NodeMetricsList", "metrics.k8s.io/v1beta1", "nodemetrics"),
    "/apis/metrics.k8s.io/v1beta1/pods": ("PodMetricsList", "metrics.k8s.io/v1beta1", "podmetrics"),
    "/apis/resource.k8s.io/v1/resourceclaims": ("ResourceClaimList", "resource.k8s.io/v1", "claims"),
    "/apis/resource.k8s.io/v1/resourceslices": ("ResourceSliceList", "resource.k8s.io/v1", "slices"),
}
_SCRAPED_BEFORE = timedelta(seconds=8)


class SceneServer:
    """Answers from the scene it was shown last."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.scene: Scene = {}
        self.now = datetime.now(UTC)

    def show(self, scene: Scene, now: datetime) -> None:
        """Show a scene as it is at a moment: times such as `@-30` are seconds from it, metrics are fresh."""
        self.scene, self.now = _resolved(scene, now), now
        for listing in ("podmetrics", "nodemetrics"):
            for item in self.scene.get(listing) or ():
                if isinstance(item, dict):
                    item.setdefault("timestamp", _iso(now - _SCRAPED_BEFORE))
                    item.setdefault("window", "15s")

    def answer(self, target: str) -> tuple[int, str, bytes]:
        """Return status, media type and body."""
        url = urlsplit(target)
        if url.path.startswith("/metrics"):
            return 200, "text/plain", str(self.scene.get("dcgm" + url.path[8:], "")).encode()
        kind, version, key = _LISTINGS.get(url.path, ("", "", ""))
        items = self.scene.get(key, [] if key == "volumeclaims" else None)
        if items is None:
            return 404, "application/json", b'{"kind":"Status","apiVersion":"v1","status":"Failure","code":404}'
        selector = ",".join(parse_qs(url.query).get("fieldSelector", []))
        body = {
            "kind": kind,
            "apiVersion": version,
            "metadata": {"resourceVersion": "1"},
            "items": _selected(items, selector) if isinstance(items, list) else items,
        }
        return 200, "application/json", json.dumps(body).encode()


@contextmanager
def scene_server() -> Iterator[SceneServer]:
    """Serve on a free port of 127.0.0.1."""
    shown = SceneServer(0)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None: ...

        def do_GET(self) -> None:
            status, media, body = shown.answer(self.path)
            self.send_response_only(status)
            self.send_header("Content-Type", media)
            self.send_header("Date", format_datetime(shown.now, usegmt=True))
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        shown.port = server.server_address[1]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield shown
        server.shutdown()


def _resolved(node: Any, now: datetime) -> Any:
    if isinstance(node, dict):
        return {key: _resolved(inner, now) for key, inner in node.items()}
    if isinstance(node, list):
        return [_resolved(inner, now) for inner in node]
    if isinstance(node, str) and re.fullmatch(r"@[+-]?\d+", node):
        return _iso(now + timedelta(seconds=int(node[1:])))
    return node


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _selected(items: list[Any], selector: str) -> list[Any]:
    for term in filter(None, selector.split(",")):
        match = re.fullmatch(r"([a-zA-Z.]+?)(!?)==?(.*)", term)
        assert match is not None, term
        field, negated, wanted = match.groups()
        items = [item for item in items if isinstance(item, dict) and (_value(item, field) == wanted) != bool(negated)]
    return items


def _value(item: Any, field: str) -> Any:
    for part in field.split("."):
        item = item.get(part) if isinstance(item, dict) else None
    return item or ""
