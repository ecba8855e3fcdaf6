"""Arguments of any width, depth and length: refused with little work, with an error that says what is allowed."""

from __future__ import annotations

import json
import sys
import tracemalloc
from typing import Any

import pytest

from kl_mcp.tools import TABLE
from kl_mcp.tools.refusals import Call, refuse
from kl_mcp.tools.sent_arguments import MAX_LIST_ELEMENTS, MAX_TEXT_CHARS
from kl_query.dataset import Dataset
from kl_query.errors import ToolArgumentError
from tests.kl_mcp.tools.conftest import check_refusal
from tests.support.small_cluster import NOW

WIDE = 300_000
"""As many elements as some bodies of a megabyte have. Validated one by one they take 300 MB and ten seconds."""


def _nested(depth: int) -> list[Any]:
    inner: list[Any] = []
    for _ in range(depth):
        inner = [inner]
    return inner


@pytest.mark.requirement("KL-E-6")
@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ({"namespaces": [[]] * WIDE}, "out_of_range", f"list of {WIDE} elements"),
        ({"namespaces": ["a"] * WIDE}, "out_of_range", f"no list may have more than {MAX_LIST_ELEMENTS}"),
        ({"metric": [0] * WIDE}, "out_of_range", f"list of {WIDE} elements"),
        ({f"n{number}": 0 for number in range(WIDE)}, "unknown_argument", "has no argument 'n0'"),
        ({"metric": {str(number): 0 for number in range(WIDE)}}, "invalid_type", "metric must not be an object"),
        ({"namespaces": "a," * WIDE}, "out_of_range", f"at most {MAX_TEXT_CHARS} characters long, not {2 * WIDE}"),
        ({"date": "9" * WIDE}, "out_of_range", f"at most {MAX_TEXT_CHARS} characters long"),
        ({"namespaces": ["a", "b" * WIDE]}, "out_of_range", f"at most {MAX_TEXT_CHARS} characters long"),
        ({"n" * WIDE: 1}, "unknown_argument", "has no argument 'nnn"),
        ({"namespaces": _nested(5_000)}, "invalid_type", "with nothing nested in it"),
        ({"metric": _nested(5_000)}, "invalid_type", "with nothing nested in it"),
        ({"namespaces": [["a"]]}, "invalid_type", "must be a list of strings"),
    ],
)
def test_what_no_tool_takes_is_refused_before_it_costs_anything(
    books: Dataset, arguments: dict[str, Any], code: str, said: str
) -> None:
    called = 0

    def count(_frame: object, event: str, _what: object) -> None:
        nonlocal called
        called += event.endswith("call")

    tracemalloc.start()
    sys.setprofile(count)
    try:
        with pytest.raises(ToolArgumentError) as refused:
            TABLE["get_usage"].run(arguments, books)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        sys.setprofile(None)
        tracemalloc.stop()

    assert called < WIDE / 10
    assert peak < 2_000_000
    assert refused.value.code == code
    assert said in refused.value.message
    check_refusal(refuse(TABLE, Call("get_usage", arguments), refused.value, books), books, NOW)


@pytest.mark.parametrize(
    ("arguments", "corrected"),
    [
        ({"start": f"2026-11-20{' ' * 189}", "end": "2026-11-21"}, {}),
        ({"start": f"2026-11-20{' ' * 100}", "end": "2026-11-21"}, {"date": "2026-11-20..2026-11-21"}),
        ({"metric": f"none{' ' * 193}and cpu"}, {}),
        ({"metric": f"none{' ' * 100}and cpu"}, {"metric": "cpu"}),
    ],
)
def test_no_long_text_is_searched_for_separators(
    books: Dataset, arguments: dict[str, Any], corrected: dict[str, Any]
) -> None:
    """A search takes time that grows with the square of the blanks: three quarters of a minute with 100,000."""
    with pytest.raises(ToolArgumentError) as refused:
        TABLE["get_usage"].run(arguments, books, NOW)
    assert refuse(TABLE, Call("get_usage", arguments), refused.value, books, NOW).corrected == Call(
        "get_usage", corrected
    )


def test_what_is_merely_too_much_keeps_the_error_of_its_own_argument(books: Dataset) -> None:
    with pytest.raises(ToolArgumentError, match="namespaces takes 1 to 20 names or patterns, not 21"):
        TABLE["get_usage"].run({"namespaces": [f"n{number}" for number in range(21)]}, books)


def test_the_most_that_any_argument_takes_is_within_the_bounds(books: Dataset) -> None:
    patterns = [f"{'*' * number}[!.]{'*' * (252 - number)}" for number in range(20)]  # 256 characters each
    answer = TABLE["group_namespaces"].run({"pattern": json.dumps(patterns)}, books)

    assert answer["matched_count"] == 6
    assert answer == TABLE["group_namespaces"].run({"pattern": ",".join(patterns)}, books)
