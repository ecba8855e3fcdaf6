"""`make release`: builds what a release publishes into `dist`, and prints what would be done with it.

With `--publish` it does that: the changelog, a commit, a tag, then the packages, the image, the chart and the registry.
"""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import yaml

from release import artifacts, product, publish
from release.changelog import ChangelogError, Released, release
from release.publish import Command

OUT = Path("dist")


class ReleaseError(Exception):
    """The release cannot be made; the message says what to do."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Return 0 when everything is built, and published where that was asked for, else 1."""
    parser = argparse.ArgumentParser(prog="python -m release", description=__doc__)
    parser.add_argument("--publish", action="store_true", help="publish it, too")
    publishing = parser.parse_args(arguments).publish
    root = Path(__file__).resolve().parent.parent
    os.chdir(root)
    try:
        now = datetime.now(UTC)
        text = Path("CHANGELOG.md").read_text(encoding="utf-8")
        released = release(text, product.VERSION, now.strftime("%Y-%m-%d"))
        if publishing:
            _check_ready()
        _check_versions()
        if publishing:
            _commit(released)
        _build(root, released)
        todo = publish.commands(OUT, _git("rev-parse", "HEAD"), now.strftime("%Y-%m-%dT%H:%M:%SZ"))
        if publishing:
            _run(todo)
        else:
            _print(todo)
    except (ChangelogError, ReleaseError) as error:
        print(f"release: {error}", file=sys.stderr)
        return 1
    return 0


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], check=True, capture_output=True, text=True).stdout.strip()


def _check_versions() -> None:
    """What bears the version besides kl_mcp/__init__.py bears the same."""
    chart = yaml.safe_load(Path("helm", product.NAME, "Chart.yaml").read_text(encoding="utf-8"))
    if (chart["version"], chart["appVersion"]) != (product.VERSION, product.VERSION):
        raise ReleaseError(f"the chart has another version. Write {product.VERSION} into helm/kubeledger/Chart.yaml.")
    if _git("tag", "--list", product.TAG):
        raise ReleaseError(f"the tag {product.TAG} exists already. Raise the version in kl_mcp/__init__.py.")
    current = subprocess.run(
        [sys.executable, "scripts/docs.py", "--check"], capture_output=True, text=True, check=False
    )
    if current.returncode:
        raise ReleaseError(f"generated files are {current.stderr.strip()}.")


def _check_ready() -> None:
    """Nothing is begun that lacks a program for its end."""
    if changed := _git("status", "--porcelain"):
        raise ReleaseError(f"files are not committed. Commit them, or put them away:\n{changed}")
    programs = ("docker", "helm", "gh", "mcp-publisher")
    if missing := [name for name in programs if shutil.which(name) is None]:
        raise ReleaseError(f"these programs are not installed: {', '.join(missing)}. Install them, then run it again.")
    if subprocess.run(["docker", "buildx", "version"], capture_output=True, check=False).returncode:
        raise ReleaseError("docker has no buildx, which makes the bill of materials. Install it, then run it again.")


def _commit(released: Released) -> None:
    Path("CHANGELOG.md").write_text(released.text, encoding="utf-8")
    _git("commit", "--quiet", "--message", f"Release {product.VERSION}", "CHANGELOG.md")
    _git("tag", "--annotate", "--message", f"{product.TITLE} {product.VERSION}", product.TAG)


def _build(root: Path, released: Released) -> None:
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir()
    artifacts.build(root, root / OUT, released.notes, int(_git("log", "-1", "--format=%ct")))
    print(f"Built {product.TITLE} {product.VERSION} in {OUT}:")
    for path in sorted(OUT.iterdir()):
        print(f"    {path.stat().st_size:>9,}  {path.name}")


def _print(todo: Sequence[Command]) -> None:
    print(
        f"\nThis was a dry run. `make release PUBLISH=yes` moves the changelog's entries to {product.VERSION}, commits"
    )
    print(f"that, tags it {product.TAG}, and runs:\n")
    for command in todo:
        print(f"    {shlex.join(command)}")
    print(f"\nThe chart is {product.CHARTS}/{product.NAME}:{product.VERSION} then.")


def _run(todo: Sequence[Command]) -> None:
    """Run them all. One that fails ends it, and those that are left are named."""
    for position, command in enumerate(todo):
        print(f"==> {shlex.join(command)}", flush=True)
        if subprocess.run(command, check=False).returncode:
            left = "\n".join(f"    {shlex.join(each)}" for each in todo[position:])
            raise ReleaseError(f"{command[0]} failed. What is left to run, once that is put right:\n{left}")


if __name__ == "__main__":
    sys.exit(main())
