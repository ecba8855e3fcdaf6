"""Namespaces, nodes and pods as the Kubernetes API writes them, with only the fields that accounting reads.

Everything but a name may be left out or null. One object that is odd spoils neither its page nor its stream.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Generic, TypeVar

import msgspec
from msgspec import Meta, Raw, Struct

ResourceList = dict[str, str | int | float]
"""Quantities by resource name, as the API writes them."""
Time = Annotated[datetime, Meta(tz=True)]


class _Read(Struct, rename="camel", gc=False):
    """What is decoded here has no cycles: the garbage collector need not look at it."""


class ObjectMeta(_Read):
    """ObjectMeta of a pod, whose labels and annotations nobody reads."""

    name: str
    namespace: str | None = None
    uid: str | None = None
    resource_version: str | None = None
    creation_timestamp: Time | None = None


class LabelledObjectMeta(ObjectMeta):
    """ObjectMeta of an object whose labels or annotations are read."""

    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None


class Requirements(_Read):
    """What is asked for; limits are not read."""

    requests: ResourceList | None = None


class Container(_Read):
    """A container of a pod's spec, of whatever sort."""

    name: str | None = None
    resources: Requirements | None = None
    restart_policy: str | None = None


class PodResourceClaim(_Read):
    """A ResourceClaim that a pod names."""

    resource_claim_name: str | None = None


class PodSpec(_Read):
    """What a pod asks for, and where it was bound to."""

    node_name: str | None = None
    containers: list[Container] | None = None
    init_containers: list[Container] | None = None
    ephemeral_containers: list[Container] | None = None
    overhead: ResourceList | None = None
    resources: Requirements | None = None
    """Of the pod as a whole."""
    resource_claims: list[PodResourceClaim] | None = None


class Running(_Read):
    """A container that runs."""

    started_at: Time | None = None


class Terminated(_Read):
    """A container that has ended."""

    finished_at: Time | None = None


class ContainerState(_Read):
    """In which state a container is; neither of these means that it waits."""

    running: Running | None = None
    terminated: Terminated | None = None


class ContainerStatus(_Read):
    """What the kubelet says of a container."""

    name: str | None = None
    state: ContainerState | None = None
    allocated_resources: ResourceList | None = None
    resources: Requirements | None = None


class Condition(_Read):
    """A condition of a pod or a node."""

    type: str | None = None
    status: str | None = None
    reason: str | None = None
    last_transition_time: Time | None = None


class PodStatus(_Read):
    """What the kubelet says of a pod."""

    phase: str | None = None
    start_time: Time | None = None
    conditions: list[Condition] | None = None
    container_statuses: list[ContainerStatus] | None = None
    init_container_statuses: list[ContainerStatus] | None = None
    ephemeral_container_statuses: list[ContainerStatus] | None = None
    allocated_resources: ResourceList | None = None
    resources: Requirements | None = None
    resource_claim_statuses: list[PodResourceClaim] | None = None


class ApiObject(_Read):
    """An object of whatever kind."""

    metadata: ObjectMeta


class PodObject(ApiObject):
    """A core/v1 Pod."""

    metadata: ObjectMeta
    spec: PodSpec = msgspec.field(default_factory=PodSpec)
    status: PodStatus | None = None


class NodeSpec(_Read):
    """Whether a node takes pods."""

    unschedulable: bool | None = None


class NodeStatus(_Read):
    """What a node has."""

    capacity: ResourceList | None = None
    allocatable: ResourceList | None = None
    conditions: list[Condition] | None = None


class NodeObject(ApiObject):
    """A core/v1 Node."""

    metadata: LabelledObjectMeta
    spec: NodeSpec | None = None
    status: NodeStatus | None = None


class NamespaceObject(ApiObject):
    """A core/v1 Namespace."""

    metadata: LabelledObjectMeta


K = TypeVar("K", bound=ApiObject)
"""One kind of objects."""


def key_of(metadata: ObjectMeta) -> str:
    """Return what tells an object from another of its kind, one of the same name before or after it included."""
    return metadata.uid or f"{metadata.namespace or ''}/{metadata.name}"


@dataclass(frozen=True, slots=True)
class Odd:
    """An object that cannot be understood."""

    key: str
    name: str
    """Namespace and name, as far as it tells them."""
    reason: str


@dataclass(frozen=True, slots=True)
class ObjectPage(Generic[K]):
    """One page of a listing."""

    items: Sequence[K]
    odd: Sequence[Odd]
    version: str | None
    """Of the listing; a watch goes on from it."""
    token: str | None
    """Of the next page; None where this is the last."""
    is_null: bool
    """Whether `items` is null, as an answer without objects may say as well as one that is none."""


@dataclass(frozen=True, slots=True)
class Event(Generic[K]):
    """One line of a watch: what was done to `object`, or `odd`, or how far the watch has come."""

    type: str
    """`ADDED`, `MODIFIED`, `DELETED`, `BOOKMARK`."""
    version: str | None
    object: K | None = None
    odd: Odd | None = None


class StatusError(Exception):
    """A watch that ends with a `Status`: `code` as of HTTP, and the server's message."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class _ListMeta(_Read):
    resource_version: str | None = None
    continue_: str | None = msgspec.field(name="continue", default=None)


class _Page(_Read, Generic[K]):
    kind: str
    items: list[K] | None
    metadata: _ListMeta | None = None


class _RawPage(_Read):
    kind: str
    items: list[Raw] | None
    metadata: _ListMeta | None = None


class _Event(_Read, Generic[K]):
    type: str
    object: K


class _RawEvent(_Read):
    type: str
    object: Raw


class _Status(_Read):
    code: int = 0
    message: str | None = None


class _Mark(_Read):
    metadata: _ListMeta | None = None


class _Anything(_Read):
    metadata: Any = None


_WITHOUT_OBJECT = frozenset({"BOOKMARK", "ERROR"})
"""What these events have in its place may look like one."""
_RAW_PAGE = msgspec.json.Decoder(_RawPage)
_RAW_EVENT = msgspec.json.Decoder(_RawEvent)


class Decoder(Generic[K]):
    """Decodes pages and watch events of one kind of objects."""

    def __init__(self, kind: type[K]) -> None:
        self._object: msgspec.json.Decoder[K] = msgspec.json.Decoder(kind)
        self._page: msgspec.json.Decoder[_Page[K]] = msgspec.json.Decoder(_Page[kind])  # type: ignore[valid-type]
        self._event: msgspec.json.Decoder[_Event[K]] = msgspec.json.Decoder(_Event[kind])  # type: ignore[valid-type]

    def page(self, body: bytes) -> ObjectPage[K]:
        """Return a page; `ValueError` for what is not a listing of objects."""
        try:
            page = self._page.decode(body)
        except msgspec.ValidationError:
            raw = _RAW_PAGE.decode(body)
            items, odd = self._one_by_one(raw.items or ())
            return _page(raw, items, odd)
        except RecursionError as error:
            raise ValueError("it is nested too deeply") from error
        return _page(page, page.items or (), ())

    def event(self, line: bytes) -> Event[K]:
        """Return a watch event; raises `ValueError` for what is none, `StatusError` where the server ends the watch."""
        try:
            event = self._event.decode(line)
        except msgspec.ValidationError:
            return self._other_event(line)
        except RecursionError as error:
            raise ValueError("it is nested too deeply") from error
        if event.type in _WITHOUT_OBJECT:
            return self._other_event(line)
        return Event(event.type, event.object.metadata.resource_version, event.object)

    def _other_event(self, line: bytes) -> Event[K]:
        event = _RAW_EVENT.decode(line)
        if event.type == "ERROR":
            status = msgspec.json.decode(event.object, type=_Status)
            raise StatusError(status.code, status.message or "")
        version = (msgspec.json.decode(event.object, type=_Mark).metadata or _ListMeta()).resource_version
        if event.type == "BOOKMARK":
            return Event(event.type, version)
        understood = self._understood(event.object)
        if isinstance(understood, Odd):
            return Event(event.type, version, odd=understood)
        return Event(event.type, version, understood)

    def _one_by_one(self, items: Sequence[Raw]) -> tuple[list[K], list[Odd]]:
        if any(bytes(memoryview(item)[:1]) != b"{" for item in items):
            raise ValueError("its items are not objects")
        understood = [self._understood(item) for item in items]
        odd = [each for each in understood if isinstance(each, Odd)]
        return [each for each in understood if not isinstance(each, Odd)], odd

    def _understood(self, item: Raw) -> K | Odd:
        try:
            return self._object.decode(item)
        except msgspec.ValidationError as error:
            return _odd(item, str(error))


def _page(page: _Page[K] | _RawPage, items: Sequence[K], odd: Sequence[Odd]) -> ObjectPage[K]:
    if not page.kind.endswith("List"):
        raise ValueError(f"it is a {page.kind[:64]}")
    metadata = page.metadata or _ListMeta()
    return ObjectPage(items, odd, metadata.resource_version or None, metadata.continue_ or None, page.items is None)


def _odd(item: Raw, reason: str) -> Odd:
    """Return what can be said of an object that cannot be understood."""
    metadata = msgspec.json.decode(item, type=_Anything).metadata
    members = metadata if isinstance(metadata, dict) else {}
    uid, namespace, name = (members.get(field) for field in ("uid", "namespace", "name"))
    shown = "/".join(part for part in (namespace, name) if isinstance(part, str) and part) or "one without a name"
    return Odd(uid if isinstance(uid, str) and uid else shown, shown, reason)
