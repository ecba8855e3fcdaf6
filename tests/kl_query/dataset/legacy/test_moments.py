"""What depends on when a file was written, and on how many of its points count."""

from __future__ import annotations

import math
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest

from kl_mcp.tools import TABLE
from kl_query.dataset import Dataset, load_dataset
from kl_query.dataset.legacy.json_stream import records
from kl_query.dataset.legacy.reader import Reader
from tests.kl_query.dataset.legacy.conftest import FILES, NEWEST, Build
from tests.support.legacy_layout import HOUR, at, put, trend_rows
from tests.support.warned import told

USAGE, REQUESTS, TREND = "cpu_usage_period_1209600.json", "cpu_requests_period_1209600.json", "cpu_usage_trends.json"
NOW = at(NEWEST) + 1200


def ends(count: int, last: str = NEWEST) -> list[str]:
    """Return the ends of so many hours, the last one `last`."""
    first = at(last) - (count - 1) * HOUR
    return [datetime.fromtimestamp(first + i * HOUR, UTC).strftime("%Y-%m-%dT%H:%M:%SZ") for i in range(count)]


def usage(dataset: Dataset) -> list[float]:
    """Return what `shop` used by day."""
    return list(dataset.scales["daily_14d"].namespaces["shop"]["cpu"].usage)


def test_requests_of_another_moment_than_usage_are_unknown(build: Build) -> None:
    requests = build().scales["daily_14d"].namespaces["shop"]["cpu"].requests
    assert requests is not None
    assert list(requests) == [400.0]
    # An hour later usage and points are new, and requests are being written.
    later = {"2026-11-21T19:00:00Z": 12.0, "2026-11-21T20:00:00Z": 12.0}
    rows = [{"stack": "shop", "usage": 212.0, "date": "21 Nov"}]
    dataset = build({TREND: trend_rows({"shop": later}), USAGE: rows, REQUESTS: "["})
    requests = dataset.scales["daily_14d"].namespaces["shop"]["cpu"].requests
    assert requests is not None
    # Usage of 21 hours over requests of 20 is no efficiency.
    assert usage(dataset) == [212.0]
    assert math.isnan(requests[0])


def test_the_hourly_scale_holds_168_hours_and_not_one_more(build: Build) -> None:
    scale = build({TREND: trend_rows({"shop": dict.fromkeys(ends(171), 2.0)})}).scales["hourly_7d"]
    # The newest hour ends at 19:00: it begins at 18:00, and the first of 168 on 14 November at 19:00.
    assert (len(scale.starts), scale.starts[0]) == (168, at("2026-11-14T19:00:00Z"))
    assert math.fsum(scale.namespaces["shop"]["cpu"].usage) == 336.0


def test_an_open_hour_of_5_minute_points_is_beside_168_closed_ones(build: Build) -> None:
    points = dict.fromkeys(ends(171), 2.0) | {"2026-11-21T19:05:00Z": 2.0}
    scale = build({TREND: trend_rows({"shop": points})}).scales["hourly_7d"]
    assert (len(scale.starts), scale.starts[0]) == (169, at("2026-11-14T19:00:00Z"))
    assert scale.complete == (*[True] * 168, False)


def test_gpus_have_a_last_sample_of_their_own(build: Build) -> None:
    gpus = trend_rows({"shop__gpu": dict.fromkeys(ends(3, "2026-11-21T12:00:00Z"), 50.0)})
    dataset = build({"gpu_cpu_usage_trends.json": gpus, TREND: trend_rows({"shop": dict.fromkeys(ends(9), 2.0)})})
    assert dataset.last_sample_at == {"kubernetes": None, "metrics": at(NEWEST), "dcgm": at("2026-11-21T12:00:00Z")}
    warnings = TABLE["get_timeseries"].run({"metric": "gpu", "namespace": "shop"}, dataset, NOW)["metadata"]["warnings"]
    assert any("dcgm last answered at 2026-11-21T12:00:00Z" in warning for warning in warnings)


def test_the_price_is_the_newest_of_the_hourly_points(build: Build) -> None:
    prices = dict(zip(ends(3), (8.0, 12.5, 12.5), strict=True))
    rows = trend_rows({"shop": dict.fromkeys(ends(3), 2.0), ".billing-hourly-rate": prices})
    dataset = build({"backend.json": {"cost_model": "costs", "currency": "$"}, TREND: rows})
    answer = TABLE["describe_dataset"].run({}, dataset, NOW)
    assert (answer["billing_hourly_rate"], answer["currency"]) == (12.5, "$")


def test_a_file_that_changes_while_it_is_read_is_read_again(
    build: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build()
    put(tmp_path, USAGE, [{"stack": "shop", "usage": 210.0, "date": "21 Nov"}])
    writes = [[{"stack": "shop", "usage": 220.0, "date": "21 Nov"}]]

    def read_and_overwritten(path: Path, **options: Any) -> Any:
        yield from records(path, **options)
        if path.name == USAGE and writes:
            put(tmp_path, USAGE, writes.pop())
            os.utime(path, ns=(1, 1))

    monkeypatch.setattr("kl_query.dataset.legacy.table.records", read_and_overwritten)
    assert usage(load_dataset(tmp_path)) == [220.0]


def test_a_file_that_never_stops_changing_is_answered_from_its_last_good_content(
    build: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert usage(build()) == [200.0]
    put(tmp_path, USAGE, [{"stack": "shop", "usage": 210.0, "date": "21 Nov"}])
    times = iter(range(100, 200))

    def read_and_touched(path: Path, **options: Any) -> Any:
        yield from records(path, **options)
        if path.name == USAGE:
            os.utime(path, (next(times),) * 2)

    monkeypatch.setattr("kl_query.dataset.legacy.table.records", read_and_touched)
    dataset = load_dataset(tmp_path)
    assert usage(dataset) == [200.0]
    assert any("is being written" in warning for warning in told(dataset))


@pytest.mark.parametrize(("written", "year"), [("2024-12-02T10:00:00Z", 2024), ("2026-01-02T10:00:00Z", 2025)])
def test_without_hourly_points_the_time_of_the_file_tells_the_year(tmp_path: Path, written: str, year: int) -> None:
    for name, content in FILES.items():
        put(tmp_path, name, [] if name.endswith("trends.json") else content)
    put(
        tmp_path,
        USAGE,
        [{"stack": "shop", "usage": 1.0, "date": "30 Nov"}, {"stack": "shop", "usage": 1.0, "date": "31 Dec"}],
    )
    if year == 2024:
        put(tmp_path, USAGE, [{"stack": "shop", "usage": 1.0, "date": "30 Nov"}])
    for name in (USAGE, REQUESTS):
        os.utime(tmp_path / name, (at(written),) * 2)
    scale = Reader(tmp_path).read().scales["daily_14d"]
    last = f"{year}-11-30T00:00:00Z" if year == 2024 else f"{year}-12-31T00:00:00Z"
    assert scale.starts[-1] == at(last)


@pytest.mark.parametrize("written", ["1e308", "1e16"])
def test_an_absurd_amount_is_unknown_and_counted(build: Build, written: str) -> None:
    rows = f'[{{"stack":"shop","usage":{written},"date":"20 Nov"}},{{"stack":"web","usage":{written},"date":"20 Nov"}},'
    rows += '{"stack":"shop","usage":4.5,"date":"21 Nov"},{"stack":"web","usage":1e15,"date":"21 Nov"}]'
    dataset = build({USAGE: rows, REQUESTS: orjson.dumps([{"stack": "shop", "usage": 0.5, "date": "21 Nov"}]).decode()})
    assert any(warning.startswith(f"{USAGE}: 2 row(s) ") for warning in told(dataset))
    for tool in ("get_efficiency", "get_usage", "get_top_consumers", "get_namespace_breakdown", "compare_periods"):
        assert TABLE[tool].run({"metric": "cpu"}, dataset, NOW)
    assert usage(dataset) == [4.5]
