"""A Kubernetes API with many pods of 8 KB, listed and watched: `python -m benchmarks.pods_api PODS` prints its URL."""

from __future__ import annotations

import sys
import time
from functools import lru_cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson

MAX_PAGE_OBJECTS = 500
POD_BYTES = 8192
_STARTED = "2024-11-30T%02d:%02d:%02dZ"
_POLL_SECONDS = 0.02

Json = dict[str, Any]


@lru_cache(maxsize=1024)
def pod(number: int, cores: int = 1, version: int = 1) -> bytes:
    """Return a Pod as an API server of today writes it, managed fields and all."""
    time_of_day = _STARTED % (number // 3600 % 24, number // 60 % 60, number % 60)
    names = ("app", "istio-proxy")
    requests = {"cpu": str(cores), "memory": "256Mi"}
    made: Json = {
        "metadata": {
            "name": f"checkout-{number % 900}-7f9c5d8b6c-{number:05x}",
            "namespace": f"team-{number % 300}",
            "uid": f"{number:08x}-4f6b-4d6e-9e0c-3f1d2c9a5b7e",
            "resourceVersion": str(version),
            "creationTimestamp": time_of_day,
            "labels": {"app": "checkout", "pod-template-hash": "7f9c5d8b6c"},
            "ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "checkout", "uid": "x"}],
            "managedFields": [_managed(manager) for manager in ("kube-controller-manager", "kubelet")],
        },
        "spec": {
            "nodeName": f"ip-10-0-{number % 250}-17.eu-west-1.compute.internal",
            "containers": [_container(name, requests) for name in names],
            "volumes": [{"name": f"v{place}", "configMap": {"name": f"c{place}"}} for place in range(6)],
            "serviceAccountName": "default",
        },
        "status": {
            "phase": "Running",
            "startTime": time_of_day,
            "conditions": [
                {"type": kind, "status": "True", "lastProbeTime": None, "lastTransitionTime": time_of_day}
                for kind in ("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled")
            ],
            "containerStatuses": [_status(name, requests, time_of_day) for name in names],
            "qosClass": "Burstable",
        },
    }
    spare = POD_BYTES - len(orjson.dumps(made))
    made["metadata"]["annotations"] = {"config": "x" * max(0, spare - len('"annotations":{"config":""},'))}
    return orjson.dumps(made)


def _managed(manager: str) -> Json:
    fields: Json = {f'k:{{"name":"VARIABLE_{place}"}}': {".": {}, "f:name": {}, "f:value": {}} for place in range(20)}
    return {"manager": manager, "operation": "Update", "fieldsType": "FieldsV1", "fieldsV1": {"f:env": fields}}


def _container(name: str, requests: Json) -> Json:
    return {
        "name": name,
        "image": f"registry.example.com/team/{name}:v1.2.3",
        "env": [{"name": f"VARIABLE_{place}", "value": f"value-{place}"} for place in range(10)],
        "resources": {"requests": requests, "limits": {"memory": "512Mi"}},
        "volumeMounts": [{"mountPath": "/var/run/secrets", "name": "kube-api-access", "readOnly": True}],
        "livenessProbe": {"httpGet": {"path": "/healthz", "port": 8080, "scheme": "HTTP"}, "periodSeconds": 10},
    }


def _status(name: str, requests: Json, time_of_day: str) -> Json:
    return {
        "name": name,
        "state": {"running": {"startedAt": time_of_day}},
        "ready": True,
        "containerID": "containerd://" + "a" * 64,
        "imageID": "registry.example.com/team/app@sha256:" + "b" * 64,
        "allocatedResources": requests,
        "resources": {"requests": requests},
    }


class PodsApi:
    """So many pods; `/change?pods=N` gives the first N of them another core."""

    def __init__(self, pods: int) -> None:
        self.pods = pods
        self.changed = 0

    def page(self, resource: str, query: dict[str, str]) -> bytes:
        """Return a page of a listing."""
        if resource != "pods":
            return b'{"kind":"List","metadata":{"resourceVersion":"1"},"items":[%b]}' % _OTHERS.get(resource, b"")
        first = int(query.get("continue") or 0)
        last = min(self.pods, first + int(query.get("limit", MAX_PAGE_OBJECTS)))
        token = str(last) if last < self.pods else ""
        items = b",".join(map(pod, range(first, last)))
        head = b'{"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":"1","continue":"%b"},"items":['
        return head % token.encode() + items + b"]}"


_OTHERS = {
    "namespaces": b'{"metadata":{"name":"kube-system","uid":"the-cluster"}}',
    "nodes": b'{"metadata":{"name":"n1"},"status":{"capacity":{"cpu":"64","memory":"256Gi"}}}',
}


def handler(api: PodsApi) -> type[BaseHTTPRequestHandler]:
    """Return what answers requests to this API."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            if parts.path == "/change":
                api.changed = int(query["pods"])
                self._send(b"{}")
            elif "watch" in query:
                self._watch(parts.path.rpartition("/")[2], query)
            else:
                self._send(api.page(parts.path.rpartition("/")[2], query))

        def _send(self, body: bytes) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def _watch(self, resource: str, query: dict[str, str]) -> None:
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            seconds, sent = float(query["timeoutSeconds"]), int(query["resourceVersion"]) - 1
            end = time.monotonic() + seconds
            mark = end - 2.0
            while time.monotonic() < end:
                while resource == "pods" and sent < api.changed:
                    sent += 1
                    self._chunk(b'{"type":"MODIFIED","object":%b}\n' % pod(sent - 1, 2, sent + 1))
                if time.monotonic() >= mark:
                    mark = end
                    self._chunk(b'{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"%d"}}}\n' % (sent + 1))
                time.sleep(_POLL_SECONDS)
            self._chunk(b"")

        def _chunk(self, part: bytes) -> None:
            self.wfile.write(b"%x\r\n%b\r\n" % (len(part), part))
            self.wfile.flush()

        def log_message(self, *_: object) -> None:
            return

    return Handler


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Say nothing of clients that leave a watch."""


def main(pods: int) -> None:
    """Serve until it is ended."""
    server = _Server(("127.0.0.1", 0), handler(PodsApi(pods)))
    sys.stdout.write(f"http://127.0.0.1:{server.server_address[1]}\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]))
