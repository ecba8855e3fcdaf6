"""Prometheus and its promtool, where they are installed."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.patience import LIMIT_SECONDS

ROOT = Path(__file__).resolve().parents[2]
RULES = ROOT / "deploy" / "alerts" / "kubeledger.yaml"


def program(name: str) -> str:
    """Its path; the test is skipped where it is missing, which `scripts/setup tests` puts right."""
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"{name} is not installed: scripts/setup tests")
    return path


def promtool(*arguments: str | Path, text: str | None = None) -> subprocess.CompletedProcess[str]:
    command = [program("promtool"), *map(str, arguments)]
    return subprocess.run(command, input=text, capture_output=True, text=True, check=False, timeout=LIMIT_SECONDS)
