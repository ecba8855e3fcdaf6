"""Mean levels where files tell per cent or money alone: by the hours of each bucket with data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kl_mcp.tools import TABLE
from kl_query.dataset import load_dataset
from tests.kl_mcp.tools.conftest import check_schemas
from tests.kl_query.dataset.legacy.conftest import NEWEST
from tests.kl_query.dataset.legacy.test_hours_with_data import half_used
from tests.support.legacy_layout import at, write

LEVELS = {
    # 10 per cent of the cluster, and 4 not allocatable: 10 of 14 of 12 $ an hour, or of all that is used.
    "cumulative": ("percent_of_cluster_capacity", 10.0),
    "normalized": ("percent_of_total_usage", 100 * 10 / 14),
    "costs": ("currency_per_hour", 12 * 10 / 14),
}


@pytest.mark.requirement("KL-T-17")
@pytest.mark.parametrize("model", LEVELS)
def test_today_is_a_level_as_well(tmp_path: Path, model: str) -> None:
    dataset = load_dataset(write(tmp_path, half_used({}, model)))

    def ask(tool: str, **arguments: Any) -> dict[str, Any]:
        answer = TABLE[tool].run({"metric": "cpu", **arguments}, dataset, at(NEWEST) + 600)
        check_schemas(tool, answer)
        return answer

    unit, level = LEVELS[model]
    expected = pytest.approx(level, rel=1e-5)
    ranking = ask("get_top_consumers")
    assert ranking["means"] == {"unit": unit, "total": expected, "capacity": None}
    assert ranking["ranking"][0]["mean"] == expected
    overhead = ask("get_namespace_breakdown")["means"]
    assert (overhead["total"], overhead["idle"], overhead["allocatable"]) == (expected, None, None)
    assert ask("get_usage")["latest"] == {"date": "2026-11-21", "unit": unit, "mean": expected}
    row = ask("get_efficiency", date="latest")
    assert row["mean_units"] == {"cpu": unit}
    means = (row["efficiency"][0]["usage_mean"], row["efficiency"][0]["requests_mean"])
    assert means == (expected, pytest.approx(2 * level, rel=1e-5))
    # Hours are per cent of capacity whatever the cost model.
    hour = ask("get_timeseries", date="latest")["latest"]
    assert (hour["unit"], hour["mean"]) == ("percent_of_cluster_capacity", 10)


@pytest.mark.parametrize("model", ["cumulative", "costs"])
def test_what_is_not_allocatable_stands_beside_requests_and_idle_does_not(tmp_path: Path, model: str) -> None:
    dataset = load_dataset(write(tmp_path, half_used({}, model)))
    given = {"metric": "cpu", "dimension": "requests", "date": "2026-11-20"}
    overhead = TABLE["get_namespace_breakdown"].run(given, dataset, at(NEWEST) + 600)["cluster_overhead"]
    # 4 per cent in each of 24 hours; 4 of 14 of 24 hours at 12 $
    expected = {"cumulative": 96, "costs": pytest.approx(24 * 12 * 4 / 14, rel=1e-5)}[model]
    assert (overhead["non_allocatable_value"], overhead["idle_value"]) == (expected, None)
    assert (overhead["excluded_value"], overhead["unattributed_value"]) == (None, None)
