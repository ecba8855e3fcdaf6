"""JSON that says each thing once, and what else readers understand in different ways."""

from __future__ import annotations

import json
import math
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kl_mcp.access.strict_json import MAX_DIGITS, parse

REASONS = re.compile(
    r"|it is not JSON \(line \d+, column \d+\)|it is not JSON, which is in UTF-8|it is nested too deeply"
    r"|a text holds half a character \(a lone surrogate\)"
    r"|an object has a member twice|a number has more than 100 digits|a number is too large, or is none"
)
DOCUMENTS = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**90), 10**90)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner),
)


@given(DOCUMENTS)
def test_what_says_each_thing_once_is_read_as_it_is(document: Any) -> None:
    assert parse(json.dumps(document, ensure_ascii=False).encode()) == document


@given(st.binary())
def test_other_bytes_are_read_or_refused_with_a_reason_that_quotes_nothing(content: bytes) -> None:
    said = ""
    try:
        parse(content)
    except ValueError as error:
        said = str(error)
    assert REASONS.fullmatch(said)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", r"not JSON \(line 1, column 1\)"),
        (b"{\n  x}", r"not JSON \(line 2, column 3\)"),
        (b"{} {}", "not JSON"),
        (b"\xef\xbb\xbf{}", "not JSON"),
        (b'"\xff"', "UTF-8"),
        ("{}".encode("utf-16"), "UTF-8"),
        (b'{"a": 1, "b": 2, "a": 1}', "has a member twice"),
        (b'[{"x": {"a": 1, "\\u0061": 2}}]', "has a member twice"),
        (b'{"known": 1, "known": 2}', 'has the member "known" twice'),
        (b'["\\ud83d"]', "half a character"),
        (b'{"\\uDE00": 1}', "half a character"),
        (b'["\\ude00\\ud83d"]', "half a character"),
        (b"[NaN]", "is none"),
        (b"[Infinity]", "is none"),
        (b"[-Infinity]", "is none"),
        (b"[1e999]", "too large"),
        (b"9" * (MAX_DIGITS + 1), "more than 100 digits"),
        (b"9" * 400_000, "more than 100 digits"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"a":' * 100_000, "nested too deeply"),
    ],
)
def test_what_can_be_understood_in_two_ways_is_refused(content: bytes, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse(content, {"known"})


def test_members_of_different_objects_may_have_one_name() -> None:
    assert parse(b'[{"a": {"a": 1}}, {"a": 2.5}]') == [{"a": {"a": 1}}, {"a": 2.5}]
    assert math.isclose(parse(b"1e3"), 1000)


def test_both_halves_of_a_character_are_one() -> None:
    assert parse(rb'["\ud83d\ude00", "\\ud83d"]') == ["\U0001f600", "\\ud83d"]
