"""Documents: found in a checkout, and shipped inside the package."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from kl_mcp.protocol import resources
from tests.support.patience import LIMIT_SECONDS

ROOT = Path(__file__).resolve().parents[3]


def test_in_a_checkout_the_documents_are_those_that_are_edited() -> None:
    assert resources.installed_documents() == {
        "kubeledger://spec": (ROOT / "kubeledger-mcp-spec.md").read_text(encoding="utf-8"),
        "kubeledger://accounting": (ROOT / "docs" / "accounting.md").read_text(encoding="utf-8"),
    }


def test_an_installed_package_reads_its_own_and_one_without_them_has_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "kl_mcp"
    package.mkdir()
    monkeypatch.setattr(resources, "PACKAGE", package)
    monkeypatch.setattr(resources, "CHECKOUT", tmp_path)
    assert resources.installed_documents() == {}

    (package / "accounting.md").write_text("# Rules: Σ", encoding="utf-8")

    assert resources.installed_documents() == {"kubeledger://accounting": "# Rules: Σ"}


def test_the_wheel_holds_both_documents(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True, timeout=LIMIT_SECONDS)

    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        assert archive.read("kl_mcp/kubeledger-mcp-spec.md") == (ROOT / "kubeledger-mcp-spec.md").read_bytes()
        assert archive.read("kl_mcp/accounting.md") == (ROOT / "docs" / "accounting.md").read_bytes()
