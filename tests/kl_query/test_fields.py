"""Rows that are made when they are read."""

from __future__ import annotations

import pytest

from kl_query.answers.namespace_breakdown import breakdown
from kl_query.answers.usage import usage
from kl_query.dataset import Dataset
from kl_query.fields import LazyRows
from kl_query.selection import select
from kl_query.view import frame
from tests.support.large_dataset import large_dataset


def test_a_row_is_made_when_it_is_read_and_no_other_is() -> None:
    made: list[int] = []

    def row(place: int) -> int:
        made.append(place)
        return place * place

    rows = LazyRows(2_000, row)
    assert len(rows) == 2_000
    assert (rows[3], rows[-1], rows[1:3]) == (9, 1_999**2, [1, 4])
    assert made == [3, 1_999, 1, 2]
    with pytest.raises(IndexError):
        rows[2_000]


def test_they_are_a_sequence() -> None:
    assert list(LazyRows(4, float)) == [0.0, 1.0, 2.0, 3.0]
    assert list(reversed(LazyRows(3, float))) == [2.0, 1.0, 0.0]
    assert 2.0 in LazyRows(3, float)


@pytest.fixture(scope="module")
def books() -> Dataset:
    return large_dataset(2_000)


def test_one_call_gives_all_namespaces_of_a_large_cluster(books: Dataset) -> None:
    view = frame(books, "daily_14d", "cpu", "cumulative")
    answer = breakdown(view, exclude_system=False)
    assert len(answer.breakdown) == 2_000
    assert answer.rest.count == 0
    assert {row.namespace for row in answer.breakdown} == set(books.namespaces)
    series = usage(view, selection=select(books, None, ["*"]), exclude_special=True).series
    assert len(series) == 2_000
    assert series[1_999].values is not None


def test_what_is_left_out_follows_from_the_rows_that_are_shown(books: Dataset) -> None:
    answer = breakdown(frame(books, "daily_14d", "cpu", "cumulative"), exclude_system=False)
    assert isinstance(answer.breakdown, LazyRows)
    assert answer.breakdown.then is not None
    part = answer.breakdown.then(answer, answer.breakdown[:1_500])
    assert part.rest.count == 500
    assert part.rest.value == pytest.approx(sum(row.value or 0 for row in answer.breakdown[1_500:]))
