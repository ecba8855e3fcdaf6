"""What platforms ask of any chart: registries, contexts, volumes, placing, probes, rules, routes, budgets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.helm.conftest import Rendered
from tests.helm.containers import environment
from tests.helm.network_policies import Outside, Pod
from tests.helm.pod_security import violations
from tests.helm.test_chart import complaint
from tests.helm.test_policies_of_the_chart import policies
from tests.helm.test_settings import hosts_allowed
from tests.helm.tool import Helm, Manifest, container_of, of_kind, pod_of, the


@pytest.fixture
def extras(rendered: Rendered) -> list[Manifest]:
    """The objects of the value file `extras`."""
    return rendered("extras")


def test_another_namespace_is_that_of_every_object_and_of_the_names_the_server_answers_to(
    extras: list[Manifest],
) -> None:
    spaces = {each["kind"]: each["metadata"].get("namespace") for each in extras}
    assert {kind for kind, space in spaces.items() if space != "finops"} == {
        "ClusterRole",
        "ClusterRoleBinding",
        "ServiceMonitor",
    }
    assert the(extras, "ClusterRoleBinding")["subjects"][0]["namespace"] == "finops"
    assert the(extras, "ClusterRole")["metadata"]["name"] == "kubeledger-finops"
    assert hosts_allowed(extras).allows_host("kubeledger.finops.svc:5484")
    assert not hosts_allowed(extras).allows_host("kubeledger.kubeledger.svc:5484")
    tester = next(each for each in of_kind(extras, "Pod"))
    assert tester["spec"]["containers"][0]["command"][3] == "http://kubeledger.finops.svc:80"


@pytest.mark.parametrize(
    ("values", "image"),
    [
        ("image.registry=quay.io", "quay.io/kubeledger/kubeledger"),
        ("image.registry=quay.io/mirror/", "quay.io/mirror/kubeledger/kubeledger"),
        ("image.repository=a.example/b", "a.example/b"),
        ("image.repository=b,image.tag=1", "b"),
        ("global.imageRegistry=m.example:5000", "m.example:5000/kubeledger/kubeledger"),
        ("global.imageRegistry=m.example,image.registry=quay.io", "m.example/kubeledger/kubeledger"),
        # A mirror takes the place of the registry that the repository names, not of its first folder.
        ("global.image.registry=m.example,image.repository=localhost/a/b", "m.example/a/b"),
        ("global.imageRegistry=m.example,image.repository=r.example:80/a", "m.example/a"),
        ("global.imageRegistry=", "kubeledger/kubeledger"),
    ],
)
def test_the_image_comes_from_the_registry_that_is_named(helm: Helm, values: str, image: str) -> None:
    manifests = helm.render("--set-string", values)
    pods = [pod_of(manifests)["spec"], *(each["spec"] for each in of_kind(manifests, "Pod"))]
    images = {container["image"] for pod in pods for container in pod["containers"]}
    assert {each.rpartition(":")[0] for each in images} == {image}


def test_pull_secrets_are_names_or_entries_and_those_of_a_parent_chart_count_too(helm: Helm, tmp_path: Path) -> None:
    values = tmp_path / "values.yaml"
    values.write_text(
        yaml.safe_dump({"global": {"imagePullSecrets": ["a", {"name": "b"}]}, "imagePullSecrets": ["c", {"name": "a"}]})
    )
    manifests = helm.render("--values", values)
    for spec in (pod_of(manifests)["spec"], of_kind(manifests, "Pod")[0]["spec"]):
        assert spec["imagePullSecrets"] == [{"name": "a"}, {"name": "b"}, {"name": "c"}]


def test_numbers_and_flags_in_extra_variables_are_text_as_they_were_written(extras: list[Manifest]) -> None:
    told = environment(container_of(extras, "collector"))
    assert (told["RETRIES"], told["VERBOSE"]) == ("1000000", "true")
    # What is no value is left as it is.
    assert container_of(extras, "collector")["env"][-1]["valueFrom"] == {"fieldRef": {"fieldPath": "status.podIP"}}
    assert environment(container_of(extras, "mcp"))["KL_MCP_MAX_REQUESTS"] == "64"


@pytest.mark.parametrize(
    "entry",
    [
        {"valuefrom": {}},
        {"value": {"a": 1}},
        {"value": ["a"]},
        {"value": "1", "valueFrom": {"fieldRef": {}}},
        {"valueFrom": {}},
    ],
)
def test_an_extra_variable_that_the_api_server_would_refuse_is_refused(
    helm: Helm, tmp_path: Path, entry: dict[str, Any]
) -> None:
    values = tmp_path / "values.yaml"
    values.write_text(yaml.safe_dump({"mcp": {"extraEnv": [{"name": "A", **entry}]}}))
    done = helm.template("--values", values)
    assert (done.returncode, "- mcp.extraEnv.0" in done.stderr) == (1, True), done.stderr


def test_a_label_of_one_object_wins_over_that_of_all_and_stands_there_once(helm: Helm) -> None:
    own = "podLabels.team=pod,ingress.labels.team=ingress,metrics.serviceMonitor.labels.team=monitor"
    kinds = "ingress.enabled=true,ingress.host=a.example,metrics.serviceMonitor.enabled=true"
    manifests = helm.render("--set", f"extraLabels.team=all,{own},{kinds}")  # refuses a key that is there twice
    labels = {each["kind"]: each["metadata"]["labels"]["team"] for each in manifests}
    assert (labels["Ingress"], labels["ServiceMonitor"], labels["StatefulSet"]) == ("ingress", "monitor", "all")
    assert pod_of(manifests)["metadata"]["labels"]["team"] == "pod"


def test_each_key_of_a_security_context_takes_the_place_of_the_chart_s(helm: Helm, extras: list[Manifest]) -> None:
    context = pod_of(extras)["spec"]["securityContext"]
    assert (context["fsGroup"], context["runAsUser"], context["runAsGroup"]) == (2000, 1000680000, 10001)
    assert (context["supplementalGroups"], context["runAsNonRoot"]) == ([3000], True)
    contexts = {name: container_of(extras, name)["securityContext"] for name in ("collector", "mcp")}
    assert contexts["collector"].pop("seLinuxOptions") == {"type": "container_t"}
    assert contexts["collector"] == contexts["mcp"]
    assert contexts["mcp"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert contexts["mcp"]["capabilities"] == {"drop": ["ALL"]}
    # False is a value too.
    own = "securityContext.readOnlyRootFilesystem=false,mcp.securityContext.readOnlyRootFilesystem=true"
    changed = helm.render("--set", f"podSecurityContext.runAsNonRoot=false,{own}")
    assert pod_of(changed)["spec"]["securityContext"]["runAsNonRoot"] is False
    read_only = [
        container_of(changed, name)["securityContext"]["readOnlyRootFilesystem"] for name in ("collector", "mcp")
    ]
    assert read_only == [False, True]


def test_probes_keep_the_timings_that_are_not_given(extras: list[Manifest]) -> None:
    collector, server = (container_of(extras, name) for name in ("collector", "mcp"))
    assert (collector["startupProbe"]["failureThreshold"], collector["startupProbe"]["periodSeconds"]) == (360, 10)
    assert collector["livenessProbe"]["periodSeconds"] == 60
    ready = server["readinessProbe"]
    assert (ready["initialDelaySeconds"], ready["timeoutSeconds"], ready["periodSeconds"]) == (3, 9, 10)
    assert (server["livenessProbe"]["periodSeconds"], server["livenessProbe"]["initialDelaySeconds"]) == (45, 10)
    for probe in (ready, server["livenessProbe"]):
        assert set(probe["httpGet"]) == {"path", "port"}


def test_the_pod_is_spread_as_the_values_say(extras: list[Manifest]) -> None:
    (constraint,) = pod_of(extras)["spec"]["topologySpreadConstraints"]
    assert constraint["topologyKey"] == "topology.kubernetes.io/zone"


def test_volumes_and_containers_of_others_stand_beside_ours(helm: Helm, tmp_path: Path) -> None:
    container: dict[str, Any] = {
        "name": "proxy",
        "image": "proxy:1",
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    mount = {"name": "scratch", "mountPath": "/scratch"}
    given = {
        "extraVolumes": [{"name": "scratch", "emptyDir": {}}],
        "extraContainers": [container],
        "extraInitContainers": [{**container, "name": "wait"}],
        "collector": {"extraVolumeMounts": [mount]},
        "mcp": {"extraVolumeMounts": [mount]},
    }
    values = tmp_path / "values.yaml"
    values.write_text(yaml.safe_dump(given))
    manifests = helm.render("--values", values)
    spec = pod_of(manifests)["spec"]
    assert complaint(json.dumps(the(manifests, "StatefulSet"), sort_keys=True), "1.37") is None
    assert violations(spec) == []
    assert [each["name"] for each in spec["containers"]] == ["collector", "mcp", "proxy"]
    assert [each["name"] for each in spec["initContainers"]] == ["wait"]
    assert {"name": "scratch", "emptyDir": {}} in spec["volumes"]
    assert [mount in container_of(manifests, name)["volumeMounts"] for name in ("collector", "mcp")] == [True, True]


def test_the_published_port_and_its_callers_are_what_the_values_say(extras: list[Manifest]) -> None:
    service = the(extras, "Service", "kubeledger")["spec"]
    assert [(each["name"], each["nodePort"]) for each in service["ports"]] == [("mcp", 30484)]
    assert service["loadBalancerSourceRanges"] == ["203.0.113.0/24", "2001:db8::/64"]
    assert service["externalTrafficPolicy"] == "Local"
    metrics = the(extras, "Service", "kubeledger-metrics")["spec"]
    assert {"loadBalancerSourceRanges", "externalTrafficPolicy"} & set(metrics) == set()
    assert "nodePort" not in metrics["ports"][0]


def test_the_ingress_has_every_host_with_its_paths_and_certificates(extras: list[Manifest]) -> None:
    ingress = the(extras, "Ingress")
    assert ingress["metadata"]["labels"]["exposure"] == "internal"
    paths = {
        rule["host"]: [(each["path"], each["pathType"]) for each in rule["http"]["paths"]]
        for rule in ingress["spec"]["rules"]
    }
    assert paths == {
        "ledger.example.com": [("/mcp", "Exact")],
        "books.example.com": [("/mcp", "Exact")],
        "costs.example.com": [("/finops/mcp", "ImplementationSpecific"), ("/", "Prefix")],
    }
    assert {each["secretName"]: each["hosts"] for each in ingress["spec"]["tls"]} == {
        "ledger-tls": ["ledger.example.com", "books.example.com"],
        "costs-tls": ["costs.example.com"],
    }


def test_one_certificate_is_for_all_hosts_of_the_ingress(helm: Helm) -> None:
    hosts = "ingress.hosts={a.example,b.example},ingress.tlsSecretName=both"
    ingress = the(helm.render("--set", f"ingress.enabled=true,{hosts}"), "Ingress")["spec"]
    assert ingress["tls"] == [{"hosts": ["a.example", "b.example"], "secretName": "both"}]


def test_the_route_of_a_gateway_leads_to_the_endpoint_alone(extras: list[Manifest], rendered: Rendered) -> None:
    assert of_kind(rendered("default"), "HTTPRoute") == []
    route = the(extras, "HTTPRoute")
    assert route["apiVersion"] == "gateway.networking.k8s.io/v1"
    assert route["spec"] == {
        "parentRefs": [{"name": "public", "namespace": "gateways", "sectionName": "https"}],
        "hostnames": ["mcp.example.com"],
        "rules": [
            {
                "matches": [{"path": {"type": "Exact", "value": "/mcp"}}],
                "backendRefs": [{"name": "kubeledger", "port": 80}],
            }
        ],
    }
    (port,) = [each["port"] for each in the(extras, "Service", "kubeledger")["spec"]["ports"]]
    assert port == route["spec"]["rules"][0]["backendRefs"][0]["port"]


def test_the_server_answers_under_every_name_that_is_published(extras: list[Manifest]) -> None:
    access = hosts_allowed(extras)
    for host in ("ledger.example.com", "books.example.com", "costs.example.com", "mcp.example.com"):
        assert access.allows_host(host)
    assert not access.allows_host("public.example.com")


def test_with_jwts_a_route_publishes_the_path_to_the_issuer_too(helm: Helm) -> None:
    route = "httpRoute.enabled=true,httpRoute.parentRefs[0].name=public,httpRoute.hostnames={mcp.example.com}"
    manifests = helm.render(
        "--set", f"{route},mcp.jwt.existingSecret.name=keys,mcp.jwt.issuer=https://login.example.com"
    )
    (rule,) = the(manifests, "HTTPRoute")["spec"]["rules"]
    paths = [each["path"]["value"] for each in rule["matches"]]
    assert paths == ["/mcp", "/.well-known/oauth-protected-resource/mcp"]
    told = environment(container_of(manifests, "mcp"))
    assert told["KL_MCP_RESOURCE_URL"] == "https://mcp.example.com/mcp"


@pytest.mark.parametrize(
    ("budget", "version", "expected"),
    [
        ("enabled=true", "1.21.0", ("policy/v1", {"maxUnavailable": 1})),
        ("enabled=true", "1.20.15", ("policy/v1beta1", {"maxUnavailable": 1})),
        ("enabled=true,podDisruptionBudget.maxUnavailable=0", "1.30.0", ("policy/v1", {"maxUnavailable": 0})),
        (
            "enabled=true,podDisruptionBudget.maxUnavailable=,podDisruptionBudget.minAvailable=100%",
            "1.30.0",
            ("policy/v1", {"minAvailable": "100%"}),
        ),
        ("enabled=false", "1.30.0", None),
    ],
)
def test_a_budget_for_disruptions_is_about_the_pod_and_no_other(
    helm: Helm, budget: str, version: str, expected: tuple[str, dict[str, Any]] | None
) -> None:
    manifests = helm.render("--set", f"podDisruptionBudget.{budget}", "--kube-version", version)
    budgets = of_kind(manifests, "PodDisruptionBudget")
    if expected is None:
        assert budgets == []
        return
    spec = budgets[0]["spec"]
    labels = spec.pop("selector")["matchLabels"].items()
    assert (budgets[0]["apiVersion"], spec) == expected
    assert labels <= pod_of(manifests)["metadata"]["labels"].items()
    assert not labels <= of_kind(manifests, "Pod")[0]["metadata"]["labels"].items()


def test_a_service_monitor_elsewhere_still_looks_where_the_service_is(extras: list[Manifest]) -> None:
    monitor = the(extras, "ServiceMonitor")
    assert monitor["metadata"]["namespace"] == "monitoring"
    assert monitor["spec"]["namespaceSelector"] == {"matchNames": ["finops"]}
    assert [endpoint["port"] for endpoint in monitor["spec"]["endpoints"]] == ["metrics", "collector"]
    for endpoint in monitor["spec"]["endpoints"]:
        assert endpoint["relabelings"] == [{"targetLabel": "cluster", "replacement": "production"}]
        assert endpoint["metricRelabelings"][0]["regex"] == "kubeledger_.*"


def test_further_rules_let_the_pod_out_where_they_say_and_nowhere_else(extras: list[Manifest]) -> None:
    network, pod = policies(extras), Pod("finops", pod_of(extras)["metadata"]["labels"], "10.244.0.2")
    assert network.admits(pod, Outside("192.0.2.200"), 3128)
    assert not network.admits(pod, Outside("192.0.2.200"), 443)
    assert not network.admits(pod, Outside("192.0.2.7"), 3128)


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ("image.registry=quay.io,image.repository=a.example/b", "image.registry and image.repository both"),
        ("image.registry=a b", "image.registry"),
        ("imagePullSecrets={Bad_Name}", "imagePullSecrets.0"),
        ("global.imagePullSecrets={Bad_Name}", "global.imagePullSecrets.0"),
        ("global.imageRegistry=a b", "global.imageRegistry"),
        ("enabled=false", "condition: kubeledger.enabled"),
        ("namespaceOverride=A", "namespaceOverride"),
        ("podSecurityContext.runAsuser=1", "runAsuser"),
        ("mcp.securityContext.fsGroup=1", "fsGroup"),
        ("mcp.readinessProbe.periodseconds=1", "periodseconds"),
        ("mcp.readinessProbe.periodSeconds=0", "periodSeconds"),
        ("extraVolumes[0].name=data", "extraVolumes has a volume data"),
        ("extraContainers[0].name=mcp", "a container mcp"),
        ("extraInitContainers[0].name=import", "a container import"),
        ("topologySpreadConstraints[0].maxSkew=1", "topologyKey is required"),
        ("service.nodePort=30000", "service.nodePort needs service.type"),
        ("service.loadBalancerSourceRanges={10.0.0.0/8}", "service.loadBalancerSourceRanges needs"),
        ("service.type=LoadBalancer,service.loadBalancerSourceRanges={10.0.0.0}", "loadBalancerSourceRanges.0"),
        ("service.externalTrafficPolicy=Local", "service.externalTrafficPolicy needs"),
        ("ingress.enabled=true,ingress.hosts[0].hots=a", "ingress.hosts.0"),
        ("ingress.tls[0].secretName=a,ingress.tlsSecretName=b", "ingress.tls and ingress.tlsSecretName"),
        ("httpRoute.enabled=true", "httpRoute.parentRefs and httpRoute.hostnames"),
        ("httpRoute.hostnames={*.example.com}", "httpRoute.hostnames.0"),
        (
            "mcp.enabled=false,httpRoute.enabled=true,httpRoute.hostnames={a},httpRoute.parentRefs[0].name=b",
            "mcp.enabled",
        ),
        ("podDisruptionBudget.enabled=true,podDisruptionBudget.minAvailable=1", "exclude each other"),
        ("podDisruptionBudget.enabled=true,podDisruptionBudget.maxUnavailable=", "podDisruptionBudget.minAvailable or"),
        # Without `to` it would be everywhere.
        ("networkPolicy.egress.extraRules[0].ports[0].port=443", "to is required"),
        ("networkPolicy.egress.extraRules[0].to[0].ipBlock.cidr=a", "extraRules.0.to"),
    ],
)
def test_what_of_these_cannot_be_meant_is_refused_by_name(helm: Helm, values: str, named: str) -> None:
    done = helm.template("--set", values)
    assert done.returncode != 0
    assert named in done.stderr


def test_a_further_rule_that_would_let_the_pod_out_to_everybody_is_refused(helm: Helm, tmp_path: Path) -> None:
    values = tmp_path / "values.yaml"
    values.write_text(yaml.safe_dump({"networkPolicy": {"egress": {"extraRules": [{"to": []}]}}}))
    done = helm.template("--values", values)
    assert (done.returncode, "networkPolicy.egress.extraRules.0.to" in done.stderr) == (1, True)


@pytest.mark.parametrize(
    ("place", "variable", "named"),
    [
        ("collector", "KL_COST_MODEL", "use collector.costModel"),
        ("collector", "KOA_BILLING_HOURLY_RATE", "use billing.hourlyRate or billing.existingSecret"),
        ("collector", "KL_DATA_DIR", "it is fixed, leave it out"),
        ("mcp", "KL_MCP_LISTEN_PORT", "use mcp.port"),
        ("mcp", "KL_MCP_TRANSPORT", "it is fixed, leave it out"),
        ("mcp", "POD_IP", "it is fixed, leave it out"),
    ],
)
def test_a_variable_that_the_chart_sets_is_refused_with_the_value_to_use(
    helm: Helm, place: str, variable: str, named: str
) -> None:
    done = helm.template("--set", f"{place}.extraEnv[0].name={variable},{place}.extraEnv[0].value=1")
    assert done.returncode != 0
    assert f"{place}.extraEnv sets {variable}, which the chart sets itself: {named}." in done.stderr


def test_a_certificate_authority_for_the_issuer_is_set_once(helm: Helm) -> None:
    file = "mcp.extraEnv[0].name=SSL_CERT_FILE,mcp.extraEnv[0].value=/etc/ca.pem"
    assert helm.template("--set", file).returncode == 0
    done = helm.template("--set", f"{file},mcp.jwt.existingCaConfigMap.name=company")
    assert "use mcp.jwt.existingCaConfigMap" in done.stderr
