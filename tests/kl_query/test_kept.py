"""What was answered is kept with the dataset, for whoever asks the same again."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from kl_mcp.tools.arguments import ExcludeSystemArg, MetricOrTotalArg
from kl_mcp.tools.tool import Tool
from kl_query.answers.top_consumers import GetTopConsumersResult, top_consumers
from kl_query.dataset import Dataset
from kl_query.dataset.visibility import restricted
from kl_query.kept import MAX_KEPT, Kept
from kl_query.view import frame
from tests.support.datasets import loaded
from tests.support.small_cluster import NOW, published

Answers = Callable[..., dict[str, Any]]


@pytest.fixture
def books() -> Dataset:
    return loaded(published())


@pytest.fixture
def reckoned() -> list[Dataset]:
    """The datasets of which a ranking was reckoned, in order."""
    return []


@pytest.fixture
def ranking(reckoned: list[Dataset]) -> Answers:
    """A tool that notes when it reckons."""

    def ranked(
        dataset: Dataset, *, metric: MetricOrTotalArg = "cpu", exclude_system: ExcludeSystemArg = True
    ) -> GetTopConsumersResult:
        reckoned.append(dataset)
        return top_consumers(frame(dataset, "daily_14d", metric, None), exclude_system=exclude_system)

    tool = Tool("ranking", "Ranking", "Ranks.", ranked, paged=True)
    return lambda dataset, now=NOW, **arguments: tool.run(arguments, dataset, now)


def test_the_same_question_is_reckoned_once(books: Dataset, ranking: Answers, reckoned: list[Dataset]) -> None:
    first = ranking(books)
    assert ranking(books) == ranking(books, metric="cpus", limit=None) == first
    assert len(reckoned) == 1


def test_another_page_other_arguments_and_another_limit_are_other_questions(
    books: Dataset, ranking: Answers, reckoned: list[Dataset]
) -> None:
    answers = [ranking(books, limit=2), ranking(books), ranking(books, exclude_system=False), ranking(books, limit=3)]
    cursor = answers[0]["metadata"]["truncated"]["cursor"]
    second = ranking(books, limit=2, cursor=cursor)
    assert second["ranking"] != answers[0]["ranking"]
    assert len(reckoned) == 5


def test_an_answer_says_how_old_the_numbers_are_now_and_not_when_it_was_kept(books: Dataset, ranking: Answers) -> None:
    fresh, stale = ranking(books), ranking(books, NOW + 86_400)
    assert not any("Stale" in text for text in fresh["metadata"]["warnings"])
    assert any("Stale" in text for text in stale["metadata"]["warnings"])
    assert ranking(books) == fresh


def test_callers_and_generations_have_their_own(books: Dataset, ranking: Answers, reckoned: list[Dataset]) -> None:
    tenant = restricted(books, lambda name: name == "web")
    assert ranking(books)["ranking"] != ranking(tenant)["ranking"]
    ranking(replace(books, generation=books.generation + 1))
    assert len(reckoned) == 3


def test_who_changes_an_answer_changes_no_other(books: Dataset, ranking: Answers) -> None:
    first = ranking(books)
    first["ranking"].clear()
    assert ranking(books)["ranking"]


def test_what_is_kept_goes_with_its_dataset(ranking: Answers, reckoned: list[Dataset]) -> None:
    books = loaded(published())
    ranking(books)
    kept = weakref.ref(books.kept)
    reckoned.clear()
    del books
    gc.collect()
    assert kept() is None


def test_the_latest_are_kept_and_no_more_than_a_few() -> None:
    kept, made = Kept(), []

    def ask(key: int) -> bytes:
        def make() -> bytes:
            made.append(key)
            return str(key).encode()

        return kept.of(key, make)

    for key in range(MAX_KEPT):
        assert ask(key) == str(key).encode()
    ask(0)
    ask(MAX_KEPT)
    assert made == [*range(MAX_KEPT), MAX_KEPT]
    ask(0)
    assert made[-1] == MAX_KEPT
    ask(1)
    assert made[-1] == 1


def test_threads_may_share_it() -> None:
    kept = Kept()
    keys = [number % (2 * MAX_KEPT) for number in range(4_000)]
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda key: kept.of(key, lambda: bytes([key])), keys))
    assert answers == [bytes([key]) for key in keys]


def test_a_failure_is_not_kept() -> None:
    kept = Kept()

    def fail() -> bytes:
        raise KeyError

    with pytest.raises(KeyError):
        kept.of("key", fail)
    assert kept.of("key", lambda: b"made") == b"made"
