import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kl_mcp.tools.paging import PageRequest, request_page
from kl_query.errors import ToolArgumentError


def page(cursor: str | None, tool: str = "t", **arguments: str) -> PageRequest:
    return request_page(tool, arguments, limit=10, cursor=cursor, explicit_limit=True)


def packed(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode()


@given(st.integers(0, 10**6), st.integers(1, 10**9))
def test_a_cursor_comes_back_as_it_was_made(offset: int, generation: int) -> None:
    again = page(page(None, metric="cpu").cursor_at(offset, generation), metric="cpu")
    assert (again.offset, again.generation) == (offset, generation)


def test_a_cursor_fits_only_the_call_it_was_made_for() -> None:
    cursor = page(None, metric="cpu").cursor_at(5, 1)
    for tool, metric in (("t", "memory"), ("u", "cpu")):
        with pytest.raises(ToolArgumentError, match="other arguments"):
            page(cursor, tool, metric=metric)


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "é",
        "====",
        packed([]),
        packed({}),
        packed([2, 1, 1, "d"]),
        packed([1, 1, -1, "d"]),
        packed([1, 1, 2**40, "d"]),
        packed([1, "1", 1, "d"]),
    ],
)
def test_a_malformed_cursor_is_an_error(cursor: str) -> None:
    with pytest.raises(ToolArgumentError) as caught:
        page(cursor)
    assert (caught.value.code, caught.value.argument) == ("invalid_cursor", "cursor")
