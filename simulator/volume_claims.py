"""PersistentVolumeClaims of the simulated cluster: which namespace asks for how much storage of which class."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from simulator.objects import Json, resource_version, timestamp, uid
from simulator.workload import Workload


@dataclass(frozen=True, slots=True)
class ClaimSpec:
    """Claims of a namespace, `count` of them alike; they live as long as it does."""

    namespace: str
    name: str
    storage_class: str
    gibibytes: int
    count: int = 1
    bound: bool = True


CLAIMS = (
    ClaimSpec("openshift-monitoring", "prometheus-k8s-db", "fast", 200, 2),
    ClaimSpec("openshift-logging", "storage-loki", "standard", 500),
    ClaimSpec("data-warehouse", "data-warehouse", "fast", 2048, 3),
    ClaimSpec("data-warehouse", "exports", "shared", 1024),
    ClaimSpec("search", "data-search-node", "fast", 512, 3),
    ClaimSpec("messaging", "data-kafka", "fast", 256, 3),
    ClaimSpec("legacy-crm", "crm", "standard", 100, 2),
    ClaimSpec("ml-training", "datasets", "shared", 4096),
    ClaimSpec("ml-notebooks", "home-notebook", "standard", 50, 2),
    ClaimSpec("registry", "registry", "standard", 750),
    ClaimSpec("dev-sandbox", "scratch", "standard", 20),
    # No provisioner makes volumes of this class.
    ClaimSpec("dev-sandbox", "wished-for", "platinum", 10_000, bound=False),
)


@dataclass(frozen=True, slots=True)
class Claim:
    """One claim."""

    spec: ClaimSpec
    name: str

    @property
    def key(self) -> str:
        """`namespace/name`, as it is listed."""
        return f"{self.spec.namespace}/{self.name}"


def _claims(spec: ClaimSpec) -> Iterator[Claim]:
    names = [spec.name] if spec.count == 1 else [f"{spec.name}-{i}" for i in range(spec.count)]
    return (Claim(spec, name) for name in names)


_CLAIMS = sorted((claim for spec in CLAIMS for claim in _claims(spec)), key=lambda claim: claim.key)


def claims_at(workload: Workload, end: int) -> list[Claim]:
    """The claims that exist in the step that ends at `end`, sorted by key."""
    living = {spec.name for spec in workload.living(end)}
    return [claim for claim in _CLAIMS if claim.spec.namespace in living]


def volume_claim_object(workload: Workload, claim: Claim) -> Json:
    """A core/v1 PersistentVolumeClaim."""
    spec, quantity = claim.spec, f"{claim.spec.gibibytes}Gi"
    created = max(workload.origin, workload.life(spec.namespace)[0])
    modes = ["ReadWriteMany" if spec.storage_class == "shared" else "ReadWriteOnce"]
    unique = uid("claim", claim.key)
    volume: Json = {"volumeName": f"pvc-{unique}"} if spec.bound else {}
    status: Json = {"accessModes": modes, "capacity": {"storage": quantity}} if spec.bound else {}
    return {
        "metadata": {
            "name": claim.name,
            "namespace": spec.namespace,
            "uid": unique,
            "resourceVersion": resource_version(created),
            "creationTimestamp": timestamp(created),
        },
        "spec": {
            "accessModes": modes,
            "resources": {"requests": {"storage": quantity}},
            "storageClassName": spec.storage_class,
            "volumeMode": "Filesystem",
            **volume,
        },
        "status": {"phase": "Bound" if spec.bound else "Pending", **status},
    }
