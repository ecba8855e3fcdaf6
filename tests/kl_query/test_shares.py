"""Properties that hold for any cluster: parts add up, pages cover everything, special entries fill the capacity."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kl_query.answers.namespace_breakdown import breakdown
from kl_query.answers.top_consumers import top_consumers
from kl_query.dataset import Dataset
from kl_query.view import frame
from tests.support.datasets import Dataset as Published
from tests.support.datasets import Row, Scale, loaded
from tests.support.shown import first_page

amounts = st.one_of(st.floats(0, 1e4), st.none(), st.just(0.0))
rows = st.dictionaries(
    st.from_regex(r"(kube-|openshift-|team-)[a-z]{1,6}", fullmatch=True),
    st.lists(amounts, min_size=3, max_size=3),
    min_size=1,
    max_size=30,
)


def dataset(usage: dict[str, list[float | None]]) -> Dataset:
    rows = {name: {"cpu": Row(column, column)} for name, column in usage.items()}
    scale = Scale("2026-11-19", rows, capacity={"cpu": [1e6] * 3}, bill={"cpu": [10.0, 20.0, 30.0]})
    return loaded(Published(daily=scale, last_sample="2026-11-22T00:00:00Z"), check=False)


@settings(deadline=None)
@given(rows, st.integers(1, 10), st.booleans(), st.sampled_from(["cumulative", "normalized", "costs"]))
def test_every_page_of_a_ranking_adds_up_and_together_they_hold_each_namespace_once(
    usage: dict[str, list[float | None]], limit: int, exclude_system: bool, model: str
) -> None:
    view = frame(dataset(usage), "daily_14d", "cpu", model)  # type: ignore[arg-type]
    seen: list[str] = []
    cursor = None
    while True:
        answer = first_page(top_consumers(view, exclude_system=exclude_system), limit, cursor)
        parts = [row["value"] or 0 for row in answer["ranking"]]
        parts += [answer["rest"]["value"] or 0, answer["excluded_system"]["value"] or 0]
        assert sum(parts) == pytest.approx(answer["total_value"] or 0, rel=1e-4, abs=1e-6)
        seen += [row["namespace"] for row in answer["ranking"]]
        cut = answer["metadata"]["truncated"]
        cursor = cut["cursor"] if cut else None
        if cursor is None:
            break
    system = {name for name in usage if name.startswith(("kube-", "openshift-"))}
    listed = set(usage) - system if exclude_system else set(usage)
    zeros = {name for name in listed if view.totals[name].value == 0}
    assert sorted(seen) == sorted(listed - zeros)
    assert answer["zero_count"] == len(zeros)


@settings(deadline=None)
@given(rows)
def test_shares_of_all_namespaces_add_up_to_one_hundred(usage: dict[str, list[float | None]]) -> None:
    view = frame(dataset(usage), "daily_14d", "cpu", "cumulative")
    answer = first_page(top_consumers(view, exclude_system=False), 100)
    shares = [row["share_pct"] for row in answer["ranking"] if row["share_pct"] is not None]
    if answer["total_value"]:
        assert sum(shares) == pytest.approx(100, abs=1e-2)
    else:
        assert shares == []


@settings(deadline=None)
@given(rows)
def test_where_everything_is_known_namespaces_and_idle_are_the_capacity(usage: dict[str, list[float | None]]) -> None:
    known: dict[str, list[float | None]] = {name: [value or 0.0 for value in column] for name, column in usage.items()}
    for model in ("cumulative", "costs", "normalized"):
        view = frame(dataset(known), "daily_14d", "cpu", model)
        answer = first_page(breakdown(view, exclude_system=False), 100)
        overhead = answer["cluster_overhead"]
        assert answer["total_value"] + overhead["idle_value"] == pytest.approx(overhead["capacity_value"], rel=1e-4)
        assert answer["concentration"]["total_namespaces"] == len(known)
