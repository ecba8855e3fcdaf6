"""What a caller may see: other names are nowhere in the dataset, and every total, share and count is as it was."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from functools import cache
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kl_mcp.tools import TABLE
from kl_query.dataset.model import Dataset, Namespace, Scale, Sharing
from kl_query.dataset.table import Column
from kl_query.dataset.visibility import restricted, restricted_to
from kl_query.measures.sharing import shared_by
from kl_query.warnings.codes import Code
from kl_query.warnings.warning import DataWarning, Detail, Names, Plain, joined, text, texts
from tests.support.large_dataset import NOW, large_dataset

COUNT = 12
MEASURES: tuple[dict[str, Any], ...] = (
    {"metric": "cpu"},
    {"metric": "gpu", "cost_model": "normalized"},
    {"metric": "total", "cost_model": "costs"},
)
CALLS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("describe_dataset", {}),
    ("get_efficiency", {"scale": "daily_14d", "date": "all", "limit": 100}),
    ("get_efficiency", {"scale": "monthly_12m", "metric": "gpu", "limit": 100}),
    ("get_efficiency_timeseries", {"metric": "cpu"}),
    *(
        (tool, {**given, **measure})
        for measure in MEASURES
        for tool, given in (
            ("get_usage", {"scale": "daily_14d", "date": "all", "limit": 100}),
            ("get_timeseries", {}),
            ("get_top_consumers", {"scale": "monthly_12m", "date": "all", "limit": 100}),
            ("get_namespace_breakdown", {"scale": "daily_14d", "date": "all", "limit": 100}),
            ("compare_periods", {"scale": "daily_14d", "limit": 100}),
        )
    ),
)
ROWS = ("series", "ranking", "breakdown", "movers", "efficiency")
ABOUT_THE_LIST = {"rest", "excluded_system", "namespaces", "matched_count", "zero_count"}


@cache
def _books(seed: int, *, shares: tuple[int, ...], idle: bool, multiplier: float) -> Dataset:
    """Return random books of which some namespaces are shared and some partly measured, with a warning of the load."""
    random = Random(seed)
    books = large_dataset(COUNT, generation=seed)
    names = sorted(books.namespaces)
    scales = {name: replace(scale, measured=_measured(random, scale)) for name, scale in books.scales.items()}
    of_all = Names.of(names)
    odd = DataWarning(
        Code.ROWS_LEFT_OUT, text("Odd: {names}. {more}", names=of_all, more=text("{names}", names=of_all))
    )
    policy = Sharing(tuple(names[i] for i in shares), idle, multiplier)
    return shared_by(replace(books, scales=scales, nodes=None, warnings=(odd,)), policy)


def _measured(random: Random, scale: Scale) -> dict[Any, Column]:
    columns = ((name, np.array([random.random() for _ in scale.starts])) for name in scale.namespaces)
    return {name: column for name, column in columns if random.random() < 0.5}


def _answer(tool: str, arguments: dict[str, Any], dataset: Dataset) -> dict[str, Any]:
    answer: dict[str, Any] = TABLE[tool].run(arguments, dataset, NOW)
    return answer


def _of_all(answer: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an answer says of all namespaces together, without its warnings."""
    metadata = {**answer["metadata"], "warnings": None}
    if metadata["sharing"]:
        metadata["sharing"] = {**metadata["sharing"], "shared_namespaces": None}
    rest = {key: value for key, value in answer.items() if key not in {*ROWS, *ABOUT_THE_LIST}}
    return {**rest, "metadata": metadata}


def _rows(answer: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Return the rows by name; the places in a ranking are the caller's own."""
    for key in ROWS:
        for row in answer[key] if isinstance(answer.get(key), list) else ():
            yield row["namespace"], {"list": key, **row, "rank": None}


@pytest.mark.requirement("KL-S-6")
@settings(max_examples=10, deadline=None)
@given(
    seed=st.integers(1, 4),
    seen=st.sets(st.integers(0, COUNT - 1)),
    shares=st.sampled_from([(), (3,), (0, 5, 6)]),
    idle=st.booleans(),
    multiplier=st.sampled_from([1.0, 1.2]),
)
def test_a_caller_is_told_the_totals_and_shares_of_all_and_no_other_name(
    seed: int, seen: set[int], shares: tuple[int, ...], idle: bool, multiplier: float
) -> None:
    books = _books(seed, shares=shares, idle=idle, multiplier=multiplier)
    own = {name for i, name in enumerate(sorted(books.namespaces)) if i in seen}
    view = restricted(books, own.__contains__)
    others = books.namespaces.keys() - own
    written = [repr(view), repr([getattr(view, each.name) for each in fields(view) if each.name != "kept"])]
    for tool, arguments in CALLS:
        told, everything = (_answer(tool, arguments, each) for each in (view, books))
        assert _of_all(told) == _of_all(everything), (tool, arguments)
        assert [*_rows(told)] == [(name, row) for name, row in _rows(everything) if name in {*own, "*"}]
        written.append(json.dumps(told))
    assert not [name for name in others for each in written if name in each]


@pytest.mark.requirement("KL-S-6")
@pytest.mark.parametrize("tool", ["get_usage", "get_top_consumers", "get_namespace_breakdown"])
def test_what_a_caller_may_not_know_is_in_the_rest_of_a_list(tool: str) -> None:
    books = _books(7, shares=(3,), idle=True, multiplier=1.2)
    own = sorted(books.namespaces)[4]
    money: dict[str, Any] = {
        "scale": "daily_14d",
        "date": "all",
        "metric": "total",
        "cost_model": "costs",
        "limit": 100,
    }
    if tool != "get_usage":
        money["exclude_system"] = False
    answer, everything = (_answer(tool, money, each) for each in (restricted_to(books, (own,)), books))
    value = "total" if tool == "get_usage" else "value"
    others = [float(row[value]) for name, row in _rows(everything) if name != own]

    assert [name for name, _ in _rows(answer)] == [own]
    assert answer["rest"]["count"] == len(others) == COUNT - 2  # the shared one is borne by the others
    assert answer["rest"]["value"] == pytest.approx(sum(others), rel=1e-5)


def _small() -> Dataset:
    table = {name: Namespace(name, first, None, active=None) for first, name in enumerate(("a", "b", "c"))}
    return Dataset("native", "cumulative", namespaces=table)


def test_the_namespaces_that_are_not_the_callers_are_gone_and_counted() -> None:
    view = restricted(_small(), lambda name: name == "b")

    assert [*view.namespaces] == ["b"]
    assert view.withheld == (0, 2)
    assert view.total_namespaces == 3


def test_a_view_of_a_view_keeps_what_is_already_withheld() -> None:
    books = _books(1, shares=(0, 5), idle=False, multiplier=1.0)
    first, second = sorted(books.namespaces)[:2]
    once, twice = restricted_to(books, (first,)), restricted_to(restricted_to(books, (first, second)), (first,))

    for tool, arguments in CALLS:
        assert _answer(tool, arguments, once) == _answer(tool, arguments, twice)


def test_warnings_of_the_load_read_as_they_do_for_who_may_name_these_alone() -> None:
    place = text("{place}", place=Detail("c.cpu", Plain("an entry")))
    found = DataWarning(
        Code.ROWS_LEFT_OUT, text("{parts} of {names}", parts=joined((place, place)), names=Names.of("abc"))
    )
    view = restricted(_small().with_warnings(found), lambda name: name == "b")

    assert texts(view.warnings) == [found.shown(lambda name: name == "b")]
    assert texts(view.warnings) == ["an entry an entry of b and 2 that cannot be named to you"]
    assert "c.cpu" not in repr(view.warnings)
    assert [each.code for each in view.warnings] == [Code.ROWS_LEFT_OUT]


def test_globs_of_the_sharing_policy_are_told_where_they_match_one_of_the_callers() -> None:
    policy = Sharing(("a", "[bc]", "nobody"), idle=True)
    view = restricted(shared_by(_small(), policy), lambda name: name == "b")

    assert view.sharing == Sharing(("[bc]",), idle=True, withheld=2)
    assert len(view.shared) == 3
    assert view.sharing.spreads_namespaces
    assert restricted(shared_by(_small(), Sharing(("a",))), lambda name: name == "b").sharing.spreads_namespaces
