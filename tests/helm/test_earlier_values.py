"""Values of an earlier KubeLedger's chart: taken where they mean the same, else refused with the name to use."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from kl_core.setting_names import SETTING_NAMES
from tests.helm.conftest import Rendered
from tests.helm.containers import environment
from tests.helm.test_settings import collector
from tests.helm.tool import CHART, ROOT, VALUES, Helm, Manifest, container_of, of_kind, pod_of, the

TABLE = (ROOT / "docs" / "migrating-from-kubeledger.md").read_text()


def claim(manifests: list[Manifest]) -> dict[str, Any]:
    """What the release claims of storage."""
    spec: dict[str, Any] = the(manifests, "StatefulSet")["spec"]["volumeClaimTemplates"][0]["spec"]
    return spec


def rendered_with(helm: Helm, tmp_path: Path, values: dict[str, Any]) -> list[Manifest]:
    file = tmp_path / "values.yaml"
    file.write_text(yaml.safe_dump(values))
    return helm.render("--values", file)


@pytest.mark.parametrize(
    ("earlier", "now"),
    [
        ("dataVolume.persist=false", "persistence.enabled=false"),
        ("dataVolume.capacity=3Gi", "persistence.size=3Gi"),
        ("dataVolume.storageClass=fast", "persistence.storageClassName=fast"),
        ("dataVolume.storageClass=null", "openshift.enabled=false"),
        ("includedNamespaces={a,b*}", "collector.includedNamespaces={a,b*}"),
        ("excludedNamespaces={c}", "collector.excludedNamespaces={c}"),
        ("prometheusOperator.enabled=true", "metrics.serviceMonitor.enabled=true"),
        (
            "prometheusOperator.enabled=true,prometheusOperator.labels.release=p",
            "metrics.serviceMonitor.enabled=true,metrics.serviceMonitor.labels.release=p",
        ),
        ("metadata.labels.app=kubeledger", "extraLabels.app=kubeledger"),
        ("securityContext.openshift=true", "openshift.enabled=true"),
        ("securityContext.openshift=true,securityContext.uid=4583", "openshift.enabled=true"),
        ("securityContext.enabled=true", "openshift.enabled=false"),
        (
            "securityContext.uid=4583,securityContext.gid=4584",
            "podSecurityContext.runAsUser=4583,podSecurityContext.fsGroup=4584",
        ),
        ("mcp.service.port=80,mcp.service.targetPort=8080", "service.port=80,mcp.port=8080"),
        ("mcp.service.port=5486,service.port=80,metrics.port=9000", "service.port=5486,metrics.port=9000"),
        ("replicaCount=1", "openshift.enabled=false"),
        ("billing.hourlyRate=-1.0", "billing.hourlyRate="),
        ("billing.hourlyRate=0", "billing.hourlyRate="),
        ("dcgm.enable=true,dcgm.endpoint=dcgm.gpu:9400", "dcgm.endpoints={http://dcgm.gpu:9400/metrics}"),
        ("dcgm.enabled=true,dcgm.endpoint=dcgm.gpu:9400", "dcgm.endpoints={http://dcgm.gpu:9400/metrics}"),
        ("dcgm.endpoint=dcgm.gpu:9400/other", "dcgm.endpoints={http://dcgm.gpu:9400/other}"),
        ("dcgm.endpoint=https://dcgm.gpu:9400/metrics", "dcgm.endpoints={https://dcgm.gpu:9400/metrics}"),
        ("dcgm.enabled=false,dcgm.endpoint=http://dcgm.gpu:9400/metrics", "dcgm.endpoints=null"),
        # What the command line turns on, over a file that has the other name off.
        (
            "dcgm.enabled=false,dcgm.enable=true,dcgm.endpoint=dcgm.gpu:9400",
            "dcgm.endpoints={http://dcgm.gpu:9400/metrics}",
        ),
        ("envs.KL_COST_MODEL=RATIO", "collector.costModel=RATIO"),
        ("envs.KOA_COST_MODEL=RATIO", "collector.costModel=RATIO"),
        ("envs.KL_POLLING_INTERVAL_SEC=600", "collector.pollingIntervalSeconds=600"),
        ("envs.KL_BILLING_HOURLY_RATE=1.5", "billing.hourlyRate=1.5"),
        ("envs.KL_BILLING_HOURLY_RATE=-1.0", "billing.hourlyRate="),
        ("envs.KL_BILLING_CURRENCY_SYMBOL=€", "billing.currency=€"),
        ("billing.currencySymbol=€", "billing.currency=€"),
        ("envs.KL_INCLUDED_NAMESPACES=a\\,b", "collector.includedNamespaces={a,b}"),
        ("envs.KL_EXCLUDED_NAMESPACES=c", "collector.excludedNamespaces={c}"),
        ("envs.KL_EXCLUDED_NAMESPACES=c,excludedNamespaces={d}", "collector.excludedNamespaces={d}"),
        ("envs.KL_INCLUDED_NAMESPACES=", "collector.includedNamespaces=null"),
        ("envs.KL_K8S_API_VERIFY_SSL=false", "kubernetesApi.verifySsl=false"),
        ("envs.KL_K8S_API_VERIFY_SSL=true", "kubernetesApi.verifySsl=true"),
        ("envs.KL_NVIDIA_DCGM_ENDPOINT=dcgm.gpu:9400", "dcgm.endpoints={http://dcgm.gpu:9400/metrics}"),
        (
            "envs.HTTPS_PROXY=http://proxy:3128",
            "collector.extraEnv[0].name=HTTPS_PROXY,collector.extraEnv[0].value=http://proxy:3128",
        ),
        ("dataVolume.capacity=3Gi,persistence.size=3Gi", "persistence.size=3Gi"),
        ("envs.KL_DB_LOCATION=/data/db", "openshift.enabled=false"),
        ("envs.KL_K8S_API_ENDPOINT=https://kubernetes.default", "openshift.enabled=false"),
        ("envs.KL_K8S_API_ENDPOINT=https://kubernetes.default.svc.cluster.local:443", "openshift.enabled=false"),
        ("envs.KL_K8S_CACERT=/run/secrets/kubernetes.io/serviceaccount/ca.crt", "openshift.enabled=false"),
    ],
)
def test_what_means_the_same_is_taken_as_if_it_were_given_under_its_present_name(
    helm: Helm, earlier: str, now: str
) -> None:
    default_of_lists = now.replace("=null", "={}") if now.endswith("null") else now
    expected = helm.render() if now.endswith("null") else helm.render("--set", default_of_lists)
    assert helm.render("--set", earlier) == expected


@pytest.mark.parametrize(
    ("empty", "now"),
    [
        ({"dataVolume": {"storageClass": ""}}, "persistence.storageClassName=fast"),
        ({"excludedNamespaces": []}, "collector.excludedNamespaces={c}"),
        ({"metadata": {"labels": {}}}, "extraLabels.app=kubeledger"),
        ({"envs": {"KL_COST_MODEL": ""}}, "collector.costModel=RATIO"),
        ({"envs": {"KL_POLLING_INTERVAL_SEC": ""}}, "collector.pollingIntervalSeconds=600"),
        ({"envs": {"KL_INCLUDED_NAMESPACES": ""}}, "collector.includedNamespaces={a,b}"),
        ({"envs": {"KL_BILLING_HOURLY_RATE": ""}}, "billing.hourlyRate=2"),
        ({"envs": {"KOA_BILLING_HOURLY_RATE": ""}}, "billing.hourlyRate=2"),
        ({"envs": {"KL_BILLING_CURRENCY_SYMBOL": ""}}, "billing.currency=€"),
        ({"billing": {"currencySymbol": ""}}, "billing.currency=€"),
        ({"envs": {"KL_NVIDIA_DCGM_ENDPOINT": ""}}, "dcgm.endpoints={http://dcgm.gpu:9400/metrics}"),
        ({"envs": {"KL_K8S_API_VERIFY_SSL": ""}}, "kubernetesApi.verifySsl=false"),
        ({"envs": {"KL_K8S_API_VERIFY_SSL": ""}}, "kubernetesApi.verifySsl=true"),
    ],
)
def test_what_is_empty_is_not_given(helm: Helm, tmp_path: Path, empty: dict[str, Any], now: str) -> None:
    file = tmp_path / "values.yaml"
    file.write_text(yaml.safe_dump(empty))
    assert helm.render("--values", file, "--set", now) == helm.render("--set", now)


@pytest.mark.parametrize(
    ("earlier", "named"),
    [
        ("replicaCount=2", "replicaCount is always 1"),
        ("resources.limits.memory=1Gi", "set collector.resources and mcp.resources"),
        ("service.targetPort=5483", "the server's port in the pod is mcp.port"),
        ("securityContext.enabled=false", "podSecurityContext, or leave IDs to the cluster with openshift.enabled"),
        ("securityContext.uid=root", "securityContext.uid: Invalid type"),
        ("securityContext.gid=-1", "securityContext.gid"),
        ("dcgm.enabled=true", "set dcgm.endpoints"),
        ("dcgm.enable=true", "set dcgm.endpoints"),
        ("dcgm.endpoint=a b", "dcgm.endpoint"),
        ("billing.hourlyRate=-2", "billing.hourlyRate"),
        ("dataVolume.size=3Gi", "dataVolume: Additional property size is not allowed"),
        ("envs.KL_DB_LOCATION=/books", "envs.KL_DB_LOCATION is not taken: it is fixed"),
        ("envs.KL_K8S_API_ENDPOINT=https://api.example.com", "use kubernetesApi.endpoint"),
        ("envs.KL_K8S_CACERT=/etc/ca.crt", "use kubernetesApi.existingSecret.caKey"),
        ("envs.KOA_K8S_AUTH_TOKEN=secret", "envs.KOA_K8S_AUTH_TOKEN is not taken: use kubernetesApi.existingSecret"),
        ("envs.KL_MCP_LISTEN_PORT=5484", "use mcp.port"),
        ("envs.KOA_GOOGLE_API_KEY=none", "envs.KOA_GOOGLE_API_KEY is not a setting"),
        ("envs.KL_COST_MODEL=FREE", "envs.KL_COST_MODEL"),
        ("envs.KL_POLLING_INTERVAL_SEC=60", "envs.KL_POLLING_INTERVAL_SEC"),
        ("envs.KL_BILLING_HOURLY_RATE=free", "envs.KL_BILLING_HOURLY_RATE"),
        ("envs.KL_COST_MODEL=CHARGE_BACK", "needs a rate"),
        ("collector.costModel=CHARGE_BACK,billing.hourlyRate=-1.0", "needs a rate"),
        # Neither is passed over.
        ("dataVolume.capacity=3Gi,persistence.size=9Gi", "both are given: leave dataVolume.capacity out"),
        ("dataVolume.persist=true,persistence.enabled=false", "both are given: leave dataVolume.persist out"),
        ("securityContext.uid=4583,podSecurityContext.runAsUser=5", "leave securityContext.uid out"),
        ("envs.KOA_COST_MODEL=RATIO,collector.costModel=CHARGE_BACK", "leave envs.KOA_COST_MODEL out"),
        ("envs.KL_BILLING_HOURLY_RATE=0,billing.hourlyRate=2", "leave envs.KL_BILLING_HOURLY_RATE out"),
        ("dcgm.endpoint=a:1,dcgm.endpoints={http://b:1/metrics}", "leave dcgm.endpoint out"),
    ],
)
def test_what_means_something_else_is_refused_with_the_name_to_use(helm: Helm, earlier: str, named: str) -> None:
    done = helm.template("--set", earlier)
    assert done.returncode != 0
    assert named in done.stderr


def test_a_values_file_of_an_earlier_chart_needs_two_names_less(helm: Helm, tmp_path: Path) -> None:
    """All of its names but the container's resources and the port of the dashboard."""
    values = {
        "envs": {
            "KL_DB_LOCATION": "/data/db",
            "KL_K8S_API_ENDPOINT": "https://kubernetes.default",
            "KL_COST_MODEL": "CHARGE_BACK",
            "KL_BILLING_HOURLY_RATE": 7.25,
            "KL_BILLING_CURRENCY_SYMBOL": "€",
            "KL_K8S_API_VERIFY_SSL": True,
            "KL_K8S_CACERT": "/run/secrets/kubernetes.io/serviceaccount/ca.crt",
            "KL_INCLUDED_NAMESPACES": "",
            "KL_EXCLUDED_NAMESPACES": "",
        },
        "dcgm": {"enabled": True, "endpoint": "http://dcgm-exporter.gpu-operator:9400/metrics"},
        "dataVolume": {"persist": True, "capacity": "500Mi"},
        "includedNamespaces": [],
        "excludedNamespaces": ["sandbox"],
        "prometheusOperator": {"enabled": False, "labels": None},
        "securityContext": {"enabled": True, "openshift": False, "uid": 4583, "gid": 4583},
        "replicaCount": 1,
        "image": {"repository": "registry.example.com/kubeledger", "pullPolicy": "Always"},
        "metadata": {"labels": {"app": "kubeledger"}},
        "service": {"type": "ClusterIP", "port": 80},
        "mcp": {"enabled": True, "service": {"port": 5484, "targetPort": 5484}},
        "networkPolicy": {"enabled": True, "allowedSources": [], "mcpAllowedSources": []},
        "ingress": {
            "enabled": True,
            "annotations": {},
            "labels": {},
            "hosts": [{"host": "kubeledger.local", "paths": []}],
            "tls": [{"secretName": "kubeledger-tls", "hosts": ["kubeledger.local"]}],
        },
        "nodeSelector": {},
        "tolerations": [],
        "affinity": {},
    }
    manifests = rendered_with(helm, tmp_path, values)
    chosen = collector(manifests)
    assert (chosen.cost_model, chosen.billing_hourly_rate, chosen.billing_currency) == ("CHARGE_BACK", 7.25, "€")
    assert (chosen.included_namespaces, chosen.excluded_namespaces) == ((), ("sandbox",))
    assert chosen.nvidia_dcgm_endpoints == ("http://dcgm-exporter.gpu-operator:9400/metrics",)
    assert claim(manifests)["resources"]["requests"]["storage"] == "500Mi"
    context = pod_of(manifests)["spec"]["securityContext"]
    assert (context["runAsUser"], context["fsGroup"]) == (4583, 4583)
    assert of_kind(manifests, "ServiceMonitor") == []
    assert the(manifests, "Service")["spec"]["ports"][0]["port"] == 5484
    assert the(manifests, "Ingress")["spec"]["rules"][0]["host"] == "kubeledger.local"


@pytest.mark.parametrize("rate", [-1.0, -1, 0, 0.0, "-1.0", "0.0"])
def test_no_rate_is_none_however_an_earlier_chart_wrote_it(helm: Helm, tmp_path: Path, rate: object) -> None:
    for values in ({"billing": {"hourlyRate": rate}}, {"envs": {"KOA_BILLING_HOURLY_RATE": rate}}):
        assert collector(rendered_with(helm, tmp_path, values)).billing_hourly_rate is None


def earlier_names(schema: dict[str, Any], prefix: str = "") -> Iterator[str]:
    """Paths of the names that the schema takes from an earlier chart, those of a parent left out."""
    for name, part in schema.get("properties", {}).items():
        inner = part.get("properties", {})
        if not part.get("deprecated"):
            yield from earlier_names(part, f"{prefix}{name}.")
        elif inner or name not in ("enabled", "envs"):
            yield from [f"{prefix}{name}.{each}" for each in inner] or [f"{prefix}{name}"]


def test_the_table_has_every_name_that_is_taken_or_refused() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())
    taken = {*earlier_names(schema), "dcgm.enabled", "billing.hourlyRate"}
    taken |= {f"securityContext.{name}" for name in ("openshift", "enabled", "uid", "gid")}
    assert len(taken) > 15
    rows = [line.split("|")[1] for line in TABLE.splitlines() if line.startswith("| ")]
    documented = {name.partition(":")[0] for row in rows for name in re.findall(r"`([^`]+)`", row)}
    assert taken - documented == set()
    # And every variable of the table is one that the templates know.
    known = (CHART / "templates" / "_earlier.tpl").read_text() + (CHART / "templates" / "_refuse.tpl").read_text()
    variables = {name.removeprefix("envs.") for name in documented if name.startswith("envs.KL_")}
    assert len(variables) > 9
    assert [name for name in sorted(variables) if f'"{name}"' not in known and f"\n{name}:" not in known] == []


TABLE_OF_VARIABLES = (
    'apiVersion: v1\nkind: Table\nvariables: {{ include "kubeledger.variables" . | fromYaml | toJson }}\n'
)


@pytest.fixture(scope="module")
def variables(helm: Helm, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The chart's table of the variables it sets, and the values that set them."""
    chart = Path(shutil.copytree(CHART, tmp_path_factory.mktemp("chart") / "kubeledger"))
    (chart / "templates" / "table.yaml").write_text(TABLE_OF_VARIABLES)
    done = helm.template("--show-only", "templates/table.yaml", chart=chart)
    table: dict[str, str] = yaml.safe_load(done.stdout)["variables"]
    return table


@pytest.mark.parametrize("path", sorted(VALUES.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_variable_that_the_chart_sets_is_refused_elsewhere(
    rendered: Rendered, variables: dict[str, str], path: Path
) -> None:
    given = yaml.safe_load(path.read_text())
    extra = {each["name"] for place in ("collector", "mcp") for each in given.get(place, {}).get("extraEnv", ())}
    manifests = rendered(path.stem)
    names = {
        name
        for each in pod_of(manifests)["spec"]["containers"]
        for name in environment(container_of(manifests, each["name"]))
    }
    assert names - extra - set(variables) - {"SSL_CERT_FILE"} == set()


def test_the_value_to_use_for_a_variable_is_one_of_the_chart(variables: dict[str, str]) -> None:
    assert set(variables) - SETTING_NAMES == {"POD_IP"}
    defaults = yaml.safe_load((CHART / "values.yaml").read_text())
    for text in filter(None, variables.values()):
        for name in re.split(r", | or ", text):
            part = defaults
            for key in name.split("."):
                assert key in part, name
                part = part[key]
