"""Unknown is not zero: each source missing for a tick, an hour, a day, at every scale.

Three whole days, 19 to 21 November, with one tick a step. The cluster has 10 cores, 40 GiB and 2 GPUs of 15 GiB; `ml`
asks for 4 cores and 1 GPU and uses 2 cores, 8 GiB and 0.87 of the GPU. A source is missing from 06:00 on the 20th, or
all of that day.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from collector.model import TickSample
from tests.rules.telling import (
    Column,
    Told,
    at,
    collected,
    column,
    machine,
    published,
    special,
    ticks,
    work,
)

RECORDED = (Path(__file__).parents[1] / "collector" / "dcgm" / "data" / "labelled.prom").read_text()
PAGE = RECORDED.replace("} 12\n", "} 3\n")
"""The second GPU, which nobody of this cluster holds, is idle."""
TRAIN = work("ml", "train-0", cores=2.0, gib=8.0, asked="4", node="gpu-node-1", gpu={"nvidia.com/gpu": "1"})
WELL = Told([TRAIN], [machine("gpu-node-1", gpu={"nvidia.com/gpu": "2"})], exporters=[PAGE], dcgm=True)
FAILING = {
    "kubernetes": replace(WELL, kubernetes=False),
    "metrics": replace(WELL, metrics=False),
    "dcgm": replace(WELL, exporters=None),
}
START, END = "2026-11-19T00:00", "2026-11-22T00:00"


@dataclass(frozen=True)
class Missing:
    """From when to when a source is missing; of its 288 steps of that day, and its day's and month's lost hours."""

    start: str
    end: str
    steps: int
    lost_hours: int


SPANS = {
    # 11 of 12 steps are enough for the hour.
    "a tick": Missing("2026-11-20T06:00", "2026-11-20T06:05", 1, 0),
    "an hour": Missing("2026-11-20T06:00", "2026-11-20T07:00", 12, 1),
    "a day": Missing("2026-11-20T00:00", "2026-11-21T00:00", 288, 24),
}


def told(directory: Path, source: str, span: Missing) -> dict[str, Any]:
    samples = ticks(WELL, START, span.start)
    samples += ticks(FAILING[source], span.start, span.end)
    samples += ticks(WELL, span.end, END)
    return published(directory, samples)


def per_scale(hour: float, lost: int) -> dict[str, Column]:
    """What an hourly amount adds up to, with `lost` hours of the 20th: its hours of 06 and 07, its days, its month."""
    day = 24 - lost
    return {
        "hourly_7d": [None if lost else hour, None if lost == 24 else hour],
        "daily_14d": [24 * hour, day * hour if day else None, 24 * hour],
        "monthly_12m": [(48 + day) * hour],
    }


def approximately(values: Sequence[float | None]) -> Any:
    return [None if value is None else pytest.approx(value) for value in values]


def cells(document: dict[str, Any], values: Column) -> Column:
    """Of the hours only that of 06:00 and the one after it."""
    if document["scale"] != "hourly_7d":
        return values
    place = document["buckets"].index("2026-11-20T06:00:00Z")
    return values[place : place + 2]


@pytest.mark.parametrize("span", SPANS.values(), ids=SPANS)
@pytest.mark.parametrize("source", FAILING)
def test_coverage_is_exact_per_source_at_every_scale(tmp_path: Path, source: str, span: Missing) -> None:
    found = told(tmp_path, source, span)
    # The month began 18 days before the first sample, which nobody observed.
    seen = {"hourly_7d": [1.0, 1.0], "daily_14d": [1.0, 1.0, 1.0], "monthly_12m": [3 / 21]}
    lacking = {
        "hourly_7d": [1 - min(span.steps, 12) / 12, 0.0 if span.steps == 288 else 1.0],
        "daily_14d": [1.0, 1 - span.steps / 288, 1.0],
        "monthly_12m": [(3 * 288 - span.steps) / (21 * 288)],
    }
    for scale, document in found.items():
        for each, shares in document["coverage"].items():
            expected = lacking if each == source else seen
            assert cells(document, shares) == pytest.approx(expected[scale], abs=1e-9), (scale, each)


@pytest.mark.parametrize("span", SPANS.values(), ids=SPANS)
def test_without_kubernetes_everything_is_unknown_and_no_hour_is_filled_in(tmp_path: Path, span: Missing) -> None:
    for scale, document in told(tmp_path, "kubernetes", span).items():
        lost = span.lost_hours
        for values, hour in (
            (column(document, "ml"), 2.0),
            (column(document, "ml", "usage", "memory"), 8.0),
            (column(document, "ml", "usage", "gpu"), 0.87),
            (column(document, "ml", "requests"), 4.0),
            (special(document, "idle"), 8.0),
            (document["capacity"]["cpu"], 10.0),
        ):
            assert cells(document, values) == approximately(per_scale(hour, lost)[scale]), (scale, hour)
        known = per_scale(1.0, lost)[scale]
        assert cells(document, document["observed_hours"]) == [value or 0.0 for value in known]


@pytest.mark.parametrize("span", SPANS.values(), ids=SPANS)
def test_without_metrics_usage_is_unknown_and_everything_else_is_not(tmp_path: Path, span: Missing) -> None:
    for scale, document in told(tmp_path, "metrics", span).items():
        lost, ml = span.lost_hours, document["namespaces"]["ml"]
        assert cells(document, column(document, "ml")) == approximately(per_scale(2.0, lost)[scale])
        assert cells(document, column(document, "ml", "requests")) == approximately(per_scale(4.0, 0)[scale])
        if scale != "hourly_7d":
            assert column(document, "ml", "requests_matched") == approximately(per_scale(4.0, lost)[scale])
        if lost:
            known = [value or 0.0 for value in per_scale(1.0, lost)[scale]]
            assert cells(document, column(document, "ml", "usage_hours")) == known
            # 10 cores of which nobody can say who used them, in each of the lost hours.
            gaps = {"hourly_7d": [10.0, 10.0 if lost == 24 else 0.0], "daily_14d": [0.0, 10.0 * lost, 0.0]}
            unmeasured = cells(document, special(document, "unmeasured"))
            assert unmeasured == approximately({**gaps, "monthly_12m": [10.0 * lost]}[scale])
        else:
            assert "unmeasured" not in document["special"]
            assert "usage_hours" not in ml["cpu"]
        assert cells(document, special(document, "idle")) == approximately(per_scale(8.0, lost)[scale])
        # GPUs are measured by another source.
        assert cells(document, column(document, "ml", "usage", "gpu")) == approximately(per_scale(0.87, 0)[scale])


@pytest.mark.parametrize("span", SPANS.values(), ids=SPANS)
def test_without_dcgm_gpu_usage_is_unknown_and_everything_else_is_not(tmp_path: Path, span: Missing) -> None:
    for scale, document in told(tmp_path, "dcgm", span).items():
        lost = span.lost_hours
        for metric, hour, idle in (("gpu", 0.87, 1.13), ("gpu_memory", 10.0, 20.0)):
            used, left = column(document, "ml", "usage", metric), special(document, "idle", metric)
            assert cells(document, used) == approximately(per_scale(hour, lost)[scale])
            assert cells(document, left) == approximately(per_scale(idle, lost)[scale])
        assert cells(document, column(document, "ml", "requests", "gpu")) == approximately(per_scale(1.0, 0)[scale])
        assert cells(document, document["capacity"]["gpu"]) == approximately(per_scale(2.0, 0)[scale])
        # What a GPU's memory holds is told by the exporters only.
        assert cells(document, document["capacity"]["gpu_memory"]) == approximately(per_scale(30.0, lost)[scale])
        assert cells(document, column(document, "ml")) == approximately(per_scale(2.0, 0)[scale])


@pytest.mark.requirement("KL-D-8")
@pytest.mark.parametrize("source", FAILING)
@pytest.mark.parametrize(("observed", "known"), [(6, True), (5, False)])
def test_an_hour_with_fewer_than_half_of_its_steps_is_unknown(
    tmp_path: Path, source: str, observed: int, known: bool
) -> None:
    turn = at("2026-11-21T13:00") + 300 * observed
    samples = ticks(WELL, "2026-11-21T13:00", turn)
    samples += ticks(FAILING[source], turn, "2026-11-21T14:00")
    hourly = published(tmp_path, samples)["hourly_7d"]
    metric, amount = ("gpu", 0.87) if source == "dcgm" else ("cpu", 2.0)
    assert column(hourly, "ml", "usage", metric) == [pytest.approx(amount) if known else None]
    assert hourly["coverage"][source] == pytest.approx([observed / 12])


@pytest.mark.requirement("KL-D-8")
def test_an_hour_that_is_unknown_is_left_out_of_sums_and_never_filled_in(tmp_path: Path) -> None:
    # 5 of 12 steps at 2 cores, then 23 hours at 2 cores: 46 core-hours, not 46.83 and not 48.
    samples = ticks(WELL, "2026-11-21T00:00", "2026-11-21T00:25")
    samples += ticks(FAILING["kubernetes"], "2026-11-21T00:25", "2026-11-21T01:00")
    samples += ticks(WELL, "2026-11-21T01:00", "2026-11-22T00:00")
    daily = published(tmp_path, samples)["daily_14d"]
    assert column(daily, "ml") == [pytest.approx(46.0)]
    assert daily["observed_hours"] == [23.0]
    # Seven steps were not observed; coverage counts steps and not hours.
    assert daily["coverage"]["kubernetes"] == pytest.approx([281 / 288])


def test_all_sources_missing_at_once_is_as_if_the_collector_was_down(tmp_path: Path) -> None:
    silent = replace(WELL, kubernetes=False, metrics=False, exporters=None)
    before = ticks(WELL, "2026-11-21T12:00", "2026-11-21T13:10")
    after = ticks(WELL, "2026-11-21T14:20", "2026-11-21T15:00")
    failed = ticks(silent, "2026-11-21T13:10", "2026-11-21T14:20")
    assert published(tmp_path / "a", [*before, *failed, *after]) == published(tmp_path / "b", [*before, *after])


def test_in_the_open_hour_each_step_without_a_source_is_unknown_on_its_own(tmp_path: Path) -> None:
    # An open hour is the sum of its steps: 3 known ones of 4, whether or not that will be half of the hour.
    samples = ticks(WELL, "2026-11-21T13:00", "2026-11-21T13:15")
    samples += ticks(FAILING["metrics"], "2026-11-21T13:15", "2026-11-21T13:20")
    hourly = published(tmp_path, samples)["hourly_7d"]
    assert column(hourly, "ml") == [pytest.approx(2.0 * 3 / 12)]
    assert column(hourly, "ml", "requests") == [pytest.approx(4.0 * 4 / 12)]
    assert special(hourly, "unmeasured") == [pytest.approx(10.0 / 12)]
    assert hourly["coverage"]["metrics"] == [pytest.approx(0.75)]


def test_the_manifest_says_when_each_source_last_answered(tmp_path: Path) -> None:
    first = at("2026-11-21T13:05")
    # Usage is not read while it is not known which pods there are.
    order = [WELL, FAILING["dcgm"], FAILING["metrics"], FAILING["kubernetes"]]
    data = collected(tmp_path, [(first + 300 * place, each) for place, each in enumerate(order)])
    assert orjson.loads((data / "dataset.json").read_bytes())["last_sample_at"] == {
        "kubernetes": "2026-11-21T13:15:00Z",
        "metrics": "2026-11-21T13:10:00Z",
        "dcgm": "2026-11-21T13:15:00Z",
    }


def shop_coverage(directory: Path, samples: Sequence[TickSample]) -> Column:
    hourly = published(directory, samples)["hourly_7d"]
    pods = hourly.get("pods_coverage", hourly["coverage"]["metrics"])
    found: Column = hourly["namespaces"]["shop"].get("coverage", pods)
    return found


def running(measured: int, of: int, *, web: bool = True) -> Told:
    """Pods of `shop`, of which metrics-server knows some, beside one of `web`."""
    pods = [work("shop", name, cores=0.5 if place < measured else None) for place, name in enumerate("abcd"[:of])]
    return Told([*pods, *([work("web", cores=1.0)] if web else [])])


@pytest.mark.parametrize("measured", [0, 1, 2, 4])
def test_pods_that_were_not_measured_lower_the_coverage_of_their_namespace_in_the_steps_answered(
    tmp_path: Path, measured: int
) -> None:
    # metrics-server answers 5 of 12 ticks and knows some of four pods: 5/12 x measured/4.
    answered, blind = running(measured, 4), replace(running(measured, 4), metrics=False)
    samples = ticks(answered, "2026-11-21T13:00", "2026-11-21T13:25")
    samples += ticks(blind, "2026-11-21T13:25", "2026-11-21T14:00")
    assert shop_coverage(tmp_path, samples) == [pytest.approx(5 / 12 * measured / 4)]


@pytest.mark.parametrize("restarted", [False, True])
def test_a_namespace_born_after_metrics_had_failed_was_not_measured_then(tmp_path: Path, restarted: bool) -> None:
    # Half an hour without metrics, then half an hour with one of two pods measured: 6/12 x 1/2.
    before = ticks(replace(running(0, 0), metrics=False), "2026-11-21T13:00", "2026-11-21T13:30")
    after = ticks(running(1, 2), "2026-11-21T13:30", "2026-11-21T14:00")
    if restarted:
        published(tmp_path, before)
    assert shop_coverage(tmp_path, after if restarted else [*before, *after]) == [pytest.approx(0.25)]


def test_a_namespace_counts_as_measured_in_the_answered_steps_before_its_birth_and_after_its_end(
    tmp_path: Path,
) -> None:
    # 13:00 to 13:15 not there, to 13:30 one of two pods, to 13:45 gone, to 14:00 gone and without metrics:
    # 3 + 3 x 1/2 + 3 + 0 of 12.
    there, gone = running(1, 2), running(0, 0)
    samples = ticks(gone, "2026-11-21T13:00", "2026-11-21T13:15") + ticks(there, "2026-11-21T13:15", "2026-11-21T13:30")
    samples += ticks(gone, "2026-11-21T13:30", "2026-11-21T13:45")
    samples += ticks(replace(gone, metrics=False), "2026-11-21T13:45", "2026-11-21T14:00")
    assert shop_coverage(tmp_path, samples) == [pytest.approx(7.5 / 12)]


def test_steps_in_which_the_collector_was_down_were_not_measured(tmp_path: Path) -> None:
    # All pods from 13:00 to 13:20, three days down, half of the pods from 13:45 to 14:00: 4/12, and 3/12 x 1/2.
    published(tmp_path, ticks(running(4, 4), "2026-11-21T13:00", "2026-11-21T13:20"))
    covered = shop_coverage(tmp_path, ticks(running(2, 4), "2026-11-24T13:45", "2026-11-24T14:00"))
    assert [covered[0], covered[-1]] == [pytest.approx(4 / 12), pytest.approx(1.5 / 12)]
    assert covered[1:-1] == [0.0] * (3 * 24 - 1)
