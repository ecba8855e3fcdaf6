"""`make release PUBLISH=yes`, with programs that note what they are called with in place of those that publish."""

from __future__ import annotations

import os
import subprocess
import tarfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from kl_mcp import __version__
from tests.support.clone import AUTHOR, clone, git
from tests.support.patience import LIMIT_SECONDS

PROGRAMS = ("docker", "helm", "gh", "mcp-publisher")
STAND_IN = '#!/bin/sh\necho "$(basename "$0") $*" >>"$CALLS"\n[ "$(basename "$0")" != "$FAILING" ]\n'


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return clone(tmp_path_factory.mktemp("source") / "kubeledger")


@pytest.fixture
def working_copy(source: Path, tmp_path: Path) -> Path:
    """A clone with an origin that takes what is pushed."""
    git(tmp_path, "clone", "--quiet", "--bare", str(source), "origin")
    git(tmp_path, "clone", "--quiet", "origin", "copy")
    copy = tmp_path / "copy"
    (copy / ".git" / "info" / "exclude").write_text(".venv\n")
    (copy / ".venv").symlink_to((source / ".venv").resolve())
    return copy


@contextmanager
def package_index(taken: list[bytes]) -> Iterator[str]:
    """A package index that takes every upload."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            taken.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()


def again(copy: Path) -> str:
    """What a dry run of a version that is published says."""
    command = [str(copy / ".venv" / "bin" / "python"), "-m", "release"]
    environ = {**os.environ, "PYTHONPATH": str(copy)}
    done = subprocess.run(
        command, cwd=copy, env=environ, capture_output=True, text=True, check=True, timeout=LIMIT_SECONDS
    )
    return done.stdout


def publish(
    copy: Path, index: str, *, failing: str = "", programs: tuple[str, ...] = PROGRAMS
) -> tuple[subprocess.CompletedProcess[str], list[str]]:
    """Run it; also what the programs were called with."""
    bin_dir, calls = copy.parent / "bin", copy.parent / "calls"
    bin_dir.mkdir(exist_ok=True)
    for name in programs:
        (bin_dir / name).write_text(STAND_IN)
        (bin_dir / name).chmod(0o755)
    for name in ("git", "make", "env", "sh", "basename", "awk"):
        (bin_dir / name).unlink(missing_ok=True)
        (bin_dir / name).symlink_to(subprocess.check_output(["/usr/bin/which", name], text=True).strip())
    environ = {
        **AUTHOR,
        "PATH": str(bin_dir),
        "HOME": str(copy.parent),
        "PYTHONPATH": str(copy),
        "CALLS": str(calls),
        "FAILING": failing,
        "TWINE_REPOSITORY_URL": index,
        "TWINE_USERNAME": "tester",
        "TWINE_PASSWORD": "secret",
        "TWINE_NON_INTERACTIVE": "1",
    }
    done = subprocess.run(
        [copy / ".venv" / "bin" / "python", "-m", "release", "--publish"],
        cwd=copy,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=LIMIT_SECONDS,
    )
    return done, calls.read_text().splitlines() if calls.exists() else []


def test_it_commits_the_changelog_tags_pushes_and_publishes_in_this_order(working_copy: Path) -> None:
    taken: list[bytes] = []
    with package_index(taken) as index:
        done, calls = publish(working_copy, index)
    assert done.returncode == 0, done.stdout + done.stderr

    origin = working_copy.parent / "origin"
    assert git(origin, "log", "-1", "--format=%s", f"v{__version__}").strip() == f"Release {__version__}"
    assert git(origin, "cat-file", "-t", f"v{__version__}").strip() == "tag"
    assert git(origin, "rev-parse", "main") == git(origin, "rev-parse", f"v{__version__}^{{}}")
    assert f"\n## Unreleased\n\n## {__version__} – " in git(origin, "show", "main:CHANGELOG.md")
    assert git(working_copy, "status", "--porcelain") == ""
    with tarfile.open(working_copy / "dist" / f"kubeledger-{__version__}.tar.gz") as archive:
        packed = archive.extractfile(f"kubeledger-{__version__}/CHANGELOG.md")
        assert packed is not None
        assert packed.read().decode() == git(origin, "show", "main:CHANGELOG.md")
        commit_time = float(git(origin, "log", "-1", "--format=%ct", "main"))
        assert {member.mtime for member in archive.getmembers()} == {commit_time}

    assert sorted(b"bdist_wheel" in body for body in taken) == [False, True]
    assert [call.split()[0] for call in calls] == ["docker", "docker", "helm", "gh", "mcp-publisher"]
    revision = git(origin, "rev-parse", "main").strip()
    assert f"--build-arg REVISION={revision} " in calls[1]
    for name in (word for call in calls[2:] for word in call.split() if word.startswith("dist/")):
        assert (working_copy / name).is_file()

    assert f"CHANGELOG.md has a section {__version__} already. Raise the version" in again(working_copy)


def test_one_that_fails_ends_it_and_what_is_left_is_named(working_copy: Path) -> None:
    with package_index([]) as index:
        done, calls = publish(working_copy, index, failing="helm")
    assert done.returncode == 1
    assert calls[-1].startswith("helm push ")
    assert "release: helm failed. What is left to run, once that is put right:\n" in done.stderr
    left = [line.split()[0] for line in done.stderr.splitlines() if line.startswith("    ")]
    assert left == ["helm", "gh", "mcp-publisher"]


@pytest.mark.parametrize("obstacle", ["package", "chart", "commit", "tag"])
def test_what_fails_before_all_is_built_committed_and_tagged_leaves_nothing_behind(
    working_copy: Path, obstacle: str
) -> None:
    if obstacle == "package":
        project = working_copy / "pyproject.toml"
        project.write_text(project.read_text().replace('"docs/accounting.md" =', '"docs/missing.md" ='))
    elif obstacle == "chart":
        (working_copy / "helm" / "kubeledger" / "README.md").symlink_to("missing.md")
    elif obstacle == "commit":
        hook = working_copy / ".git" / "hooks" / "pre-commit"
        hook.parent.mkdir(exist_ok=True)
        hook.write_text("#!/bin/sh\necho 'not today' >&2\nexit 1\n")
        hook.chmod(0o755)
    else:
        git(working_copy, "config", "tag.gpgSign", "true")
        git(working_copy, "config", "gpg.program", "false")
    if obstacle in ("package", "chart"):
        git(working_copy, "add", "--all")
        git(working_copy, "commit", "--quiet", "--message", "An obstacle")
    before = git(working_copy, "rev-parse", "HEAD")
    with package_index([]) as index:
        done, calls = publish(working_copy, index)
    assert done.returncode == 1
    wrong = {"commit": "git commit --quiet ", "tag": "git tag --annotate "}
    assert f"release: {wrong.get(obstacle, 'the files of the release cannot be built: ')}" in done.stderr
    assert "release: nothing is committed, tagged or published.\n" in done.stderr
    assert (git(working_copy, "rev-parse", "HEAD"), git(working_copy, "tag")) == (before, "")
    assert git(working_copy, "status", "--porcelain") == ""
    assert (working_copy / "dist").exists() == (obstacle in wrong)
    assert [call for call in calls if not call.startswith("docker buildx version")] == []


@pytest.mark.parametrize(
    ("obstacle", "message"),
    [
        ("changed", "files are not committed. Commit them, or put them away:"),
        ("program", "these programs are not installed: gh. Install them, then run it again."),
        ("buildx", "docker has no buildx"),
        ("tag", f"the tag v{__version__} exists already. Raise the version in kl_mcp/__init__.py."),
        ("chart", "generated files are stale: Chart.yaml; run `make docs`."),
        ("stale", "generated files are stale: server.json; run `make docs`."),
    ],
)
def test_it_does_not_begin_what_it_could_not_end(working_copy: Path, obstacle: str, message: str) -> None:
    programs: tuple[str, ...] = PROGRAMS
    failing = ""
    if obstacle == "changed":
        (working_copy / "note").write_text("not committed")
    elif obstacle == "program":
        programs = ("docker", "helm", "mcp-publisher")
    elif obstacle == "buildx":
        failing = "docker"
    elif obstacle == "tag":
        git(working_copy, "tag", f"v{__version__}")
    elif obstacle == "chart":
        chart = working_copy / "helm" / "kubeledger" / "Chart.yaml"
        chart.write_text(chart.read_text().replace(f"appVersion: {__version__}", "appVersion: 9.9.9"))
    else:
        (working_copy / "server.json").write_text("{}")
    if obstacle in ("chart", "stale"):
        git(working_copy, "commit", "--quiet", "--all", "--message", "An obstacle")
    before = git(working_copy, "rev-parse", "HEAD")
    done, calls = publish(working_copy, "http://127.0.0.1:9/", failing=failing, programs=programs)
    assert done.returncode == 1
    assert message in done.stderr
    assert git(working_copy, "rev-parse", "HEAD") == before
    assert [call for call in calls if not call.startswith("docker buildx version")] == []
