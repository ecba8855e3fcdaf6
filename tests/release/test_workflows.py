"""The workflows of the forge: what they run exists, and what they use is pinned."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


def jobs(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"]
    return found


def steps(path: Path) -> list[dict[str, Any]]:
    return [step for job in jobs(path).values() for step in job["steps"]]


def commands(path: Path) -> list[str]:
    """What the steps run, with each value of a matrix in its place."""
    lines = []
    for job in jobs(path).values():
        choices = job.get("strategy", {}).get("matrix", {}).get("include", [{}])
        for step in job["steps"]:
            for choice in choices:
                text = step.get("run", "")
                for name, value in choice.items():
                    text = text.replace(f"${{{{ matrix.{name} }}}}", value)
                lines += text.splitlines()
    return lines


def test_there_are_workflows_for_tests_and_for_the_release() -> None:
    assert [path.name for path in WORKFLOWS] == ["ci.yml", "release.yml"]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_it_is_one_that_a_forge_reads(path: Path) -> None:
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert document["name"]
    assert document[True]  # what `on` is in YAML 1.1
    assert document["permissions"]
    for job in document["jobs"].values():
        assert job["runs-on"].startswith("ubuntu-")
        assert job["timeout-minutes"] <= 90
        assert all(("run" in step) != ("uses" in step) for step in job["steps"])


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_targets_and_scripts_that_it_runs_exist(path: Path) -> None:
    targets = [target for line in commands(path) for target in re.findall(r"\bmake ([a-z]+)", line)]
    assert targets
    assert [target for target in targets if not re.search(rf"^{target}:", MAKEFILE, re.MULTILINE)] == []
    scripts = [word for line in commands(path) for word in re.findall(r"^\.[\w./]+", line)]
    assert [name for name in scripts if not (ROOT / name).is_file()] == []


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_actions_are_pinned(path: Path) -> None:
    used = [step["uses"] for step in steps(path) if "uses" in step]
    assert used
    assert [action for action in used if not re.fullmatch(r"[\w-]+/[\w./-]+@(v\d+(\.\d+)*|[0-9a-f]{40})", action)] == []


def test_the_tests_run_on_every_version_and_all_suites_on_the_oldest() -> None:
    include = jobs(ROOT / ".github" / "workflows" / "ci.yml")["test"]["strategy"]["matrix"]["include"]
    assert {each["python"]: each["command"] for each in include} == {
        "3.11": ".ci/run",
        "3.12": "make test",
        "3.13": "make test",
        "3.14": "make test",
    }


def test_a_release_is_a_dry_run_unless_publishing_is_chosen() -> None:
    path = ROOT / ".github" / "workflows" / "release.yml"
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    publish = document[True]["workflow_dispatch"]["inputs"]["publish"]
    assert (publish["type"], publish["default"]) == ("boolean", False)
    assert list(document[True]) == ["workflow_dispatch"]
    assert "make release PUBLISH=${{ inputs.publish && 'yes' || 'no' }}" in commands(path)
    (login,) = [step for step in steps(path) if "secrets." in str(step)]
    assert login["if"] == "inputs.publish"
