"""The benchmark of queries asks every tool, of datasets that it publishes, and prints a figure for each."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import queries
from kl_mcp.tools import TABLE
from tests.support.large_dataset import NOW, publish_large


def test_every_tool_is_asked_first_and_again(tmp_path: Path) -> None:
    first, again = queries.answers(publish_large(tmp_path, 3), NOW)
    assert set(TABLE) < set(first) == set(again)
    assert min(first.values()) > 0


def test_growth_is_the_slope_of_logarithms() -> None:
    times = {500: {"linear": 2.0, "constant": 3.0}, 5_000: {"linear": 20.0, "constant": 3.0}}
    assert queries.growth(times, "linear") == pytest.approx(1)
    assert queries.growth(times, "constant") == pytest.approx(0)


def test_a_server_on_stdio_answers_and_memory_is_that_of_a_process(tmp_path: Path) -> None:
    assert queries.first_answer(publish_large(tmp_path, 3)) > 0
    assert 5 < queries.resident("") < 60
