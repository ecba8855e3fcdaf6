"""GPUs that pods hold by way of resource claims (dynamic resource allocation, `resource.k8s.io`).

A claim's allocation names devices of drivers; those whose driver is a vendor's `gpu.` one are GPUs. What several
claims, or several pods of a claim, share is split equally. What a claim holds is unknown where it cannot be read, or
went with its pod before it was.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus

from msgspec import Struct

from collector.errors import SourceError
from collector.kubernetes.dra_devices import gpus_of_device
from collector.kubernetes.listings import Listing, OddObjects, Resource, list_all
from collector.kubernetes.objects import ApiObject, Decoder, LabelledObjectMeta
from collector.kubernetes.session import Session
from collector.observations import BlindSpot, Pod

log = logging.getLogger(__name__)

GROUP = "resource.k8s.io"
VERSIONS = ("v1", "v1beta2", "v1beta1")
RULE = f"{{apiGroups: [{GROUP}], resources: [resourceclaims], verbs: [list]}}"

# Kubernetes makes such a claim for a pod that requests units of a resource: those units are counted.
_OF_UNITS = "resource.kubernetes.io/extended-resource-claim"

_Device = tuple[str, str, str]
"""Driver, pool and name of a device."""


class _Result(Struct, rename="camel"):
    driver: str
    pool: str
    device: str
    admin_access: bool | None = None


class _Devices(Struct):
    results: list[_Result] | None = None


class _Allocated(Struct):
    devices: _Devices | None = None


class _User(Struct):
    name: str
    resource: str = ""
    uid: str | None = None


class _Status(Struct, rename="camel"):
    allocation: _Allocated | None = None
    reserved_for: list[_User] | None = None


class ClaimObject(ApiObject):
    """A ResourceClaim, with the fields that are read."""

    metadata: LabelledObjectMeta
    status: _Status | None = None


@dataclass(frozen=True, slots=True)
class Allocation:
    """The GPUs that a claim was allocated, and who holds them."""

    name: str
    """`NAMESPACE/NAME` of the claim."""
    gpus: Mapping[_Device, float]
    """What each device is of a whole GPU."""
    pods: tuple[frozenset[str], ...]
    """UID and `NAMESPACE/NAME` of each pod."""


def parse_claim(claim: ClaimObject, _now: float = 0.0) -> Allocation:
    """Return what a claim holds; `ValueError` where that cannot be told."""
    metadata, status = claim.metadata, claim.status or _Status()
    namespace = metadata.namespace or ""
    name = f"{namespace}/{metadata.name}"
    if (metadata.annotations or {}).get(_OF_UNITS):
        return Allocation(name, {}, ())
    devices = ((status.allocation or _Allocated()).devices or _Devices()).results or ()
    gpus = {
        (each.driver, each.pool, each.device): gpus_of_device(each.device)
        for each in devices
        if each.driver.startswith("gpu.") and not each.admin_access
    }
    users = [user for user in status.reserved_for or () if user.resource == "pods"]
    return Allocation(
        name, gpus, tuple(frozenset({f"{namespace}/{user.name}", user.uid or ""} - {""}) for user in users)
    )


def claimed_gpus(allocations: Iterable[Allocation]) -> dict[str, float]:
    """Return the GPUs that pods hold by allocated claims, by UID and by `NAMESPACE/NAME`."""
    held = [each for each in allocations if each.gpus and each.pods]
    claims_of = Counter(device for each in held for device in each.gpus)
    gpus: dict[str, float] = {}
    for each in held:
        together = sum(gpus_of_it / claims_of[device] for device, gpus_of_it in each.gpus.items())
        for pod in each.pods:
            for name in pod:
                gpus[name] = gpus.get(name, 0.0) + together / len(each.pods)
    return gpus


class ClaimReader:
    """Reads resource claims while there are pods that name some."""

    def __init__(self) -> None:
        self._version: str | None = None
        self._claimed: Mapping[str, float | None] = {}
        self._unseen = 0
        """Of how many pods it is unknown what they hold though no claim of theirs is odd."""
        self._odd = OddObjects("resource claims")
        self._failure: str | None = None

    def read(self, session: Session, pods: Iterable[Pod]) -> Mapping[str, float | None]:
        """Return the GPUs that these pods hold by claims, by `Pod.identity`; `SourceError` where that is unknown.

        None stands for a pod that names a claim which cannot be read, or is not there any more and never was. What a
        pod held when it was last seen to holds to its end, though its claim has gone by then.
        """
        claiming = [pod for pod in pods if pod.claims]
        if not claiming:
            self._claimed, self._unseen = {}, 0
            return {}
        listing = self._list(session)
        self._odd.replace(listing.odd)
        listed = {each.name for each in listing.items.values()}
        gpus = claimed_gpus(listing.items.values())
        self._claimed = {pod.identity: self._held(pod, gpus, listed) for pod in claiming}
        odd = {each.name for each in listing.odd.values()}
        self._unseen = sum(self._claimed[pod.identity] is None and not _claims(pod) & odd for pod in claiming)
        self._note(None)
        return self._claimed

    def _held(self, pod: Pod, gpus: Mapping[str, float], listed: set[str]) -> float | None:
        before = self._claimed.get(pod.identity)
        if _claims(pod) <= listed:
            if pod.identity in gpus:
                return gpus[pod.identity]
            # A claim forgets a pod that has ended.
            if pod.ended is None:
                return before or 0.0
        return before

    def blind_spots(self) -> tuple[BlindSpot, ...]:
        """Say which of the claims that were read last cannot be understood, and that some had gone before."""
        odd = self._odd.blind_spots()
        return (*odd, BlindSpot("resource_claims_unread", _gone(self._unseen))) if self._unseen else odd

    def unread(self, error: SourceError, pods: int) -> BlindSpot:
        """Say what it means that the claims of so many pods were not read."""
        self._note(error)
        return BlindSpot("resource_claims_unread", _unread(error, pods))

    def _note(self, error: SourceError | None) -> None:
        """Log once why claims are not read, and when they are again."""
        failure = None if error is None else error.message
        if failure == self._failure:
            return
        if failure is None:
            log.warning("resource claims are read again")
        else:
            log.warning("resource claims are not read, so GPUs that pods hold by them are unknown: %s", failure)
        self._failure = failure

    def _list(self, session: Session) -> Listing[Allocation]:
        versions = VERSIONS if self._version is None else (self._version,)
        for version in versions:
            resource = Resource("resourceclaims", Decoder(ClaimObject), parse_claim, f"/apis/{GROUP}/{version}")
            try:
                listing = list_all(session, resource, lambda _: None, expected=True)
            except SourceError as error:
                self._version = None
                if error.status != HTTPStatus.NOT_FOUND or version == versions[-1]:
                    raise
            else:
                self._version = version
                return listing
        raise AssertionError("the last version returns or raises")


def _claims(pod: Pod) -> set[str]:
    return {f"{pod.namespace}/{name}" for name in pod.claims}


def _gone(pods: int) -> str:
    return (
        f"The resource claims of {pods} pod{'s' if pods > 1 else ''} had gone before they could be read, so the GPUs "
        "held by them are not known. Claims are read once an interval, and those of pods that live for less may go "
        "unread: a shorter KL_POLLING_INTERVAL_SEC leaves fewer of these."
    )


def _unread(error: SourceError, pods: int) -> str:
    effect = (
        f"so the GPUs that {pods} pod{'s' if pods > 1 else ''} hold{'' if pods > 1 else 's'} by them are not known."
    )
    if error.status == HTTPStatus.FORBIDDEN:
        return f"The collector may not list resource claims (403), {effect} Add this rule to its ClusterRole: {RULE}."
    if error.status == HTTPStatus.NOT_FOUND:
        return (
            f"The API server serves resource claims in none of {', '.join(VERSIONS)} of {GROUP}, {effect} Upgrade it."
        )
    return f"Resource claims cannot be listed, {effect} {error.message}"
