"""From ticks to answers: pods that are not measured are in no ratio, and what they may use is not simply idle."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kl_query.dataset import Dataset, load_dataset
from tests.rules.telling import Told, filed, machine, ticks, work
from tests.rules.test_answers import ask

NOW = "2026-11-21T02:30"
SCALES = ("hourly_7d", "daily_14d", "monthly_12m")


def ten_pods(measured: int) -> Told:
    """Ten pods of 4 cores on a node of 50, each of which uses all it requests; some are measured. One of `shop` is."""
    pods = [work("web", f"p{i}", cores=4.0 if i < measured else None, asked="4") for i in range(10)]
    return Told([*pods, work("shop", cores=1.0, asked="2")], [machine(cores=50)])


@pytest.fixture(scope="module")
def books(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Two closed hours and half of a third: 6 of 10 pods are measured, in the second hour all; 5.00 an hour."""
    samples = ticks(ten_pods(6), "2026-11-21T00:00", "2026-11-21T01:00")
    samples += ticks(ten_pods(10), "2026-11-21T01:00", "2026-11-21T02:00")
    samples += ticks(ten_pods(6), "2026-11-21T02:00", NOW)
    return load_dataset(filed(tmp_path_factory.mktemp("books"), samples, billing_hourly_rate=5.0))


@pytest.mark.requirement("KL-T-7")
@pytest.mark.parametrize("scale", SCALES)
def test_the_ratio_is_that_of_the_measured_pods_at_every_scale(books: Dataset, scale: str) -> None:
    # 24 + 40 + 12 cores-hours are used, of 24 + 40 + 12 that measured pods and 40 + 40 + 20 that all pods request.
    answer = ask(books, "get_efficiency", NOW, metric="cpu", scale=scale, namespace="web")
    (row,) = answer["efficiency"]
    assert (row["usage"], row["requests"], row["efficiency_ratio"], row["unused"]) == (76, 100, 1.0, 0)
    assert row["classification"] == "balanced"
    # (0.6 + 1 + 0.6 x 0.5) ÷ 2.5
    assert [text for text in answer["metadata"]["warnings"] if text.endswith("measured part: web (76 %).")]


def test_so_is_that_of_every_hour(books: Dataset) -> None:
    answer = ask(books, "get_efficiency_timeseries", NOW, metric="cpu", namespace="web")
    assert (answer["series"][0]["values"], answer["overall_ratio"]) == ([1.0, 1.0, 1.0], 1.0)


@pytest.mark.requirement("KL-D-6", "KL-T-16")
@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize(("cost_model", "unit"), [("cumulative", 1.0), ("normalized", 100 / 125), ("costs", None)])
def test_idle_is_at_most_what_is_left_and_the_rows_add_up(
    books: Dataset, scale: str, cost_model: str, unit: float | None
) -> None:
    # Of 125 core-hours web uses 76 and shop 2.5; 16 and 8 are requested by pods that nobody measured.
    given: dict[str, Any] = {"metric": "cpu", "scale": scale, "date": "all", "cost_model": cost_model}
    answer = ask(books, "get_namespace_breakdown", NOW, **given)
    found = answer["cluster_overhead"]
    rest = ("idle_value", "unmeasured_value", "non_allocatable_value")
    assert answer["total_value"] + sum(found[key] for key in rest) == pytest.approx(answer["capacity_value"], rel=1e-5)
    assert (found["idle_at_most"], found["unmeasured_value"]) == (found["idle_value"], 0)
    if unit is not None:
        assert found["idle_at_most"] == pytest.approx(46.5 * unit)
        assert found["unmeasured_requests"] == pytest.approx(24 * unit)
    else:
        assert found["unmeasured_requests"] is None


def test_an_hour_in_which_all_were_measured_has_an_exact_idle(books: Dataset) -> None:
    given = {"metric": "cpu", "scale": "hourly_7d", "date": "2026-11-21T01:00:00Z"}
    found = ask(books, "get_namespace_breakdown", NOW, **given)["cluster_overhead"]
    assert (found["idle_value"], found["idle_at_most"], found["unmeasured_requests"]) == (9, None, None)


@pytest.mark.parametrize(("measured", "ratio"), [(5, 1.0), (4, None)])
def test_half_of_the_pods_make_a_ratio_and_fewer_none(tmp_path: Path, measured: int, ratio: float | None) -> None:
    samples = ticks(ten_pods(measured), "2026-11-21T00:00", "2026-11-21T01:00")
    dataset = load_dataset(filed(tmp_path, samples))
    (row,) = ask(dataset, "get_efficiency", "2026-11-21T01:00", metric="cpu", namespace="web")["efficiency"]
    assert (row["requests"], row["efficiency_ratio"]) == (40, ratio)
    given = {"metric": "cpu", "scale": "hourly_7d"}
    found = ask(dataset, "get_namespace_breakdown", "2026-11-21T01:00", **given)["cluster_overhead"]
    # 50 - 1 of shop, less the 20 that five pods use; nothing is known of a namespace of which four are measured.
    assert (found["idle_value"], found["unmeasured_value"]) == ((29, 0) if ratio else (None, 49))
    assert (found["idle_at_most"], found["unmeasured_requests"]) == ((29, 20) if ratio else (49, 40))


def test_samples_that_metrics_server_missed_for_all_are_no_share_of_anybody(tmp_path: Path) -> None:
    # A quarter of an hour without metrics: of the nine other samples 6 of 10 pods are known in each.
    samples = ticks(ten_pods(6), "2026-11-21T00:00", "2026-11-21T00:45")
    samples += ticks(replace(ten_pods(6), metrics=False), "2026-11-21T00:45", "2026-11-21T01:00")
    dataset = load_dataset(filed(tmp_path, samples))
    (row,) = ask(dataset, "get_efficiency", "2026-11-21T01:00", metric="cpu", namespace="web")["efficiency"]
    assert (row["usage"], row["requests"], row["efficiency_ratio"]) == (24, 40, 1.0)


@pytest.mark.parametrize("scale", SCALES)
def test_samples_in_which_a_namespace_is_unknown_count_on_neither_side(tmp_path: Path, scale: str) -> None:
    # One pod uses 2 of 4 cores; of 12 samples 3 lack it. 2 core-hours, from 9 samples, of 4: not 2 of 4 x 9 / 12.
    known = Told([work("web", cores=2.0, asked="4")], [machine(cores=50)])
    unknown = Told([work("web", asked="4")], [machine(cores=50)])
    samples = ticks(known, "2026-11-21T00:00", "2026-11-21T00:45")
    samples += ticks(unknown, "2026-11-21T00:45", "2026-11-21T01:00")
    # A second hour, in which 6 of 10 pods are known at half of the samples, and 4 of 10 at the other half.
    samples += ticks(ten_pods(6), "2026-11-21T01:00", "2026-11-21T01:30")
    samples += ticks(ten_pods(4), "2026-11-21T01:30", "2026-11-21T02:00")
    dataset = load_dataset(filed(tmp_path, samples))
    (row,) = ask(dataset, "get_efficiency", "2026-11-21T02:00", metric="cpu", scale=scale, namespace="web")[
        "efficiency"
    ]
    # 2 + 24 of 4 + 24.
    assert (row["usage"], row["requests"], row["efficiency_ratio"]) == (26, 44, 0.928571)
    series = ask(dataset, "get_efficiency_timeseries", "2026-11-21T02:00", metric="cpu", namespace="web")
    assert series["series"][0]["values"] == [0.5, 1.0]
