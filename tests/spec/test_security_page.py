"""SECURITY.md says what the program does: each of its sentences names the tests that show it."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

from tests.spec.document import ROOT
from tests.spec.security_page import sentences
from tests.spec.security_sentences import ADVICE, MEANING, SHOWN_BY


@cache
def _tests_in(path: Path) -> frozenset[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = (node for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return frozenset(node.name for node in functions if node.name.startswith("test_"))


def _exists(test: str) -> bool:
    path, _, name = test.partition("::")
    return (ROOT / path).is_file() and (not name or name in _tests_in(ROOT / path))


def test_every_sentence_says_what_shows_it_and_none_is_named_that_is_not_there() -> None:
    """Whoever changes a sentence looks at its tests, and names those of a new one."""
    said = list(sentences())
    named = [beginning for beginning, _ in SHOWN_BY]

    assert [
        (sentence[:60], beginning)
        for sentence, beginning in zip(said, named, strict=False)
        if not sentence.startswith(beginning)
    ] == []
    assert len(said) == len(named)


def test_what_shows_a_sentence_is_there() -> None:
    assert [
        (beginning, test)
        for beginning, shown in SHOWN_BY
        if not isinstance(shown, str)
        for test in shown
        if not _exists(test)
    ] == []
    assert all(shown in {ADVICE, MEANING} if isinstance(shown, str) else shown for _, shown in SHOWN_BY)
