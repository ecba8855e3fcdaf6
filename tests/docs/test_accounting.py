"""docs/accounting.md against the product: every amount of every example, and the arithmetic beside it."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from collector.books.cost import DEFAULT_PRICE
from tests.docs.examples import EXAMPLES

PAGE = Path(__file__).parents[2] / "docs" / "accounting.md"
_HEADING = re.compile(r"^## (\d+)\. (.+)$", re.MULTILINE)
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_ARITHMETIC = re.compile(r"(?:max|[\d.,+\-*/() ])+")


@dataclass(frozen=True)
class Line:
    """A row of an example's table."""

    what: str
    reckoning: str
    amount: str

    @property
    def printed(self) -> str | None:
        """The number as it is printed; None for what is unknown."""
        if self.amount == "unknown":
            return None
        number = _NUMBER.match(self.amount)
        assert number, self
        return number[0]


def sections() -> dict[int, tuple[str, str]]:
    """Title and text by number."""
    text = PAGE.read_text(encoding="utf-8")
    marks = list(_HEADING.finditer(text))
    ends = [*(mark.start() for mark in marks[1:]), len(text)]
    return {int(mark[1]): (mark[2], text[mark.end() : end]) for mark, end in zip(marks, ends, strict=True)}


def lines(section: str) -> list[Line]:
    """The rows of its table of reckonings."""
    _, _, table = section.partition("| what | reckoning | amount |\n|---|---|---|\n")
    rows = []
    for row in table.splitlines():
        if not row.startswith("|"):
            break
        rows.append(Line(*(cell.strip() for cell in row.strip("|").split("|"))))
    return rows


SECTIONS = sections()


def is_printed_as(value: float, printed: str) -> bool:
    """Whether the number is what the page prints: to the cent, or whole where it has fewer than two decimals."""
    decimals = len(printed.partition(".")[2])
    exact = decimals >= 2 or math.isclose(value, float(printed), rel_tol=1e-5, abs_tol=1e-9)
    return exact and f"{value + 0.0:.{decimals}f}" == printed


def test_every_section_has_an_example_that_is_checked() -> None:
    assert list(SECTIONS) == list(range(1, len(SECTIONS) + 1))
    assert set(SECTIONS) == set(EXAMPLES)
    assert all(len(lines(text)) >= 5 for _, text in SECTIONS.values())


@pytest.mark.parametrize("number", EXAMPLES)
def test_the_amounts_of_an_example_are_those_of_the_product(tmp_path: Path, number: int) -> None:
    found = EXAMPLES[number](tmp_path)
    for line in lines(SECTIONS[number][1]):
        assert line.what in found, f"{line.what!r} is not worked out"
        value = found[line.what]
        if line.printed is None or value is None:
            assert (line.printed, value) == (None, None), line
        else:
            assert is_printed_as(value, line.printed), (line, value)


@pytest.mark.parametrize("number", EXAMPLES)
def test_the_arithmetic_of_an_example_gives_its_amounts(number: int) -> None:
    for line in lines(SECTIONS[number][1]):
        if line.printed is not None:
            arithmetic = line.reckoning.replace("×", "*").replace("÷", "/").replace("−", "-")
            assert _ARITHMETIC.fullmatch(arithmetic), line
            value = eval(arithmetic, {"__builtins__": {}, "max": max})
            assert is_printed_as(value, line.printed), (line, value)


def test_the_contents_list_links_to_every_section() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for number, (title, _) in SECTIONS.items():
        anchor = re.sub(r"[^\w\- ]", "", f"{number} {title}".lower()).replace(" ", "-")
        assert f"{number}. [{title}](#{anchor})" in text


def test_the_page_prints_the_prices_that_the_product_uses() -> None:
    _, text = SECTIONS[10]
    for price, unit in zip(DEFAULT_PRICE.values(), ("core-hour", "GiB-hour", "GPU-hour"), strict=True):
        assert f"{price} per {unit}" in text
