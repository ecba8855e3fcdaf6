"""The files of KubeLedger's layout from a real store; every expected number is computed in the test."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from collector.errors import PublishError
from collector.model import TickSample
from collector.publish.legacy.files import documents, write
from collector.publish.legacy.shares import Keeper
from collector.publish.publisher import Publisher
from collector.settings import load
from collector.store.rates import RateChange
from collector.store.store import Store
from tests.support.legacy_rrd import HOUR, at
from tests.support.samples import entry, tick

DAILY, MONTHLY = 1_209_600, 31_968_000


def hours(first: str, count: int, *, cpu: float = 10.0, **namespaces: tuple[float, float]) -> list[TickSample]:
    """One tick an hour; (cores used, cores requested) per namespace, a tenth of the capacity is not allocatable."""
    named = {name: entry(used, 4.0, cpu_requests=asked, gib_requests=8.0) for name, (used, asked) in namespaces.items()}
    return [
        tick(at(first) + HOUR * (hour + 1), named, interval=HOUR, cpu=cpu, reserved_cpu=cpu / 10)
        for hour in range(count)
    ]


def files(
    directory: Path, samples: Iterable[TickSample], model: str = "cumulative", *rates: RateChange
) -> dict[str, Any]:
    with Store.open(directory) as store:
        store.append(list(samples))
        found = dict(documents(Keeper(store).figures(rates), model, "€"))
    plain: dict[str, Any] = orjson.loads(orjson.dumps(found))
    return plain


def without_requests(sample: TickSample, names: tuple[str, ...]) -> TickSample:
    unknown = {name: replace(sample.namespaces[name], requests={"cpu": None, "memory": None}) for name in names}
    return replace(sample, namespaces={**sample.namespaces, **unknown})


def values(rows: list[dict[str, Any]], name: str) -> dict[str, float]:
    return {row["date"]: row["usage"] for row in rows if row["stack"] == name}


def test_a_day_is_the_sum_of_hourly_per_cents_of_the_hours_that_end_on_it(tmp_path: Path) -> None:
    # 20 November 22:00 to 21 November 03:00 at 2 of 10 cores: the hours that end at 23:00 count to the 20th, those
    # that end at 00:00, 01:00, 02:00 and 03:00 to the 21st: 20 and 80.
    found = files(tmp_path, hours("2026-11-20T22:00", 5, a=(2.0, 4.0)))
    daily = found[f"cpu_usage_period_{DAILY}.json"]
    assert values(daily, "a") == {"20 Nov": 20.0, "21 Nov": 80.0}
    assert values(daily, "non-allocatable") == {"20 Nov": 10.0, "21 Nov": 40.0}
    assert values(found[f"cpu_usage_period_{MONTHLY}.json"], "a") == {"Nov 2026": 100.0}
    assert found["backend.json"] == {"cost_model": "cumulative", "currency": "%"}
    assert not any(name.startswith("gpu") for name in found)


def test_the_last_hour_of_a_month_counts_to_the_next(tmp_path: Path) -> None:
    found = files(tmp_path, hours("2026-10-31T21:00", 4, a=(1.0, 2.0)))
    assert values(found[f"cpu_usage_period_{MONTHLY}.json"], "a") == {"Oct 2026": 20.0, "Nov 2026": 20.0}


def test_requests_are_a_mean_where_usage_is_a_sum(tmp_path: Path) -> None:
    # Three hours of 20 % with rf 0.5: 60 ÷ 1.5 = 40. Memory: 4 of 40 GiB, 10 %, with rf 0.5: 30 ÷ 1.5 = 20.
    found = files(tmp_path, hours("2026-11-21T00:00", 3, a=(2.0, 4.0)))
    assert values(found[f"cpu_requests_period_{DAILY}.json"], "a") == {"21 Nov": 40.0}
    assert values(found[f"memory_requests_period_{MONTHLY}.json"], "a") == {"Nov 2026": 20.0}
    assert values(found[f"cpu_requests_period_{DAILY}.json"], "non-allocatable") == {}


def test_nothing_requested_is_an_rf_of_exactly_one(tmp_path: Path) -> None:
    found = files(tmp_path, hours("2026-11-21T00:00", 2, a=(2.0, 0.0)))
    assert [point["usage"] for point in found["cpu_rf_trends.json"] if point["name"] == "a__rf"] == [1.0, 1.0]
    # 40 ÷ (1 + 1).
    assert values(found[f"cpu_requests_period_{DAILY}.json"], "a") == {"21 Nov": 20.0}


def test_trends_name_the_end_of_the_hour_and_hold_seven_days(tmp_path: Path) -> None:
    found = files(tmp_path, hours("2026-11-11T00:00", 240, a=(2.0, 4.0)))
    points = [point for point in found["cpu_usage_trends.json"] if point["name"] == "a"]
    assert len(points) == 168
    assert points[0] == {"name": "a", "dateUTC": "2026-11-14T01:00:00Z", "usage": 20.0}
    assert points[-1]["dateUTC"] == "2026-11-21T00:00:00Z"


def test_the_first_day_of_the_window_counts_its_hours_inside_only(tmp_path: Path) -> None:
    # 20 days to 21 November 06:00: the window begins on 7 November at 06:00, so that the hours that end at 07:00 to
    # 23:00 are inside: 17 of 10 %. The open day: 00:00 to 06:00, 7 hours. The days between: 24.
    found = files(tmp_path, hours("2026-11-01T06:00", 20 * 24, a=(1.0, 2.0)))
    daily = values(found[f"cpu_usage_period_{DAILY}.json"], "a")
    assert list(daily) == [f"{day:02d} Nov" for day in range(7, 22)]
    assert list(daily.values()) == pytest.approx([170.0, *[240.0] * 13, 70.0])


def test_normalized_is_the_share_of_the_total_usage(tmp_path: Path) -> None:
    # a 20 %, b 10 %, 10 % not allocatable: 50, 25 and 25 of 100. Requests of a: 50 ÷ (2 x 0.5).
    found = files(tmp_path, hours("2026-11-21T00:00", 2, a=(2.0, 4.0), b=(1.0, 4.0)), "normalized")
    rows = found[f"cpu_usage_period_{DAILY}.json"]
    assert {row["stack"]: row["usage"] for row in rows} == {"a": 50.0, "b": 25.0, "non-allocatable": 25.0}
    assert values(found[f"cpu_requests_period_{DAILY}.json"], "a") == {"21 Nov": 50.0}


def test_costs_are_the_share_of_all_usage_of_the_rates_added_up(tmp_path: Path) -> None:
    # 20 % are used and 10 % not allocatable: two thirds and a third of 10 € + 30 €. Requests 26.67 ÷ (0.5 + 0.5).
    first = at("2026-11-21T00:00")
    rates = (RateChange(first, 10.0, "€", None), RateChange(first + HOUR, 30.0, "€", None))
    found = files(tmp_path, hours("2026-11-21T00:00", 2, a=(2.0, 4.0)), "costs", *rates)
    daily = found[f"cpu_usage_period_{DAILY}.json"]
    assert values(daily, "a")["21 Nov"] == pytest.approx(80 / 3)
    assert values(daily, "non-allocatable")["21 Nov"] == pytest.approx(40 / 3)
    assert values(found[f"cpu_requests_period_{DAILY}.json"], "a")["21 Nov"] == pytest.approx(80 / 3)
    assert found["backend.json"] == {"cost_model": "costs", "currency": "€"}
    billed = [point["usage"] for point in found["cpu_usage_trends.json"] if point["name"] == ".billing-hourly-rate"]
    assert billed == [10.0, 30.0]


def test_an_hour_that_nobody_observed_is_charged_to_nobody(tmp_path: Path) -> None:
    # 00:00 to 01:00 and 02:00 to 03:00 at 10 €, nothing between: 20 €, two thirds of it for a.
    samples = hours("2026-11-21T00:00", 1, a=(2.0, 4.0)) + hours("2026-11-21T02:00", 1, a=(2.0, 4.0))
    rate = RateChange(at("2026-11-21T00:00"), 10.0, "€", None)
    daily = files(tmp_path, samples, "costs", rate)[f"cpu_usage_period_{DAILY}.json"]
    assert values(daily, "a")["21 Nov"] == pytest.approx(40 / 3)


def test_without_a_rate_there_is_no_money(tmp_path: Path) -> None:
    found = files(tmp_path, hours("2026-11-21T00:00", 2, a=(2.0, 4.0)), "costs")
    assert found[f"cpu_usage_period_{DAILY}.json"] == []


def test_what_used_nothing_has_no_row(tmp_path: Path) -> None:
    found = files(tmp_path, hours("2026-11-21T00:00", 2, a=(2.0, 4.0), idle=(0.0, 1.0)))
    for kind in ("usage", "requests"):
        assert values(found[f"cpu_{kind}_period_{DAILY}.json"], "idle") == {}
    # Its memory is used, 10 % an hour.
    assert values(found[f"memory_usage_period_{DAILY}.json"], "idle") == {"21 Nov": 20.0}


def test_requests_that_are_not_known_are_those_of_the_hours_that_know_them(tmp_path: Path) -> None:
    # Three hours of 20 %: requests are 4 cores in two of them (rf 0.5) and unknown in one. 60 ÷ (0.5 + 0.5).
    # b's are never known, as those of an imported rf of 1.0: 30 ÷ 3, as if nothing were requested.
    samples = hours("2026-11-21T00:00", 3, a=(2.0, 4.0), b=(1.0, 4.0))
    silent = [("b",), ("a", "b"), ("b",)]
    found = files(tmp_path, map(without_requests, samples, silent))
    assert values(found[f"cpu_requests_period_{DAILY}.json"], "a") == {"21 Nov": 60.0}
    assert values(found[f"cpu_requests_period_{MONTHLY}.json"], "b") == {"Nov 2026": 10.0}
    points = {p["name"]: p["usage"] for p in found["cpu_rf_trends.json"] if p["dateUTC"] == "2026-11-21T02:00:00Z"}
    assert points == {"a__rf": 1.0, "b__rf": 1.0}


def test_gpu_files_hold_the_mean_over_a_namespaces_own_gpus(tmp_path: Path) -> None:
    # `ml` uses 3 of the 4 GPUs that it holds, 80 of their 160 GiB (a GPU has 320 ÷ 8); `train` half of one. Of 8 GPUs 7
    # are allocatable, which that layout does not have; nor has it requests of GPUs.
    named = {
        "ml": entry(1.0, 4.0, cpu_requests=2.0, gpu=(3.0, 4.0), gpu_gib=80.0),
        "shop": entry(1.0, 4.0, cpu_requests=2.0),
        "train": entry(1.0, 4.0, cpu_requests=2.0, gpu=(0.5, 1.0), gpu_gib=10.0),
    }
    sample = tick(at("2026-11-21T01:00"), named, interval=HOUR, gpu=8.0, gpu_gib=320.0, dcgm=True)
    sample = replace(sample, allocatable={**sample.allocatable, "gpu": 7.0})
    found = files(tmp_path / "cumulative", [sample, replace(sample, time=at("2026-11-21T02:00"))])
    assert found[f"gpu_cpu_usage_period_{DAILY}.json"] == [
        {"stack": "ml__gpu", "usage": 150.0, "date": "21 Nov"},
        {"stack": "train__gpu", "usage": 100.0, "date": "21 Nov"},
    ]
    assert values(found[f"gpu_mem_usage_period_{MONTHLY}.json"], "ml__gpu") == {"Nov 2026": 100.0}
    assert values(found[f"gpu_mem_usage_period_{MONTHLY}.json"], "train__gpu") == {"Nov 2026": 50.0}
    assert values(found[f"gpu_cpu_requests_period_{DAILY}.json"], "ml__gpu") == {"21 Nov": 0.0}
    first = [point for point in found["gpu_cpu_usage_trends.json"] if point["dateUTC"] == "2026-11-21T01:00:00Z"]
    assert {point["name"]: point["usage"] for point in first} == {"ml__gpu": 75.0, "train__gpu": 50.0}
    assert "gpu_cpu_rf_trends.json" not in found
    # Normalized: of 75 + 50.
    shares = files(tmp_path / "normalized", [sample], "normalized")[f"gpu_cpu_usage_period_{DAILY}.json"]
    assert {row["stack"]: row["usage"] for row in shares} == {"ml__gpu": 60.0, "train__gpu": 40.0}


def test_gpus_whose_number_is_not_known_have_no_row(tmp_path: Path) -> None:
    # Used without a request of any, and with requests that are unknown.
    named = {
        "ml": entry(1.0, 4.0, gpu=(3.0, 4.0), gpu_gib=80.0),
        "none": entry(1.0, 4.0, gpu=(1.0, 0.0), gpu_gib=10.0),
        "silent": entry(1.0, 4.0, gpu=(1.0, 1.0), gpu_gib=10.0),
    }
    sample = tick(at("2026-11-21T01:00"), named, interval=HOUR, gpu=8.0, gpu_gib=320.0, dcgm=True)
    found = files(tmp_path, [without_requests(sample, ("silent",))])
    assert [row["stack"] for row in found[f"gpu_cpu_usage_period_{DAILY}.json"]] == ["ml__gpu"]
    assert {point["name"] for point in found["gpu_mem_usage_trends.json"]} == {"ml__gpu"}


def test_a_namespace_called_non_allocatable_is_left_out(tmp_path: Path) -> None:
    # 20 % are used by it and 20 % by a; 10 % are not allocatable: two thirds and a third.
    (sample,) = hours("2026-11-21T00:00", 1, a=(2.0, 4.0))
    sample = replace(sample, namespaces={**sample.namespaces, "non-allocatable": sample.namespaces["a"]})
    rows = files(tmp_path, [sample], "normalized")[f"cpu_usage_period_{DAILY}.json"]
    assert [(row["stack"], row["usage"]) for row in rows] == [
        ("a", pytest.approx(200 / 3, rel=1e-5)),
        ("non-allocatable", pytest.approx(100 / 3, rel=1e-5)),
    ]


def test_what_is_kept_between_publications_gives_the_same_as_a_fresh_start(tmp_path: Path) -> None:
    samples = hours("2026-11-01T00:00", 100, a=(2.0, 4.0)) + hours("2026-11-05T04:00", 100, a=(3.0, 4.0), b=(1.0, 1.0))
    with Store.open(tmp_path) as store:
        keeper = Keeper(store)
        for first in range(0, len(samples), 17):
            store.append(samples[first : first + 17])
            kept = dict(documents(keeper.figures(()), "cumulative", "$"))
            assert kept == dict(documents(Keeper(store).figures(()), "cumulative", "$"))


def test_a_namespace_is_listed_while_it_lives_only(tmp_path: Path) -> None:
    samples = hours("2026-11-19T23:00", 24, a=(2.0, 4.0)) + hours("2026-11-20T23:00", 24, b=(1.0, 2.0))
    daily = files(tmp_path, samples)[f"cpu_usage_period_{DAILY}.json"]
    assert values(daily, "a") == {"20 Nov": 480.0}
    assert values(daily, "b") == {"21 Nov": 240.0}


def test_a_day_on_which_no_namespace_lives_has_what_is_not_allocatable(tmp_path: Path) -> None:
    # After an import the cluster may have other namespaces, and be unobserved for an hour before.
    samples = hours("2026-11-20T20:00", 3, a=(2.0, 4.0)) + hours("2026-11-20T23:00", 2)
    daily = files(tmp_path, samples)[f"cpu_usage_period_{DAILY}.json"]
    # The hours that end at 21:00, 22:00 and 23:00, and those that end at 00:00 and 01:00.
    assert values(daily, "a") == {"20 Nov": 60.0}
    assert values(daily, "non-allocatable") == {"20 Nov": 30.0, "21 Nov": 20.0}


@pytest.mark.parametrize(
    ("settings", "place"),
    [
        ({}, None),
        ({"KL_PUBLISH_KUBELEDGER_LAYOUT": "true"}, "data/kubeledger"),
        ({"KL_PUBLISH_KUBELEDGER_LAYOUT": "yes", "KL_KUBELEDGER_DATA_DIR": "{root}/existing"}, "existing"),
    ],
)
def test_the_layout_is_published_where_and_only_if_it_is_asked_for(
    tmp_path: Path, settings: dict[str, str], place: str | None
) -> None:
    environ = {"KL_DB_LOCATION": str(tmp_path / "db"), "KL_DATA_DIR": str(tmp_path / "data")}
    environ |= {name: value.format(root=tmp_path) for name, value in settings.items()}
    with Store.open(tmp_path / "db") as store:
        store.append(hours("2026-11-21T00:00", 2, a=(2.0, 4.0)))
        Publisher(load(environ), store, lambda: 0.0).publish()
    found = [path.parent.relative_to(tmp_path) for path in tmp_path.rglob("backend.json")]
    assert found == ([] if place is None else [Path(place)])
    assert (tmp_path / "data" / "dataset.json").exists()


def test_before_the_first_full_hour_the_lists_are_empty(tmp_path: Path) -> None:
    found = files(tmp_path, [tick(at("2026-11-21T00:30"), {"a": entry(1.0)})])
    assert found.pop("backend.json") == {"cost_model": "cumulative", "currency": "%"}
    assert set(map(str, found.values())) == {"[]"}
    assert len(found) == 12


def test_files_are_replaced_whole_and_nothing_else_is_left(tmp_path: Path) -> None:
    write(tmp_path / "out", [("backend.json", {"cost_model": "costs"})])
    with (tmp_path / "out" / "backend.json").open() as reader:
        write(tmp_path / "out", [("backend.json", {"cost_model": "normalized"})])
        assert orjson.loads(reader.read()) == {"cost_model": "costs"}
    assert orjson.loads((tmp_path / "out" / "backend.json").read_bytes()) == {"cost_model": "normalized"}
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["backend.json"]


def test_a_place_that_cannot_be_written_is_explained(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    with pytest.raises(PublishError, match=r"cannot publish KubeLedger's layout to .*KL_KUBELEDGER_DATA_DIR"):
        write(tmp_path / "out", [("backend.json", {})])
