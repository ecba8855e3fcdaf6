"""The release's pods: what they may do, what they mount, and what they are told."""

from __future__ import annotations

import copy
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from collector.kubernetes.credentials import SERVICE_ACCOUNT
from tests.helm.conftest import Rendered
from tests.helm.pod_security import violations
from tests.helm.tool import CHART, VALUES, Helm, Manifest, container_of, of_kind, pod_of, the

FILES = [path.stem for path in sorted(VALUES.glob("*.yaml"))]
WITH_SERVER = [name for name in FILES if name != "mcp-off"]

GOOD: dict[str, Any] = {
    "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
    "volumes": [{"name": "data", "emptyDir": {}}],
    "containers": [
        {
            "name": "app",
            "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
            "ports": [{"containerPort": 80}],
        }
    ],
}


def spoilt(spoil: Callable[[dict[str, Any], dict[str, Any]], object]) -> dict[str, Any]:
    """A pod that would be admitted but for one thing."""
    spec = copy.deepcopy(GOOD)
    spoil(spec, spec["containers"][0])
    return spec


def test_a_restricted_pod_is_admitted() -> None:
    assert violations(GOOD) == []


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (lambda pod, app: pod.update(hostNetwork=True), "hostNetwork is set"),
        (lambda pod, app: pod.update(hostPID=True), "hostPID is set"),
        (
            lambda pod, app: pod["volumes"].append({"name": "h", "hostPath": {"path": "/"}}),
            "volume h is of kind hostPath",
        ),
        (lambda pod, app: pod["securityContext"].update(runAsNonRoot=False), "app may run as root"),
        (lambda pod, app: pod["securityContext"].update(runAsUser=0), "the pod runs as user 0"),
        (lambda pod, app: pod["securityContext"].pop("seccompProfile"), "app has no seccomp profile"),
        (lambda pod, app: pod["securityContext"].update(sysctls=[{"name": "x"}]), "sysctls are set"),
        (lambda pod, app: app["securityContext"].update(runAsUser=0), "app runs as user 0"),
        (lambda pod, app: app["securityContext"].update(privileged=True), "app is privileged"),
        (lambda pod, app: app["securityContext"].pop("allowPrivilegeEscalation"), "app may escalate its privileges"),
        (lambda pod, app: app["securityContext"].pop("capabilities"), "app keeps capabilities"),
        (lambda pod, app: app["securityContext"]["capabilities"].update(add=["SYS_TIME"]), "app adds capabilities"),
        (lambda pod, app: app["securityContext"].update(procMount="Unmasked"), "app has an unmasked /proc"),
        (lambda pod, app: app["ports"][0].update(hostPort=80), "app takes a port of the host"),
    ],
)
def test_one_thing_too_many_is_a_violation(spoil: Callable[[Any, Any], object], complaint: str) -> None:
    assert violations(spoilt(spoil)) == [complaint]


def pods(manifests: list[Manifest]) -> list[Manifest]:
    """Specifications of all pods the release makes, that of the test included."""
    return [pod_of(manifests)["spec"], *(pod["spec"] for pod in of_kind(manifests, "Pod"))]


@pytest.mark.parametrize("name", FILES)
def test_every_pod_is_restricted_and_writes_to_named_volumes_only(rendered: Rendered, name: str) -> None:
    for spec in pods(rendered(name)):
        assert violations(spec) == []
        for container in spec["containers"]:
            assert container["securityContext"]["readOnlyRootFilesystem"] is True


@pytest.mark.parametrize("name", FILES)
def test_what_a_container_writes_to_is_the_data_volume_and_a_temporary_one(rendered: Rendered, name: str) -> None:
    spec = pod_of(rendered(name))["spec"]
    writable = {
        (container["name"], mount["name"], mount["mountPath"])
        for container in spec["containers"]
        for mount in container["volumeMounts"]
        if not mount.get("readOnly")
    }
    assert writable == {("collector", "data", "/var/lib/kubeledger"), ("collector", "tmp", "/tmp")}


@pytest.mark.parametrize("name", WITH_SERVER)
def test_the_server_sees_the_data_and_its_own_files_read_only_and_nothing_else(rendered: Rendered, name: str) -> None:
    mounts = container_of(rendered(name), "mcp")["volumeMounts"]
    by_name = {"auth": ["tokens"], "jwt": ["jwks"], "tls": ["tls"], "everything": ["tokens", "issuer-ca", "tls"]}
    files = by_name.get(name, [])
    assert mounts == [
        {"name": "data", "mountPath": "/var/lib/kubeledger", "readOnly": True},
        *({"name": each, "mountPath": f"/etc/kubeledger/{each}", "readOnly": True} for each in files),
    ]


@pytest.mark.parametrize("name", [name for name in FILES if name != "everything"])
def test_the_service_account_token_is_in_the_collector_only(rendered: Rendered, name: str) -> None:
    manifests = rendered(name)
    assert the(manifests, "ServiceAccount")["automountServiceAccountToken"] is False
    assert all(spec["automountServiceAccountToken"] is False for spec in pods(manifests))
    volumes = {
        volume["name"]
        for spec in pods(manifests)
        for volume in spec.get("volumes", [])
        if any("serviceAccountToken" in source for source in volume.get("projected", {}).get("sources", []))
    }
    holders = {
        (container["name"], mount["mountPath"])
        for spec in pods(manifests)
        for container in spec["containers"]
        for mount in container.get("volumeMounts", [])
        if mount["name"] in volumes
    }
    assert holders == {("collector", str(SERVICE_ACCOUNT))}


def test_with_credentials_of_its_own_the_collector_gets_no_token(rendered: Rendered) -> None:
    volumes = {volume["name"]: volume for volume in pod_of(rendered("everything"))["spec"]["volumes"]}
    assert not any("projected" in volume for volume in volumes.values())
    assert volumes["kubernetes-api-credentials"]["secret"] == {
        "secretName": "production-api",
        "items": [{"key": "token", "path": "token"}, {"key": "ca.crt", "path": "ca.crt"}],
    }


OTHER_API = "kubernetesApi.endpoint=https://10.0.0.10:6443"


def test_the_token_is_mounted_for_another_address_only_where_that_is_said(helm: Helm) -> None:
    secret = "kubernetesApi.existingSecret.name=api,kubernetesApi.existingSecret.tokenKey=token"
    for values, mounted in ((secret, False), ("kubernetesApi.useServiceAccount=true", True)):
        volumes = pod_of(helm.render("--set", f"{OTHER_API},{values}"))["spec"]["volumes"]
        assert ("service-account-token" in [volume["name"] for volume in volumes]) is mounted


def test_the_projected_token_is_what_the_kubelet_would_mount(rendered: Rendered) -> None:
    volumes = {volume["name"]: volume for volume in pod_of(rendered("default"))["spec"]["volumes"]}
    token, authority, namespace = volumes["service-account-token"]["projected"]["sources"]
    assert token["serviceAccountToken"]["path"] == "token"
    assert authority["configMap"]["name"] == "kube-root-ca.crt"
    assert authority["configMap"]["items"] == [{"key": "ca.crt", "path": "ca.crt"}]
    assert namespace["downwardAPI"]["items"][0]["fieldRef"]["fieldPath"] == "metadata.namespace"


def test_ids_are_left_to_openshift(rendered: Rendered) -> None:
    def ids(manifests: list[Manifest]) -> set[str]:
        contexts = [
            context
            for spec in pods(manifests)
            for context in (spec["securityContext"], *(each["securityContext"] for each in spec["containers"]))
        ]
        return {key for context in contexts for key in context if key in ("runAsUser", "runAsGroup", "fsGroup")}

    assert ids(rendered("openshift")) == set()
    assert ids(rendered("default")) == {"runAsUser", "runAsGroup", "fsGroup"}


@pytest.mark.parametrize("name", FILES)
def test_there_is_one_pod_with_one_image(rendered: Rendered, name: str) -> None:
    manifests = rendered(name)
    assert the(manifests, "StatefulSet")["spec"]["replicas"] == 1
    containers = [container for spec in pods(manifests) for container in spec["containers"]]
    assert len({container["image"] for container in containers}) == 1
    expected = ["collector"] if name == "mcp-off" else ["collector", "mcp"]
    assert [container["name"] for container in pod_of(manifests)["spec"]["containers"]] == expected


def test_a_digest_wins_over_the_tag(helm: Helm, rendered: Rendered) -> None:
    digest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
    assert container_of(rendered("everything"), "mcp")["image"] == f"registry.example.com/finops/kubeledger@{digest}"
    tagged = helm.render("--set", "image.tag=1.2.3")
    assert container_of(tagged, "mcp")["image"] == "kubeledger/kubeledger:1.2.3"


def test_books_live_in_a_claim_or_in_the_pod_or_in_a_claim_that_exists(helm: Helm, rendered: Rendered) -> None:
    claimed = the(rendered("default"), "StatefulSet")["spec"]
    assert [claim["metadata"]["name"] for claim in claimed["volumeClaimTemplates"]] == ["data"]
    assert "data" not in {volume["name"] for volume in claimed["template"]["spec"]["volumes"]}

    def data(manifests: list[Manifest]) -> Manifest:
        spec = the(manifests, "StatefulSet")["spec"]
        assert "volumeClaimTemplates" not in spec
        (volume,) = [each for each in spec["template"]["spec"]["volumes"] if each["name"] == "data"]
        return dict(volume)

    assert "emptyDir" in data(rendered("no-persistence"))
    existing = helm.render("--set", "persistence.existingClaim=books")
    assert data(existing)["persistentVolumeClaim"] == {"claimName": "books"}


def test_a_new_version_changes_nothing_that_cannot_be_changed(helm: Helm, tmp_path: Path) -> None:
    """Selectors, the service's name and templates of claims of a StatefulSet are immutable."""
    newer = Path(shutil.copytree(CHART, tmp_path / "kubeledger"))
    chart = (newer / "Chart.yaml").read_text().replace("version: 0.1.0", "version: 9.9.9")
    (newer / "Chart.yaml").write_text(chart)
    before, after = (the(each, "StatefulSet")["spec"] for each in (helm.render(), helm.render(chart=newer)))
    assert before["template"]["metadata"]["labels"] != after["template"]["metadata"]["labels"]
    for field in ("selector", "serviceName", "volumeClaimTemplates"):
        assert before[field] == after[field]


@pytest.mark.parametrize("name", WITH_SERVER)
def test_services_find_the_pod_by_the_names_of_its_ports_and_not_the_test(rendered: Rendered, name: str) -> None:
    manifests = rendered(name)
    pod = pod_of(manifests)
    services = [service["spec"] for service in of_kind(manifests, "Service")]
    ports = [(port["name"], port["targetPort"]) for service in services for port in service["ports"]]
    assert ports == [("mcp",) * 2, ("metrics",) * 2, ("collector",) * 2]
    assert [port["name"] for port in container_of(manifests, "mcp")["ports"]] == ["mcp", "metrics"]
    assert [port["name"] for port in container_of(manifests, "collector")["ports"]] == ["collector"]
    for service in services:
        assert service["selector"].items() <= pod["metadata"]["labels"].items()
        for tester in of_kind(manifests, "Pod"):
            assert not service["selector"].items() <= tester["metadata"]["labels"].items()


@pytest.mark.parametrize("kind", ["ClusterIP", "NodePort", "LoadBalancer"])
def test_metrics_are_at_no_service_that_is_published_outside_the_cluster(helm: Helm, kind: str) -> None:
    services = of_kind(helm.render("--set", f"service.type={kind}"), "Service")
    found = {
        (service["metadata"]["name"], service["spec"]["type"]): [port["name"] for port in service["spec"]["ports"]]
        for service in services
    }
    scraped = ["metrics", "collector"]
    expected = {("kubeledger", kind): ["mcp"], ("kubeledger-metrics", "ClusterIP"): scraped}
    assert found == ({("kubeledger", kind): ["mcp", *scraped]} if kind == "ClusterIP" else expected)


def test_without_the_server_there_is_no_port_and_no_file_of_it_and_a_service_of_the_collector_s_metrics(
    helm: Helm,
) -> None:
    tokens_and_tls = "mcp.tokens.existingSecret.name=callers,mcp.tls.existingSecret.name=certificate"
    manifests = helm.render("--values", VALUES / "mcp-off.yaml", "--set", tokens_and_tls)
    assert [volume["name"] for volume in pod_of(manifests)["spec"]["volumes"]] == ["tmp", "service-account-token"]
    assert of_kind(manifests, "Pod") == []
    service = the(manifests, "Service", "kubeledger-metrics")["spec"]
    ports = [port["name"] for container in pod_of(manifests)["spec"]["containers"] for port in container["ports"]]
    assert [port["targetPort"] for port in service["ports"]] == ports == ["collector"]
    assert service["type"] == "ClusterIP"
    assert service["selector"].items() <= pod_of(manifests)["metadata"]["labels"].items()


def test_where_the_pod_goes_is_what_the_values_say(rendered: Rendered) -> None:
    spec = pod_of(rendered("everything"))["spec"]
    assert spec["nodeSelector"] == {"kubernetes.io/os": "linux"}
    assert spec["tolerations"][0]["value"] == "finops"
    assert "nodeAffinity" in spec["affinity"]
    assert spec["priorityClassName"] == "system-cluster-critical"
    assert spec["imagePullSecrets"] == [{"name": "registry"}]
    assert spec["terminationGracePeriodSeconds"] == 60


def test_extra_labels_are_on_every_object_of_the_release(rendered: Rendered) -> None:
    manifests = rendered("everything")
    assert len(manifests) > 8
    assert [each["kind"] for each in manifests if each["metadata"]["labels"].get("team") != "finops"] == []
    assert pod_of(manifests)["metadata"]["labels"].items() >= {"team": "finops", "tier": "backend"}.items()


def test_resources_and_notes_on_the_pod_are_what_the_values_say(helm: Helm, rendered: Rendered) -> None:
    collector = container_of(rendered("gpu"), "collector")["resources"]
    assert collector == {"requests": {"cpu": "100m", "memory": "512Mi"}, "limits": {"memory": "2Gi"}}
    server = container_of(helm.render("--set", "mcp.resources.limits.memory=3Gi"), "mcp")["resources"]
    assert server == {"requests": {"cpu": "50m", "memory": "256Mi"}, "limits": {"memory": "3Gi"}}
    assert pod_of(rendered("everything"))["metadata"]["annotations"] == {"example.com/note": "books"}
