"""What a node is, by the labels that Kubernetes, clouds and autoscalers give it.

Names and values are those of the documentation of Kubernetes ("Well-Known Labels, Annotations and Taints"), of GKE, EKS
and AKS, Karpenter, kOps, OpenShift's hosted control planes, Gardener, and of the other clouds' node pools.
"""

from __future__ import annotations

from collections.abc import Mapping

from collector.model import CapacityType, NodeFacts

_INSTANCE_TYPES = ("node.kubernetes.io/instance-type", "beta.kubernetes.io/instance-type")
_ZONES = ("topology.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/zone")
# Names come before ids, and what made the node before the cloud that it is in.
_POOLS = (
    "karpenter.sh/nodepool",
    "karpenter.sh/provisioner-name",
    "cloud.google.com/gke-nodepool",
    "eks.amazonaws.com/nodegroup",
    "kubernetes.azure.com/agentpool",
    "agentpool",
    "kops.k8s.io/instancegroup",
    "hypershift.openshift.io/nodePool",
    "worker.gardener.cloud/pool",
    "ibm-cloud.kubernetes.io/worker-pool-name",
    "doks.digitalocean.com/node-pool",
    "k8s.scaleway.com/pool-name",
    "lke.linode.com/pool-id",
    "alibabacloud.com/nodepool-id",
)
_CAPACITY_TYPES: Mapping[str, Mapping[str, CapacityType]] = {
    # What is reserved is on-demand capacity that was set aside.
    "karpenter.sh/capacity-type": {"spot": "spot", "on-demand": "on-demand", "reserved": "on-demand"},
    "eks.amazonaws.com/capacityType": {"SPOT": "spot", "ON_DEMAND": "on-demand"},
    "cloud.google.com/gke-spot": {"true": "spot"},
    "cloud.google.com/gke-preemptible": {"true": "spot"},
    "cloud.google.com/gke-provisioning": {"spot": "spot", "preemptible": "spot", "standard": "on-demand"},
    "kubernetes.azure.com/scalesetpriority": {"spot": "spot", "regular": "on-demand"},
}


def node_facts(labels: Mapping[str, str]) -> NodeFacts:
    """Return what labels tell; None for what none of them does, and for what is empty. `labels` is kept as it is."""
    return NodeFacts(
        instance_type=_first(labels, _INSTANCE_TYPES),
        zone=_first(labels, _ZONES),
        pool=_first(labels, _POOLS),
        capacity_type=_capacity_type(labels),
        labels=labels,
    )


def _first(labels: Mapping[str, str], names: tuple[str, ...]) -> str | None:
    return next((text for name in names if (text := labels.get(name))), None)


def _capacity_type(labels: Mapping[str, str]) -> CapacityType | None:
    """Where labels contradict each other, spot is believed: it is said of nodes that are, `standard` by default."""
    said = {types.get(labels.get(name, "")) for name, types in _CAPACITY_TYPES.items()}
    return "spot" if "spot" in said else "on-demand" if "on-demand" in said else None
