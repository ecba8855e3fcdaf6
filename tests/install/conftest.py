"""The files of a release, a server where the plugins expect one, and what to install them with."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from release import artifacts
from tests.clients import watched
from tests.clients.fixtures import data_dir, packages
from tests.clients.npm import Packages
from tests.clients.sandbox import FROM_CHECKOUT, Sandbox
from tests.support.clone import clone
from tests.support.mcp_clients import http_server
from tests.support.npm import PackageSet, UnreachableError

__all__ = ["data_dir", "packages"]

RUN_SECONDS = 300
DEFAULT_PORT = "5484"
NO_INDEX = re.compile(r"Could not connect|dns error|Failed to fetch|Name or service not known|No matching distribution")


@dataclass(frozen=True)
class Release:
    """Where the files of a release are, and the clone that they were made of."""

    dist: Path
    source: Path

    @property
    def wheel(self) -> Path:
        (path,) = self.dist.glob("*.whl")
        return path

    @property
    def bundle(self) -> Path:
        (path,) = self.dist.glob("*.mcpb")
        return path


@pytest.fixture(scope="package")
def release(tmp_path_factory: pytest.TempPathFactory) -> Release:
    source = clone(tmp_path_factory.mktemp("source") / "kubeledger")
    dist = tmp_path_factory.mktemp("dist")
    artifacts.build(source, dist, "", 0)
    return Release(dist, source)


@pytest.fixture(scope="package")
def mcpb(packages: Packages) -> list[str]:
    """The command of the tools that make and judge bundles."""
    try:
        modules = PackageSet(Path(__file__).parent, "install").install()
    except UnreachableError as reason:
        pytest.skip(f"mcpb from npm: {reason}")
    return [str(packages.node), str(modules / "@anthropic-ai" / "mcpb" / "dist" / "cli" / "cli.js")]


@pytest.fixture
def sandbox(data_dir: Path, tmp_path: Path, packages: Packages) -> Iterator[Sandbox]:
    """A server at the default address, in a network of its own, and a home that reaches it and nothing else."""
    home = tmp_path / "home"
    home.mkdir()
    flags = ("--requests", str(tmp_path / "requests"), "--alone", "--port", DEFAULT_PORT)
    if not watched.may_leave():
        pytest.skip("no network of its own is permitted here, and the default port may be taken")
    with http_server(data_dir, *flags, module="tests.clients.watched", env=FROM_CHECKOUT) as server:
        yield Sandbox(server.url, data_dir, home, packages, watched.joining(server.process.pid))


def run(*command: str | Path, env: Mapping[str, str] | None = None, cwd: Path | None = None) -> str:
    """What a command prints, which has to succeed; the test is skipped where the package index cannot be reached."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": "", **(env or {})},
        capture_output=True,
        text=True,
        check=False,
        timeout=RUN_SECONDS,
    )
    unreachable = NO_INDEX.search(done.stderr)
    if done.returncode and unreachable:
        pytest.skip(f"the package index cannot be reached: {unreachable[0]}")
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def beside_python(name: str) -> Path:
    """A command of the environment that the tests run in."""
    path = shutil.which(name, path=str(Path(sys.executable).parent))
    assert path is not None
    return Path(path)
