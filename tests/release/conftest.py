"""What `make release` makes in a clean clone."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.clone import clone, git
from tests.support.patience import LIMIT_SECONDS


@dataclass(frozen=True)
class DryRun:
    """A clone in which the release ran, and what it printed."""

    root: Path
    output: str

    @property
    def dist(self) -> Path:
        return self.root / "dist"

    def the(self, pattern: str) -> Path:
        """The one file of that pattern."""
        (path,) = self.dist.glob(pattern)
        return path


@pytest.fixture(scope="package")
def dry_run(tmp_path_factory: pytest.TempPathFactory) -> DryRun:
    root = clone(tmp_path_factory.mktemp("release") / "kubeledger")
    environ = {**os.environ, "PYTHONPATH": str(root)}
    done = subprocess.run(
        # The environment is that of these tests, which the set-up must not change.
        ["make", "--no-print-directory", "--assume-old=setup", "release"],
        cwd=root,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=LIMIT_SECONDS,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert git(root, "status", "--porcelain") == ""
    assert git(root, "tag") == ""
    return DryRun(root, done.stdout)
