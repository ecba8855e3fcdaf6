"""CONTRIBUTING.md names targets, files and folders that are there, and the wheel says that its packages are typed."""

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml

from tests.support.patience import LIMIT_SECONDS

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
PACKAGES = ("collector", "kl_core", "kl_mcp", "kl_query")


@pytest.mark.parametrize("target", sorted(set(re.findall(r"`?make ([a-z]+)", PAGE))))
def test_each_target_it_names_is_one_of_the_makefile(target: str) -> None:
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`((?:collector|docs|kl_\w+|tests)/[\w./]+)`", PAGE))))
def test_each_path_it_names_is_there(path: str) -> None:
    assert (ROOT / path).exists()


def test_the_hook_runs_the_checks_of_the_makefile() -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"][0]["hooks"]
    assert [hook["entry"] for hook in hooks] == ["make check"]


def test_the_wheel_says_that_its_packages_are_typed(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True, timeout=LIMIT_SECONDS)
    names = zipfile.ZipFile(next(tmp_path.glob("*.whl"))).namelist()
    assert {name for name in names if name.endswith("py.typed")} == {f"{package}/py.typed" for package in PACKAGES}
