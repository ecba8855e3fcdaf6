"""The rights that the chart grants are the calls that the collector makes, none more and none less."""

from __future__ import annotations

import re
import time
from contextlib import closing
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from kubernetes.client import Configuration

from collector.errors import SourceError
from collector.kubernetes.resource_claims import ClaimReader
from collector.kubernetes.session import Session
from collector.settings import load
from collector.snapshot import LiveSources
from simulator.server import running_simulator
from tests.helm.conftest import Rendered
from tests.helm.tool import VALUES, Helm, Manifest, of_kind, pod_of, the
from tests.support import gpus

Right = tuple[str, str, str]
"""Verb, API group, resource."""

_PATH = re.compile(
    r"/(?:api|apis/(?P<group>[^/]+))/[^/]+(?:/namespaces/[^/]+(?=/[^/]))?/(?P<resource>[^/]+)(?P<name>/[^/]+)?"
)


def right_of(call: dict[str, str]) -> Right:
    """What a request has to be permitted, as the API server's authorization names it."""
    match = _PATH.fullmatch(call["path"])
    assert match, f"{call['path']} is no resource"
    assert call["method"] == "GET", "a write would need another verb"
    query = parse_qs(call["query"])
    verb = "get" if match["name"] else "watch" if query.get("watch") in (["true"], ["1"]) else "list"
    return verb, match["group"] or "", match["resource"]


def granted(manifests: list[Manifest]) -> set[Right]:
    """The rights of a rendered ClusterRole."""
    return {
        (verb, group, resource)
        for rule in the(manifests, "ClusterRole")["rules"]
        for verb in rule["verbs"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
    }


@pytest.mark.parametrize(
    ("path", "query", "expected"),
    [
        ("/api/v1/pods", "limit=500", ("list", "", "pods")),
        ("/api/v1/nodes/n1", "", ("get", "", "nodes")),
        ("/api/v1/namespaces", "", ("list", "", "namespaces")),
        ("/api/v1/namespaces/shop", "", ("get", "", "namespaces")),
        ("/api/v1/namespaces/shop/pods", "watch=true", ("watch", "", "pods")),
        ("/api/v1/namespaces/shop/secrets/token", "", ("get", "", "secrets")),
        ("/apis/metrics.k8s.io/v1beta1/nodes", "", ("list", "metrics.k8s.io", "nodes")),
        ("/apis/resource.k8s.io/v1/resourceclaims", "limit=500", ("list", "resource.k8s.io", "resourceclaims")),
    ],
)
def test_requests_are_told_apart_by_what_they_need(path: str, query: str, expected: Right) -> None:
    assert right_of({"method": "GET", "path": path, "query": query}) == expected


def calls_of_a_collector(directory: Path) -> list[dict[str, str]]:
    """The requests to the Kubernetes API of a collector that does its ticks, GPUs included."""
    with running_simulator(token="good") as cluster:
        environ = {
            "KL_DB_LOCATION": str(directory / "db"),
            "KL_DATA_DIR": str(directory / "data"),
            "KL_K8S_API_ENDPOINT": cluster.url,
            "KL_K8S_AUTH_TOKEN": "good",
            "KL_NVIDIA_DCGM_ENDPOINT": cluster.dcgm_url,
        }
        with LiveSources(load(environ)) as sources:
            reading, now = sources.read_usage(), time.time()
            assert reading is not None
            assert reading.metrics is not None
            assert list(reading.metrics.pods)
            assert sources.cluster(now - 300, now) is not None
        ask_for_claims(cluster.url)
        calls = cluster.calls()
    assert any(call["path"].startswith("/dcgm") for call in calls)
    return [call for call in calls if not call["path"].startswith("/dcgm")]


def ask_for_claims(url: str) -> None:
    """The request of a collector that finds a pod with a resource claim; the simulated cluster does not serve any."""
    account = Configuration(host=url, api_key={"BearerToken": "good"}, api_key_prefix={"BearerToken": "Bearer"})
    with closing(Session(account, 5.0)) as session, pytest.raises(SourceError, match="404"):
        ClaimReader().read(session, [gpus.pod("ml/train", {}, claims=("gpu",))])


def test_the_rights_are_the_calls_that_are_made(rendered: Rendered, tmp_path: Path) -> None:
    made = {right_of(call) for call in calls_of_a_collector(tmp_path)}
    assert granted(rendered("default")) == made
    assert made == {
        ("list", "", "namespaces"),
        ("list", "", "nodes"),
        ("list", "", "pods"),
        ("list", "", "persistentvolumeclaims"),
        ("watch", "", "namespaces"),
        ("watch", "", "nodes"),
        ("watch", "", "pods"),
        ("watch", "", "persistentvolumeclaims"),
        ("list", "metrics.k8s.io", "nodes"),
        ("list", "metrics.k8s.io", "pods"),
        ("list", "resource.k8s.io", "resourceclaims"),
    }


@pytest.mark.parametrize("path", sorted(VALUES.glob("*.yaml")), ids=lambda path: path.stem)
def test_no_value_widens_them(rendered: Rendered, path: Path) -> None:
    manifests = rendered(path.stem)
    assert granted(manifests) == granted(rendered("default"))
    assert of_kind(manifests, "Role") == of_kind(manifests, "RoleBinding") == []
    (rule_keys,) = {frozenset(rule) for rule in the(manifests, "ClusterRole")["rules"]}
    assert rule_keys == {"apiGroups", "resources", "verbs"}


@pytest.mark.parametrize("name", ["default", "everything"])
def test_they_are_bound_to_the_identity_of_the_pod_alone(rendered: Rendered, name: str) -> None:
    manifests = rendered(name)
    account, binding = the(manifests, "ServiceAccount")["metadata"], the(manifests, "ClusterRoleBinding")
    (subject,) = binding["subjects"]
    assert subject == {"kind": "ServiceAccount", "name": account["name"], "namespace": account["namespace"]}
    assert pod_of(manifests)["spec"]["serviceAccountName"] == account["name"]
    assert binding["roleRef"]["name"] == the(manifests, "ClusterRole")["metadata"]["name"]


def test_they_and_the_identity_can_be_left_to_others(helm: Helm) -> None:
    manifests = helm.render("--set", "rbac.create=false,serviceAccount.create=false,serviceAccount.name=mine")
    assert {"ClusterRole", "ClusterRoleBinding", "ServiceAccount"} & {each["kind"] for each in manifests} == set()
    assert pod_of(manifests)["spec"]["serviceAccountName"] == "mine"
