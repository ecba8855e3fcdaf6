"""CONTRIBUTING.md: one name for one thing, and limits are MAX and MIN with a unit."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = ("kl_core", "kl_query", "kl_mcp", "collector")
PROGRAMS = (*PRODUCT, "simulator", "benchmarks", "scripts")
ONE_THING = {
    "BlindSpot": "on both sides of the published dataset",
    "Buckets": "as the collector lists them, and as the server reads those of an existing KubeLedger",
    "Node": "on both sides of the published dataset",
    "RateChange": "as it is kept, and as a tool answers it",
    "Settings": "of each program",
    "Array": "numpy's, of floats",
    "Block": "of an answer, as JSON",
    "Json": "as it is read, and as it is written",
}
"""Names that several modules define, and as what."""
LIMIT_WITHOUT_UNIT = re.compile(r"_?(MOST|LEAST|LONGEST|SHORTEST|LARGEST|SMALLEST|FEWEST)_\w+|\w+_LIMIT|_?(MAX|MIN)")


def modules(packages: tuple[str, ...]) -> list[ast.Module]:
    paths = (path for package in packages for path in sorted((ROOT / package).rglob("*.py")))
    return [ast.parse(path.read_text(encoding="utf-8")) for path in paths]


def assigned(module: ast.Module) -> Iterator[str]:
    for node in module.body:
        if isinstance(node, ast.Assign):
            yield from (target.id for target in node.targets if isinstance(target, ast.Name))
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id


def types_of(module: ast.Module) -> set[str]:
    """Names of the classes and type aliases that others may use; type variables have one letter."""
    classes = {node.name for node in module.body if isinstance(node, ast.ClassDef)}
    return {name for name in classes | set(assigned(module)) if re.fullmatch(r"[A-Z][A-Za-z]*[a-z][A-Za-z]*", name)}


def test_a_name_of_a_type_stands_for_one_thing() -> None:
    seen: set[str] = set()
    twice: set[str] = set()
    for found in map(types_of, modules(PRODUCT)):
        twice |= seen & found
        seen |= found
    assert twice == set(ONE_THING)


@pytest.mark.parametrize("package", PROGRAMS)
def test_a_limit_is_max_or_min_of_something(package: str) -> None:
    names = {name for module in modules((package,)) for name in assigned(module) if name.isupper()}
    assert sorted(filter(LIMIT_WITHOUT_UNIT.fullmatch, names)) == []
