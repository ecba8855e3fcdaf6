"""Codes are checked, symbols are shown as they are."""

from __future__ import annotations

import pytest

from kl_core.currencies import CODES, currency


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("EUR", "EUR"),
        ("eur", "EUR"),
        ("Usd", "USD"),
        ("€", "€"),
        ("$", "$"),
        ("US$", "US$"),
        ("Lei", "Lei"),
        ("Kč", "Kč"),
        ("EURO", "EURO"),
        ("ЛВВ", "ЛВВ"),
        ("A1B", "A1B"),
    ],
)
def test_a_code_is_written_in_capitals_and_a_symbol_is_left_as_it_is(text: str, expected: str) -> None:
    assert currency(text) == expected


@pytest.mark.parametrize("text", ["EUX", "DEM", "HRK", "BGN", "XXX", "XTS", "XAU", "$\n", "\x1b[1m"])
def test_no_code_of_today_and_no_text_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="ISO 4217"):
        currency(text)


def test_the_codes_are_three_letters_each_and_those_of_large_economies_are_among_them() -> None:
    assert all(len(code) == 3 and code.isascii() and code.isalpha() and code.isupper() for code in CODES)
    assert {"USD", "EUR", "CNY", "JPY", "INR", "GBP", "BRL", "CAD", "CHF", "XCG", "ZWG"} <= CODES
