"""Sharing through the tools: two days whose costs can be worked out by hand.

100 core-hours of capacity a day, 90 allocatable, at 1 $ a core-hour (bill 100 $ a day):

                19th   20th   both
    shop          40     10     50
    blog          20     10     30
    infra         12     20     32     (shared)
    kube-dns       0      0      0
    idle          18     50     68     (90 - 72, 90 - 40)
    overhead      10     10     20
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kl_mcp.tools import TABLE
from kl_query.dataset import Dataset, load_dataset
from kl_query.dataset.model import Sharing
from kl_query.dataset.visibility import restricted
from kl_query.measures.sharing import shared_by
from tests.kl_mcp.tools.conftest import Ask, asked
from tests.support.datasets import Dataset as Published
from tests.support.datasets import Row, Scale, write
from tests.support.large_dataset import NOW, large_dataset

INFRA = Sharing(namespaces=("infra",))
BOTH = Sharing(namespaces=("infra",), idle=True)
ALL = Sharing(namespaces=("infra",), idle=True, multiplier=1.2)
Books = Callable[..., Dataset]


def two_days() -> Scale:
    def row(*usage: float) -> dict[str, Row]:
        return {"cpu": Row(usage, [50, 50])}

    return Scale(
        first="2026-11-19",
        capacity={"cpu": [100, 100]},
        allocatable={"cpu": [90, 90]},
        bill={"cpu": [100, 100]},
        namespaces={"shop": row(40, 10), "blog": row(20, 10), "infra": row(12, 20), "kube-dns": row(0, 0)},
    )


def two_months() -> Scale:
    """720 and 744 hours on 10 cores at 1 $ a core-hour; infra grows from 1 core to 3, shop and blog stay at 3 and 1."""
    hours = (720, 744)

    def row(*cores: float) -> dict[str, Row]:
        usage = [c * h for c, h in zip(cores, hours, strict=True)]
        return {"cpu": Row(usage, usage)}

    whole = {"cpu": [10 * h for h in hours]}
    names = {"shop": row(3, 3), "blog": row(1, 1), "infra": row(1, 3)}
    return Scale(first="2026-09", capacity=whole, bill=whole, namespaces=names)


@pytest.fixture
def books(tmp_path: Path) -> Books:
    """Publish the two days, or another scale, and load them with a policy."""

    def loaded(policy: Sharing, **scales: Any) -> Dataset:
        facts = {"daily": two_days(), "currency": "$", "cost_model": "CHARGE_BACK", **scales}
        rates = [{"effective": "2026-09-01T00:00:00Z", "rate": 100 / 24, "currency": "$", "weights": None}]
        return shared_by(load_dataset(write(tmp_path, Published(rates=rates, **facts))), policy)

    return loaded


def values(answer: dict[str, Any], rows: str) -> dict[str, float | None]:
    return {row["namespace"]: row["value"] for row in answer[rows]}


@pytest.mark.requirement("KL-H-1", "KL-H-7")
def test_a_breakdown_shares_the_sum_of_its_window_and_adds_up_to_the_bill(books: Books) -> None:
    answer = asked(books(BOTH), "get_namespace_breakdown", date="all", exclude_system=False)
    # infra: 32 over 50 + 30; then idle: 68 over 112. shop 50 x 112 / 80 x 180 / 112 = 112.5, blog 67.5
    assert values(answer, "breakdown") == {"shop": 112.5, "blog": 67.5, "kube-dns": 0}
    overhead = answer["cluster_overhead"]
    assert (overhead["idle_value"], overhead["non_allocatable_value"], overhead["capacity_value"]) == (0, 20, 200)
    assert (overhead["shared_namespaces_value"], overhead["shared_idle_value"]) == (32, 68)
    assert answer["total_value"] + overhead["idle_value"] + overhead["non_allocatable_value"] == 200
    assert [row["share_pct"] for row in answer["breakdown"]] == [62.5, 37.5, 0]
    assert answer["concentration"]["total_namespaces"] == 3


@pytest.mark.requirement("KL-H-1")
def test_the_multiplier_raises_every_cost_and_the_bill_and_leaves_shares_alone(books: Books) -> None:
    plain = asked(books(BOTH), "get_namespace_breakdown", date="all")
    raised = asked(books(ALL), "get_namespace_breakdown", date="all")
    assert values(raised, "breakdown") == {"shop": 135, "blog": 81}  # 112.5 x 1.2, 67.5 x 1.2
    overhead = raised["cluster_overhead"]
    assert (overhead["non_allocatable_value"], overhead["capacity_value"]) == (24, 240)
    assert (overhead["shared_namespaces_value"], overhead["shared_idle_value"]) == (38.4, 81.6)
    for key in ("share_pct", "cluster_share_pct"):
        assert [row[key] for row in raised["breakdown"]] == [row[key] for row in plain["breakdown"]]


@pytest.mark.requirement("KL-H-5")
def test_points_are_shared_bucket_by_bucket_and_the_total_over_the_window(books: Books) -> None:
    answer = asked(books(INFRA), "get_usage", exclude_special=False)
    # 19th: 40 x 72 / 60 and 20 x 72 / 60; 20th: 10 x 40 / 20 twice; both days: 50 x 112 / 80 and 30 x 112 / 80
    assert answer["series"] == [
        {"namespace": "shop", "values": [48, 20], "total": 70, "latest_mean": 0.833333},  # 20 in 24 hours
        {"namespace": "blog", "values": [24, 20], "total": 42, "latest_mean": 0.833333},
        {"namespace": "kube-dns", "values": [0, 0], "total": 0, "latest_mean": 0},
    ]
    assert (answer["totals"], answer["total"]) == ([72, 40], 112)
    assert {row["entry"]: row["values"] for row in answer["special"]} == {
        "non-allocatable": [10, 10],
        "idle": [18, 50],
    }
    assert "points do not add up" in answer["metadata"]["sharing"]["note"]


def test_idle_is_shared_bucket_by_bucket_too(books: Books) -> None:
    answer = asked(books(BOTH), "get_usage", exclude_special=False)
    # 19th: 48 x 90 / 72, 24 x 90 / 72; 20th: 20 x 90 / 40
    assert [series["values"] for series in answer["series"][:2]] == [[60, 45], [30, 45]]
    assert {row["entry"]: (row["values"], row["total"]) for row in answer["special"]}["idle"] == ([0, 0], 0)


def test_a_ranking_of_one_day_shares_that_day(books: Books) -> None:
    answer = asked(books(INFRA), "get_top_consumers", date="2026-11-19")
    assert values(answer, "ranking") == {"shop": 48, "blog": 24}
    assert answer["total_value"] == 72


def test_system_namespaces_off_the_list_bear_their_part(books: Books) -> None:
    policy = Sharing(namespaces=("blog",))
    scale = two_days()
    scale.namespaces["kube-dns"]["cpu"] = Row([10, 0], [0, 0])  # type: ignore[index]
    answer = asked(books(policy, daily=scale), "get_top_consumers", date="2026-11-19")
    # blog's 20 over 40 + 12 + 10: 40 x 82 / 62 and so on
    assert answer["excluded_system"] == {
        "count": 1,
        "value": pytest.approx(10 * 82 / 62, rel=1e-5),
        "share_pct": pytest.approx(100 * 10 / 62, rel=1e-5),
    }
    assert values(answer, "ranking") == pytest.approx({"shop": 40 * 82 / 62, "infra": 12 * 82 / 62}, rel=1e-5)
    assert answer["total_value"] == 82


def test_namespaces_that_may_not_be_named_bear_their_part_and_so_may_shared_ones(books: Books) -> None:
    answer = asked(restricted(books(INFRA), lambda name: name == "shop"), "get_usage")
    assert [series["namespace"] for series in answer["series"]] == ["shop"]
    assert (answer["total"], answer["rest"]) == (112, {"count": 2, "value": 42})  # blog and kube-dns
    assert "infra" not in json.dumps(answer)
    assert answer["metadata"]["sharing"]["matched"] == 1


def test_shared_namespaces_are_counted_neither_among_system_ones_nor_in_the_rest(books: Books) -> None:
    dataset = books(Sharing(namespaces=("infra", "kube-*")))
    answer = asked(dataset, "get_namespace_breakdown", date="all")
    assert answer["excluded_system"] == {"count": 0, "value": 0, "share_pct": 0}
    seen = asked(restricted(dataset, lambda name: name == "shop"), "get_top_consumers", date="all")
    assert seen["rest"] == {"count": 1, "value": 42, "share_pct": 37.5}  # blog alone: 30 x 112 / 80


@pytest.mark.requirement("KL-H-6")
def test_a_shared_namespace_asked_for_by_name_is_zero_and_says_why(books: Books) -> None:
    dataset = books(INFRA)
    for tool, arguments in (("get_usage", {"namespace": "infra"}), ("group_namespaces", {"pattern": "infra"})):
        answer = asked(dataset, tool, date="all", **arguments)
        assert answer["total" if tool == "get_usage" else "group_total"] == 0
        assert answer["metadata"]["warnings"][-1] == (
            "The costs of these namespaces are borne by the others, so nothing is left of them here: infra."
        )
    group = asked(dataset, "group_namespaces", pattern="*", date="all")
    assert values(group, "members") == {"shop": 70, "blog": 42, "infra": 0, "kube-dns": 0}


def test_a_group_holds_what_its_members_bear(books: Books) -> None:
    answer = asked(books(BOTH), "group_namespaces", pattern=["shop", "kube-*"], date="all")
    assert (answer["group_total"], answer["share_pct"]) == (112.5, 62.5)
    assert answer["cluster_share_pct"] == 56.25  # of a bill of 200


@pytest.mark.requirement("KL-H-2", "KL-H-6")
def test_what_nobody_can_bear_stays_with_the_shared_namespace_and_is_listed(books: Books) -> None:
    scale = two_days()
    for name in ("shop", "blog"):
        scale.namespaces[name]["cpu"] = Row([40, 0], [50, 50])  # type: ignore[index]
    dataset = books(INFRA, daily=scale)
    lonely = asked(dataset, "get_namespace_breakdown", date="2026-11-20")
    assert values(lonely, "breakdown") == {"infra": 20, "blog": 0, "shop": 0}
    assert lonely["cluster_overhead"]["shared_namespaces_value"] == 0
    assert any("no other namespace has costs there" in warning for warning in lonely["metadata"]["warnings"])
    # over both days it is shared; the point of the 20th still has to be somewhere
    series = {row["namespace"]: (row["values"], row["total"]) for row in asked(dataset, "get_usage")["series"]}
    assert series["infra"] == ([0, 20], 0)
    assert series["shop"] == ([46, 0], 56)  # 40 + 12 / 2; 40 + 32 / 2


def test_sharing_every_namespace_shares_nothing_but_idle(books: Books) -> None:
    answer = asked(books(Sharing(namespaces=("*",), idle=True)), "get_top_consumers", date="2026-11-19")
    assert values(answer, "ranking") == {"shop": 50, "blog": 25, "infra": 15}  # x 90 / 72
    assert answer["total_value"] == 90


@pytest.mark.requirement("KL-H-2")
def test_negative_idle_is_not_shared(books: Books) -> None:
    scale = two_days()
    overcommitted = Scale(**{**vars(scale), "allocatable": {"cpu": [70, 90]}})
    answer = asked(books(BOTH, daily=overcommitted), "get_namespace_breakdown", date="2026-11-19")
    assert values(answer, "breakdown") == {"shop": 48, "blog": 24}
    assert answer["cluster_overhead"]["idle_value"] == -2
    assert answer["cluster_overhead"]["shared_idle_value"] == 0


def test_an_unknown_day_of_a_shared_namespace_is_named_as_it_makes_all_others_too_low(books: Books) -> None:
    scale = two_days()
    scale.namespaces["infra"]["cpu"] = Row([12, None], [50, 50])  # type: ignore[index]
    answer = asked(books(INFRA, daily=scale), "get_usage", namespace="shop")
    assert answer["series"][0] == {
        "namespace": "shop",
        "values": [48, 10],
        "total": 57.5,  # 50 x 92 / 80
        "latest_mean": 0.416667,
    }
    assert any(warning.endswith("too low: infra.") for warning in answer["metadata"]["warnings"])


def gpus() -> Scale:
    """One day: cpu as on the 19th; ml uses 12 of 24 GPU-hours at 2 $, infra 3, and 9 of 24 allocatable are idle."""
    cpu = {"shop": 40, "ml": 20, "infra": 12}
    gpu = {"ml": 12, "infra": 3}
    return Scale(
        first="2026-11-19",
        capacity={"cpu": [100], "gpu": [24], "gpu_memory": [480]},
        allocatable={"cpu": [90], "gpu": [24], "gpu_memory": [480]},
        bill={"cpu": [100], "gpu": [48]},
        namespaces={
            name: {
                "cpu": Row([cpu[name]], [50]),
                **({"gpu": Row([gpu[name]], [12]), "gpu_memory": Row([240], [None])} if name in gpu else {}),
            }
            for name in cpu
        },
    )


@pytest.mark.requirement("KL-H-4")
def test_idle_gpus_are_borne_by_users_of_gpus_and_the_metrics_add_up_to_the_total(books: Books) -> None:
    dataset = books(BOTH, daily=gpus())
    cpu, gpu, total = (asked(dataset, "get_top_consumers", metric=metric) for metric in ("cpu", "gpu", "total"))
    assert values(cpu, "ranking") == {"shop": 60, "ml": 30}  # 40 and 20, x 72 / 60 x 90 / 72
    assert values(gpu, "ranking") == {"ml": 48}  # 24 + 6 + 18
    assert values(total, "ranking") == {"ml": 78, "shop": 60}
    assert total["total_value"] + 10 == total["capacity_value"] == 148  # 10 core-hours are not allocatable


def test_gpu_memory_has_no_cost_and_is_never_shared(books: Books) -> None:
    answer = asked(books(ALL, daily=gpus()), "get_top_consumers", metric="gpu_memory", cost_model="cumulative")
    assert values(answer, "ranking") == {"infra": 240, "ml": 240}
    assert answer["metadata"]["sharing"] is None


def test_periods_are_shared_each_for_itself(books: Books) -> None:
    answer = asked(books(INFRA), "compare_periods", date="2026-11-20", baseline="2026-11-19")
    assert {row["namespace"]: (row["baseline_value"], row["value"]) for row in answer["movers"]} == {
        "shop": (48, 20),
        "blog": (24, 20),
        "kube-dns": (0, 0),
    }
    assert (answer["comparison"]["baseline_value"], answer["comparison"]["value"]) == (72, 40)
    assert answer["daily_14d"]["aggregate"] == 112
    changed = asked(books(ALL), "compare_periods", namespace="shop", date="2026-11-20", baseline="2026-11-19")
    # 60 x 1.2 and 45 x 1.2 of a bill of 120, in 24 hours each
    assert changed["comparison"]["what_changed"]["amount_per_hour"] == {"before": 3, "after": 2.25, "change_pct": -25}
    assert changed["comparison"]["what_changed"]["cluster_share_pct"] == {"before": 60, "after": 45, "change_pct": -25}
    assert changed["comparison"]["what_changed"]["rate_per_hour"] == {"before": 5, "after": 5, "change_pct": 0}


def test_a_period_of_several_days_is_shared_as_one(books: Books) -> None:
    scale = two_days()
    four = Scale(
        first="2026-11-17",
        capacity={"cpu": [100] * 4},
        allocatable={"cpu": [90] * 4},
        bill={"cpu": [100] * 4},
        namespaces={name: {"cpu": Row([*row["cpu"].usage] * 2, [50] * 4)} for name, row in scale.namespaces.items()},
    )
    answer = asked(
        books(INFRA, daily=four),
        "compare_periods",
        namespace="shop",
        date="2026-11-19..2026-11-20",
        baseline="2026-11-17",
    )
    # the 17th alone 48, brought to 48 hours 96; the 19th and 20th together 70 and not 48 + 20
    assert (answer["comparison"]["baseline_value"], answer["comparison"]["value"]) == (96, 70)
    before, after = (answer["comparison"]["what_changed"]["amount_per_hour"][key] for key in ("before", "after"))
    assert (before, after) == (2, pytest.approx(70 / 48, rel=1e-5))


@pytest.mark.requirement("KL-H-5")
def test_each_month_of_a_trajectory_is_shared_for_itself(books: Books) -> None:
    answer = asked(books(INFRA, monthly=two_months()), "compare_periods", namespace="shop")
    # 3 cores + 3/4 of infra's 1, then of its 3: 3.75 x 720 and 5.25 x 744
    assert [month["value"] for month in answer["monthly_12m"]["series"]] == [2700, 3906]
    # the line rises by 1.5 over a mean of 4.5
    assert (answer["monthly_12m"]["trend_direction"], answer["trend"]["rise_pct"]) == (
        "growing",
        pytest.approx(100 / 3, rel=1e-5),
    )
    assert answer["what_changed"]["amount_per_hour"] == {"before": 3.75, "after": 5.25, "change_pct": 40}


def test_hours_are_shared_hour_by_hour(books: Books) -> None:
    hourly = Scale(
        first="2026-11-21T17:00:00Z",
        capacity={"cpu": [10, 10]},
        bill={"cpu": [10, 10]},
        namespaces={"shop": {"cpu": Row([3, 0], [3, 3])}, "infra": {"cpu": Row([1, 2], [2, 2])}},
    )
    dataset = books(INFRA, hourly=hourly)
    one = asked(dataset, "get_timeseries", namespace="shop")
    # at 18:00 nobody but infra has a cost, so it stays there
    assert (one["series"][0]["values"], one["stats"]["max"]) == ([4, 0], 4)
    assert asked(dataset, "get_timeseries", namespaces=["infra"])["series"][0]["values"] == [0, 2]
    assert asked(dataset, "get_timeseries")["series"][0]["values"] == [4, 2]
    both = asked(dataset, "get_timeseries", namespaces=["*"], aggregate=True)
    assert both["series"][0]["values"] == [4, 2]


@pytest.mark.requirement("KL-H-3")
@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("list_namespaces", {}),
        ("get_usage", {"cost_model": "cumulative"}),
        ("get_usage", {"cost_model": "normalized", "exclude_special": False}),
        ("get_top_consumers", {"cost_model": "cumulative", "dimension": "requests"}),
        ("get_namespace_breakdown", {"cost_model": "normalized"}),
        ("get_efficiency", {}),
        ("get_efficiency_timeseries", {}),
        ("get_timeseries", {"cost_model": "cumulative"}),
        ("compare_periods", {"cost_model": "cumulative"}),
        ("group_namespaces", {"cost_model": "cumulative", "pattern": "*"}),
    ],
)
def test_nothing_but_money_is_shared(books: Books, tool: str, arguments: dict[str, Any]) -> None:
    dataset = books(ALL, monthly=two_months())
    answer, plain = asked(dataset, tool, **arguments), asked(shared_by(dataset, Sharing()), tool, **arguments)
    stated = answer["metadata"].pop("sharing")
    assert plain["metadata"].pop("sharing") is None
    assert (stated is not None) is (tool == "list_namespaces")
    assert answer == plain


MONEY = [
    ("get_usage", {"exclude_special": False}),
    ("get_top_consumers", {"exclude_system": False, "date": "all"}),
    ("get_namespace_breakdown", {"date": "all"}),
    ("get_timeseries", {"namespaces": ["*"]}),
    ("compare_periods", {}),
    ("group_namespaces", {"pattern": "*", "date": "all"}),
]


@pytest.mark.parametrize("metric", ["cpu", "total"])
@pytest.mark.parametrize(("tool", "arguments"), MONEY)
def test_a_policy_that_moves_nothing_changes_no_number(
    ask: Ask, books: Books, metric: str, tool: str, arguments: dict[str, Any]
) -> None:
    plain = books(Sharing(), monthly=two_months())
    idle_policy = shared_by(plain, Sharing(namespaces=("nobody-*",)))
    assert idle_policy.sharing != plain.sharing
    given = {**arguments, "metric": metric, "cost_model": "costs"}
    answer, unshared = asked(idle_policy, tool, **given), asked(plain, tool, **given)
    assert answer["metadata"].pop("sharing")["matched"] == 0
    assert unshared["metadata"].pop("sharing") is None
    for key in ("shared_namespaces_value", "shared_idle_value"):
        if "cluster_overhead" in answer:
            assert answer["cluster_overhead"].pop(key) == 0
            assert unshared["cluster_overhead"].pop(key) is None
    assert answer == unshared


@pytest.mark.requirement("KL-H-3", "KL-H-8")
def test_the_description_of_the_dataset_states_the_policy_and_the_collectors_rate(books: Books) -> None:
    answer = asked(books(ALL), "describe_dataset")
    stated = answer["metadata"]["sharing"]
    assert (stated["shared_namespaces"], stated["idle"], stated["multiplier"]) == (["infra"], True, 1.2)
    assert answer["billing_hourly_rate"] == pytest.approx(100 / 24, rel=1e-5)


@pytest.mark.parametrize(("tool", "arguments"), MONEY)
def test_answers_fit_their_budget_with_a_long_policy_and_many_namespaces(tool: str, arguments: dict[str, Any]) -> None:
    globs = tuple(f"*-{i:02d}{'x' * 250}*" for i in range(19))
    dataset = shared_by(large_dataset(500), Sharing((*globs, "kube-*"), idle=True, multiplier=1.1))
    assert len(dataset.shared) == 50
    for limit, budget in ((None, 32_000), (1000, 40_000)):
        given = {**arguments, "metric": "total", "cost_model": "costs", "limit": limit}
        if tool == "get_top_consumers" and limit is None:
            given.pop("limit")
        assert len(json.dumps(TABLE[tool].run(given, dataset, NOW))) <= budget
