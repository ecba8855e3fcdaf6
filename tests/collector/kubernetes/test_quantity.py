from decimal import ROUND_CEILING, Decimal, localcontext
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.kubernetes.quantity import MAX_MAGNITUDE, parse_quantity, quantity

DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0),
        ("250m", Fraction(1, 4)),
        ("1e3", 1000),
        ("1E3", 1000),
        ("1e-3", Fraction(1, 1000)),
        ("2.5e+2", 250),
        ("123456789n", Fraction(123456789, 10**9)),
        ("1.5Gi", 1610612736),  # 1.5 x 1073741824
        ("129M", 129_000_000),
        ("5u", Fraction(5, 10**6)),
        ("1E", 10**18),  # exa, not an exponent
        ("1Ei", 2**60),
        ("128974848", 128974848),
        ("123Mi", 128974848),  # 123 x 1048576
        ("+2", 2),
        ("-500m", Fraction(-1, 2)),
        (".5", Fraction(1, 2)),
        ("5.", 5),
        ("0.1Ki", Fraction(1024, 10)),
        ("1k", 1000),
        ("0.1n", Fraction(1, 10**9)),  # rounded away from zero to one nano-unit
        ("-0.1n", Fraction(-1, 10**9)),
        ("1.1n", Fraction(2, 10**9)),
        ("16Ei", MAX_MAGNITUDE),  # 2**64 is capped
        ("-16Ei", -MAX_MAGNITUDE),
        ("1e999999999", MAX_MAGNITUDE),
        ("0e999999999", 0),
        ("1e-999999999", Fraction(1, 10**9)),
    ],
)
def test_a_quantity_has_its_exact_value(text: str, value: Fraction | int) -> None:
    assert parse_quantity(text) == value
    assert quantity(text) == float(value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " 1",
        "1 ",
        "1 Gi",
        "abc",
        "1K",
        "1ki",
        "1mi",
        "1i",
        "1e",
        "1e1.5",
        "1.2.3",
        ".",
        "+",
        "1Gi5",
        "--1",
        "1,5",
        "٣",
        "NaN",
        "inf",
        "0x10",
        "1" * 2000,
    ],
)
def test_what_is_outside_the_grammar_is_refused_with_the_text_named(text: str) -> None:
    with pytest.raises(ValueError, match="is not a Kubernetes quantity; allowed: a number"):
        parse_quantity(text)


def test_a_json_number_counts_as_its_text() -> None:
    assert quantity(4) == 4.0
    assert quantity(0.25) == 0.25


@given(st.integers(0, 10**8), st.integers(0, 3), st.sampled_from(sorted(DECIMAL)), st.sampled_from(["", "-", "+"]))
def test_decimal_quantities_agree_with_decimal_arithmetic(digits: int, places: int, suffix: str, sign: str) -> None:
    with localcontext(prec=60):
        number = Decimal(digits).scaleb(-places)
        nanos = number.scaleb(DECIMAL[suffix] + 9).to_integral_value(ROUND_CEILING)
        expected = Fraction(min(nanos.scaleb(-9), Decimal(MAX_MAGNITUDE)))
    assert parse_quantity(f"{sign}{number:f}{suffix}") == (-expected if sign == "-" else expected)


@given(st.integers(0, 2**20), st.sampled_from(sorted(BINARY)))
def test_binary_suffixes_are_powers_of_two(number: int, suffix: str) -> None:
    assert parse_quantity(f"{number}{suffix}") == min(number << BINARY[suffix], MAX_MAGNITUDE)


@given(st.integers(0, 10**6), st.integers(-9, 12))
def test_an_exponent_is_a_power_of_ten(number: int, exponent: int) -> None:
    assert parse_quantity(f"{number}e{exponent}") == min(number * Fraction(10) ** exponent, MAX_MAGNITUDE)


@given(st.integers(1, 10**12))
def test_a_thousand_of_a_suffix_is_one_of_the_next(number: int) -> None:
    assert parse_quantity(f"{number * 1000}n") == parse_quantity(f"{number}u")
    assert parse_quantity(f"{number * 1000}u") == parse_quantity(f"{number}m")
    assert parse_quantity(f"{number * 1024}") == parse_quantity(f"{number}Ki")


@given(st.text(max_size=12))
def test_any_text_is_a_number_or_a_value_error(text: str) -> None:
    try:
        value = parse_quantity(text)
    except ValueError:
        return
    assert abs(value) <= MAX_MAGNITUDE
    assert (value * 10**9).denominator == 1
