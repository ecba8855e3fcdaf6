"""docs/architecture.md names modules and folders that are there, and its walk passes every room of the collector."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
WALK = "A pod's CPU, from the API to the published file"


PACKAGES = ("kl_core", "kl_query", "kl_mcp", "collector")


def rooms() -> set[str]:
    """The folders of the packages that hold modules."""
    folders = (path.parent for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
    return {str(folder.relative_to(ROOT)) for folder in folders}


def test_every_room_is_named_and_no_other() -> None:
    section = PAGE.partition("## The rooms\n")[2].partition("\n## ")[0]
    assert set(re.findall(r"^\| `([\w/]+)` \|", section, re.MULTILINE)) == rooms()


def test_every_other_folder_of_the_repository_is_named() -> None:
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True).stdout.split()
    folders = {path.partition("/")[0] for path in tracked if "/" in path and not path.startswith(".")}
    named = set(re.findall(r"`(\w+)`", PAGE))
    assert sorted(folders - named - {"docs", "typings"}) == []


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`((?:collector|docs|kl_\w+|tests)/[\w./]+)`", PAGE))))
def test_each_path_it_names_is_there(path: str) -> None:
    assert (ROOT / path).exists()


def test_a_pods_cpu_passes_every_room_of_the_collector_in_the_order_that_the_linter_holds() -> None:
    walk = PAGE.partition(f"## {WALK}\n")[2].partition("\n## ")[0]
    passed = re.findall(r"^\| `collector/(\w+)/", walk, re.MULTILINE)
    assert list(dict.fromkeys(passed)) == ["kubernetes", "accounting", "store", "books", "publish"]
