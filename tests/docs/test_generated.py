"""The generated parts of the documentation, and what its prose promises."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from collector.settings import SETTINGS as COLLECTOR_SETTINGS
from kl_mcp.settings import SETTINGS as SERVER_SETTINGS
from kl_mcp.tools import TABLE
from tests.support.patience import LIMIT_SECONDS

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
SETTING_NAMES = [*(setting.name for setting in COLLECTOR_SETTINGS), *(setting.name for setting in SERVER_SETTINGS)]
SPECIFICATION = (ROOT / "kubeledger-mcp-spec.md").read_text(encoding="utf-8")


def test_the_generated_parts_are_current() -> None:
    check = [sys.executable, str(ROOT / "scripts" / "docs.py"), "--check"]
    done = subprocess.run(check, cwd=ROOT, capture_output=True, text=True, check=False, timeout=LIMIT_SECONDS)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", SETTING_NAMES)
def test_a_setting_is_in_the_configuration_table(name: str) -> None:
    assert f"| `{name}` |" in README


def test_every_setting_that_the_readme_mentions_exists() -> None:
    assert set(re.findall(r"\bKL_[A-Z0-9_]+\b", README)) - set(SETTING_NAMES) == set()


@pytest.mark.parametrize("name", list(TABLE))
def test_a_tool_is_in_the_readme_and_in_the_specification(name: str) -> None:
    assert f"| `{name}` |" in README
    assert f"| `{name}` |" in SPECIFICATION


def test_links_to_files_of_the_repository_lead_somewhere() -> None:
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", README + SPECIFICATION)
    assert targets
    assert [target for target in targets if not (ROOT / target).exists()] == []


def test_every_make_target_that_the_readme_names_exists() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = set(re.findall(r"\bmake ([a-z]+)\b", README))
    assert named
    assert [target for target in named if not re.search(rf"^{target}:", makefile, re.MULTILINE)] == []
