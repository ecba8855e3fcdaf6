"""What a node is, by its labels."""

from __future__ import annotations

from dataclasses import replace

import pytest

from collector.accounting.node_facts import node_facts
from collector.model import NodeFacts
from tests.collector.accounting.sampling import sample_of
from tests.support.observed import node

_TYPE, _ZONE = "node.kubernetes.io/instance-type", "topology.kubernetes.io/zone"


def test_labels_that_tell_nothing_leave_all_unknown() -> None:
    labels = {"kubernetes.io/hostname": "n1", "team": "data"}
    assert node_facts(labels) == NodeFacts(labels=labels)
    assert node_facts({}) == NodeFacts(None, None, None, None, {})
    assert node_facts({_TYPE: "", _ZONE: "", "agentpool": ""}).instance_type is None


@pytest.mark.parametrize(
    ("labels", "instance_type", "zone"),
    [
        ({_TYPE: "m5.large", _ZONE: "eu-1a"}, "m5.large", "eu-1a"),
        (
            {"beta.kubernetes.io/instance-type": "m5.large", "failure-domain.beta.kubernetes.io/zone": "1a"},
            "m5.large",
            "1a",
        ),
        ({"beta.kubernetes.io/instance-type": "old", _TYPE: "new", _ZONE: "b"}, "new", "b"),
        ({"beta.kubernetes.io/instance-type": "old", _TYPE: ""}, "old", None),
    ],
)
def test_types_and_zones_have_a_name_and_an_old_one(
    labels: dict[str, str], instance_type: str | None, zone: str | None
) -> None:
    found = node_facts(labels)
    assert (found.instance_type, found.zone) == (instance_type, zone)


@pytest.mark.parametrize(
    ("labels", "pool"),
    [
        ({"cloud.google.com/gke-nodepool": "np-1"}, "np-1"),
        ({"eks.amazonaws.com/nodegroup": "ng"}, "ng"),
        ({"kubernetes.azure.com/agentpool": "user", "agentpool": "older"}, "user"),
        ({"agentpool": "older"}, "older"),
        ({"karpenter.sh/nodepool": "k", "eks.amazonaws.com/nodegroup": "ng"}, "k"),
        ({"karpenter.sh/provisioner-name": "p"}, "p"),
        ({"kops.k8s.io/instancegroup": "nodes-a"}, "nodes-a"),
        ({"hypershift.openshift.io/nodePool": "hosted"}, "hosted"),
        ({"worker.gardener.cloud/pool": "w"}, "w"),
        ({"machine-controller/owned-by": "an-id"}, None),
    ],
)
def test_pools_go_by_the_labels_of_those_who_make_them(labels: dict[str, str], pool: str | None) -> None:
    assert node_facts(labels).pool == pool


@pytest.mark.parametrize(
    ("labels", "capacity_type"),
    [
        ({"karpenter.sh/capacity-type": "spot"}, "spot"),
        ({"karpenter.sh/capacity-type": "on-demand"}, "on-demand"),
        ({"karpenter.sh/capacity-type": "reserved"}, "on-demand"),
        ({"eks.amazonaws.com/capacityType": "SPOT"}, "spot"),
        ({"eks.amazonaws.com/capacityType": "ON_DEMAND"}, "on-demand"),
        ({"eks.amazonaws.com/capacityType": "CAPACITY_BLOCK"}, None),
        ({"cloud.google.com/gke-spot": "true"}, "spot"),
        ({"cloud.google.com/gke-spot": "false"}, None),
        ({"cloud.google.com/gke-preemptible": "true"}, "spot"),
        ({"cloud.google.com/gke-provisioning": "standard"}, "on-demand"),
        ({"cloud.google.com/gke-provisioning": "preemptible"}, "spot"),
        ({"cloud.google.com/gke-provisioning": "standard", "cloud.google.com/gke-spot": "true"}, "spot"),
        ({"kubernetes.azure.com/scalesetpriority": "spot"}, "spot"),
        ({"kubernetes.azure.com/scalesetpriority": "regular"}, "on-demand"),
        ({"cloud.google.com/gke-nodepool": "np-1"}, None),
    ],
)
def test_spot_is_told_by_each_cloud_in_its_own_way(labels: dict[str, str], capacity_type: str | None) -> None:
    assert node_facts(labels).capacity_type == capacity_type


def test_the_nodes_of_a_sample_say_what_they_are() -> None:
    labels = {_TYPE: "m5.large", "karpenter.sh/nodepool": "batch", "karpenter.sh/capacity-type": "spot"}
    sample = sample_of(nodes=[replace(node("n1"), labels=labels), node("n2")])
    assert [state.facts for state in sample.nodes] == [
        NodeFacts("m5.large", None, "batch", "spot", labels),
        NodeFacts(),
    ]
    # Thousands of nodes have their labels once.
    assert sample.nodes[0].facts.labels is labels
