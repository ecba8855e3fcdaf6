"""The files of a release: wheel, sdist, chart, bundle, manifest of the registry, notes and checksums."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

from release import manifests, product

CHART = f"{product.NAME}-{product.VERSION}.tgz"
CHECKSUMS = "SHA256SUMS"
NOTES = "RELEASE_NOTES.md"
REGISTRY = "server.json"
EXECUTABLE = 0o755
READABLE = 0o644


def build(root: Path, out: Path, notes: str, epoch: int) -> None:
    """Make all files of `root` in the empty folder `out`. Times in archives are `epoch`, a UNIX time in seconds."""
    _packages(root, out, epoch)
    (out / CHART).write_bytes(chart(root, epoch))
    (out / product.BUNDLE).write_bytes(bundle(root))
    (out / REGISTRY).write_text(manifests.as_text(manifests.registry(_sha256(out / product.BUNDLE))))
    (out / NOTES).write_text(notes)
    lines = [f"{_sha256(path)}  {path.name}\n" for path in sorted(out.iterdir())]
    (out / CHECKSUMS).write_text("".join(lines))


def _packages(root: Path, out: Path, epoch: int) -> None:
    environ = {**os.environ, "SOURCE_DATE_EPOCH": str(epoch)}
    build = [sys.executable, "-m", "hatchling", "build", "--directory", str(out)]
    subprocess.run(build, cwd=root, env=environ, check=True, stdout=subprocess.DEVNULL)
    packages = map(str, (*out.glob("*.whl"), *out.glob("*.tar.gz")))
    subprocess.run([sys.executable, "-m", "twine", "--no-color", "check", "--strict", *packages], check=True)


def chart(root: Path, epoch: int) -> bytes:
    """Return the packaged Helm chart: what git knows of it, the same bytes at each build."""
    folder = root / "helm" / product.NAME
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=folder, check=True, capture_output=True, text=True).stdout
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        for name in sorted(listed.rstrip("\0").split("\0")):
            entry = archive.gettarinfo(folder / name, f"{product.NAME}/{name}")
            entry.mtime, entry.uid, entry.gid, entry.uname, entry.gname = epoch, 0, 0, "", ""
            entry.mode = EXECUTABLE if entry.mode & 0o100 else READABLE
            with (folder / name).open("rb") as file:
                archive.addfile(entry, file)
    return gzip.compress(content.getvalue(), mtime=0)


def bundle_files(root: Path) -> Mapping[str, bytes]:
    """Return what is in the bundle for Claude Desktop, by name."""
    folder = root / "release" / "bundle"
    sources = (*sorted(folder.iterdir()), root / manifests.PLUGIN / "assets" / "icon.png", root / "LICENSE")
    return {path.name: path.read_bytes() for path in sources if path.is_file()}


def bundle(root: Path) -> bytes:
    """Return the bundle: a zip, the same bytes at each build."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in bundle_files(root).items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = READABLE << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, data)
    return content.getvalue()


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
