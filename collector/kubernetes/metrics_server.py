"""Usage of nodes and pods from `metrics.k8s.io/v1beta1`, as metrics-server answers it, believed or not.

The API does not page: an answer is read whole and its items are decoded one by one, so that an odd one spoils itself
alone. An answer without items is none.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import lru_cache

from msgspec import DecodeError, Raw, Struct, ValidationError
from msgspec.json import Decoder

from collector.errors import SourceError
from collector.kubernetes.empty_answers import is_empty
from collector.kubernetes.quantity import quantity
from collector.kubernetes.session import Session
from collector.observations import ContainerMetrics, NodeMetrics, PodMetrics

log = logging.getLogger(__name__)

API = "/apis/metrics.k8s.io/v1beta1"

_Quantity = str | int | float | None
_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(h|ms|m|s|us|µs|μs|ns)", re.ASCII)
_SECONDS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ns": 1e-9}
_NANO = 10**9
_EXACT_DIGITS = 15


class _Metadata(Struct, gc=False):
    name: str
    namespace: str = ""


class _Usage(Struct, gc=False):
    cpu: _Quantity = None
    memory: _Quantity = None


class _Container(Struct, gc=False):
    name: str = ""
    usage: _Usage | None = None


class _Named(Struct, gc=False):
    metadata: _Metadata


class _PodItem(Struct, gc=False):
    metadata: _Metadata
    timestamp: str | None = None
    window: str | None = None
    containers: list[_Container] | None = None


class _NodeItem(Struct, gc=False):
    metadata: _Metadata
    timestamp: str | None = None
    usage: _Usage | None = None


class _Listing(Struct, gc=False):
    items: list[Raw]
    kind: str = ""


_listing = Decoder(_Listing)
_pod_item = Decoder(_PodItem)
_node_item = Decoder(_NodeItem)
_named = Decoder(_Named)


def list_pod_metrics(session: Session) -> Iterator[PodMetrics]:
    """Metrics of all pods, requested when the first is asked for; `SourceError` when there is no listing of them."""
    yield from read_pod_metrics(_body(session, "pods"))


def list_node_metrics(session: Session) -> tuple[NodeMetrics, ...]:
    """Metrics of all nodes; none, and a warning, when there is no listing of them: pods are measured without them."""
    try:
        return read_node_metrics(_body(session, "nodes"))
    except SourceError as error:
        log.warning("usage of single nodes is unknown: %s", error)
        return ()


def read_pod_metrics(body: bytes | bytearray) -> Iterator[PodMetrics]:
    """Read a PodMetricsList; `SourceError` for what is none.

    An item that cannot be read has no containers; one that does not even name a pod is left out, which is logged.
    """
    nameless = 0
    for item in _items(body, "pods"):
        pod = _pod_metrics(item)
        if pod is not None:
            yield pod
        else:
            nameless += 1
    _log_nameless("pods", nameless)


def read_node_metrics(body: bytes | bytearray) -> tuple[NodeMetrics, ...]:
    """Read a NodeMetricsList; `SourceError` for what is none. An item that cannot be read is left out and logged."""
    nodes = [_node_metrics(item) for item in _items(body, "nodes")]
    _log_nameless("nodes", nodes.count(None))
    return tuple(node for node in nodes if node is not None)


def _body(session: Session, resource: str) -> bytes:
    return session.get("metrics", f"{API}/{resource}", {}, f"list {resource} in the API group metrics.k8s.io")


def _items(body: bytes | bytearray, resource: str) -> Sequence[Raw]:
    path = f"{API}/{resource}"
    try:
        listing = _listing.decode(body)
    except ValidationError as error:
        raise _no_list(path, body) from error
    except DecodeError as error:
        raise SourceError(
            "metrics", f"{path} answered with broken or truncated JSON ({error}). Check that metrics-server is healthy."
        ) from error
    if not listing.kind.endswith("List"):
        raise _no_list(path, body)
    return listing.items


def _no_list(path: str, body: bytes | bytearray) -> SourceError:
    reason = f"{path} did not answer with a list. Check that metrics-server is healthy."
    return SourceError("metrics", reason, cause="empty" if is_empty(body) else "error")


def _log_nameless(resource: str, count: int) -> None:
    if count:
        log.warning(
            "%d items of %s/%s do not say whose they are and are left out. Check that metrics-server is healthy.",
            count,
            API,
            resource,
        )


def _pod_metrics(raw: Raw) -> PodMetrics | None:
    try:
        item = _pod_item.decode(raw)
    except (DecodeError, UnicodeDecodeError):
        return _odd_pod(raw)
    return PodMetrics(
        item.metadata.namespace,
        item.metadata.name,
        _seconds_of(item.timestamp),
        _duration(item.window),
        None if item.containers is None else tuple(map(_container_metrics, item.containers)),
    )


def _odd_pod(raw: Raw) -> PodMetrics | None:
    try:
        metadata = _named.decode(raw).metadata
    except (DecodeError, UnicodeDecodeError):
        return None
    return PodMetrics(metadata.namespace, metadata.name, None, None, None)


def _container_metrics(container: _Container) -> ContainerMetrics:
    usage = container.usage or _Usage()
    return ContainerMetrics(container.name, _amount(usage.cpu), _amount(usage.memory))


def _node_metrics(raw: Raw) -> NodeMetrics | None:
    try:
        item = _node_item.decode(raw)
    except (DecodeError, UnicodeDecodeError):
        return None
    usage = item.usage or _Usage()
    return NodeMetrics(item.metadata.name, _seconds_of(item.timestamp), _amount(usage.cpu), _amount(usage.memory))


def _amount(text: _Quantity) -> float | None:
    """Cores or bytes; None for what is no quantity."""
    if text is None:
        return None
    # What metrics-server writes, which is different in each pod: `quantity` would be exact too, at ten times the time.
    if isinstance(text, str) and len(text) <= _EXACT_DIGITS and text.isascii():
        if text[-1:] == "n" and text[:-1].isdigit():
            return int(text[:-1]) / _NANO
        if text[-2:] == "Ki" and text[:-2].isdigit():
            return float(int(text[:-2]) * 1024)
    try:
        return quantity(text)
    except ValueError:
        return None


@lru_cache(maxsize=1024)
def _seconds_of(text: str | None) -> float | None:
    """UNIX seconds of an RFC 3339 time; None for what is no time."""
    try:
        time = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return time.timestamp() if time.tzinfo is not None else None


@lru_cache(maxsize=1024)
def _duration(text: str | None) -> float | None:
    """Seconds of a duration as Go writes it, such as `1m0.5s`; None for what is none, or not above zero."""
    parts = _PART.findall(text or "")
    if "".join(number + unit for number, unit in parts) != text:
        return None
    return sum(float(number) * _SECONDS[unit] for number, unit in parts) or None
