"""docs/accounting.md against the product: every amount of every example, and the arithmetic beside it."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from collector.accounting.bill import DEFAULT_PRICE
from collector.sampling_times import reading_moment
from tests.docs.examples import EXAMPLES
from tests.sampling.jobs import HOUR, Job, phases

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


DAY_OF_READINGS, MONTH_OF_READINGS, YEAR_OF_READINGS = 288, 8640, 105_120
_CHANCE = re.compile(
    r"^\| (\d+) s every (\d+) min \| (\d+) ÷ (\d+) \| ([\d.]+) % \| ([\d.]+) % \| ([\d.]+) % \|$", re.MULTILINE
)


def chance_error(share: float, readings: int) -> float:
    """Of what n readings tell of a job that runs for a share of the time, in parts of it."""
    return math.sqrt((1 - share) / (share * readings))


def test_the_chance_errors_that_are_printed_are_those_of_the_formula() -> None:
    _, text = SECTIONS[6]
    assert "chance error = √((1 − p) ÷ (p × n))" in text
    rows = _CHANCE.findall(text)
    assert len(rows) == 4
    for length, minutes, part, of, *printed in rows:
        assert (part, int(of)) == (length, int(minutes) * 60)
        share = int(part) / int(of)
        for number, readings in zip(printed, (DAY_OF_READINGS, MONTH_OF_READINGS, YEAR_OF_READINGS), strict=True):
            assert f"{100 * chance_error(share, readings):.1f}" == number


def test_the_example_of_a_chance_error_is_the_formulas() -> None:
    _, text = SECTIONS[6]
    sentence = " ".join(text.partition("For example, a job of a minute every hour")[2].partition("\n\n")[0].split())
    day, low, high, month_low, month_high, month = map(
        float,
        re.findall(r"(?<![\w.])\d+(?:\.\d+)?(?!\w)", sentence),
    )
    assert [day, month] == pytest.approx([24 / 60, 30 * 24 / 60])
    for amount, readings, limits in (
        (day, DAY_OF_READINGS, (low, high)),
        (month, MONTH_OF_READINGS, (month_low, month_high)),
    ):
        error = amount * chance_error(1 / 60, readings)
        assert list(limits) == pytest.approx([amount - error, amount + error], rel=0.01)


def test_what_readings_tell_of_a_job_in_a_day_errs_as_much_as_is_printed() -> None:
    """At the moments of 5 clusters for each phase of a minute every hour; by the clock, it errs a little less."""
    errors = []
    for phase in phases(HOUR):
        job = Job(HOUR, 60, phase)
        for cluster in range(5):
            times = range(300, DAY_OF_READINGS * 300 + 1, 300)
            seen = sum(job.run_at(reading_moment(time, 300, f"uid-{cluster}")) is not None for time in times)
            errors.append(seen / (DAY_OF_READINGS * job.share) - 1)
    deviation = math.sqrt(sum(error**2 for error in errors) / len(errors))
    assert 0.85 < deviation / chance_error(1 / 60, DAY_OF_READINGS) < 1.0
    within = sum(abs(error) < chance_error(1 / 60, DAY_OF_READINGS) for error in errors) / len(errors)
    assert within == pytest.approx(2 / 3, abs=0.1)
