"""The legacy layout stays in its rooms: elsewhere nothing asks which layout a dataset or its amounts come from."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("dataset/legacy/", "measures/legacy")
DOORS = {
    "dataset/load.py": "chooses the reader by what is in the directory",
    "dataset/manifest.py": "reads what the collector publishes",
    "dataset/model.py": "holds what a reader found",
    "measures/by_layout.py": "chooses the rules by what the reader found",
    "warnings/codes.py": "has the words of all warnings",
}
NAMES = ("legacy", "relative", "kubeledger")


def named(tree: ast.AST) -> Iterator[str]:
    """Yield every name that code uses or imports, and every string it could compare a layout with."""
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.arg(arg=name) | ast.alias(name=name):
                yield name
            case ast.keyword(arg=str(name)) | ast.ImportFrom(module=str(name)):
                yield name
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                yield name
            case ast.Constant(value="kubeledger" | "native" as name):
                yield "legacy" if name == "kubeledger" else name


def branches(source: str) -> list[str]:
    """Return the names in some code that speak of one layout."""
    # The product's own exception is not its earlier layout.
    found = [name.lower() for name in named(ast.parse(source)) if name != "KubeLedgerError"]
    return [name for name in found if name == "native" or any(part in name for part in NAMES)]


def outside() -> list[str]:
    """Return the modules that answer whatever layout a dataset has, by their place in the package."""
    places = [str(path.relative_to(ROOT / "kl_query")) for path in sorted((ROOT / "kl_query").rglob("*.py"))]
    return [place for place in places if not place.startswith(ROOMS) and place not in DOORS]


@pytest.mark.parametrize("place", outside())
def test_no_other_module_speaks_of_the_legacy_layout(place: str) -> None:
    assert branches((ROOT / "kl_query" / place).read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("place", DOORS)
def test_every_door_is_one(place: str) -> None:
    assert branches((ROOT / "kl_query" / place).read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    "source",
    [
        "if scale.relative is not None: pass",
        "if dataset.layout == 'kubeledger': pass",
        "if dataset.layout != 'native': pass",
        "from kl_query.measures.legacy import LegacyAmounts",
        "stale(kubeledger=True)",
    ],
)
def test_a_branch_on_the_layout_is_found(source: str) -> None:
    assert branches(source)
