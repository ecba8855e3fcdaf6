"""Bodies: what counts as an element of one."""

from __future__ import annotations

import pytest

from kl_mcp.transport.request_limits import TooLargeError, checked_width


def test_commas_of_a_text_are_no_elements_and_those_beside_it_are() -> None:
    text = b'{"src": "' + b"M1,2[{" * 5_000 + b'\\"", "list": ['

    assert checked_width(text + b"1]}") == text + b"1]}"
    with pytest.raises(TooLargeError, match="2000 elements"):
        checked_width(text + b"1," * 2_001 + b"1]}")


def test_a_body_of_quotes_that_are_never_closed_is_looked_at_once() -> None:
    # From each of 100,000 quotes to the end would be 10^10 steps.
    with pytest.raises(TooLargeError):
        checked_width(b"," * 2_001 + b'"' + b'\\"' * 100_000)
