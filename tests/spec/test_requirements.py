"""Every requirement of the specification is proved by a test, and no test claims one that does not exist."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from tests.spec.document import ROOT, requirements


def claims() -> dict[str, list[str]]:
    """The tests that claim each requirement, by its id, as their sources say."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for test, identity in _claims_in(path):
            found[identity].append(f"{path.relative_to(ROOT)}::{test}")
    return found


def _claims_in(path: Path) -> Iterator[tuple[str, str]]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            for decorator in node.decorator_list:
                if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "pytest.mark.requirement":
                    yield from ((node.name, str(ast.literal_eval(argument))) for argument in decorator.args)


def test_every_requirement_is_claimed_by_a_test() -> None:
    claimed = claims()

    assert [identity for identity in requirements() if identity not in claimed] == []


def test_every_claim_names_a_requirement_that_exists() -> None:
    known = set(requirements())

    assert {identity: tests for identity, tests in claims().items() if identity not in known} == {}


def test_only_tests_claim_requirements() -> None:
    assert [
        test for tests in claims().values() for test in tests if not test.partition("::")[2].startswith("test_")
    ] == []


def test_requirements_are_numbered_without_holes() -> None:
    by_letter: dict[str, list[int]] = defaultdict(list)
    for identity in requirements():
        _, letter, number = identity.split("-")
        by_letter[letter].append(int(number))

    assert by_letter
    assert {letter: numbers for letter, numbers in by_letter.items() if numbers != [*range(1, len(numbers) + 1)]} == {}
