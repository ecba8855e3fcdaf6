"""Situations that people reported in public: each is played on the real collector and tools."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.cases.play import ask, last_hour, play, read

CASES = sorted((Path(__file__).parent / "accounting").glob("*.json"))


def near(value: float | None) -> Any:
    return None if value is None else pytest.approx(value, rel=1e-5, abs=1e-9)


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_a_case_comes_out_right(path: Path, tmp_path: Path) -> None:
    case = read(path)
    dataset = play(case, tmp_path)
    for right in case["right"]:
        window = {"metric": right["metric"], "scale": "hourly_7d", "date": last_hour(case)}
        model = {"cost_model": "costs"} if right.get("cost") else {"cost_model": "cumulative"}
        answer = ask(dataset, "get_namespace_breakdown", exclude_system=False, **window, **model)
        values = {row["namespace"]: row["value"] for row in answer["breakdown"]}
        for name, value in right.get("namespaces", {}).items():
            assert values.get(name) == near(value), (name, values, answer["cluster_overhead"])
        for name, value in right.get("overhead", {}).items():
            assert answer["cluster_overhead"][name] == near(value), (name, values, answer["cluster_overhead"])
        if "efficiency" in right:
            rows = {row["namespace"]: row for row in ask(dataset, "get_efficiency", **window)["efficiency"]}
            for name, (usage, requests, ratio, classification) in right["efficiency"].items():
                row = rows[name]
                assert row["usage"] == near(usage), row
                assert row["requests"] == near(requests), row
                assert row["efficiency_ratio"] == near(ratio), row
                assert row["classification"] == classification, row
        said = " ".join(answer["metadata"]["warnings"])
        for words in right.get("warnings", []):
            assert words in said
