"""The generated parts of the documentation, and what its prose promises."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from collector.settings import SETTINGS as COLLECTOR_SETTINGS
from kl_mcp import __version__
from kl_mcp.settings import SETTINGS as SERVER_SETTINGS
from kl_mcp.tools import TABLE
from release.manifests import manifests
from tests.support.patience import LIMIT_SECONDS

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
SETTING_NAMES = [*(setting.name for setting in COLLECTOR_SETTINGS), *(setting.name for setting in SERVER_SETTINGS)]
SPECIFICATION = (ROOT / "kubeledger-mcp-spec.md").read_text(encoding="utf-8")


def _docs(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "scripts" / "docs.py"), *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=LIMIT_SECONDS)


@pytest.mark.requirement("KL-T-3")
def test_the_generated_parts_and_the_schemas_of_the_tools_are_current() -> None:
    done = _docs("--check")
    assert done.returncode == 0, done.stderr


def test_a_missing_changed_or_left_over_file_is_stale_and_writing_restores_each(tmp_path: Path) -> None:
    for page in ("README.md", "kubeledger-mcp-spec.md", *manifests()):
        (tmp_path / page).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / page, tmp_path / page)
    (tmp_path / "helm" / "kubeledger").mkdir(parents=True)
    chart = (ROOT / "helm" / "kubeledger" / "Chart.yaml").read_text(encoding="utf-8")
    (tmp_path / "helm" / "kubeledger" / "Chart.yaml").write_text(chart.replace(__version__, "0.0.9"))
    (tmp_path / "server.json").write_text("{}")
    (tmp_path / "gemini-extension.json").unlink()
    tools = tmp_path / "spec" / "tools"
    shutil.copytree(ROOT / "spec" / "tools", tools)
    (tools / "get_usage.json").unlink()
    (tools / "get_efficiency.json").write_text("{}")
    (tools / "get_advice.json").write_text("{}")

    done = _docs("--check", str(tmp_path))
    assert done.returncode == 1
    stale = {"get_usage.json", "get_efficiency.json", "get_advice.json", "server.json", "gemini-extension.json"}
    stale.add("Chart.yaml")
    assert set(re.findall(r"[\w-]+\.\w+", done.stderr)) == stale

    assert _docs(str(tmp_path)).returncode == 0
    assert _docs("--check", str(tmp_path)).returncode == 0
    assert sorted(path.stem for path in tools.iterdir()) == sorted(TABLE)
    assert (tmp_path / "helm" / "kubeledger" / "Chart.yaml").read_text(encoding="utf-8") == chart


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
