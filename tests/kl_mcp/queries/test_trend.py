from pathlib import Path
from typing import Any

import pytest

from kl_mcp.dataset import load_dataset
from kl_mcp.queries.frame import Frame, frame
from kl_mcp.queries.trend import trend
from tests.support.datasets import Dataset as Published
from tests.support.datasets import Row, Scale, write

HOURS = [31 * 24, 28 * 24, 31 * 24, 30 * 24]  # January to April 2026


def view(directory: Path, cores: list[float | None], **changes: Any) -> Frame:
    usage = [None if c is None else c * h for c, h in zip(cores, changes.get("observed", HOURS), strict=False)]
    capacity = [10.0 * h for h in HOURS[: len(cores)]]
    facts: dict[str, Any] = {
        "first": "2026-01",
        "namespaces": {"web": {"cpu": Row(usage, usage)}},
        "capacity": {"cpu": capacity},
    }
    dataset = load_dataset(write(directory, Published(monthly=Scale(**{**facts, **changes}))))
    return frame(dataset, "monthly_12m", "cpu", "cumulative")


def found(view: Frame) -> tuple[str, float | None, int]:
    result = trend(view, view.column("web"), None)
    return result["direction"], result["change_pct"], result["months"]


@pytest.mark.requirement("KL-T-13")
@pytest.mark.parametrize(
    ("cores", "direction", "change"),
    [
        ([1, 1, 1, 1], "stable", 0),
        ([1.0, 1.1], "stable", 9.52381),  # 0.1 over a mean of 1.05
        ([1.0, 1.2], "growing", 18.1818),  # 0.2 over 1.1
        ([1.2, 1.0], "decreasing", -18.1818),
        ([1, 2, 3], "growing", 100),  # from 1 to 3 over a mean of 2
        ([1, 9, 1], "stable", 0),  # a peak in the middle is no trend
        ([0, 0, 0], "stable", 0),
        ([1], "insufficient_data", None),
    ],
)
def test_the_direction_is_that_of_the_line_through_the_months(
    tmp_path: Path, cores: list[float | None], direction: str, change: float | None
) -> None:
    assert found(view(tmp_path, cores))[:2] == (direction, change)


@pytest.mark.requirement("KL-T-13")
def test_a_short_month_is_no_decrease(tmp_path: Path) -> None:
    # one core throughout is 744 core-hours in January and 672 in February
    assert found(view(tmp_path, [1, 1]))[1] == 0


def test_an_unknown_month_takes_no_part_and_keeps_its_distance(tmp_path: Path) -> None:
    assert found(view(tmp_path, [1, None, 3])) == ("growing", 100, 2)


def test_a_month_observed_in_part_counts_by_its_observed_hours(tmp_path: Path) -> None:
    assert found(view(tmp_path, [1, 1], observed=[100, 28 * 24]))[1] == 0


@pytest.mark.requirement("KL-T-13")
def test_the_open_month_takes_no_part(tmp_path: Path) -> None:
    assert found(view(tmp_path, [1, 1, 5], open_hours=10))[2] == 2
