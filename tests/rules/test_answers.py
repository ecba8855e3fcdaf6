"""From ticks to answers: what the books promise is what the tools say."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kl_mcp.tools import TABLE
from kl_query.dataset import Dataset, load_dataset
from tests.rules.telling import Told, at, filed, machine, ticks, work

PAGE = (Path(__file__).parents[1] / "collector" / "dcgm" / "data" / "partly_labelled.prom").read_text()
ONE_GPU = {"nvidia.com/gpu": "1"}
END = "2026-11-21T06:00"


def ask(dataset: Dataset, tool: str, now: str = END, **arguments: Any) -> dict[str, Any]:
    return TABLE[tool].run(arguments, dataset, float(at(now)))


def everything() -> Told:
    """All kinds of rows: two namespaces, an excluded one, an unattributed GPU, reserves on the node."""
    works = [
        work("ml", "train-0", cores=2.0, gib=8.0, asked="4", asked_memory="8Gi", node="gpu-node-1", gpu=ONE_GPU),
        work("vision", "serve", cores=1.0, gib=4.0, asked="1", asked_memory="4Gi", node="gpu-node-1", gpu=ONE_GPU),
        work("kube-system", "dns", cores=0.5, gib=1.0, node="gpu-node-1"),
    ]
    node = machine("gpu-node-1", reserved_cores=1, reserved_gib=2, gpu={"nvidia.com/gpu": "2"})
    return Told(works, [node], exporters=[PAGE], dcgm=True)


@pytest.fixture(scope="module")
def books(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """30 hours, two of them without metrics and exporter, the last one open; 12.00 an hour."""
    blind = replace(everything(), metrics=False, exporters=None)

    def charged(name: str) -> bool:
        return name != "kube-system"

    samples = ticks(everything(), "2026-11-20T00:00", "2026-11-20T10:00", charged=charged)
    samples += ticks(blind, "2026-11-20T10:00", "2026-11-20T12:00", charged=charged)
    samples += ticks(everything(), "2026-11-20T12:00", "2026-11-21T05:50", charged=charged)
    root = tmp_path_factory.mktemp("books")
    return load_dataset(filed(root, samples, billing_hourly_rate=12.0, nvidia_dcgm_endpoints=("http://dcgm",)))


CASES = [
    *((metric, model) for metric in ("cpu", "memory", "gpu", "gpu_memory") for model in ("cumulative", "normalized")),
    *((metric, "costs") for metric in ("cpu", "memory", "gpu", "total")),
]


@pytest.mark.requirement("KL-D-6", "KL-D-7")
@pytest.mark.parametrize("scale", ["hourly_7d", "daily_14d", "monthly_12m"])
@pytest.mark.parametrize("date", ["latest", "all"])
@pytest.mark.parametrize(("metric", "cost_model"), CASES)
def test_namespaces_and_special_entries_add_up_to_the_whole_under_every_cost_model(
    books: Dataset, metric: str, cost_model: str, scale: str, date: str
) -> None:
    answer = ask(
        books,
        "get_namespace_breakdown",
        metric=metric,
        cost_model=cost_model,
        scale=scale,
        date=date,
        exclude_system=False,
    )
    overhead = answer["cluster_overhead"]
    special = ["idle_value", "non_allocatable_value", "excluded_value", "unattributed_value", "unmeasured_value"]
    parts = [row["value"] for row in answer["breakdown"]] + [overhead[name] for name in special]
    # Answers have six significant digits.
    assert sum(part or 0.0 for part in parts) == pytest.approx(answer["capacity_value"], rel=1e-5)
    if cost_model == "normalized":
        assert answer["capacity_value"] == 100.0


@pytest.mark.requirement("KL-D-4")
def test_the_amounts_behind_it_are_those_of_the_cluster(books: Dataset) -> None:
    """29 closed hours and 10 steps = 29.8333 h of 10 cores; 2 of them unmeasured.

    ml 27.8333 x 2, vision 27.8333, excluded 27.8333 x 0.5, non-allocatable 29.8333, unmeasured 2 x 9 = 18, idle
    27.8333 x (9 - 3.5) = 153.083; together 298.333.
    """
    answer = ask(books, "get_namespace_breakdown", scale="monthly_12m", exclude_system=False)
    assert {row["namespace"]: row["value"] for row in answer["breakdown"]} == {"ml": 55.6667, "vision": 27.8333}
    overhead = answer["cluster_overhead"]
    assert overhead["excluded_value"] == 13.9167
    assert overhead["non_allocatable_value"] == 29.8333
    assert overhead["unmeasured_value"] == 18.0
    assert overhead["idle_value"] == 153.083
    assert answer["capacity_value"] == 298.333


@pytest.mark.requirement("KL-D-7")
def test_the_bill_of_the_window_is_the_rate_times_its_observed_hours(books: Dataset) -> None:
    # 29.8333 h x 12.00 = 358.00.
    answer = ask(books, "get_namespace_breakdown", metric="total", cost_model="costs", scale="monthly_12m")
    assert answer["capacity_value"] == 358.0


@pytest.mark.requirement("KL-M-2")
def test_gaps_are_named_in_the_metadata_of_the_answer(tmp_path: Path) -> None:
    # Down from 01:00 to 03:30 and from 04:00 to 04:20: 01 and 02 o'clock are lost, half of 03 and 8/12 of 04 enough.
    told = everything()
    samples = ticks(told, "2026-11-21T00:00", "2026-11-21T01:00")
    samples += ticks(told, "2026-11-21T03:30", "2026-11-21T04:00")
    samples += ticks(told, "2026-11-21T04:20", END)
    dataset = load_dataset(filed(tmp_path, samples))
    metadata = ask(dataset, "get_timeseries", metric="cpu", namespace="ml")["metadata"]
    assert metadata["coverage"]["observed_hours"] == 4.0
    assert metadata["coverage"]["elapsed_hours"] == 6.0
    # 12 + 6 + 8 + 12 of 72 steps.
    assert metadata["coverage"]["kubernetes"] == pytest.approx(38 / 72, rel=1e-5)
    assert [text for text in metadata["warnings"] if text.startswith("Not observed")] == [
        "Not observed: 2 h, no amount covers them: 2026-11-21T01:00:00Z (1 h), 2026-11-21T02:00:00Z (1 h)."
    ]
    daily = ask(dataset, "get_usage", metric="cpu", scale="daily_14d")["metadata"]
    assert [text for text in daily["warnings"] if text.startswith("Not observed")] == [
        "Not observed: 2 h, no amount covers them: 2026-11-21 (2 h)."
    ]


@pytest.mark.requirement("KL-T-7")
def test_efficiency_compares_the_hours_in_which_both_sides_are_known(books: Dataset) -> None:
    """ml asks for 4 cores throughout and uses 2 where measured: 55.6667 / (27.8333 x 4) = 0.5 is just balanced.

    vision asks for what it uses: 1.0 is balanced too. The two hours without metrics count on neither side.
    """
    answer = ask(books, "get_efficiency", metric="cpu", scale="monthly_12m")
    found = {row["namespace"]: row for row in answer["efficiency"]}
    assert (found["ml"]["efficiency_ratio"], found["ml"]["classification"]) == (0.5, "balanced")
    assert (found["vision"]["efficiency_ratio"], found["vision"]["classification"]) == (1.0, "balanced")
    assert found["ml"]["hours_compared"] == 27.8333
    assert found["ml"]["requests"] == 119.333


def test_efficiency_without_requests_or_without_usage_is_null_with_the_reason(tmp_path: Path) -> None:
    free = work("free", cores=1.0)
    silent = [work("silent", name, asked="1") for name in ("a", "b")]
    dataset = load_dataset(filed(tmp_path, ticks(Told([free, *silent]), "2026-11-21T00:00", END)))
    rows = {row["namespace"]: row for row in ask(dataset, "get_efficiency", metric="cpu")["efficiency"]}
    assert (rows["free"]["efficiency_ratio"], rows["free"]["classification"]) == (None, "no_requests")
    assert (rows["silent"]["efficiency_ratio"], rows["silent"]["classification"]) == (None, "unknown")


def test_a_trend_is_over_whole_months_and_tells_usage_from_the_clusters_size(tmp_path: Path) -> None:
    """August 4 cores of 10, September 4 of 10, October 4 of 20, a day of November 9: stable, the share halved."""
    samples = ticks(_steady(4.0), "2026-08-01T00:00", "2026-10-01T00:00", 3600)
    samples += ticks(_steady(4.0, of=20.0), "2026-10-01T00:00", "2026-11-01T00:00", 3600)
    samples += ticks(_steady(9.0, of=20.0), "2026-11-01T00:00", "2026-11-02T00:00", 3600)
    dataset = load_dataset(filed(tmp_path, samples))
    answer = ask(dataset, "compare_periods", now="2026-11-02T00:00", metric="cpu", namespace="web")
    assert (answer["trend"]["direction"], answer["trend"]["months"]) == ("stable", 3)
    # 4 cores x 744, 720 and 744 hours; the open month holds 24 hours at 9.
    assert [each["value"] for each in answer["monthly_12m"]["series"]] == [2976.0, 2880.0, 2976.0, 216.0]
    changed = answer["what_changed"]
    assert changed["amount_per_hour"]["change_pct"] == 0.0
    assert changed["capacity_per_hour"]["change_pct"] == 100.0
    assert changed["cluster_share_pct"]["change_pct"] == -50.0


def _steady(cores: float, of: float = 10.0) -> Told:
    return Told([work("web", cores=cores)], [machine(cores=of)])
