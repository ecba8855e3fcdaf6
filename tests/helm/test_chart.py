"""The chart under a real Helm: it lints, renders valid objects for the table of value files, and refuses nonsense."""

from __future__ import annotations

import json
import re
import shutil
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml

from kl_mcp import __version__
from simulator.clients import client_configurations
from tests.helm.conftest import Rendered
from tests.helm.tool import CHART, RELEASE, VALUES, Helm, Manifest, container_of, is_hook, of_kind, the

FILES = [path.stem for path in sorted(VALUES.glob("*.yaml"))]
# The oldest and the newest version whose schemas the package carries.
KUBERNETES = ("1.25", "1.37")
# A kind of the Prometheus Operator, which is no part of Kubernetes.
FOREIGN = {"ServiceMonitor"}


def test_the_table_has_the_cases_that_matter() -> None:
    assert {"default", "no-persistence", "openshift", "gpu", "all-sources", "mcp-off", "metrics"} <= set(FILES)


@pytest.mark.parametrize("name", FILES)
def test_the_chart_lints(helm: Helm, name: str) -> None:
    done = helm.run("lint", "--strict", CHART, "--values", VALUES / f"{name}.yaml")
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
        properties: dict[str, Any] = part.get("properties", {})
        inner = (described(each, f"{prefix}{key}.") for key, each in properties.items())
        return {prefix + key for key in properties}.union(*inner)

    # A map of the user's own names, and the entries under shared definitions, are no values of the chart.
    free = re.compile(r"\.resources\.|resourceWeights\.|^global$")
    defaults = names(yaml.safe_load((CHART / "values.yaml").read_text()))
    assert {each for each in described(schema) if not free.search(each)} == {
        each for each in defaults if not free.search(each)
    }


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
        ("ingress.enabled=true", "ingress.host"),
        ("mcp.enabled=false,ingress.enabled=true,ingress.host=a.example", "mcp.enabled"),
        ("mcp.enabled=false,metrics.serviceMonitor.enabled=true", "mcp.enabled"),
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
    (path,) = rule["http"]["paths"]
    assert (rule["host"], path["path"], path["pathType"]) == ("ledger.example.com", "/mcp", "Exact")
    assert path["backend"]["service"] == {"name": "ledger", "port": {"name": "mcp"}}
    assert spec["tls"] == [{"hosts": ["ledger.example.com"], "secretName": "ledger-tls"}]


def test_the_service_monitor_finds_the_service_and_its_port(rendered: Rendered) -> None:
    assert of_kind(rendered("default"), "ServiceMonitor") == []
    manifests = rendered("metrics")
    monitor, service = the(manifests, "ServiceMonitor"), the(manifests, "Service")
    assert monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    (endpoint,) = monitor["spec"]["endpoints"]
    assert endpoint["port"] in [port["name"] for port in service["spec"]["ports"]]
    assert endpoint["path"] == "/metrics"
    assert monitor["metadata"]["labels"]["release"] == "prometheus"


def test_what_is_there_for_the_test_is_a_hook_and_only_that(rendered: Rendered) -> None:
    hooks = {(each["kind"], each["metadata"]["name"]) for each in rendered("default") if is_hook(each)}
    assert hooks == {("Pod", "kubeledger-test"), ("NetworkPolicy", "kubeledger-test")}
    # The policy goes first, and does not outlive a test that succeeded.
    annotations = {each["kind"]: each["metadata"]["annotations"] for each in rendered("default") if is_hook(each)}
    assert int(annotations["NetworkPolicy"]["helm.sh/hook-weight"]) < 0
    assert "hook-succeeded" in annotations["NetworkPolicy"]["helm.sh/hook-delete-policy"]


NOTES = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: notes}
data:
  notes: |
{{ include (print $.Template.BasePath "/NOTES.txt") . | indent 4 }}
"""


@pytest.fixture
def notes(helm: Helm, tmp_path: Path) -> Any:
    """What is printed after an installation with some values."""
    chart = Path(shutil.copytree(CHART, tmp_path / "kubeledger"))
    (chart / "templates" / "notes.yaml").write_text(NOTES)

    def text(*arguments: str | Path) -> str:
        done = helm.template("--show-only", "templates/notes.yaml", *arguments, chart=chart)
        assert done.returncode == 0, done.stderr
        found: str = yaml.safe_load(done.stdout)["data"]["notes"]
        return found

    return text


def test_the_notes_forward_a_port_and_configure_every_client(notes: Any) -> None:
    text = notes()
    assert f"kubectl -n kubeledger port-forward service/{RELEASE} 5484:5484" in text
    compact = re.sub(r"\s", "", text)
    for client in client_configurations("http://127.0.0.1:5484/mcp"):
        assert client.name in text
        assert re.sub(r"\s", "", client.text) in compact
    assert "Nobody inside the cluster may reach it yet" in text
    assert "WARNING" not in text


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ("networkPolicy.enabled=false", "WARNING: networkPolicy.enabled is false"),
        ("persistence.enabled=false", "WARNING: persistence.enabled is false"),
        ("ingress.enabled=true,ingress.host=a.example", "Ingress controller is not among"),
        ("ingress.enabled=true,ingress.host=a.example", "the server does not ask who calls"),
        ("metrics.serviceMonitor.enabled=true", "Prometheus is not among"),
        ("mcp.enabled=false", "The MCP server is off"),
    ],
)
def test_the_notes_warn_of_what_will_surprise(notes: Any, values: str, said: str) -> None:
    assert said in notes("--set", values)


def test_the_notes_count_the_listed_sources(notes: Any) -> None:
    text = notes("--values", VALUES / "all-sources.yaml")
    assert "Sources that may reach it: 3 listed" in text
    assert "WARNING" not in text


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
        assert collector[probe]["exec"]["command"] == ["kl-collector", "health"]
    assert server["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": "mcp"}
    assert server["livenessProbe"]["httpGet"] == {"path": "/healthz", "port": "mcp"}
    # The kubelet's default of one second would be too short for a process to start on a busy node.
    assert collector["livenessProbe"]["timeoutSeconds"] >= 5
