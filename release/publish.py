"""The commands that bring a built release to where people get it."""

from __future__ import annotations

import sys
from pathlib import Path

from release import product
from release.artifacts import CHART, NOTES, REGISTRY

Command = tuple[str, ...]


def image_command(revision: str, created: str) -> Command:
    """Return what builds the image with its bill of materials and provenance, and pushes it."""
    arguments = {"VERSION": product.VERSION, "REVISION": revision, "CREATED": created}
    return (
        *("docker", "buildx", "build", "--platform", "linux/amd64,linux/arm64"),
        *("--sbom=true", "--provenance=mode=max"),
        *(part for name, value in arguments.items() for part in ("--build-arg", f"{name}={value}")),
        *("--tag", f"{product.IMAGE}:{product.VERSION}", "--push", "."),
    )


def commands(out: Path, revision: str, created: str) -> list[Command]:
    """Return all of them in their order: what others refer to comes first. `out` is relative to the repository."""
    packages = sorted(map(str, (*out.glob("*.whl"), *out.glob("*.tar.gz"))))
    files = sorted(str(path) for path in out.iterdir() if path.name != NOTES)
    return [
        ("git", "push", "--atomic", "origin", "HEAD", f"refs/tags/{product.TAG}"),
        (sys.executable, "-m", "twine", "upload", *packages),
        image_command(revision, created),
        ("helm", "push", str(out / CHART), product.CHARTS),
        ("gh", "release", "create", product.TAG, "--verify-tag", "--notes-file", str(out / NOTES), *files),
        ("mcp-publisher", "publish", str(out / REGISTRY)),
    ]
