"""What was not measured: how much of it there is, who is told, and what idle then says."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from kl_query.dataset import Dataset
from kl_query.dataset.visibility import restricted
from kl_query.errors import ToolArgumentError
from tests.kl_mcp.tools.conftest import asked
from tests.support.datasets import Dataset as Published
from tests.support.datasets import Row, Scale, loaded
from tests.support.small_cluster import SAMPLED, published

RATES = [{"effective": "2026-11-01T00:00:00Z", "rate": 5.0, "currency": "$", "weights": None}]


def half_measured(share: float = 0.6) -> Published:
    """An hour, alone and as a day, of 50 cores at 0.1 $: 10 pods of 4 cores, of which a share uses all it asks for."""
    matched = [40 * share]
    facts: dict[str, Any] = {
        "capacity": {"cpu": [50]},
        "bill": {"cpu": [5]},
        "measured": {"web": [share], "shop": [1.0]} if share < 1 else {},
    }
    web, shop = Row([40 * share], [40], matched=matched), Row([1], [2], matched=[2])
    rows = {"web": {"cpu": web}, "shop": {"cpu": shop}}
    hour, day = (Scale(at, open_hours=1.0, namespaces=rows, **facts) for at in ("2026-11-21T19:00:00Z", "2026-11-21"))
    return Published(hourly=hour, daily=day, rates=RATES, currency="$", last_sample="2026-11-21T20:00:00Z")


def overhead(dataset: Dataset, **given: Any) -> dict[str, Any]:
    found: dict[str, Any] = asked(dataset, "get_namespace_breakdown", **{"metric": "cpu", **given})["cluster_overhead"]
    return found


def told(dataset: Dataset, tool: str, **given: Any) -> list[str]:
    found: list[str] = asked(dataset, tool, **given)["metadata"]["warnings"]
    return found


@pytest.mark.requirement("KL-T-16")
def test_idle_of_a_half_measured_day_is_at_most_what_is_left_and_says_what_the_others_request() -> None:
    # 50 - 24 - 1 = 25 are left; 4 of the 10 pods, which ask for 16, are not measured.
    found = overhead(loaded(half_measured()))
    assert (found["idle_value"], found["idle_at_most"], found["unmeasured_value"]) == (25, 25, 0)
    assert found["unmeasured_requests"] == 16
    rows = (24, 1, found["idle_value"], found["unmeasured_value"], found["non_allocatable_value"])
    assert sum(rows) == found["capacity_value"]


@pytest.mark.requirement("KL-T-16")
def test_idle_is_exact_where_everything_was_measured() -> None:
    found = overhead(loaded(half_measured(1.0)))
    assert (found["idle_value"], found["idle_at_most"], found["unmeasured_requests"]) == (9, None, None)


def test_a_hundredth_that_is_not_named_is_still_in_idle_at_most() -> None:
    # 40 x 0.001 = 0.04 cores of requests.
    found = overhead(loaded(half_measured(0.999)))
    assert found["idle_at_most"] == found["idle_value"] == pytest.approx(9.04)
    assert found["unmeasured_requests"] == pytest.approx(0.04)


@pytest.mark.requirement("KL-T-16")
@pytest.mark.parametrize("cost_model", ["cumulative", "normalized", "costs"])
def test_idle_at_most_is_in_the_unit_of_the_answer(cost_model: str) -> None:
    # 25 of 50 core-hours: 50 per cent, and 2.5 of 5 $; requests have no cost.
    found = overhead(loaded(half_measured()), cost_model=cost_model)
    assert found["idle_at_most"] == {"cumulative": 25, "normalized": 50, "costs": 2.5}[cost_model]
    assert found["unmeasured_requests"] == {"cumulative": 16, "normalized": 32, "costs": None}[cost_model]


def test_the_bill_of_all_metrics_has_idle_at_most_too() -> None:
    found = overhead(loaded(half_measured()), metric="total", cost_model="costs")
    assert (found["idle_at_most"], found["unmeasured_requests"]) == (2.5, None)


@pytest.mark.requirement("KL-T-16")
def test_what_nobody_requests_is_idle_however_little_was_measured() -> None:
    # 50 - 40 - 2
    found = overhead(loaded(half_measured()), dimension="requests")
    assert (found["idle_value"], found["idle_at_most"], found["unmeasured_requests"]) == (8, None, None)


@pytest.mark.parametrize(
    ("matched_hours", "idle"), [([24, 24], 480 - 96), ([24, 23], 240 - 48), ([24, None], 240 - 48)]
)
def test_what_nobody_requests_is_unknown_on_a_day_of_which_requests_are_not_known_throughout(
    matched_hours: list[float | None], idle: float
) -> None:
    """Two days of 10 cores; `shop` requests 2, of which an import knows nothing in some hours of the second."""
    hours = [each or 0 for each in matched_hours]
    requests = [2 * each for each in hours]
    row = Row([24, 24], requests, matched=requests, usage_matched=hours, matched_hours=hours)
    scale = Scale("2026-11-19", namespaces={"shop": {"cpu": row}}, capacity={"cpu": [240, 240]})
    dataset = loaded(Published(daily=scale, last_sample="2026-11-21T00:00:00Z"))
    assert overhead(dataset, dimension="requests", date="all")["idle_value"] == idle
    answer = asked(dataset, "get_top_consumers", dimension="requests", date="all")
    # Of the hours in which they are known, requests are 2 cores.
    assert answer["ranking"][0]["mean"] == 2
    efficiency = asked(dataset, "get_efficiency", metric="cpu")["efficiency"][0]
    assert (efficiency["usage_mean"], efficiency["requests_mean"]) == (1, 2)


def test_requests_of_namespaces_that_are_not_named_are_not_idle() -> None:
    scale = Scale(
        "2026-11-21T18:00:00Z",
        capacity={"cpu": [10]},
        allocatable={"cpu": [8]},
        namespaces={"web": {"cpu": Row([1], [3])}},
        special={"excluded": {"cpu": {"usage": [1], "requests": [2]}}},
    )
    found = overhead(loaded(Published(hourly=scale)), scale="hourly_7d", dimension="requests")
    # 10 = 3 of web + 2 of others + 3 idle + 2 not allocatable
    assert (found["excluded_value"], found["idle_value"], found["non_allocatable_value"]) == (2, 3, 2)


@pytest.mark.requirement("KL-T-16")
def test_idle_that_is_unknown_says_whose_usage_is_and_that_nodes_are_not_ready() -> None:
    scale = Scale(
        "2026-11-21T17:00:00Z",
        capacity={"cpu": [10, 10, 5]},
        open_hours=0.5,
        namespaces={"web": {"cpu": Row([4, None, None], [6, 6, 3])}, "shop": {"cpu": Row([1, 1, 0.5], [1, 1, 0.5])}},
    )
    node = published().nodes[1]  # not Ready
    dataset = loaded(Published(hourly=scale, nodes=[node], last_sample="2026-11-21T19:30:00Z"))
    said = "Idle is unknown because the usage of some namespaces is unknown in every hour: web."
    away = " 1 node(s) are not Ready: what runs there is not measured."

    def about_idle(tool: str, **given: Any) -> list[str]:
        answer = told(dataset, tool, metric="cpu", scale="hourly_7d", **given)
        return [text for text in answer if text.startswith("Idle is unknown")]

    assert about_idle("get_namespace_breakdown") == [said + away]
    assert about_idle("get_namespace_breakdown", date="2026-11-21T18:00:00Z") == [said]
    assert about_idle("get_usage", date="latest", exclude_special=False) == [said + away]
    # In one of three hours it is known, and for requests throughout.
    assert about_idle("get_namespace_breakdown", date="all") == []
    assert about_idle("get_namespace_breakdown", dimension="requests") == []
    hidden = restricted(dataset, lambda name: name == "shop")
    assert "cannot be named to you" in "".join(told(hidden, "get_namespace_breakdown", metric="cpu", scale="hourly_7d"))


def test_idle_may_be_unknown_for_those_that_are_not_reported_by_name() -> None:
    excluded = {"excluded": {"cpu": {"usage": [None], "requests": [1]}}}
    scale = Scale(
        "2026-11-21T18:00:00Z", capacity={"cpu": [10]}, namespaces={"web": {"cpu": Row([4], [6])}}, special=excluded
    )
    found = told(loaded(Published(hourly=scale)), "get_namespace_breakdown", metric="cpu", scale="hourly_7d")
    assert any("in every hour: those that the collector does not report by name" in text for text in found)


@pytest.mark.requirement("KL-T-16")
def test_hours_of_unknown_usage_are_part_of_idle_at_most_and_all_their_requests_count() -> None:
    # Two hours of 10 cores: 4 of 6 asked for are used in the first, in the second nobody knows; 1 more is excluded.
    scale = Scale(
        "2026-11-21T18:00:00Z",
        capacity={"cpu": [10, 10], "gpu": [2, 2]},
        namespaces={"web": {"cpu": Row([4, None], [6, 6]), "gpu": Row([1, None], [2, 2])}},
        special={"excluded": {"cpu": {"usage": [1, None], "requests": [1, 1]}}},
    )
    dataset = loaded(Published(hourly=scale))
    found = overhead(dataset, scale="hourly_7d", date="all")
    assert (found["idle_value"], found["unmeasured_value"], found["idle_at_most"]) == (5, 10, 15)
    assert found["unmeasured_requests"] == 7
    latest = overhead(dataset, scale="hourly_7d")
    assert (latest["idle_value"], latest["unmeasured_value"], latest["idle_at_most"]) == (None, 10, 10)
    assert overhead(dataset, scale="hourly_7d", date="2026-11-21T18:00:00Z")["idle_at_most"] is None
    gpu = overhead(dataset, metric="gpu", scale="hourly_7d", date="all")
    assert (gpu["idle_value"], gpu["idle_at_most"], gpu["unmeasured_requests"]) == (1, 3, 2)


def test_an_hour_that_nobody_observed_is_no_unmeasured_one() -> None:
    scale = Scale(
        "2026-11-21T18:00:00Z",
        capacity={"cpu": [10, None, 10]},
        observed=[1, 0, 1],
        namespaces={"web": {"cpu": Row([4, None, None], [6, None, 6])}},
    )
    dataset = loaded(Published(hourly=scale))
    two = overhead(dataset, scale="hourly_7d", date="2026-11-21T18:00:00Z..2026-11-21T19:00:00Z")
    assert (two["idle_value"], two["unmeasured_value"], two["idle_at_most"]) == (6, 0, None)
    three = overhead(dataset, scale="hourly_7d", date="all")
    assert (three["idle_at_most"], three["unmeasured_requests"]) == (16, 6)


@pytest.mark.requirement("KL-T-16")
@pytest.mark.parametrize("cost_model", ["cumulative", "costs"])
def test_idle_is_at_most_what_is_left_while_a_gpu_is_not_seen(cost_model: str) -> None:
    # 7 of 8 GPUs are seen at work, of 10 at 1 $ an hour: 3 are left, or 2.
    rows = {"hpc": {"gpu": Row([7, 7], [8, 8]), "cpu": Row([1, 1], [1, 1])}}
    facts: dict[str, Any] = {"capacity": {"gpu": [10, 10], "cpu": [4, 4]}, "bill": {"gpu": [10, 10], "cpu": [4, 4]}}
    scale = Scale("2026-11-21T18:00:00Z", namespaces=rows, **facts)
    books = Published(hourly=scale, rates=RATES, currency="$")

    def rest(reasons: dict[str, int], **given: Any) -> tuple[float | None, ...]:
        dataset = loaded(dataclasses.replace(books, more={"unmeasured": {"hpc": reasons}}))
        given = {"scale": "hourly_7d", "date": "latest", "metric": "gpu", "cost_model": cost_model, **given}
        found = overhead(dataset, **given)
        assert found == overhead(restricted(dataset, lambda _name: False), **given)
        return found["idle_value"], found["idle_at_most"], found["unmeasured_requests"]

    # How many of its requests are not seen is not told.
    assert rest({"gpu_not_seen": 1}) == (3, 3, None)
    assert rest({"gpu_not_seen": 1}, date="all") == (6, 6, None)
    assert rest({"gpu_not_seen": 1}, date="2026-11-21T18:00:00Z") == (3, None, None)
    assert rest({"stale": 1}) == (3, None, None)
    assert rest({"gpu_not_seen": 1}, metric="cpu") == (3, None, None)
    if cost_model == "costs":
        assert rest({"gpu_not_seen": 1}, metric="total") == (6, 6, None)


@pytest.mark.requirement("KL-T-16")
@pytest.mark.parametrize("cost_model", ["cumulative", "normalized", "costs"])
def test_idle_below_zero_is_said_with_its_buckets(cost_model: str) -> None:
    # 8 core-hours of 2 in the second hour; in the third exactly what there is, but for a rounding.
    rows = {"web": {"cpu": Row([4, 8, 10 + 1e-9], [1, 1, 1])}}
    facts: dict[str, Any] = {"capacity": {"cpu": [10, 2, 10]}, "bill": {"cpu": [5, 5, 5]}}
    scale = Scale("2026-11-21T17:00:00Z", namespaces=rows, **facts)
    dataset = loaded(Published(hourly=scale, rates=RATES, currency="$"))
    given: dict[str, Any] = {"metric": "cpu", "scale": "hourly_7d", "cost_model": cost_model}

    def said(tool: str, **more: Any) -> list[str]:
        return [text for text in told(dataset, tool, **{**given, **more}) if "idle is negative" in text]

    (text,) = said("get_namespace_breakdown", date="all")
    assert text.startswith("Usage exceeds what is allocatable in 1 hour bucket(s), so that idle is negative there: ")
    assert "2026-11-21T18:00:00Z. " in text
    assert said("get_usage", date="all", exclude_special=False) == [text]
    assert said("get_usage", date="all") == said("get_namespace_breakdown") == []
    assert said("get_namespace_breakdown", date="2026-11-21T17:00:00Z") == []
    if cost_model != "costs":
        assert said("get_namespace_breakdown", date="all", dimension="requests") == []


def test_gpu_memory_cannot_be_requested() -> None:
    rows = {"web": {"gpu_memory": Row([4, None], [None, None])}}
    dataset = loaded(Published(daily=Scale("2026-11-20", capacity={"gpu_memory": [10, 10]}, namespaces=rows)))
    found = overhead(dataset, metric="gpu_memory", date="all")
    assert (found["idle_at_most"], found["unmeasured_requests"]) == (16, None)


def test_whoever_may_not_know_the_namespaces_is_told_the_same_amounts() -> None:
    whole = loaded(half_measured())
    assert overhead(restricted(whole, lambda name: name == "shop")) == overhead(whole)


@pytest.mark.requirement("KL-T-7")
@pytest.mark.parametrize("scale", ["hourly_7d", "daily_14d"])
@pytest.mark.parametrize(
    ("used", "ratio", "classification"),
    [
        (24, 1.0, "balanced"),
        (12, 0.5, "balanced"),
        (11.9999, 0.499996, "over_provisioned"),
        (24.001, 1.00004, "under_provisioned"),
    ],
)
def test_efficiency_is_that_of_the_measured_pods(scale: str, used: float, ratio: float, classification: str) -> None:
    # 6 of 10 pods of 4 cores are measured: usage stands against 24 cores, though 40 are requested.
    small = half_measured()
    row = {"cpu": Row([used], [40], matched=[24])}
    alone = dataclasses.replace(small, hourly=_with(small.hourly, {"web": row}), daily=_with(small.daily, {"web": row}))
    dataset = loaded(alone)
    answer = asked(dataset, "get_efficiency", metric="cpu", scale=scale)
    (found,) = answer["efficiency"]
    assert (found["requests"], found["efficiency_ratio"]) == (40, ratio)
    assert (found["classification"], found["unused"]) == (classification, pytest.approx(24 - used, abs=1e-4))
    assert answer["totals"]["cpu"]["efficiency_ratio"] == ratio
    assert [text for text in answer["metadata"]["warnings"] if "measured part: web (60 %)" in text]
    series = asked(dataset, "get_efficiency_timeseries", metric="cpu", namespace="web")
    assert (series["series"][0]["values"], series["overall_ratio"]) == ([ratio], ratio)
    assert [text for text in series["metadata"]["warnings"] if "measured part: web (60 %)" in text]


def test_usage_that_stands_against_no_requests_is_in_no_ratio_of_all() -> None:
    # web 4 of 8, and 5 of free that asks for nothing; lost asks for nothing either, and nobody knows what it uses.
    rows = {"web": {"cpu": Row([4], [8])}, "free": {"cpu": Row([5], [0])}, "lost": {"cpu": Row([None], [0])}}
    scale = Scale("2026-11-21T19:00:00Z", capacity={"cpu": [20]}, namespaces=rows)
    answer = asked(loaded(Published(hourly=scale)), "get_efficiency", metric="cpu", scale="hourly_7d")
    found = {row["namespace"]: (row["efficiency_ratio"], row["classification"]) for row in answer["efficiency"]}
    assert found == {"web": (0.5, "balanced"), "free": (None, "no_requests"), "lost": (None, "unknown")}
    total = answer["totals"]["cpu"]
    assert (total["usage"], total["requests"], total["efficiency_ratio"]) == (9, 8, 0.5)


def _with(scale: Scale | None, rows: dict[str, Any]) -> Scale:
    assert scale is not None
    return dataclasses.replace(scale, namespaces=rows)


UNMEASURED = {"web": {"stale": 3, "gpu_not_seen": 2}, "registry": {"absent": 1, "stale": 1}}
ABSENT = "pod(s) were not measured at the newest sample: metrics-server does not list them."
CHECK = "Check metrics-server, and the kubelets that it reads."
STALE = "pod(s) were not measured at the newest sample: their metrics are not of the last polling interval."


@pytest.fixture(scope="module")
def blind() -> Dataset:
    """The small cluster, some of whose pods were not measured just now."""
    return loaded(dataclasses.replace(published(), more={"unmeasured": UNMEASURED}))


@pytest.mark.requirement("KL-M-4")
def test_pods_that_are_not_measured_now_are_named_with_the_reason(blind: Dataset) -> None:
    texts = [text for text in told(blind, "get_usage", metric="cpu") if "newest sample:" in text]
    assert texts == [
        f"1 {ABSENT} {CHECK} Affected: registry (1).",
        f"4 {STALE} {CHECK} Affected: registry (1), web (3).",
    ]


@pytest.mark.parametrize(
    ("tool", "given", "said"),
    [
        ("get_usage", {"namespace": "web"}, [f"3 {STALE}"]),
        ("get_usage", {"namespace": "web", "date": "2026-11-20"}, []),
        ("get_usage", {"namespace": "kube-system"}, []),
        ("get_usage", {"dimension": "requests"}, []),
        ("get_efficiency", {"namespace": "web"}, [f"3 {STALE}"]),
        ("get_efficiency_timeseries", {"namespace": "registry"}, [f"1 {STALE}", "1 pod(s) were not measured"]),
        ("get_timeseries", {"namespace": "web"}, [f"3 {STALE}"]),
        ("list_namespaces", {}, []),
    ],
)
def test_only_answers_about_the_newest_sample_of_these_say_so(
    blind: Dataset, tool: str, given: dict[str, Any], said: list[str]
) -> None:
    metric = {} if tool == "list_namespaces" else {"metric": "cpu"}
    found = [text for text in told(blind, tool, **metric, **given) if "newest sample:" in text]
    assert len(found) == len(said)
    assert all(any(text.startswith(start) for text in found) for start in said)


@pytest.mark.requirement("KL-S-6")
def test_pods_of_others_are_not_even_counted(blind: Dataset) -> None:
    mine = restricted(blind, lambda name: name == "web")
    assert mine.unmeasured == {"web": UNMEASURED["web"]}
    assert [text for text in told(mine, "get_usage", metric="cpu") if "newest sample:" in text] == [
        f"3 {STALE} {CHECK} Affected: web (3)."
    ]


def test_a_reason_of_a_newer_collector_is_told_without_it() -> None:
    dataset = loaded(dataclasses.replace(published(), more={"unmeasured": {"web": {"eclipse": 2}}}))
    (text,) = (text for text in told(dataset, "get_usage", metric="cpu") if "newest sample:" in text)
    assert text.startswith("2 pod(s) were not measured at the newest sample: for a reason that this kl-mcp does not")


TEXTS = {
    "pods_not_watched": "Pods are not watched.",
    "resource_claims_unread": "Claims cannot be read.",
    "odd_objects": "Pod bank/web-1 cannot be read.",
    "gpus_of_other_vendors": "8 GPUs are of other vendors.",
    "gpus_without_use": "2 GPUs tell no use.",
    "volume_claims_unread": "Volume claims cannot be read.",
}
EVERY = list(TEXTS.values())
OF_GPUS = EVERY[2:5]


@pytest.fixture(scope="module")
def unseeing() -> Dataset:
    """A cluster with GPUs whose collector cannot see some things."""
    rows = {"web": {"cpu": Row([12], [24]), "gpu": Row([None], [4])}}
    day = Scale("2026-11-21", capacity={"cpu": [240], "gpu": [192]}, namespaces=rows)
    spots = [{"code": code, "text": text} for code, text in TEXTS.items()]
    return loaded(Published(daily=day, last_sample=SAMPLED, more={"blind_spots": spots}))


@pytest.mark.requirement("KL-M-4")
@pytest.mark.parametrize(
    ("tool", "given", "said"),
    [
        ("describe_dataset", {}, EVERY),
        ("get_usage", {"metric": "cpu"}, ["Pod bank/web-1 cannot be read."]),
        ("get_usage", {"metric": "cpu", "dimension": "requests"}, [EVERY[0], EVERY[2]]),
        ("get_usage", {"metric": "gpu"}, OF_GPUS),
        ("get_usage", {"metric": "gpu", "dimension": "requests"}, [*EVERY[:2], *OF_GPUS]),
        ("get_efficiency", {"metric": "cpu"}, [EVERY[0], EVERY[2]]),
        ("get_efficiency", {}, EVERY),
        ("list_namespaces", {}, []),
    ],
)
def test_what_the_collector_cannot_see_is_told_where_it_touches(
    unseeing: Dataset, tool: str, given: dict[str, Any], said: list[str]
) -> None:
    assert [text for text in told(unseeing, tool, **given) if text in EVERY] == said


@pytest.mark.requirement("KL-S-6")
def test_the_collectors_words_are_not_for_who_may_see_a_part_only(unseeing: Dataset) -> None:
    mine = restricted(unseeing, lambda name: name == "web")
    found = told(mine, "describe_dataset")
    assert not set(found) & set(EVERY)
    assert "Some objects of the cluster cannot be read and are left out: see the collector's log." in found


def test_gpus_whose_usage_nobody_tells_have_capacity_and_requests(unseeing: Dataset) -> None:
    found = asked(unseeing, "get_namespace_breakdown", metric="gpu")
    assert (found["capacity_value"], found["total_value"]) == (192, None)
    assert asked(unseeing, "get_usage", metric="gpu", dimension="requests")["total"] == 4
    (row,) = asked(unseeing, "get_efficiency", metric="gpu")["efficiency"]
    assert (row["usage"], row["requests"], row["efficiency_ratio"]) == (None, 4, None)
    assert row["reason"] == "usage and requests are never both known"


@pytest.mark.parametrize("tool", ["get_usage", "get_efficiency"])
def test_that_there_are_no_gpus_is_never_said_where_some_are(tool: str) -> None:
    spots = [{"code": "gpus_of_other_vendors", "text": TEXTS["gpus_of_other_vendors"]}]
    for more, message in (
        (
            {"blind_spots": spots},
            "This dataset has no gpu, although the cluster has GPUs. 8 GPUs are of other vendors.",
        ),
        ({}, "This dataset has no gpu: the cluster showed no such resource in the whole window."),
    ):
        dataset = loaded(dataclasses.replace(published(), more=more))
        with pytest.raises(ToolArgumentError) as refused:
            asked(dataset, tool, metric="gpu")
        assert refused.value.message == message


def test_hours_without_known_capacity_are_named_as_not_observed() -> None:
    # The exporter told the framebuffer in 18 of 24 hours of the first day, and all the second.
    rows = {"web": {"gpu": Row([24, 24], [24, 24]), "gpu_memory": Row([180, 240], [None, None])}}
    capacity = {"gpu": [48, 48], "gpu_memory": [720, 960]}
    scale = Scale("2026-11-20", capacity=capacity, namespaces=rows, more={"capacity_hours": {"gpu_memory": [18, 24]}})
    dataset = loaded(Published(daily=scale))
    said = "Not observed: 6 h, no amount covers them: 2026-11-20 (6 h)."
    assert said in told(dataset, "get_usage", metric="gpu_memory")
    assert said not in told(dataset, "get_usage", metric="gpu_memory", date="2026-11-21")
    assert said not in told(dataset, "get_usage", metric="gpu")


@pytest.mark.requirement("KL-T-16")
def test_idle_says_how_much_of_it_is_on_nodes_that_are_not_ready() -> None:
    sizes = {
        "capacity": {"cpu_cores": 8.0, "mem_bytes": 2.0**33},
        "allocatable": {"cpu_cores": 7.5, "mem_bytes": 2.0**32},
    }
    facts = {"schedulable": True, "pods": 1, "requests": {"cpu_cores": 0.0, "mem_bytes": 0.0}, **sizes}
    used = {"cpu_cores": 2.0, "mem_bytes": 2.0**30}
    unknown = dict.fromkeys(used)
    nodes = [
        {"name": name, "ready": ready, "usage": usage, **facts}
        for name, ready, usage in (("a", True, used), ("b", False, used), ("c", False, unknown))
    ]
    dataset = loaded(dataclasses.replace(published(), nodes=nodes))
    # Of b 7.5 - 2 cores and 4 - 1 GiB, of c all of 7.5 cores and 4 GiB.
    cores = "13 cores of what is idle at the newest sample are on 2 node(s) that are not Ready."
    assert cores in told(dataset, "get_namespace_breakdown", metric="cpu")
    assert cores in told(dataset, "get_usage", metric="cpu", exclude_special=False)
    assert cores.replace("13 cores", "7 GiB") in told(dataset, "get_namespace_breakdown", metric="memory")
    for given in ({"metric": "cpu", "date": "2026-11-20"}, {"metric": "cpu", "dimension": "requests"}):
        assert not [text for text in told(dataset, "get_namespace_breakdown", **given) if "not Ready" in text]
    assert not [text for text in told(dataset, "get_usage", metric="cpu") if "not Ready" in text]
    idle = asked(dataset, "describe_dataset")["nodes"]["idle_not_ready"]
    assert idle == {"cpu_cores": 13, "mem_bytes": pytest.approx(7 * 2**30, rel=1e-6)}
