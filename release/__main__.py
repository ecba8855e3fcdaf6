"""`make release`: builds what a release publishes into `dist`, and prints what would be done with it.

With `--publish` it does that once all is built: a commit of the changelog and a tag, then the packages, the image, the
chart and the registry.
"""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from release import artifacts, product, publish
from release.changelog import ChangelogError, Released, release
from release.publish import Command

OUT = Path("dist")
CHANGELOG = Path("CHANGELOG.md")


class ReleaseError(Exception):
    """The release cannot be made; the message says what to do."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Return 0 when everything is built, and published where that was asked for, else 1."""
    parser = argparse.ArgumentParser(prog="python -m release", description=__doc__)
    parser.add_argument("--publish", action="store_true", help="publish it, too")
    publishing = parser.parse_args(arguments).publish
    root = Path(__file__).resolve().parent.parent
    os.chdir(root)
    now = datetime.now(UTC)
    try:
        _check_generated()
        (_publish if publishing else _rehearse)(root, now)
    except (ChangelogError, ReleaseError) as error:
        print(f"release: {error}", file=sys.stderr)
        return 1
    return 0


def _publish(root: Path, now: datetime) -> None:
    released = _released(now)
    _check_ready()
    with _all_or_nothing():
        CHANGELOG.write_text(released.text, encoding="utf-8")
        # Packed times are that of the commit, which is made when there is nothing left to fail.
        epoch = int(now.timestamp())
        _build(root, released.notes, epoch)
        _commit(epoch)
    _run(_commands(now))


def _rehearse(root: Path, now: datetime) -> None:
    """Build the files also of a version that is published already, as CI does until the next one has a changelog."""
    try:
        notes, obstacle = _released(now).notes, ""
    except ChangelogError as error:
        notes, obstacle = "", str(error)
    _build(root, notes, int(_git("log", "-1", "--format=%ct")))
    if obstacle:
        print(f"\nThis was a dry run. It could not be published as it is: {obstacle}")
    else:
        _print(_commands(now))


def _released(now: datetime) -> Released:
    return release(CHANGELOG.read_text(encoding="utf-8"), product.VERSION, now.strftime("%Y-%m-%d"))


def _commands(now: datetime) -> list[Command]:
    return publish.commands(OUT, _git("rev-parse", "HEAD"), now.strftime("%Y-%m-%dT%H:%M:%SZ"))


def _git(*arguments: str, **environ: str) -> str:
    command = ["git", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **environ})
    if done.returncode:
        raise ReleaseError(f"{shlex.join(command)} failed: {done.stderr.strip()}")
    return done.stdout.strip()


def _check_generated() -> None:
    """All files that are made of others are current, those that name the version among them."""
    check = [sys.executable, "scripts/docs.py", "--check"]
    done = subprocess.run(check, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ReleaseError(f"generated files are {done.stderr.strip()}.")


def _check_ready() -> None:
    """Nothing is begun that lacks a program for its end."""
    if changed := _git("status", "--porcelain"):
        raise ReleaseError(f"files are not committed. Commit them, or put them away:\n{changed}")
    if _git("tag", "--list", product.TAG):
        raise ReleaseError(f"the tag {product.TAG} exists already. Raise the version in kl_mcp/__init__.py.")
    programs = ("docker", "helm", "gh", "mcp-publisher")
    if missing := [name for name in programs if shutil.which(name) is None]:
        raise ReleaseError(f"these programs are not installed: {', '.join(missing)}. Install them, then run it again.")
    if subprocess.run(["docker", "buildx", "version"], capture_output=True, check=False).returncode:
        raise ReleaseError("docker has no buildx, which makes the bill of materials. Install it, then run it again.")


@contextmanager
def _all_or_nothing() -> Iterator[None]:
    """Leave changelog, branch and tags as they were where what is done within fails, or is interrupted."""
    head, text = _git("rev-parse", "HEAD"), CHANGELOG.read_bytes()
    try:
        yield
    except BaseException:
        CHANGELOG.write_bytes(text)
        _git("reset", "--quiet", head)
        print("release: nothing is committed, tagged or published.", file=sys.stderr)
        raise


def _commit(epoch: int) -> None:
    date = f"@{epoch} +0000"
    message = f"Release {product.VERSION}"
    _git("commit", "--quiet", "--message", message, CHANGELOG.name, GIT_AUTHOR_DATE=date, GIT_COMMITTER_DATE=date)
    _git("tag", "--annotate", "--message", f"{product.TITLE} {product.VERSION}", product.TAG)


def _build(root: Path, notes: str, epoch: int) -> None:
    """Build all files, and only then put them in the place of those of an earlier build."""
    with tempfile.TemporaryDirectory() as folder:
        built = Path(folder, OUT.name)
        built.mkdir()
        try:
            artifacts.build(root, built, notes, epoch)
        except (subprocess.CalledProcessError, OSError) as error:
            raise ReleaseError(f"the files of the release cannot be built: {error}") from error
        shutil.rmtree(OUT, ignore_errors=True)
        shutil.move(built, OUT)
    print(f"Built {product.TITLE} {product.VERSION} in {OUT}:")
    for path in sorted(OUT.iterdir()):
        print(f"    {path.stat().st_size:>9,}  {path.name}")


def _print(todo: Sequence[Command]) -> None:
    print(
        f"\nThis was a dry run. `make release PUBLISH=yes` moves the changelog's entries to {product.VERSION}, builds"
    )
    print(f"the files, commits the changelog, tags it {product.TAG}, and runs:\n")
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
