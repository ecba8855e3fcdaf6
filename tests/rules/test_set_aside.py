"""From a damaged database to the answers: what is unknown is named in each, and nobody else is touched."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kl_query.dataset import Dataset, load_dataset
from tests.rules.telling import HOUR, Told, at, collected, work
from tests.rules.test_answers import ask
from tests.support.small_disk import leave_free, small_disk

NOW = "2026-11-20T14:00"
LAST = at(NOW)


def told() -> Told:
    """`shop` uses 3 cores and requests 4, `lab` uses 1 and requests 2, of 10 of which all are allocatable."""
    return Told([work("shop", cores=3, gib=1, asked="4"), work("lab", cores=1, gib=1, asked="2")])


def run(root: Path, *times: int) -> Dataset:
    return load_dataset(collected(root, [(time, told()) for time in times]))


def steps(first: int, last: int) -> list[int]:
    return list(range(first + 300, last + 1, 300))


@pytest.fixture(scope="module")
def answers_from(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Four hours, after the third of which the database of `shop` is damaged, together with the journal."""
    root = tmp_path_factory.mktemp("set-aside")
    run(root, *steps(LAST - 4 * HOUR, LAST - HOUR))
    (root / "db" / "namespaces" / "shop.rrd").write_bytes(b"damaged")
    for path in (root / "db" / "journal").iterdir():
        path.unlink()
    return run(root, *steps(LAST - HOUR, LAST))


TOOLS: dict[str, dict[str, Any]] = {
    "get_usage": {"metric": "cpu", "scale": "hourly_7d"},
    "get_top_consumers": {"metric": "cpu", "scale": "hourly_7d", "date": "all"},
    "get_namespace_breakdown": {"metric": "cpu", "scale": "hourly_7d", "date": "all"},
    "get_efficiency": {"metric": "cpu", "scale": "hourly_7d"},
    "get_timeseries": {"metric": "cpu", "namespace": "shop"},
    "get_efficiency_timeseries": {"metric": "cpu", "namespace": "shop"},
    "compare_periods": {"metric": "cpu", "namespace": "shop"},
    "group_namespaces": {"metric": "cpu", "scale": "hourly_7d", "pattern": "sh*", "date": "all"},
}


@pytest.mark.parametrize(("tool", "arguments"), TOOLS.items(), ids=TOOLS.keys())
def test_every_answer_that_it_touches_names_it(answers_from: Dataset, tool: str, arguments: dict[str, Any]) -> None:
    answer = ask(answers_from, tool, NOW, **arguments)
    warnings = [warning for warning in answer["metadata"]["warnings"] if "shop" in warning]
    assert warnings, answer["metadata"]["warnings"]
    assert not [warning for warning in answer["metadata"]["warnings"] if "lab" in warning]


def test_its_hours_before_are_null_and_those_of_others_are_not(answers_from: Dataset) -> None:
    answer = ask(answers_from, "get_usage", NOW, metric="cpu", scale="hourly_7d")
    assert {row["namespace"]: row["values"] for row in answer["series"]} == {
        "shop": [None, None, None, 3.0],
        "lab": [1.0] * 4,
    }


def test_what_it_may_have_used_is_not_called_idle(answers_from: Dataset) -> None:
    # 4 h of 10 cores. The last: 3 of shop, 1 of lab, 6 idle. Each before: 1 of lab, and 9 that are shop's or nobody's.
    answer = ask(answers_from, "get_namespace_breakdown", NOW, metric="cpu", scale="hourly_7d", date="all")
    overhead = answer["cluster_overhead"]
    assert (overhead["idle_value"], overhead["unmeasured_value"]) == (6.0, 27.0)
    assert {row["namespace"]: row["value"] for row in answer["breakdown"]} == {"shop": 3.0, "lab": 4.0}


def test_a_full_disk_leaves_one_unknown_and_publishes_all(tmp_path: Path) -> None:
    """Databases and dataset on one disk, on which the second namespace's database does not fit."""
    with small_disk(tmp_path / "disk", 8192) as disk:
        only_lab = Told([told().works[1]])
        collected(disk, [(time, only_lab) for time in steps(LAST - HOUR, LAST - 600)])
        leave_free(disk, 500)
        dataset = run(disk, LAST - 300, LAST)
        answer = ask(dataset, "get_usage", NOW, metric="cpu", scale="hourly_7d")
        values = {row["namespace"]: row["values"] for row in answer["series"]}
        assert values["shop"] == [None]
        assert values["lab"] == [1.0]
        assert [warning for warning in answer["metadata"]["warnings"] if "shop" in warning]
