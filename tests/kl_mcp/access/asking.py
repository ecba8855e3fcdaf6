"""Speaks to a running server in bare HTTP, and publishes a dataset of two tenants."""

from __future__ import annotations

import dataclasses
import hashlib
import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from tests.support.datasets import Row, Scale, write
from tests.support.handshake import MODERN_META
from tests.support.patience import LIMIT_SECONDS
from tests.support.small_cluster import published

ERAS = ("2026-07-28", "2025-06-18")
FINANCE = "finance-sees-everything-0123456789"
TEAM = "team-web-sees-its-own-0123456789"
NOBODY = "nobody-has-this-token-0123456789"
SECRET = "zzsecret"
"""In the name of every namespace but `web`, and nowhere else."""
OTHERS = {
    "registry": f"{SECRET}-registry",
    "ml-train": f"{SECRET}-train",
    "kube-system": f"kube-{SECRET}",
    "openshift-monitoring": f"openshift-{SECRET}",
    "idle": f"{SECRET}-idle",
}


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        """The body, parsed."""
        return orjson.loads(self.body)


def tokens_file(path: Path, *entries: Mapping[str, Any]) -> Path:
    """Write a tokens file: finance sees everything, team-web what it is called after, and `entries`."""
    digest = hashlib.sha256(TEAM.encode()).hexdigest()
    usual = [{"name": "finance", "token": FINANCE}, {"name": "team-web", "sha256": digest, "namespaces": ["web*"]}]
    path.write_text(json.dumps({"tokens": [*usual, *entries]}))
    path.chmod(0o600)
    return path


def two_tenants(directory: Path) -> Path:
    """Publish the small cluster, every namespace but `web` under a name with SECRET in it.

    Everything that a warning can name a namespace for is there: pods of each that metrics-server did not know, GPUs
    of two that are unknown in a bucket, and GPU usage that names no holder.
    """
    small = published(
        last_sample_at=dict.fromkeys(("kubernetes", "metrics", "dcgm"), "2026-11-21T19:30:00Z"),
    )
    seen = "2026-11-18T10:00:00Z"
    table: dict[str, Any] = {
        f"{SECRET}-gone": {"active": False, "last_seen": "2026-10-02T10:00:00Z"},
        f"{SECRET}-registry": {"labels": {f"{SECRET}-team": [{"value": SECRET, "first_seen": seen}]}},
    }
    scales: dict[str, Any] = {name: _of_tenants(getattr(small, name)) for name in ("hourly", "daily", "monthly")}
    more = {"unmeasured": {name: {"stale": 2} for name in ("web", f"{SECRET}-registry")}}
    return write(directory, dataclasses.replace(small, **scales, table=table, more=more))


def _of_tenants(scale: Scale) -> Scale:
    rows = {OTHERS.get(name, name): dict(rows) for name, rows in scale.namespaces.items()}
    count = len(scale.capacity["cpu"])
    some, odd = [1.0] * count, [None, *[1.0] * (count - 1)]
    for name in (f"{SECRET}-train", f"{SECRET}-registry"):
        rows.setdefault(name, {}).update(gpu=Row(odd, some), gpu_memory=Row(odd, [None] * count))
    unattributed = {metric: {"usage": some} for metric in ("gpu", "gpu_memory")}
    return dataclasses.replace(
        scale,
        namespaces=rows,
        capacity={**scale.capacity, "gpu": [20.0] * count, "gpu_memory": [200.0] * count},
        allocatable={**(scale.allocatable or scale.capacity), "gpu": [20.0] * count, "gpu_memory": [200.0] * count},
        coverage={"dcgm": [1.0] * count},
        measured={name: [0.6] * count for name in rows},
        special={"unattributed": unattributed},
    )


def send(port: int, path: str, headers: Mapping[str, str], body: bytes | None = None, method: str = "POST") -> Answer:
    """One request on a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=LIMIT_SECONDS)
    try:
        connection.request(method, path, body, dict(headers))
        response = connection.getresponse()
        return Answer(response.status, response.headers, response.read())
    finally:
        connection.close()


def bearer(token: str | None) -> dict[str, str]:
    """The header that presents a token."""
    return {} if token is None else {"Authorization": f"Bearer {token}"}


def ask(
    port: int, method: str, params: Mapping[str, Any], era: str = ERAS[0], token: str | None = None, **headers: str
) -> Answer:
    """One request of the protocol."""
    about = call_headers(method, params.get("name", params.get("uri")), era)
    return send(port, "/mcp", {**about, **bearer(token), **headers}, call(method, params, era))


def call(method: str, params: Mapping[str, Any], era: str) -> bytes:
    """The body of a request."""
    meta = {"_meta": MODERN_META} if era == ERAS[0] else {}
    return orjson.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": {**params, **meta}})


def call_headers(method: str, named: object, era: str) -> dict[str, str]:
    """The headers of a request but for the token; `named` is the tool, prompt or resource it is about."""
    common = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
    about = {"Mcp-Method": method, **({"Mcp-Name": str(named)} if named else {})} if era == ERAS[0] else {}
    return {**common, "MCP-Protocol-Version": era, **about}
