"""What the newest sample does not hold: pods that were to be measured and were not, and what could not be seen."""

from collections.abc import Mapping, Sequence

from kl_core.calendar import GRANULARITY
from kl_core.vocabulary import ScaleName
from kl_query.warnings.codes import Code
from kl_query.warnings.warning import DataWarning, Detail, Names, Plain, RowId, Text, some, text, warning

GPU_NOT_SEEN = "gpu_not_seen"
"""The one reason that is of GPUs."""
_CHECK = text("Check metrics-server, and the kubelets that it reads.")
_WHY: Mapping[str, tuple[Text, Text]] = {
    "absent": (text("metrics-server does not list them"), _CHECK),
    "stale": (text("their metrics are not of the last polling interval"), _CHECK),
    "incomplete": (text("metrics of some of their containers are missing"), _CHECK),
    "negative": (text("their metrics are below zero"), _CHECK),
    "impossible": (text("their metrics are above the capacity of their node"), _CHECK),
    "odd": (text("their metrics cannot be read"), _CHECK),
    GPU_NOT_SEEN: (
        text("no DCGM exporter reports their GPUs"),
        text("Check that an exporter runs on each node with GPUs of NVIDIA."),
    ),
}
UNMEASURED_REASONS = tuple(_WHY)
"""Why a pod was not measured, as manifests say it."""

_UNSEEN: Mapping[str, Plain] = {
    "pods_not_watched": Plain(
        "Pods are listed, not watched: what one held between two listings is not in the requests. Let the collector "
        "watch them."
    ),
    "resource_claims_unread": Plain(
        "Resource claims cannot be read: GPUs requested through them are not in the requests. Let the collector list "
        "them."
    ),
    "odd_objects": Plain("Some objects of the cluster cannot be read and are left out: see the collector's log."),
    "gpus_of_other_vendors": Plain("Usage of GPUs of other vendors than NVIDIA is unknown; their requests are not."),
    "gpus_without_use": Plain("Some GPUs name no pod and tell no use: whether they are idle is unknown."),
    "volume_claims_unread": Plain(
        "Persistent volume claims cannot be read: what is requested of storage is unknown. Let the collector list and "
        "watch them."
    ),
}
BLIND_SPOTS = tuple(_UNSEEN)
"""The codes of what a collector may not see, as manifests have them."""


def not_measured(reason: str, pods: Sequence[tuple[RowId, int]]) -> DataWarning:
    """Say how many pods of which namespaces were not measured at the newest sample, for one reason."""
    why, todo = _WHY.get(reason, (text("for a reason that this kl-mcp does not know"), text("Upgrade kl-mcp.")))
    return warning(
        Code.NOT_MEASURED,
        pods=sum(count for _, count in pods),
        why=why,
        todo=todo,
        names=Names(tuple((name, Plain(f" ({count})")) for name, count in pods)),
    )


def blind_spot(code: str, description: str) -> DataWarning:
    """Say what the collector could not see; its words, which may name anything, are for who may see everything."""
    unnamed = _UNSEEN.get(code, Plain("There is something that the collector cannot see: see its log."))
    return warning(Code.BLIND_SPOT, description=Detail(description, unnamed))


def idle_not_ready(amount: float, unit: Plain, nodes: int) -> DataWarning:
    """Say how much of what is idle at the newest sample is on nodes that are not Ready."""
    return warning(Code.IDLE_NOT_READY, amount=amount, unit=unit, nodes=nodes)


def idle_unknown(namespaces: Sequence[RowId], not_ready: int) -> DataWarning:
    """Say whose unknown usage leaves idle unknown, and how many nodes are not Ready."""
    return warning(
        Code.IDLE_UNKNOWN,
        names=Names.of(namespaces) if namespaces else text("those that the collector does not report by name"),
        nodes=text(" {count} node(s) are not Ready: what runs there is not measured.", count=not_ready)
        if not_ready
        else Plain(""),
    )


def idle_negative(buckets: Sequence[str], scale: ScaleName) -> DataWarning:
    """Name the buckets in which more was used than is allocatable."""
    return warning(
        Code.IDLE_NEGATIVE,
        count=len(buckets),
        granularity=Plain(GRANULARITY[scale]),
        buckets=some([Plain(bucket) for bucket in buckets]),
    )
