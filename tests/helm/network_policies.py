"""Who may connect to whom under a set of NetworkPolicies, as Kubernetes defines it.

https://kubernetes.io/docs/concepts/services-networking/network-policies/: policies add up; a pod that no policy selects
for a direction is open in it; a connection needs both its ends to allow it. Missing or empty `from`, `to` and `ports`
mean all. An address block is taken to match pods by their address too, which is the reading that admits more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import Any

Object = Mapping[str, Any]
NAME_LABEL = "kubernetes.io/metadata.name"


@dataclass(frozen=True)
class Pod:
    """A pod; `ports` are those it names."""

    namespace: str
    labels: Mapping[str, str] = field(default_factory=dict)
    address: str = "10.244.0.1"
    ports: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Outside:
    """A host that is no pod."""

    address: str


@dataclass(frozen=True)
class Node:
    """The node of the pod at the other end: the kubelet's probes, `kubectl port-forward`. Always let through."""


Host = Pod | Outside | Node


@dataclass(frozen=True)
class Network:
    """A cluster's policies, and the labels of its namespaces beside the name that each bears."""

    policies: Sequence[Object]
    namespaces: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def admits(self, source: Host, destination: Host, port: int, protocol: str = "TCP") -> bool:
        """Whether `source` may open a connection to `port` of `destination`."""
        if source == destination or isinstance(source, Node) or isinstance(destination, Node):
            return True
        ends = (("Egress", source, destination), ("Ingress", destination, source))
        return all(self._end_allows(*end, destination, port, protocol) for end in ends)

    def _end_allows(self, direction: str, own: Host, other: Host, destination: Host, port: int, protocol: str) -> bool:
        if not isinstance(own, Pod):
            return True
        policies = [each for each in self.policies if self._selects(each, own) and direction in policy_types(each)]
        rules = [(each, rule) for each in policies for rule in each["spec"].get(direction.lower()) or ()]
        return not policies or any(
            self._peers_match(policy, rule.get("from" if direction == "Ingress" else "to"), other)
            and _ports_match(rule.get("ports"), destination, port, protocol)
            for policy, rule in rules
        )

    def _selects(self, policy: Object, pod: Pod) -> bool:
        return _namespace(policy) == pod.namespace and selects(policy["spec"]["podSelector"], pod.labels)

    def _peers_match(self, policy: Object, peers: Sequence[Object] | None, host: Host) -> bool:
        return not peers or any(self._peer_matches(policy, peer, host) for peer in peers)

    def _peer_matches(self, policy: Object, peer: Object, host: Host) -> bool:
        if "ipBlock" in peer:
            return not isinstance(host, Node) and _within(peer["ipBlock"], host.address)
        if not isinstance(host, Pod):
            return False
        labels = {NAME_LABEL: host.namespace, **self.namespaces.get(host.namespace, {})}
        in_scope = (
            selects(peer["namespaceSelector"], labels)
            if "namespaceSelector" in peer
            else host.namespace == _namespace(policy)
        )
        return in_scope and selects(peer.get("podSelector") or {}, host.labels)


def policy_types(policy: Object) -> Sequence[str]:
    """Directions a policy is about; where it does not say: Ingress, and Egress if it has such rules."""
    spec = policy["spec"]
    given: Sequence[str] = spec.get("policyTypes") or ()
    return given or ("Ingress", *(("Egress",) if spec.get("egress") else ()))


def selects(selector: Object, labels: Mapping[str, str]) -> bool:
    """Whether a label selector matches; an empty one matches everything."""
    pairs = (selector.get("matchLabels") or {}).items()
    expressions = selector.get("matchExpressions") or ()
    return all(labels.get(key) == value for key, value in pairs) and all(_holds(each, labels) for each in expressions)


def _holds(expression: Object, labels: Mapping[str, str]) -> bool:
    value = labels.get(expression["key"])
    match expression["operator"]:
        case "In":
            return value in expression["values"]
        case "NotIn":
            return value not in expression["values"]
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case unknown:
            raise ValueError(f"no such operator: {unknown}")


def _namespace(policy: Object) -> str:
    return str(policy["metadata"].get("namespace", "default"))


def _within(block: Object, text: str) -> bool:
    address = ip_address(text)
    excepted = any(address in ip_network(each) for each in block.get("except") or ())
    return address in ip_network(block["cidr"]) and not excepted


def _ports_match(ports: Sequence[Object] | None, destination: Host, port: int, protocol: str) -> bool:
    return not ports or any(
        each.get("protocol", "TCP") == protocol and _port_matches(each, destination, port) for each in ports
    )


def _port_matches(entry: Object, destination: Host, port: int) -> bool:
    wanted = entry.get("port")
    if isinstance(wanted, str):
        return isinstance(destination, Pod) and destination.ports.get(wanted) == port
    return wanted is None or wanted <= port <= entry.get("endPort", wanted)
