"""GPUs that pods hold by way of resource claims (dynamic resource allocation, `resource.k8s.io`).

A claim's allocation names devices of drivers; those whose driver is a vendor's `gpu.` one are GPUs. A device of
NVIDIA's driver is a whole GPU (`gpu-0`) or an instance of one (`gpu-0-mig-1g5gb-19-4`, earlier `gpu-0-mig-19-4-1`).
What several claims, or several pods of a claim, share is split equally.
"""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from http import HTTPStatus
from typing import Any, Protocol

from collector.errors import SourceError
from collector.kubernetes.listings import next_token
from collector.mig_profiles import profile_share
from collector.observations import BlindSpot, Pod
from kl_core.vocabulary import Source

log = logging.getLogger(__name__)

GROUP = "resource.k8s.io"
VERSIONS = ("v1", "v1beta2", "v1beta1")
MAX_PAGE_OBJECTS = 500
RULE = f"{{apiGroups: [{GROUP}], resources: [resourceclaims], verbs: [list]}}"

# Kubernetes makes such a claim for a pod that requests units of a resource: those units are counted.
_OF_UNITS = "resource.kubernetes.io/extended-resource-claim"
_INSTANCE = re.compile(r"gpu-\d+-mig-(\d+)g(\d+)gb")
_INSTANCE_BY_PROFILE = re.compile(r"gpu-\d+-mig-(\d+)-\d+-\d+")
# NVML's ids of the profiles of a GPU of seven slices.
_SLICES_BY_PROFILE = {"0": 7, "5": 4, "9": 3, "14": 2, "15": 1, "19": 1, "20": 1}

Object = Mapping[str, Any]
_Device = tuple[str, str, str]
"""Driver, pool and name of a device."""


class Requests(Protocol):
    """What asks the API server."""

    def get_json(self, source: Source, path: str, query: Mapping[str, str], permission: str) -> Mapping[str, Any]:
        """Return the JSON object at `path`, or raise SourceError with the HTTP status."""


class ClaimReader:
    """Reads resource claims while there are pods that name some."""

    def __init__(self) -> None:
        self._version: str | None = None
        self._claimed: Mapping[str, float] = {}

    def read(self, session: Requests, pods: Iterable[Pod]) -> tuple[Mapping[str, float] | None, tuple[BlindSpot, ...]]:
        """Return the GPUs that these pods hold by claims, by `Pod.identity`; None, and why, where that is unknown.

        What a pod held when it was last seen to holds to its end, though its claim has gone by then.
        """
        claiming = [pod.identity for pod in pods if pod.claims]
        if not claiming:
            self._claimed = {}
            return {}, ()
        try:
            now = claimed_gpus(self._list(session))
        except SourceError as error:
            return None, (BlindSpot("resource_claims_unread", _unread(error, len(claiming))),)
        self._claimed = {pod: now[pod] if pod in now else self._claimed.get(pod, 0.0) for pod in claiming}
        return self._claimed, ()

    def _list(self, session: Requests) -> list[Object]:
        versions = (self._version,) if self._version else VERSIONS
        for version in versions:
            try:
                claims = list(_pages(session, version))
            except SourceError as error:
                self._version = None
                if error.status != HTTPStatus.NOT_FOUND or version == versions[-1]:
                    raise
            else:
                self._version = version
                return claims
        raise AssertionError("the last version returns or raises")


def _pages(session: Requests, version: str) -> Iterator[Object]:
    token = ""
    while True:
        query = {"limit": str(MAX_PAGE_OBJECTS), **({"continue": token} if token else {})}
        path = f"/apis/{GROUP}/{version}/resourceclaims"
        page = session.get_json("kubernetes", path, query, "list resourceclaims in the whole cluster")
        items = page.get("items")
        if not isinstance(items, list):
            raise SourceError("kubernetes", f"{path} did not answer with a list. Check that this is a Kubernetes API.")
        yield from items
        following = next_token(path, token, (page.get("metadata") or {}).get("continue"))
        if not following:
            return
        token = following


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


def claimed_gpus(claims: Iterable[Object]) -> dict[str, float]:
    """Return the GPUs that pods hold by allocated claims, by UID and by `NAMESPACE/NAME`.

    A claim that is odd counts for none.
    """
    parsed = list(filter(None, map(_allocated, claims)))
    claims_of = Counter(device for devices, _ in parsed for device in devices)
    gpus: dict[str, float] = {}
    for devices, pods in parsed:
        held = sum(gpus_of_it / claims_of[device] for device, gpus_of_it in devices.items())
        for pod in pods:
            for name in pod:
                gpus[name] = gpus.get(name, 0.0) + held / len(pods)
    return gpus


def _allocated(claim: Object) -> tuple[dict[_Device, float], list[set[str]]] | None:
    """Return the GPUs of a claim, what each is of a whole one, and what names each pod that holds it; None for none."""
    try:
        metadata = claim["metadata"]
        if (metadata.get("annotations") or {}).get(_OF_UNITS):
            return None
        status = claim.get("status") or {}
        results = ((status.get("allocation") or {}).get("devices") or {}).get("results") or ()
        devices = {
            (result["driver"], result["pool"], result["device"]): _gpus(result["device"])
            for result in results
            if result["driver"].startswith("gpu.") and not result.get("adminAccess")
        }
        users = [user for user in status.get("reservedFor") or () if user.get("resource") == "pods"]
        pods = [{f"{metadata['namespace']}/{user['name']}", user.get("uid") or ""} - {""} for user in users]
    except (KeyError, TypeError, AttributeError) as error:
        log.warning(
            "%s among the resource claims cannot be understood (%s: %s) and counts for no GPU. Correct or delete it.",
            _name(claim),
            type(error).__name__,
            error,
        )
        return None
    return (devices, pods) if devices and pods else None


def _name(claim: Any) -> str:
    metadata = claim.get("metadata") if isinstance(claim, dict) else None
    members = metadata if isinstance(metadata, dict) else {}
    return "/".join(str(members[part]) for part in ("namespace", "name") if members.get(part)) or "one without a name"


def _gpus(name: str) -> float:
    if match := _INSTANCE.match(name):
        return profile_share(f"{match[1]}g.{match[2]}gb")
    if match := _INSTANCE_BY_PROFILE.fullmatch(name):
        return _SLICES_BY_PROFILE.get(match[1], 7) / 7
    return 1.0
