"""What the chart's NetworkPolicies let through, by the semantics of Kubernetes rather than by their text."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest
import yaml

from tests.helm.conftest import Rendered
from tests.helm.network_policies import NAME_LABEL, Host, Network, Node, Outside, Pod
from tests.helm.tool import NAMESPACE, VALUES, Helm, Manifest, container_of, is_hook, of_kind, pod_of

MCP, METRICS, COLLECTOR = 5484, 5485, 9484
SCRAPED = {METRICS, COLLECTOR}
PORTS = (22, 80, 443, MCP, METRICS, COLLECTOR, 5483, 5486, 8080, 9090, 9483, 9485, 65535)

# Whom a table of sources may be about; addresses are those of no block that a value file lists, unless they say so.
SOURCES: dict[str, Host] = {
    "neighbour": Pod(NAMESPACE, {"app": "neighbour"}, "10.244.0.11"),
    "stranger in the namespace": Pod(NAMESPACE, {"app": "web"}, "10.244.0.12"),
    "agent": Pod("assistants", {"app": "agent"}, "10.244.0.13"),
    "not an agent": Pod("assistants", {"app": "web"}, "10.244.0.14"),
    "agent elsewhere": Pod("default", {"app": "agent"}, "10.244.0.15"),
    "prometheus": Pod("monitoring", {"app": "prometheus"}, "10.244.0.16"),
    "listed address": Outside("10.20.7.7"),
    "excepted address": Outside("10.20.13.7"),
    "internet": Outside("198.51.100.7"),
}


def release_pod(manifests: list[Manifest]) -> Pod:
    """The release's pod, as policies see it."""
    return Pod(NAMESPACE, pod_of(manifests)["metadata"]["labels"], "10.244.0.2")


def policies(manifests: list[Manifest], *, testing: bool = False) -> Network:
    """The policies in force; those that are hooks only while `helm test` runs."""
    return Network([each for each in of_kind(manifests, "NetworkPolicy") if testing or not is_hook(each)])


def who_comes_in(manifests: list[Manifest], *, testing: bool = False) -> dict[str, set[int]]:
    """The ports that each source reaches; sources that reach none are left out."""
    network, pod = policies(manifests, testing=testing), release_pod(manifests)
    reached = {name: {port for port in PORTS if network.admits(each, pod, port)} for name, each in SOURCES.items()}
    return {name: ports for name, ports in reached.items() if ports}


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ("default", {}),
        ("no-persistence", {}),
        ("gpu", {}),
        ("openshift", {"agent": {MCP}, "not an agent": {MCP}}),
        ("metrics", {"prometheus": SCRAPED}),
        (
            "all-sources",
            {"listed address": {MCP, *SCRAPED}, "agent": {MCP}, "neighbour": {MCP}, "prometheus": SCRAPED},
        ),
        ("tls", {"agent": {MCP}, "not an agent": {MCP}, "prometheus": SCRAPED}),
        # To need a token is no reason to be let in.
        ("auth", {}),
        ("jwt", {}),
        # All pods are listed, and the collector alone listens.
        (
            "mcp-off",
            {name: {COLLECTOR} for name, source in SOURCES.items() if isinstance(source, Pod)},
        ),
    ],
)
def test_who_comes_in_is_who_is_listed(rendered: Rendered, values: str, expected: dict[str, set[int]]) -> None:
    assert who_comes_in(rendered(values)) == expected


def test_the_ports_that_are_opened_are_those_the_server_listens_on(helm: Helm) -> None:
    """8080, 9090 and 9485 in that file, by whatever ports the Service has."""
    manifests = helm.render(
        *("--values", VALUES / "everything.yaml"),
        *("--set", "networkPolicy.metricsAllowedSources[0].podSelector.matchLabels.app=scraper"),
    )
    controller, scraper = Pod("ingress-nginx", {}, "10.244.0.20"), Pod(NAMESPACE, {"app": "scraper"}, "10.244.0.21")
    network, pod = policies(manifests), release_pod(manifests)
    assert [port for port in PORTS if network.admits(controller, pod, port)] == [8080]
    assert [port for port in PORTS if network.admits(scraper, pod, port)] == [9090, 9485]


LISTS = {
    "allowedSources": {MCP, *SCRAPED},
    "mcpAllowedSources": {MCP},
    "metricsAllowedSources": SCRAPED,
}
"""Each list of sources, and the ports it is about."""


@pytest.mark.parametrize("listed", list(product((False, True), repeat=3)), ids=str)
def test_an_empty_list_admits_nobody_whatever_the_others_hold(
    helm: Helm, tmp_path: Path, listed: tuple[bool, ...]
) -> None:
    agents = [{"namespaceSelector": {"matchLabels": {NAME_LABEL: "assistants"}}}]
    lists = {name: agents if full else [] for name, full in zip(LISTS, listed, strict=True)}
    values = tmp_path / "values.yaml"
    values.write_text(yaml.safe_dump({"networkPolicy": lists}))
    ports = set().union(*(LISTS[name] for name, full in zip(LISTS, listed, strict=True) if full))
    expected = {"agent": ports, "not an agent": ports} if ports else {}
    assert who_comes_in(helm.render("--values", values)) == expected


def test_a_collector_without_a_port_for_metrics_lets_nobody_in_there(helm: Helm) -> None:
    off = ("--set", "metrics.collectorPort=0")
    scraping = who_comes_in(helm.render("--values", VALUES / "metrics.yaml", *off))
    assert scraping == {"prometheus": {METRICS}}
    # Then nothing listens, and so nobody is let in, listed or not.
    manifests = helm.render("--values", VALUES / "mcp-off.yaml", *off)
    assert who_comes_in(manifests) == {}
    assert of_kind(manifests, "Service") == []


@pytest.mark.parametrize(
    "source",
    [{}, {"podSelector": None}, {"ipBlock": {}}, {"podSelectors": {}}, {"ipBlock": {"cidr": "10.0.0.0"}}],
    ids=str,
)
def test_a_source_that_kubernetes_would_refuse_or_read_as_everyone_is_refused(
    helm: Helm, tmp_path: Path, source: object
) -> None:
    values = tmp_path / "values.yaml"
    values.write_text(yaml.safe_dump({"networkPolicy": {"mcpAllowedSources": [source]}}))
    done = helm.template("--values", values)
    assert done.returncode != 0
    assert "networkPolicy.mcpAllowedSources.0" in done.stderr


@pytest.mark.parametrize("path", sorted(VALUES.glob("*.yaml")), ids=lambda path: path.stem)
def test_no_rule_has_an_empty_list(rendered: Rendered, path: Path) -> None:
    specs = [policy["spec"] for policy in of_kind(rendered(path.stem), "NetworkPolicy")]
    assert specs
    rules = [rule for spec in specs for kind in ("ingress", "egress") for rule in spec.get(kind, [])]
    assert [rule for rule in rules if not all(rule.get(key) for key in {*rule, "ports"})] == []


def test_the_node_of_the_pod_is_let_through_for_its_probes(rendered: Rendered) -> None:
    manifests = rendered("default")
    assert policies(manifests).admits(Node(), release_pod(manifests), MCP)
    ports = {port["name"]: port["containerPort"] for port in container_of(manifests, "mcp")["ports"]}
    for probe in ("readinessProbe", "livenessProbe"):
        assert ports[container_of(manifests, "mcp")[probe]["httpGet"]["port"]] == MCP


@pytest.mark.parametrize("values", ["default", "all-sources", "tls", "jwt"])
def test_the_pod_of_helm_test_is_let_in_while_it_runs_and_nobody_else_is(rendered: Rendered, values: str) -> None:
    manifests = rendered(values)
    labels = next(each for each in of_kind(manifests, "Pod") if is_hook(each))["metadata"]["labels"]
    tester, pod = Pod(NAMESPACE, labels, "10.244.0.3"), release_pod(manifests)
    during, otherwise = policies(manifests, testing=True), policies(manifests)
    assert [port for port in PORTS if during.admits(tester, pod, port)] == [MCP]
    assert not otherwise.admits(tester, pod, MCP)
    assert not during.admits(Pod("default", labels, "10.244.0.4"), pod, MCP)
    assert who_comes_in(manifests, testing=True) == who_comes_in(manifests)


def test_without_policies_everyone_comes_in(helm: Helm) -> None:
    manifests = helm.render("--set", "networkPolicy.enabled=false")
    assert of_kind(manifests, "NetworkPolicy") == []
    assert set(who_comes_in(manifests)) == set(SOURCES)


DNS = {"k8s-app": "kube-dns"}
DESTINATIONS: dict[str, tuple[Host, int, str]] = {
    "API server": (Outside("10.0.0.10"), 443, "TCP"),
    "API server, secure port": (Outside("10.0.0.11"), 6443, "TCP"),
    "API server, SSH": (Outside("10.0.0.10"), 22, "TCP"),
    "OpenShift's API server": (Outside("172.30.0.1"), 443, "TCP"),
    "DNS": (Pod("kube-system", DNS, "10.244.0.53"), 53, "UDP"),
    "DNS over TCP": (Pod("kube-system", DNS, "10.244.0.53"), 53, "TCP"),
    "node-local DNS": (Outside("169.254.20.10"), 53, "UDP"),
    "another DNS": (Outside("198.51.100.53"), 53, "UDP"),
    "OpenShift's DNS": (Pod("openshift-dns", {}, "10.128.0.53"), 5353, "UDP"),
    "DCGM exporter": (Pod("gpu-operator", {"app": "nvidia-dcgm-exporter"}, "10.244.0.94"), 9400, "TCP"),
    "another pod's 9400": (Pod("gpu-operator", {"app": "web"}, "10.244.0.95"), 9400, "TCP"),
    "another pod": (Pod("default", {}, "10.244.0.96"), 80, "TCP"),
    "internet": (Outside("198.51.100.7"), 443, "TCP"),
    "issuer of JWTs": (Outside("192.0.2.10"), 443, "TCP"),
    "issuer of JWTs, 8443": (Outside("192.0.2.10"), 8443, "TCP"),
    "issuer of JWTs, 80": (Outside("192.0.2.10"), 80, "TCP"),
    "instance metadata": (Outside("169.254.169.254"), 80, "TCP"),
}


def where_it_goes(manifests: list[Manifest]) -> set[str]:
    """The destinations that the pod reaches."""
    network, pod = policies(manifests), release_pod(manifests)
    return {name for name, (to, port, protocol) in DESTINATIONS.items() if network.admits(pod, to, port, protocol)}


OWN_DNS = {"DNS", "DNS over TCP", "node-local DNS"}


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ("default", set(DESTINATIONS)),
        ("gpu", {"API server", "API server, secure port", "DCGM exporter", *OWN_DNS}),
        ("openshift", {"OpenShift's API server", "OpenShift's DNS"}),
    ],
)
def test_the_pod_gets_out_to_what_it_needs_where_egress_is_limited(
    rendered: Rendered, values: str, expected: set[str]
) -> None:
    assert where_it_goes(rendered(values)) == expected


def test_a_limit_without_dcgm_endpoints_has_no_rule_for_them(helm: Helm) -> None:
    limited = ["networkPolicy.egress.enabled=true", "networkPolicy.egress.apiServer.cidrs={10.0.0.10/32}"]
    manifests = helm.render("--set", ",".join(limited))
    assert where_it_goes(manifests) == {"API server", *OWN_DNS}


def test_a_limit_that_would_cut_off_the_api_server_is_refused(helm: Helm) -> None:
    done = helm.template("--set", "networkPolicy.egress.enabled=true")
    assert done.returncode != 0
    assert "networkPolicy.egress.apiServer.cidrs" in done.stderr


JWKS = (
    "mcp.jwt.jwksUrl=https://login.example.com/keys,mcp.jwt.issuer=https://login.example.com,"
    "mcp.jwt.resourceUrl=https://ledger.example.com/mcp,"
    "networkPolicy.egress.enabled=true,networkPolicy.egress.apiServer.cidrs={10.0.0.10/32}"
)
TO_THE_ISSUER = "networkPolicy.egress.jwks.to[0].ipBlock.cidr=192.0.2.0/24"


def test_the_server_gets_out_to_the_issuer_of_jwts_where_a_url_of_its_keys_is_named(helm: Helm) -> None:
    both = "networkPolicy.egress.jwks.ports={443,8443}"
    manifests = helm.render("--set", f"{JWKS},{TO_THE_ISSUER},{both}")
    assert where_it_goes(manifests) == {"API server", "issuer of JWTs", "issuer of JWTs, 8443", *OWN_DNS}
    # Not where nothing asks there: the keys are a file, or there is no server.
    for other in ("mcp.jwt.jwksUrl=,mcp.jwt.existingSecret.name=keys", "mcp.enabled=false"):
        assert where_it_goes(helm.render("--set", f"{JWKS},{TO_THE_ISSUER},{other}")) == {"API server", *OWN_DNS}


def test_a_limit_that_would_cut_off_the_issuer_of_jwts_is_refused(helm: Helm) -> None:
    done = helm.template("--set", JWKS)
    assert done.returncode != 0
    assert "networkPolicy.egress.jwks.to" in done.stderr
    assert helm.template("--set", f"{JWKS},mcp.enabled=false").returncode == 0
