"""Finds tests by the names that other tests give: `tests/spec/test_tools.py::test_x`, or a file alone."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from tests.spec.document import ROOT


def missing(tests: Iterable[str]) -> list[str]:
    """Return those that are not there."""
    return [test for test in tests if not _is_there(*test.partition("::")[::2])]


def _is_there(path: str, name: str) -> bool:
    return (ROOT / path).is_file() and (not name or name in _tests_in(ROOT / path))


@cache
def _tests_in(path: Path) -> frozenset[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = (node for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return frozenset(node.name for node in functions if node.name.startswith("test_"))
