"""The ten tools on KubeLedger directories, against answers computed from the hours the files were written from.

One namespace began last week, one ended, and for six hours nothing was measured.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kl_mcp.tools import TABLE
from kl_mcp.tools.answer_size import MAX_CHARS
from kl_query.dataset import Dataset, load_dataset
from tests.kl_mcp.tools.conftest import check_schemas
from tests.support.legacy_layout import Hours, Truth, at, cluster, write

NEWEST = at("2026-11-21T19:00:00Z")
NOW = NEWEST + 1200
MODELS = ("cumulative", "normalized", "costs")
UNITS = {"cumulative": "cluster_percent_hours", "normalized": "percent_of_total_usage", "costs": "currency"}
LIVES: dict[str, Callable[[Any], Any]] = {
    "shop-begun": lambda ends: ends > at("2026-11-17T05:00:00Z"),
    "shop-ended": lambda ends: ends <= at("2026-11-16T09:00:00Z"),
}
OUTAGE = ("2026-11-18T06:00:00Z", "2026-11-18T12:00:00Z")
CASES = [(count, model) for count in (3, 60, 1000) for model in MODELS]


class Case:
    """A truth, what was loaded of its files, and how to ask."""

    def __init__(self, truth: Truth, dataset: Dataset) -> None:
        self.truth = truth
        self.dataset = dataset
        self.namespaces = list(truth.usage)

    def ask(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """Ask a tool; the answer must fit its schemas and its budget."""
        answer = TABLE[tool].run(arguments, self.dataset, NOW)
        check_schemas(tool, answer)
        assert answer["metadata"]["last_sample_utc"] == "2026-11-21T19:00:00Z"
        assert len(str(answer)) < MAX_CHARS * 1.2
        return answer

    def whole(self, name: str, metric: str, groups: Iterable[slice]) -> float:
        """Return a namespace's value over several buckets: their sum, or of percentages the mean over known hours."""
        known = self.known(name, metric, groups)
        weight = 1.0 if self.truth.model != "normalized" else sum(map(self.hours, known))
        return self.weighed(name, metric, known) / weight

    def known(self, name: str, metric: str, groups: Iterable[slice]) -> list[slice]:
        """Return the buckets that have a value of a namespace."""
        return [hours for hours in groups if np.isfinite(self.truth.usage[name][metric][hours]).any()]

    def present(self, metric: str, bucket: slice) -> list[str]:
        """Return the namespaces that have a value in a bucket."""
        return [name for name in self.namespaces if self.known(name, metric, [bucket])]

    def weighed(self, name: str, metric: str, groups: Iterable[slice]) -> float:
        """Return what shares are of: the sum of a namespace's amounts, of percentages times the hours of the bucket."""
        return sum(
            self.truth.amount(name, metric, hours) * (self.hours(hours) if self.truth.model == "normalized" else 1)
            for hours in self.known(name, metric, groups)
        )

    def hours(self, bucket: slice) -> int:
        """Return the hours of a bucket with data; those of a month are not told, where it began before the days."""
        steady = self.truth.usage[self.namespaces[0]]["cpu"][bucket]
        return int(np.isfinite(steady).sum()) if bucket in self.truth.days.values() else len(steady)


@pytest.fixture(scope="module")
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Case:
    """A directory that was written and loaded."""
    count, model = request.param
    truth = _truth(count, model)
    return Case(truth, load_dataset(write(tmp_path_factory.mktemp("kubeledger"), truth)))


@cache
def _truth(count: int, model: str) -> Truth:
    truth = cluster(count, NEWEST, model)
    ends = np.array(truth.ends)
    usage = {name: {m: u.copy() for m, u in rows.items()} for name, rows in truth.usage.items()}
    names = list(usage)
    usage = {
        names[0]: usage[names[0]],
        names[1]: usage[names[1]],
        **{n: _like(usage[names[2]]) for n in LIVES},
        **usage,
    }
    for name, lived in LIVES.items():
        for column in usage[name].values():
            column[~lived(ends)] = np.nan
    for rows in usage.values():
        for column in rows.values():
            column[(ends > at(OUTAGE[0])) & (ends <= at(OUTAGE[1]))] = np.nan
    requests = {name: truth.requests.get(name, truth.requests[names[2]]) for name in usage}
    return replace(truth, usage=usage, requests=requests)


def _like(rows: Mapping[str, Hours]) -> dict[str, Hours]:
    return {metric: 0.7 * column for metric, column in rows.items()}


SMALL = [(3, model) for model in MODELS]
over_some = pytest.mark.parametrize("case", SMALL, indirect=True, ids=[f"{n}-{m}" for n, m in SMALL])
over_all = pytest.mark.parametrize("case", CASES, indirect=True, ids=[f"{n}-{m}" for n, m in CASES])


@over_all
def test_list_namespaces_names_all_and_keeps_what_is_no_namespace_apart(case: Case) -> None:
    answer = case.ask("list_namespaces")
    assert answer["counts"]["application"] == len(case.namespaces) - 1
    assert answer["counts"]["system"] == 1
    assert [entry["name"] for entry in answer["special_entries"]] == ["non-allocatable"]
    first = answer["namespaces"][0]
    assert first == {
        "name": "kube-system",
        "type": "system",
        "active": True,
        "first_seen": None,
        "last_seen": "2026-11-21T19:00:00Z",
    }


@over_all
def test_describe_dataset_says_which_layout_and_what_it_does_not_know(case: Case) -> None:
    answer = case.ask("describe_dataset")
    assert (answer["layout"], answer["cost_model"]) == ("kubeledger", case.truth.model)
    assert answer["cost_models_available"] == [case.truth.model]
    assert answer["metrics_available"] == ["cpu", "memory"]
    assert answer["currency"] == ("$" if case.truth.model == "costs" else None)
    assert answer["nodes"] is None
    scales = answer["scales"]
    assert {name: scale["points_per_namespace"] for name, scale in scales.items()} == {
        "hourly_7d": 168,
        "daily_14d": 15,
        "monthly_12m": 13,
    }
    assert [scale["elapsed_hours"] for scale in scales.values()] == [168, 336, 8880]
    assert all(scale["observed_hours"] is None for scale in scales.values())
    assert answer["data_freshness_utc"] == "2026-11-21T19:00:00Z"
    assert any("relative" in warning for warning in answer["metadata"]["warnings"])


@over_all
@pytest.mark.parametrize("scale", ["daily_14d", "monthly_12m"])
def test_get_usage_returns_what_the_files_hold(case: Case, scale: str) -> None:
    groups = case.truth.days if scale == "daily_14d" else case.truth.months
    name = case.namespaces[-1]
    answer = case.ask("get_usage", scale=scale, metric="memory", namespace=name)
    assert answer["dates"] == list(groups)
    assert answer["metadata"]["unit"] == UNITS[case.truth.model]
    expected = [case.truth.amount(name, "memory", hours) for hours in groups.values()]
    assert answer["series"][0]["values"] == pytest.approx(expected, rel=1e-5)
    assert answer["total"] == pytest.approx(case.whole(name, "memory", groups.values()), rel=1e-5)
    assert answer["metadata"]["data_window"]["end"] == "2026-11-21T19:00:00Z"


@over_all
def test_get_top_consumers_ranks_by_the_sum_over_all_days(case: Case) -> None:
    answer = case.ask("get_top_consumers", metric="cpu", date="all", limit=2, exclude_system=False)
    totals = {name: case.whole(name, "cpu", case.truth.days.values()) for name in case.namespaces}
    best = sorted(totals, key=lambda name: -totals[name])[:2]
    assert [row["namespace"] for row in answer["ranking"]] == best
    assert [row["value"] for row in answer["ranking"]] == pytest.approx([totals[n] for n in best], rel=1e-5)
    amounts = {name: case.weighed(name, "cpu", case.truth.days.values()) for name in case.namespaces}
    shares = [100 * amounts[n] / sum(amounts.values()) for n in best]
    assert [row["share_pct"] for row in answer["ranking"]] == pytest.approx(shares, rel=1e-5)
    assert {row["cluster_share_pct"] for row in answer["ranking"]} == {None}
    assert answer["capacity_value"] is None


@over_all
def test_get_namespace_breakdown_knows_overhead_and_not_idle(case: Case) -> None:
    answer = case.ask("get_namespace_breakdown", metric="cpu", date="2026-11-20")
    day = case.truth.days["2026-11-20"]
    there = case.present("cpu", day)
    assert len(there) == len(case.namespaces) - 1
    assert answer["total_value"] == pytest.approx(sum(case.truth.amount(name, "cpu", day) for name in there), rel=1e-5)
    largest = max(there[1:], key=lambda name: case.truth.amount(name, "cpu", day))
    assert answer["breakdown"][0]["namespace"] == largest
    assert answer["breakdown"][0]["value"] == pytest.approx(case.truth.amount(largest, "cpu", day), rel=1e-5)
    overhead = answer["cluster_overhead"]
    assert overhead["non_allocatable_value"] == pytest.approx(case.truth.overhead("cpu", day), rel=1e-5)
    assert {overhead[key] for key in overhead if key.startswith(("idle", "capacity", "allocatable", "unmeasured"))} == {
        None
    }


@over_all
@pytest.mark.parametrize(("scale", "date"), [(s, d) for s in ("daily_14d", "monthly_12m") for d in (0, 3, -1, None)])
def test_get_efficiency_divides_by_the_hours_of_each_bucket(case: Case, scale: str, date: int | None) -> None:
    groups = case.truth.days if scale == "daily_14d" else case.truth.months
    name = case.namespaces[1]
    wanted = "all" if date is None else list(groups)[date]
    answer = case.ask("get_efficiency", scale=scale, metric="cpu", namespace=name, date=wanted)
    buckets = list(groups.values()) if date is None else [list(groups.values())[date]]
    ratio = answer["efficiency"][0]["efficiency_ratio"]
    # Money and percentages weigh buckets by what all namespaces used, so that over several the ratio is near only.
    assert ratio == pytest.approx(case.truth.efficiency(name, "cpu", buckets), rel=1e-4 if date is not None else 2e-2)
    assert answer["units"] == {"cpu": UNITS[case.truth.model]}
    used = case.whole(name, "cpu", buckets)
    assert answer["efficiency"][0]["usage"] == pytest.approx(used, rel=1e-5)
    assert answer["efficiency"][0]["requests"] == pytest.approx(used / ratio, rel=1e-5)
    assert answer["efficiency"][0]["hours_compared"] == sum(map(case.hours, buckets))


@over_all
def test_get_efficiency_classifies_every_namespace_by_what_it_truly_uses_of_its_requests(case: Case) -> None:
    day = [case.truth.days["2026-11-20"]]
    truly = [case.truth.efficiency(name, "cpu", day) for name in case.present("cpu", day[0])]
    # A ratio of 1 is also written for no requests, and the files' numbers are rounded.
    doubtful = sum(1 for ratio in truly if abs(ratio - 1) < 0.01)
    counts = case.ask("get_efficiency", metric="cpu", date="2026-11-20", limit=1)["counts"]
    assert counts["over_provisioned"] == sum(1 for ratio in truly if ratio < 0.5)
    assert counts["balanced"] == pytest.approx(sum(1 for ratio in truly if 0.5 <= ratio <= 1), abs=doubtful)
    assert counts["under_provisioned"] == pytest.approx(sum(1 for ratio in truly if ratio > 1), abs=doubtful)
    assert 1 <= counts["unknown"] <= doubtful + 1
    assert sum(counts.values()) == len(truly) + 1


@over_all
def test_get_timeseries_returns_percent_of_capacity_by_hour(case: Case) -> None:
    name = case.namespaces[-1]
    answer = case.ask("get_timeseries", metric="cpu", namespace=name)
    truth = case.truth.usage[name]["cpu"][-168:]
    values = np.array(answer["series"][0]["values"], dtype=float)
    assert values == pytest.approx(truth, rel=1e-5, nan_ok=True)
    assert np.isnan(values).sum() == 6
    assert (answer["hours"][0], answer["hours"][-1]) == ("2026-11-14T19:00:00Z", "2026-11-21T18:00:00Z")
    assert answer["metadata"]["unit"] == "cluster_percent_hours"
    stats = [answer["stats"][key] for key in ("min", "max", "mean")]
    assert stats == pytest.approx([np.nanmin(truth), np.nanmax(truth), np.nanmean(truth)], rel=1e-5)
    said = any("whatever the cost model" in warning for warning in answer["metadata"]["warnings"])
    assert said == (case.truth.model != "cumulative")


@over_all
def test_get_efficiency_timeseries_returns_the_factors_of_each_hour(case: Case) -> None:
    name = case.namespaces[-1]
    answer = case.ask("get_efficiency_timeseries", metric="memory", namespace=name)
    expected = case.truth.usage[name]["memory"][-168:] / case.truth.requests[name]["memory"]
    values = np.array(answer["series"][0]["values"], dtype=float)
    assert values == pytest.approx(expected, rel=1e-5, nan_ok=True)


@over_all
def test_compare_periods_adds_up_the_days_and_follows_the_months(case: Case) -> None:
    name = case.namespaces[1]
    answer = case.ask("compare_periods", metric="cpu", namespace=name)
    assert answer["daily_14d"]["aggregate"] == pytest.approx(
        case.whole(name, "cpu", case.truth.days.values()), rel=1e-5
    )
    months = [case.truth.amount(name, "cpu", hours) for hours in case.truth.months.values()]
    assert [month["value"] for month in answer["monthly_12m"]["series"]] == pytest.approx(months, rel=1e-5)
    # Usage grows by a quarter over the year; under a fixed bill, and as a part of all, everybody grows alike.
    growing = case.truth.model == "cumulative"
    assert answer["trend"]["direction"] == ("growing" if growing else "stable")


@over_all
def test_compare_periods_puts_two_days_against_each_other_by_the_hour(case: Case) -> None:
    name = case.namespaces[-1]
    answer = case.ask(
        "compare_periods", metric="memory", namespace=name, scale="daily_14d", baseline="2026-11-07", date="2026-11-20"
    )
    # The first day holds 4 hours, the other 24, to which it is scaled. A percentage is per hour already.
    cut, whole = (case.truth.amount(name, "memory", case.truth.days[day]) for day in ("2026-11-07", "2026-11-20"))
    before = cut if case.truth.model == "normalized" else cut * 24 / 4
    [mover] = answer["movers"]
    assert (mover["baseline_value"], mover["value"]) == pytest.approx((before, whole), rel=1e-5)
    said = any("baseline values are scaled" in warning for warning in answer["metadata"]["warnings"])
    assert said == (case.truth.model != "normalized")


@over_all
def test_compare_periods_sets_the_last_week_against_the_one_before_of_which_a_part_is_there(case: Case) -> None:
    days = list(case.truth.days.values())
    weeks = days[:7], days[7:14]
    assert [sum(day.stop - day.start for day in week) for week in weeks] == [148, 168]
    answer = case.ask("compare_periods", metric="cpu", sort="namespace")
    moved = {row["namespace"]: row["change_pct"] for row in answer["movers"]}
    first = case.namespaces[0]
    before, after = (case.whole(first, "cpu", week) for week in weeks)
    if case.truth.model != "normalized":
        before *= 162 / 148
    assert moved[first] == pytest.approx(100 * (after / before - 1), rel=1e-3, abs=1e-3)


@over_all
def test_group_namespaces_adds_up_what_matches(case: Case) -> None:
    answer = case.ask("group_namespaces", metric="cpu", pattern="shop-*", date="2026-11-07..2026-11-09")
    days = [case.truth.days[day] for day in ("2026-11-07", "2026-11-08", "2026-11-09")]
    total = sum(case.weighed(name, "cpu", days) for name in case.namespaces if name.startswith("shop-"))
    everything = sum(case.weighed(name, "cpu", days) for name in case.namespaces)
    # 4 hours of the first day and 24 of the others.
    assert answer["group_total"] == pytest.approx(total / (52 if case.truth.model == "normalized" else 1), rel=1e-5)
    assert answer["share_pct"] == pytest.approx(100 * total / everything, rel=1e-5)
    assert answer["matched_count"] == len(case.namespaces) - 1


@over_some
@pytest.mark.parametrize("name", list(LIVES))
@pytest.mark.parametrize("scale", ["daily_14d", "monthly_12m"])
def test_a_namespace_that_began_or_ended_is_summed_over_its_own_buckets(case: Case, name: str, scale: str) -> None:
    groups = case.truth.days if scale == "daily_14d" else case.truth.months
    expected = case.whole(name, "cpu", groups.values())
    usage = case.ask("get_usage", scale=scale, metric="cpu", namespace=name)
    assert usage["total"] == pytest.approx(expected, rel=1e-5)
    group = case.ask("group_namespaces", scale=scale, metric="cpu", pattern=name, date="all")
    assert (group["group_total"], group["members"][0]["value"]) == pytest.approx((expected, expected), rel=1e-5)
    everything = sum(case.weighed(other, "cpu", groups.values()) for other in case.namespaces)
    share = 100 * case.weighed(name, "cpu", groups.values()) / everything
    assert (group["share_pct"], group["members"][0]["share_pct"]) == pytest.approx((share, share), rel=1e-5)
    assert case.ask("get_efficiency", scale=scale, metric="cpu", namespace=name)["efficiency"][0][
        "usage"
    ] == pytest.approx(expected, rel=1e-5)
    if scale == "daily_14d":
        aggregate = case.ask("compare_periods", metric="cpu", namespace=name)["daily_14d"]["aggregate"]
        assert aggregate == pytest.approx(expected, rel=1e-5)
    if case.truth.model == "normalized":
        low, high = (f(v for v in usage["series"][0]["values"] if v is not None) for f in (min, max))
        assert low <= usage["total"] <= high


@over_some
def test_unused_of_a_namespace_that_began_is_over_the_hours_of_its_own_days(case: Case) -> None:
    row = case.ask("get_efficiency", metric="cpu", namespace="shop-begun")["efficiency"][0]
    # The days from the 17th on, with all of their hours that have data of anybody: 18 on the 18th, 20 of today.
    assert row["hours_compared"] == 24 + 18 + 24 + 24 + 20
    assert row["unused"] == pytest.approx(row["requests"] - row["usage"], rel=1e-4)
    assert row["efficiency_ratio"] == pytest.approx(row["usage"] / row["requests"], rel=1e-4)


@over_some
def test_shares_of_a_ranking_add_up_to_all(case: Case) -> None:
    answer = case.ask("get_top_consumers", metric="cpu", date="all", limit=2, exclude_system=False)
    shown = sum(row["share_pct"] for row in answer["ranking"])
    assert shown + answer["rest"]["share_pct"] == pytest.approx(100, rel=1e-4)
    everything = sum(case.weighed(name, "cpu", case.truth.days.values()) for name in case.namespaces)
    # Every hour of 14 days, but for the outage: some namespace is known in each day.
    hours = 330 if case.truth.model == "normalized" else 1
    assert answer["total_value"] == pytest.approx(everything / hours, rel=1e-5)


def test_gpus_are_read_from_their_own_files(tmp_path: Path) -> None:
    truth = cluster(3, NEWEST, metrics=("cpu", "memory", "gpu"))
    case = Case(truth, load_dataset(write(tmp_path, truth)))
    answer = case.ask("get_usage", metric="gpu", namespace="shop-001")
    # Per cent of the namespace's own GPUs, whatever the files add up: the mean over the hours of a day.
    expected = [truth.usage["shop-001"]["gpu"][hours].mean() for hours in truth.days.values()]
    assert answer["series"][0]["values"] == pytest.approx(expected, rel=1e-5)
