"""What an answer says is missing, in hours, is the same whether it is about hours, days or months."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from collector.model import TickSample
from kl_mcp.tools import TABLE
from kl_query.dataset import Dataset, load_dataset
from kl_query.date_windows import instant
from tests.rules.telling import Told, at, collected, filed, machine, ticks, work

PAGE = (Path(__file__).parents[1] / "collector" / "dcgm" / "data" / "labelled.prom").read_text()
TRAIN = work("ml", "train-0", cores=2.0, gib=8.0, asked="4", node="gpu-node-1", gpu={"nvidia.com/gpu": "1"})
WELL = Told([TRAIN], [machine("gpu-node-1", gpu={"nvidia.com/gpu": "2"})], exporters=[PAGE], dcgm=True)
SCALES = ["hourly_7d", "daily_14d", "monthly_12m"]


def told(root: Path, *spans: tuple[Told, str, str]) -> Dataset:
    samples: list[TickSample] = []
    for answers, start, end in spans:
        samples += ticks(answers, start, end)
    return load_dataset(filed(root, samples))


def asked(dataset: Dataset, scale: str, metric: str = "cpu") -> dict[str, Any]:
    now = max(moment for moment in dataset.last_sample_at.values() if moment is not None)
    answer = TABLE["get_usage"].run({"metric": metric, "scale": scale}, dataset, float(now))
    found: dict[str, Any] = answer["metadata"]
    return found


def hours_named(warnings: Sequence[str], start: str) -> list[str]:
    """The hours that warnings with a given beginning name, as they are written."""
    return [warning.partition(" h")[0].rpartition(" ")[2] for warning in warnings if warning.startswith(start)]


@pytest.fixture(scope="module")
def two_failures(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Two days from 1 November: metrics-server is silent from 00 to 06 of the first, the API from 06 to 12."""
    return told(
        tmp_path_factory.mktemp("two"),
        (replace(WELL, metrics=False), "2026-11-01T00:00", "2026-11-01T06:00"),
        (replace(WELL, kubernetes=False), "2026-11-01T06:00", "2026-11-01T12:00"),
        (WELL, "2026-11-01T12:00", "2026-11-03T00:00"),
    )


@pytest.mark.requirement("KL-M-2")
@pytest.mark.parametrize("scale", SCALES)
def test_two_sources_that_fail_one_after_the_other_are_both_named_at_every_scale(
    two_failures: Dataset, scale: str
) -> None:
    found = asked(two_failures, scale)
    assert hours_named(found["warnings"], "Not observed") == ["6"]
    assert hours_named(found["warnings"], "metrics-server gave no usable answer") == ["6"]
    # 42 of 48 hours each
    assert (found["coverage"]["kubernetes"], found["coverage"]["metrics"]) == (0.875, 0.875)
    assert not any("running pods" in warning for warning in found["warnings"])


@pytest.mark.requirement("KL-M-2")
@pytest.mark.parametrize("scale", SCALES)
def test_an_hour_without_the_api_is_not_laid_at_the_door_of_metrics_server(tmp_path: Path, scale: str) -> None:
    dataset = told(
        tmp_path,
        (WELL, "2026-11-01T00:00", "2026-11-01T06:00"),
        (replace(WELL, kubernetes=False), "2026-11-01T06:00", "2026-11-01T07:00"),
        (WELL, "2026-11-01T07:00", "2026-11-02T00:00"),
    )
    (warning,) = [w for w in asked(dataset, scale)["warnings"] if not w.startswith("Partial")]
    assert warning.startswith("Not observed: 1 h")


@pytest.mark.requirement("KL-M-2")
@pytest.mark.parametrize("scale", SCALES)
def test_exporters_are_expected_to_answer_only_while_they_are_configured(tmp_path: Path, scale: str) -> None:
    """24 hours well, 12 not configured, 12 failing, 24 well: 48 of 60 expected hours, 12 silent."""
    dataset = told(
        tmp_path,
        (WELL, "2026-11-01T00:00", "2026-11-02T00:00"),
        (replace(WELL, dcgm=False), "2026-11-02T00:00", "2026-11-02T12:00"),
        (replace(WELL, exporters=None), "2026-11-02T12:00", "2026-11-03T00:00"),
        (WELL, "2026-11-03T00:00", "2026-11-04T00:00"),
    )
    found = asked(dataset, scale, metric="gpu")
    assert found["coverage"]["dcgm"] == 0.8
    assert hours_named(found["warnings"], "A DCGM exporter gave no usable answer") == ["12"]


@pytest.mark.parametrize(("rate", "currency"), [(20.0, "$"), (20.0, "€"), (None, "$")])
def test_a_rate_set_at_20_past_is_announced_and_not_shown_as_the_one_in_force(
    tmp_path: Path, rate: float | None, currency: str
) -> None:
    def spans(start: str, end: str) -> list[tuple[int, Told]]:
        return [(time, WELL) for time in range(at(start) + 300, at(end) + 1, 300)]

    before = {"billing_hourly_rate": 10.0, "billing_currency": "$"}
    collected(tmp_path, spans("2026-11-21T00:00", "2026-11-21T01:20"), **before)
    after = {"billing_hourly_rate": rate, "billing_currency": currency}
    data = collected(tmp_path, spans("2026-11-21T01:20", "2026-11-21T01:30"), **after)
    answer = _described(data, "2026-11-21T01:30")
    assert (answer["billing_hourly_rate"], answer["currency"]) == (10.0, "$")
    (warning,) = [w for w in answer["metadata"]["warnings"] if "will change" in w]
    assert str(instant(at("2026-11-21T02:00"))) in warning
    data = collected(tmp_path, spans("2026-11-21T01:30", "2026-11-21T02:05"), **after)
    answer = _described(data, "2026-11-21T02:05")
    assert (answer["billing_hourly_rate"], answer["currency"]) == (rate, currency)
    assert not any("will change" in w for w in answer["metadata"]["warnings"])


def _described(directory: Path, now: str) -> dict[str, Any]:
    return TABLE["describe_dataset"].run({}, load_dataset(directory), float(at(now)))
