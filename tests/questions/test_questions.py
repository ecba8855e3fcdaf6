"""Every question of the catalogue is answered truly, over a whole simulated year, and the page about them is current.

One file, because the year is simulated once for all of it.
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from benchmarks.catalogue import QUESTIONS
from benchmarks.document import document, in_process
from benchmarks.known import Known
from benchmarks.periods import Periods
from benchmarks.picture import CALL, picture, rows
from benchmarks.questions import Question, put
from benchmarks.year import FROZEN_NOW, Year, simulated_year
from kl_mcp.tools import TABLE
from tests.kl_mcp.tools.conftest import check_schemas
from tests.support.mcp_clients import HttpServer, call, http_server, payload

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = DOCS / "questions.md"
EACH = pytest.mark.parametrize("question", [pytest.param(question, id=question.text) for question in QUESTIONS])
TOOLS = {question.text: [each.tool for each in question.calls_at(Periods(FROZEN_NOW))] for question in QUESTIONS}
ONE_OF_EACH_TOOL = [
    pytest.param(next(question for question in QUESTIONS if tool in TOOLS[question.text]), id=tool) for tool in TABLE
]


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> Year:
    directory = tmp_path_factory.mktemp("year")
    simulated = simulated_year(directory)
    shutil.rmtree(directory / "db")  # 80 MB that nobody reads any more
    return simulated


@pytest.fixture(scope="module")
def server(year: Year) -> Iterator[HttpServer]:
    with http_server(year.data_dir) as running:
        yield running


@EACH
def test_the_true_answer_stands_where_the_question_says(year: Year, question: Question) -> None:
    asked = put(question, year.when, in_process(year))
    assert asked.differences(Known(year)) == []
    for each, answer in zip(asked.calls, asked.answers, strict=True):
        check_schemas(each.tool, dict(answer))


@EACH
def test_an_answer_is_short_and_needs_no_next_page(year: Year, question: Question) -> None:
    asked = put(question, year.when, in_process(year))
    assert asked.tokens <= 2_500
    for each, answer in zip(asked.calls, asked.answers, strict=True):
        cut = answer["metadata"]["truncated"]
        assert cut is None or cut["returned"] == each.arguments["limit"]


@EACH
def test_what_is_expected_says_something(year: Year, question: Question) -> None:
    """An expected list without elements, a NaN or a null would hold of an answer that says nothing."""
    expected = question.expect(Known(year))
    assert expected
    assert all(says_something(true) for true in expected.values())


def says_something(true: Any) -> bool:
    if isinstance(true, list):
        return bool(true) and any(map(says_something, true))
    return true is not None and true != "" and not (isinstance(true, float) and not math.isfinite(true))


@pytest.mark.parametrize("question", ONE_OF_EACH_TOOL)
def test_the_true_answer_comes_over_http_as_well(year: Year, server: HttpServer, question: Question) -> None:
    def ask(tool: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        result = call(server.url, tool, arguments)
        assert not result.is_error, result.content
        assert result.structured_content == payload(result)
        return payload(result)

    assert put(question, year.when, ask).differences(Known(year)) == []


def test_the_page_of_questions_is_current(year: Year) -> None:
    assert PAGE.read_text(encoding="utf-8") == document(year), "run: python scripts/questions.py"


def test_the_picture_of_an_answer_is_current_and_adds_up_to_the_bill(year: Year) -> None:
    assert (DOCS / "answer.svg").read_text(encoding="utf-8") == picture(year)
    answer = in_process(year)(CALL.tool, CALL.arguments)
    costs = [value for _, value, _ in rows(answer)]
    # 14 days of 24 hours at 25 an hour.
    assert answer["capacity_value"] == 8400
    assert sum(round(value, 2) for value in costs) == pytest.approx(8400, abs=0.02)
