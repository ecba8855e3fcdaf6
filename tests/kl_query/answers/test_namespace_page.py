"""The page of one namespace."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kl_query.dataset import Dataset, load_dataset
from tests.support.datasets import Dataset as Published
from tests.support.datasets import Row, Scale, write
from tests.support.shown import page_of
from tests.support.small_cluster import NOW, published


@pytest.fixture(scope="module")
def books(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return load_dataset(write(tmp_path_factory.mktemp("books"), published()))


def _line(lines: list[dict[str, Any]], metric: str) -> dict[str, Any]:
    (line,) = [line for line in lines if line["metric"] == metric]
    return line


def test_amounts_shares_and_efficiency_over_a_whole_scale(books: Dataset) -> None:
    days = page_of(books, "registry", NOW)["scales"]["daily_14d"]

    # registry: 24 + 48 + 19.5 = 91.5 core-hours of 96 + 96 + 78 = 270 requested. All namespaces: 91.5 + 111 (ml-train)
    # + 33.75 (web) + 33.75 (kube-system) + 67.5 (openshift-monitoring) + 0 = 337.5. Capacity: 240 + 240 + 195 = 675.
    cpu = _line(days["amounts"], "cpu")
    assert cpu == {
        "metric": "cpu",
        "unit": "core_hours",
        "usage": 91.5,
        "share_pct": pytest.approx(100 * 91.5 / 337.5, rel=1e-5),
        "cluster_share_pct": pytest.approx(100 * 91.5 / 675, rel=1e-5),
        "requests": 270.0,
        "efficiency_ratio": pytest.approx(91.5 / 270, rel=1e-5),
        "reason": None,
    }
    assert _line(days["amounts"], "memory")["usage"] == 240 + 240 + 195
    assert (days["date"], days["granularity"], days["partial"]) == ("2026-11-19..2026-11-21", "day", True)
    assert (days["window_start"], days["window_end"]) == ("2026-11-19T00:00:00Z", "2026-11-21T19:30:00Z")
    assert days["observed_hours"] == days["elapsed_hours"] == 24 + 24 + 19.5


def test_costs_add_up_over_the_metrics(books: Dataset) -> None:
    costs = page_of(books, "registry", NOW)["scales"]["daily_14d"]["costs"]

    # 0.06 $ a core-hour: 5.49; 0.004 $ a GiB-hour: 2.70. The bill of three days is 40.5 + 27 = 67.5.
    assert _line(costs, "cpu")["cost"] == pytest.approx(0.06 * 91.5)
    assert _line(costs, "memory")["cost"] == pytest.approx(0.004 * 675)
    assert _line(costs, "total")["cost"] == pytest.approx(5.49 + 2.70)
    assert _line(costs, "total")["cluster_share_pct"] == pytest.approx(100 * 8.19 / 67.5, rel=1e-5)


def test_without_a_rate_there_are_no_costs_rather_than_costs_of_nothing(books: Dataset) -> None:
    unpriced = replace(books, scales={name: replace(scale, bill={}) for name, scale in books.scales.items()})

    assert page_of(unpriced, "registry", NOW)["scales"]["daily_14d"]["costs"] == []


def test_what_is_unknown_is_null_and_said(books: Dataset) -> None:
    page = page_of(books, "ml-train", NOW)

    # Its second day is unknown: 72 + 39 of two days are left.
    assert _line(page["scales"]["daily_14d"]["amounts"], "cpu")["usage"] == 111
    assert any("ml-train" in warning and "too low" in warning for warning in page["metadata"]["warnings"])
    # kube-system is known throughout, whatever is unknown of others.
    assert not any("unknown" in warning for warning in page_of(books, "kube-system", NOW)["metadata"]["warnings"])


def test_a_namespace_without_requests_has_no_efficiency(books: Dataset) -> None:
    cpu = _line(page_of(books, "kube-system", NOW)["scales"]["daily_14d"]["amounts"], "cpu")

    assert (cpu["requests"], cpu["efficiency_ratio"]) == (0.0, None)
    assert cpu["reason"] == "its pods request no cpu"


def test_gpu_usage_that_names_no_holder_leaves_the_efficiency_of_gpus_unknown(tmp_path: Path) -> None:
    # ml requested 24 GPU-hours and used 12; 6 more name no holder, a quarter of what it requested.
    days = Scale(
        first="2026-11-20",
        capacity={"cpu": [240], "gpu": [48], "gpu_memory": [480]},
        namespaces={"ml": {"gpu": Row([12], [24]), "gpu_memory": Row([100], [None])}},
        special={"unattributed": {"gpu": {"usage": [6]}}},
    )
    gpus = load_dataset(write(tmp_path, Published(daily=days)))

    amounts = page_of(gpus, "ml", NOW)["scales"]["daily_14d"]["amounts"]

    assert _line(amounts, "gpu")["efficiency_ratio"] is None
    assert "6 hours of gpu usage name no holder" in _line(amounts, "gpu")["reason"]
    assert _line(amounts, "gpu_memory")["reason"] == "it cannot be requested"


def test_it_says_what_the_namespace_is_and_since_when(books: Dataset) -> None:
    page = page_of(books, "kube-system", NOW)

    assert (page["namespace"], page["type"], page["active"]) == ("kube-system", "system", True)
    gone = page_of(books, "gone", NOW)
    assert (gone["active"], gone["last_seen"]) == (False, "2026-10-02T10:00:00Z")
    assert _line(gone["scales"]["daily_14d"]["amounts"], "cpu")["usage"] == 0.0


def test_labels_come_with_the_time_each_value_was_first_seen(books: Dataset) -> None:
    history = {"team": (("red", 1_795_262_400), (None, 1_795_266_000))}
    table = {**books.namespaces, "registry": replace(books.namespaces["registry"], labels=history)}

    page = page_of(replace(books, namespaces=table), "registry", NOW)

    assert page["labels"] == {
        "team": [
            {"value": "red", "first_seen": "2026-11-21T12:00:00Z"},
            {"value": None, "first_seen": "2026-11-21T13:00:00Z"},
        ]
    }


def test_a_scale_that_is_missing_is_empty_and_the_others_answer(books: Dataset) -> None:
    rest = replace(books, scales={name: scale for name, scale in books.scales.items() if name != "monthly_12m"})

    scales = page_of(rest, "registry", NOW)["scales"]

    assert scales["monthly_12m"]["date"] is None
    assert all(line["usage"] is None for line in scales["monthly_12m"]["amounts"])
    assert math.isclose(_line(scales["daily_14d"]["amounts"], "cpu")["usage"], 91.5)
