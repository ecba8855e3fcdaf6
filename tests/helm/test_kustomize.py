"""deploy/kustomize installs what the chart installs by default."""

from __future__ import annotations

import copy
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.helm.conftest import Rendered
from tests.helm.tool import NAMESPACE, ROOT, Manifest, is_hook, the
from tests.support.patience import LIMIT_SECONDS

BASE = ROOT / "deploy" / "kustomize"
# Labels that say which chart an object came from, and the version that upgrades change.
OF_HELM = ("helm.sh/chart", "app.kubernetes.io/managed-by", "app.kubernetes.io/version")


def build(directory: Path) -> list[Manifest]:
    """What `kubectl apply -k` would apply of a directory."""
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("kubectl is not installed")
    done = subprocess.run(
        [kubectl, "kustomize", directory], capture_output=True, text=True, timeout=LIMIT_SECONDS, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    return list(yaml.safe_load_all(done.stdout))


@pytest.fixture(scope="module")
def built() -> list[Manifest]:
    """The base."""
    return build(BASE)


def normal(manifests: list[Manifest]) -> dict[tuple[str, str], Manifest]:
    """Objects by kind and name, without the labels of Helm, in the objects and in the pods they make."""

    def without(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: without(each) for key, each in value.items() if key not in OF_HELM}
        return [without(each) for each in value] if isinstance(value, list) else value

    return {(each["kind"], each["metadata"]["name"]): without(copy.deepcopy(each)) for each in manifests}


def test_it_is_the_chart_s_default_and_the_namespace(built: list[Manifest], rendered: Rendered) -> None:
    chart = normal([each for each in rendered("default") if not is_hook(each)])
    base = normal(built)
    namespace = base.pop(("Namespace", NAMESPACE))
    assert set(base) == set(chart)
    for key, manifest in chart.items():
        assert base[key] == manifest, key
    # The pods are restricted, and the namespace holds them to it.
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


def test_the_namespace_comes_first(built: list[Manifest]) -> None:
    assert built[0]["kind"] == "Namespace"


def test_a_difference_would_be_seen(built: list[Manifest], rendered: Rendered) -> None:
    changed = copy.deepcopy(built)
    the(changed, "StatefulSet")["spec"]["template"]["spec"]["containers"][1]["volumeMounts"][0]["readOnly"] = False
    chart = normal(rendered("default"))
    assert normal(changed)["StatefulSet", "kubeledger"] != chart["StatefulSet", "kubeledger"]
