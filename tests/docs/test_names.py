"""CONTRIBUTING.md: one name for one thing, a name says what a thing is, and limits are MAX and MIN with a unit."""

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = ("kl_core", "kl_query", "kl_mcp", "collector")
PROGRAMS = (*PRODUCT, "simulator", "benchmarks", "release", "scripts")
ONE_THING = {
    "BlindSpot": "on both sides of the published dataset",
    "Node": "on both sides of the published dataset",
    "RateChange": "as it is kept, and as a tool answers it",
    "Settings": "of each program",
    "Array": "numpy's, of floats",
    "Json": "as it is read, and as it is written",
}
"""Names that several modules define, and as what."""
CONTESTED = {"Page", "Key", "Window", "Column", "Amounts", "Scale", "Views", "Kind", "Batch"}
"""Types so named have one meaning in all programs, not in the product alone."""
SAYS_NOTHING = {"found", "told", "whole", "asked", "words", "lived"}
"""Words that say nothing of the thing they would name."""
LIMIT_WITHOUT_UNIT = re.compile(r"_?(MOST|LEAST|LONGEST|SHORTEST|LARGEST|SMALLEST|FEWEST)(_\w+)?|\w+_LIMIT|_?(MAX|MIN)")


def modules(packages: tuple[str, ...]) -> list[ast.Module]:
    paths = (path for package in packages for path in sorted((ROOT / package).rglob("*.py")))
    return [ast.parse(path.read_text(encoding="utf-8")) for path in paths]


def assigned(module: ast.Module) -> Iterator[str]:
    targets = (node for node in module.body if isinstance(node, ast.Assign | ast.AnnAssign))
    return (node.id for target in targets for node in ast.walk(target) if isinstance(node, ast.Name) and is_new(node))


def is_new(node: ast.Name | ast.Attribute) -> bool:
    return isinstance(node.ctx, ast.Store)


def given(module: ast.Module) -> Iterator[str]:
    """Every name that a module gives to something: a variable, field, argument, function, class, import or slot."""
    for node in ast.walk(module):
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name):
                if is_new(node):
                    yield name
            case ast.arg(arg=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield name
            case ast.ClassDef(name=name) | ast.alias(asname=str(name)) | ast.keyword(arg=str(name)):
                yield name
            case ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)) | ast.ExceptHandler(name=str(name)):
                yield name


def vague(names: Iterable[str]) -> list[str]:
    return sorted({name for name in names if not SAYS_NOTHING.isdisjoint(parts_of(name))})


def parts_of(name: str) -> list[str]:
    return [part.lower() for part in re.split(r"_+|(?<=[a-z])(?=[A-Z])", name)]


def types_of(module: ast.Module) -> set[str]:
    """Names of the classes and type aliases that others may use; type variables have one letter."""
    classes = {node.name for node in module.body if isinstance(node, ast.ClassDef)}
    return {name for name in classes | set(assigned(module)) if re.fullmatch(r"[A-Z][A-Za-z]*[a-z][A-Za-z]*", name)}


def test_a_name_of_a_type_stands_for_one_thing() -> None:
    seen: set[str] = set()
    twice: set[str] = set()
    for types in map(types_of, modules(PRODUCT)):
        twice |= seen & types
        seen |= types
    assert twice == set(ONE_THING)


def test_a_contested_name_stands_for_one_thing_in_all_programs() -> None:
    types = [name for module in modules(PROGRAMS) for name in types_of(module)]
    assert sorted(name for name in CONTESTED if types.count(name) > 1) == []


@pytest.mark.parametrize("package", PROGRAMS)
def test_a_name_says_what_a_thing_is(package: str) -> None:
    files = (path.stem for path in (ROOT / package).rglob("*.py"))
    assert vague([*files, *(name for module in modules((package,)) for name in given(module))]) == []


@pytest.mark.parametrize(
    "code",
    [
        "found = 1",
        "found: int = 1",
        "(a, [*words]) = b",
        "[whole for whole in a]",
        "(told := 1)",
        "for asked in a: pass",
        "self._told_expired = 1",
        "def whole_head(): pass",
        "async def told(): pass",
        "class WasAsked: pass",
        "def f(a, *, asked): pass",
        "lambda told: 1",
        "import a as found",
        "warning(1, found=2)",
        "with a as lived: pass",
        "try: pass\nexcept E as words: pass",
        "match a:\n    case [found]: pass",
        "match a:\n    case [*lived]: pass",
        "WHOLE_CLUSTER = 1",
    ],
)
def test_a_vague_name_is_seen_wherever_it_is_given(code: str) -> None:
    assert len(vague(given(ast.parse(code)))) == 1


def test_names_that_others_gave_and_words_in_other_words_are_left_alone() -> None:
    code = "a = HTTPStatus.NOT_FOUND + keywords + foundation\nunasked = told.whole(found)"
    assert vague(given(ast.parse(code))) == []


@pytest.mark.parametrize("package", PROGRAMS)
def test_a_limit_is_max_or_min_of_something(package: str) -> None:
    names = {name for module in modules((package,)) for name in assigned(module) if name.isupper()}
    assert sorted(filter(LIMIT_WITHOUT_UNIT.fullmatch, names)) == []
