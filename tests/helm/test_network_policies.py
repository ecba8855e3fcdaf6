"""The evaluator, by the examples of the Kubernetes documentation on network policies."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from tests.helm.network_policies import Network, Node, Outside, Pod, policy_types, selects

# "The NetworkPolicy resource": the documentation's example, and what it says the example does.
EXAMPLE = yaml.safe_load("""
metadata: {name: test-network-policy, namespace: default}
spec:
  podSelector: {matchLabels: {role: db}}
  policyTypes: [Ingress, Egress]
  ingress:
    - from:
        - ipBlock: {cidr: 172.17.0.0/16, except: [172.17.1.0/24]}
        - namespaceSelector: {matchLabels: {project: myproject}}
        - podSelector: {matchLabels: {role: frontend}}
      ports: [{protocol: TCP, port: 6379}]
  egress:
    - to: [{ipBlock: {cidr: 10.0.0.0/24}}]
      ports: [{protocol: TCP, port: 5978}]
""")
DB = Pod("default", {"role": "db"}, "10.244.1.1")
FRONTEND = Pod("default", {"role": "frontend"}, "10.244.1.2")
OTHER = Pod("default", {"role": "other"}, "10.244.1.3")
ELSEWHERE = Pod("elsewhere", {"role": "frontend"}, "10.244.1.4")
PROJECT = Pod("mine", {}, "10.244.1.5")


def network(*specs: dict[str, Any]) -> Network:
    """Policies of the namespace default."""
    return Network([{"metadata": {"namespace": "default"}, "spec": spec} for spec in specs])


@pytest.mark.parametrize(
    ("source", "admitted"),
    [
        (FRONTEND, True),
        (PROJECT, True),
        (Outside("172.17.0.1"), True),
        (Outside("172.17.0.255"), True),
        (Outside("172.17.2.0"), True),
        (Outside("172.17.255.255"), True),
        (Outside("172.17.1.7"), False),
        (Outside("172.18.0.1"), False),
        (OTHER, False),
        (ELSEWHERE, False),
        (Node(), True),
        (DB, True),
    ],
)
def test_the_documented_example_admits_what_it_is_said_to(source: Any, admitted: bool) -> None:
    example = Network([EXAMPLE], {"mine": {"project": "myproject"}})
    assert example.admits(source, DB, 6379) is admitted


def test_a_pod_that_no_policy_selects_is_open() -> None:
    assert Network([EXAMPLE]).admits(Outside("172.18.0.1"), OTHER, 6379)
    assert Network([EXAMPLE]).admits(OTHER, Outside("172.18.0.1"), 6379)


def test_the_documented_example_admits_one_port_and_one_protocol() -> None:
    example = Network([EXAMPLE])
    assert not example.admits(FRONTEND, DB, 6380)
    assert not example.admits(FRONTEND, DB, 6379, "UDP")


def test_the_documented_example_lets_out_to_one_block_and_port() -> None:
    example = Network([EXAMPLE])
    assert example.admits(DB, Outside("10.0.0.9"), 5978)
    assert not example.admits(DB, Outside("10.0.0.9"), 443)
    assert not example.admits(DB, Outside("10.0.1.9"), 5978)
    assert example.admits(OTHER, Outside("10.0.1.9"), 5978)


def test_a_policy_is_about_its_own_namespace() -> None:
    example = Network([EXAMPLE])
    assert example.admits(OTHER, Pod("elsewhere", {"role": "db"}), 6379)


# "Behavior of to and from selectors": one entry with two selectors, and two entries of one.
ALICE, BOB = {"namespaceSelector": {"matchLabels": {"user": "alice"}}}, {"podSelector": {"matchLabels": {"role": "c"}}}


@pytest.mark.parametrize(
    ("peers", "admitted"),
    [
        ([{**ALICE, **BOB}], {"alice/client"}),
        ([ALICE, BOB], {"alice/client", "alice/other", "default/client"}),
    ],
)
def test_selectors_of_one_entry_are_both_needed_and_entries_are_alternatives(
    peers: list[dict[str, Any]], admitted: set[str]
) -> None:
    policy = {"metadata": {}, "spec": {"podSelector": {}, "ingress": [{"from": peers}]}}
    inside = Network([policy], {"home": {"user": "alice"}})
    pods = {
        "alice/client": Pod("home", {"role": "c"}, "10.244.2.1"),
        "alice/other": Pod("home", {}, "10.244.2.2"),
        "default/client": Pod("default", {"role": "c"}, "10.244.2.3"),
        "default/other": Pod("default", {"role": "o"}, "10.244.2.4"),
        "third/client": Pod("third", {"role": "c"}, "10.244.2.5"),
    }
    assert {name for name, pod in pods.items() if inside.admits(pod, DB, 80)} == admitted


# "Default policies" of the documentation.
DENY_IN = {"podSelector": {}, "policyTypes": ["Ingress"]}
ALLOW_IN = {"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{}]}
DENY_OUT = {"podSelector": {}, "policyTypes": ["Egress"]}
ALLOW_OUT = {"podSelector": {}, "policyTypes": ["Egress"], "egress": [{}]}
DENY_BOTH = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


@pytest.mark.parametrize(
    ("specs", "comes_in", "goes_out"),
    [
        ([], True, True),
        ([DENY_IN], False, True),
        ([ALLOW_IN], True, True),
        ([DENY_IN, ALLOW_IN], True, True),
        ([DENY_OUT], True, False),
        ([ALLOW_OUT], True, True),
        ([DENY_OUT, ALLOW_OUT], True, True),
        ([DENY_BOTH], False, False),
    ],
)
def test_default_policies_deny_and_allow_all(specs: list[dict[str, Any]], comes_in: bool, goes_out: bool) -> None:
    assert network(*specs).admits(Outside("198.51.100.7"), DB, 80) is comes_in
    assert network(*specs).admits(DB, Outside("198.51.100.7"), 80) is goes_out


def test_both_ends_have_to_allow_a_connection() -> None:
    assert not network(DENY_OUT, ALLOW_IN).admits(OTHER, DB, 80)
    assert not network(DENY_IN, ALLOW_OUT).admits(OTHER, DB, 80)
    assert network(ALLOW_IN, ALLOW_OUT).admits(OTHER, DB, 80)


@pytest.mark.parametrize("rule", [{}, {"from": []}, {"from": None}, {"from": [], "ports": []}])
def test_a_rule_without_sources_admits_everyone(rule: dict[str, Any]) -> None:
    spec = {"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [rule]}
    assert network(spec).admits(Outside("198.51.100.7"), DB, 80)


def test_policy_types_that_are_not_given_are_ingress_and_egress_where_there_are_such_rules() -> None:
    assert policy_types({"spec": {"podSelector": {}}}) == ("Ingress",)
    assert policy_types({"spec": {"podSelector": {}, "egress": [{}]}}) == ("Ingress", "Egress")
    assert policy_types({"spec": {"podSelector": {}, "policyTypes": ["Egress"]}}) == ["Egress"]


# "Targeting a range of ports": 32000 to 32768.
@pytest.mark.parametrize(("port", "admitted"), [(31999, False), (32000, True), (32768, True), (32769, False)])
def test_a_range_of_ports_ends_with_its_end_port(port: int, admitted: bool) -> None:
    ports = [{"protocol": "TCP", "port": 32000, "endPort": 32768}]
    spec = {"podSelector": {}, "policyTypes": ["Egress"], "egress": [{"ports": ports}]}
    assert network(spec).admits(DB, Outside("10.0.0.5"), port) is admitted


def test_a_named_port_is_that_of_the_destination() -> None:
    spec = {"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{"ports": [{"port": "web"}]}]}
    assert network(spec).admits(OTHER, Pod("default", {}, ports={"web": 8080}), 8080)
    assert not network(spec).admits(OTHER, Pod("default", {}, ports={"web": 8080}), 80)
    assert not network(spec).admits(OTHER, Pod("default", {}), 8080)


# "Targeting multiple namespaces by label" and "by its name".
@pytest.mark.parametrize(("namespace", "admitted"), [("frontend", True), ("backend", True), ("batch", False)])
def test_namespaces_are_found_by_expression_and_by_name(namespace: str, admitted: bool) -> None:
    by_label = {"matchExpressions": [{"key": "namespace", "operator": "In", "values": ["frontend", "backend"]}]}
    by_name = {
        "matchExpressions": [
            {"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": ["batch", "default"]}
        ]
    }
    labels = {name: {"namespace": name} for name in ("frontend", "backend", "batch")}
    for selector in (by_label, by_name):
        spec = {"podSelector": {}, "policyTypes": ["Egress"], "egress": [{"to": [{"namespaceSelector": selector}]}]}
        policy = {"metadata": {"namespace": "default"}, "spec": spec}
        assert Network([policy], labels).admits(DB, Pod(namespace, {}, "10.244.3.1"), 80) is admitted


@pytest.mark.parametrize(
    ("operator", "matches"),
    [("In", {"a"}), ("NotIn", {"b", "none"}), ("Exists", {"a", "b"}), ("DoesNotExist", {"none"})],
)
def test_expressions_of_a_selector(operator: str, matches: set[str]) -> None:
    expression = {"key": "x", "operator": operator, **({"values": ["a"]} if operator.endswith("In") else {})}
    labels: dict[str, dict[str, str]] = {"a": {"x": "a"}, "b": {"x": "b"}, "none": {}}
    assert {name for name, each in labels.items() if selects({"matchExpressions": [expression]}, each)} == matches


def test_an_unknown_operator_is_an_error() -> None:
    with pytest.raises(ValueError, match="no such operator: Like"):
        selects({"matchExpressions": [{"key": "x", "operator": "Like"}]}, {})
