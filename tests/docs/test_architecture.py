"""docs/architecture.md names folders, files, functions and types that are there, and its walks are the code's."""

import ast
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.docs.traced_call import functions_of_a_call

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")

PACKAGES = ("kl_core", "kl_query", "kl_mcp", "collector")


def section(title: str) -> str:
    found = re.search(rf"^## {title}[^\n]*\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


def rooms() -> set[str]:
    """The folders of the packages that hold modules."""
    folders = (path.parent for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
    return {str(folder.relative_to(ROOT)) for folder in folders}


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def defined(node: ast.AST, within: str = "") -> Iterator[str]:
    """Names of classes and functions; of methods after their class, and of what a function defines as if beside it."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ClassDef):
            yield within + child.name
            yield from defined(child, f"{within}{child.name}.")
        elif isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield within + child.name
            yield from defined(child)


@cache
def types() -> frozenset[str]:
    """Names of all classes and type aliases of the collector."""
    modules = [tree(path) for path in (ROOT / "collector").rglob("*.py")]
    classes = (node.name for module in modules for node in ast.walk(module) if isinstance(node, ast.ClassDef))
    assigned = (
        target for module in modules for node in module.body if isinstance(node, ast.Assign) for target in node.targets
    )
    return frozenset((*classes, *(target.id for target in assigned if isinstance(target, ast.Name))))


def rows() -> list[tuple[str, str]]:
    """Every file of a table, with each function that its row names."""
    named = re.findall(r"^\|(?:[^|`]*\|)? `([\w/]+\.py)` \| ([^|]*) \|", PAGE, re.MULTILINE)
    return [(path, name) for path, names in named for name in re.findall(r"`([\w.]+)`", names)]


def test_every_room_is_named_and_no_other() -> None:
    assert set(re.findall(r"^\| `([\w/]+)` \|", section("The rooms"), re.MULTILINE)) == rooms()


def test_every_other_folder_of_the_repository_is_named() -> None:
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True).stdout.split()
    folders = {path.partition("/")[0] for path in tracked if "/" in path and not path.startswith(".")}
    named = set(re.findall(r"`(\w+)`", PAGE))
    assert sorted(folders - named - {"docs", "typings"}) == []


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`((?:collector|docs|kl_\w+|tests)/[\w./]+)`", PAGE))))
def test_each_path_it_names_is_there(path: str) -> None:
    assert (ROOT / path).exists()


def test_each_file_of_a_table_has_a_function() -> None:
    files = re.findall(r"`((?:collector|kl_\w+)/[\w/]+\.py)` \|", PAGE)
    assert set(files) == {path for path, _ in rows()}


@pytest.mark.parametrize(("path", "name"), rows())
def test_each_function_it_names_is_in_its_file(path: str, name: str) -> None:
    assert name in set(defined(tree(ROOT / path)))


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`([A-Z][a-z]\w+)[`.]", section("A pod's CPU")))))
def test_each_form_that_a_number_takes_is_a_type(name: str) -> None:
    assert name in types()


def test_a_pods_cpu_passes_every_room_of_the_collector_in_the_order_that_the_linter_holds() -> None:
    passed = re.findall(r"^\| `collector/(\w+)/", section("A pod's CPU"), re.MULTILINE)
    assert list(dict.fromkeys(passed)) == ["kubernetes", "accounting", "store", "books", "publish"]


def test_a_call_passes_the_functions_of_its_walk_in_their_order(tmp_path: Path) -> None:
    walk = section("A tool call").partition("On the way they ask")[0]
    named = re.findall(r"^\| `([\w/]+\.py)` \| `([\w.]+)` \|", walk, re.MULTILINE)
    assert functions_of_a_call(tmp_path) == named
