"""SECURITY.md says what the program does: each of its sentences names the tests that show it."""

from __future__ import annotations

from tests.spec.named_tests import missing
from tests.spec.security_page import sentences, shown_by

REASONS = {"(advice, or what others do)", "(follows from the others, or from how Kubernetes and networks work)"}


def test_every_sentence_says_what_shows_it_and_none_is_named_that_is_not_there() -> None:
    """Whoever changes a sentence looks at its tests, and names those of a new one."""
    said = list(sentences())
    named = [beginning for beginning, _ in shown_by()]

    assert [
        (sentence[:60], beginning)
        for sentence, beginning in zip(said, named, strict=False)
        if not sentence.startswith(beginning)
    ] == []
    assert len(said) == len(named)


def test_what_shows_a_sentence_is_there() -> None:
    shown = [tests for _, tests in shown_by()]

    assert all(shown)
    assert missing(f"tests/{test}" for tests in shown for test in tests if test not in REASONS) == []
