"""PersistentVolumeClaims: what namespaces ask of storage by storage class, and for how long they hold it.

A claim holds what its spec requests while it is bound, whatever the volume has: a `Pending` one has no storage yet, a
`Lost` one none any more, and one that is being deleted holds its volume until it is gone. Kubernetes tells no time at
which a claim was bound. One that is bound when it is seen first is taken to be so since its creation, for most are
within seconds; one that was seen before is bound since it was seen to be.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from http import HTTPStatus

from msgspec import Struct

from collector.errors import SourceError
from collector.kubernetes.lives import Kind
from collector.kubernetes.objects import ApiObject, LabelledObjectMeta, Requirements
from collector.kubernetes.pods import DATE_RESOLUTION_SEC, Shared, seconds
from collector.kubernetes.quantity import quantity
from collector.observations import BlindSpot, VolumeClaim

RESOURCE = "persistentvolumeclaims"
RULE = f'{{apiGroups: [""], resources: [{RESOURCE}], verbs: [list, watch]}}'
BOUND = "Bound"
_CLASS_ANNOTATION = "volume.beta.kubernetes.io/storage-class"
"""Where a claim of Kubernetes before 1.6 names its class."""


class _Spec(Struct, rename="camel", gc=False):
    storage_class_name: str | None = None
    resources: Requirements | None = None


class _Status(Struct, gc=False):
    phase: str | None = None


class VolumeClaimObject(ApiObject):
    """A core/v1 PersistentVolumeClaim, with the fields that are read."""

    metadata: LabelledObjectMeta
    spec: _Spec | None = None
    status: _Status | None = None


@dataclass(frozen=True, slots=True)
class VolumeClaimLife:
    """A claim, and from when to when it was there, UNIX seconds. Many share what they hold."""

    claim: VolumeClaim
    created: float
    deleted: float | None = None


VOLUME_CLAIM_KIND: Kind[VolumeClaimLife] = Kind(
    begin=lambda life: life.created,
    end=lambda life: life.deleted,
    ended_at=lambda life, time: replace(life, deleted=time),
    counts_alike=lambda one, other: one.claim == other.claim,
    settled=lambda _held, life, _time: life,
)


def parse_volume_claim(item: VolumeClaimObject, now: float, shared: Shared) -> VolumeClaimLife:
    """Return what a claim holds and since when it is there (0.0 where it does not tell).

    `now` is the API server's time. Raises `ValueError` for a quantity outside the grammar, or below zero.
    """
    metadata, spec = item.metadata, item.spec or _Spec()
    name = spec.storage_class_name
    if name is None:
        name = (metadata.annotations or {}).get(_CLASS_ANNOTATION, "")
    requested = quantity(((spec.resources or Requirements()).requests or {}).get("storage", "0"))
    if requested < 0:
        raise ValueError(f"it requests {requested:g} bytes of storage")
    is_bound = item.status is not None and item.status.phase == BOUND
    claim = VolumeClaim(metadata.namespace or "", name, requested if is_bound else 0.0)
    created = min(seconds(metadata.creation_timestamp), now + DATE_RESOLUTION_SEC)
    return VolumeClaimLife(shared.one(claim), created)


def unread(error: SourceError) -> BlindSpot:
    """Return what is not known where claims cannot be listed, and what to do about it."""
    effect = "so what namespaces request of storage is unknown."
    if error.status == HTTPStatus.FORBIDDEN:
        text = f"The collector may not list {RESOURCE} (403), {effect} Add this rule to its ClusterRole: {RULE}."
    elif error.status == HTTPStatus.NOT_FOUND:
        text = f"The API server serves no {RESOURCE} (404), {effect} Check that it is a whole Kubernetes API."
    else:
        text = f"Persistent volume claims cannot be listed, {effect} {error.message}"
    return BlindSpot("volume_claims_unread", text)
