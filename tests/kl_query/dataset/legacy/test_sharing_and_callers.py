"""Cost sharing and callers' allow-lists over the money of KubeLedger's files.

cpu, in euros:      20 Nov   21 Nov   both
    shop               36       30      66
    web                 4       10      14
    kube-system        20        8      28
    non-allocatable    12       12      24
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from kl_mcp.tools import TABLE
from kl_query.dataset import Dataset
from kl_query.dataset.model import Sharing
from kl_query.dataset.visibility import restricted_to
from kl_query.measures.legacy import LegacyLayout
from kl_query.measures.sharing import shared_by
from tests.kl_mcp.tools.conftest import check_schemas
from tests.kl_query.dataset.legacy.conftest import NEWEST, Build
from tests.support.legacy_layout import at, period_rows, trend_rows

COSTS = {
    "shop": {"20 Nov": 36.0, "21 Nov": 30.0},
    "web": {"20 Nov": 4.0, "21 Nov": 10.0},
    "kube-system": {"20 Nov": 20.0, "21 Nov": 8.0},
    "non-allocatable": {"20 Nov": 12.0, "21 Nov": 12.0},
}
PRICED = {
    "backend.json": {"cost_model": "costs", "currency": "€"},
    "cpu_usage_period_1209600.json": period_rows(COSTS),
    "cpu_usage_period_31968000.json": period_rows({"shop": {"Nov 2026": 66.0}, "web": {"Nov 2026": 14.0}}),
    "cpu_usage_trends.json": trend_rows({name: {NEWEST: 3.0} for name in COSTS}),
}
Ask = Callable[..., dict[str, Any]]


def asking(dataset: Dataset) -> Ask:
    """Return a way to ask that checks every answer against its schema."""

    def ask(tool: str, **arguments: Any) -> dict[str, Any]:
        answer = TABLE[tool].run(arguments, dataset, at(NEWEST) + 1200)
        check_schemas(tool, answer)
        return answer

    return ask


@pytest.fixture
def priced(build: Build) -> Callable[[Sharing], Ask]:
    """Return a function that asks the same euros under a policy."""
    return lambda sharing: asking(shared_by(build(PRICED), sharing))


def _ranked(ask: Ask, date: str) -> dict[str, float]:
    ranking = ask("get_top_consumers", metric="cpu", date=date, exclude_system=False)["ranking"]
    return {row["namespace"]: row["value"] for row in ranking}


def test_named_namespaces_are_borne_by_the_others_in_proportion_to_their_own_costs(
    priced: Callable[[Sharing], Ask],
) -> None:
    ask = priced(Sharing(("kube-*",)))
    # 21 November: 8 over 30 and 10: 30 x 48/40 = 36 and 10 x 48/40 = 12. Both days: 28 over 66 and 14, x 108/80.
    assert _ranked(ask, "2026-11-21") == {"shop": 36.0, "web": 12.0}
    assert _ranked(ask, "all") == pytest.approx({"shop": 89.1, "web": 18.9})
    answer = ask("get_usage", metric="cpu", namespace="shop")
    # 20 November: 20 over 36 and 4: 36 x 60/40 = 54.
    assert (answer["series"][0]["values"], answer["total"]) == ([54.0, 36.0], 89.1)
    sharing = answer["metadata"]["sharing"]
    assert (sharing["shared_namespaces"], sharing["matched"]) == (["kube-*"], 1)
    assert LegacyLayout.idle_note not in sharing["note"]


def test_a_multiplier_raises_namespaces_and_overhead_alike(priced: Callable[[Sharing], Ask]) -> None:
    ask = priced(Sharing(multiplier=1.5))
    answer = ask("get_namespace_breakdown", metric="cpu", date="2026-11-21", exclude_system=False)
    assert {row["namespace"]: row["value"] for row in answer["breakdown"]} == {
        "shop": 45.0,
        "web": 15.0,
        "kube-system": 12.0,
    }
    assert answer["cluster_overhead"]["non_allocatable_value"] == 18.0
    assert answer["metadata"]["currency"] == "€"


def test_idle_costs_are_not_known_and_nothing_of_them_is_shared(priced: Callable[[Sharing], Ask]) -> None:
    ask = priced(Sharing(idle=True))
    assert _ranked(ask, "2026-11-21") == {"shop": 30.0, "web": 10.0, "kube-system": 8.0}
    answer = ask("get_namespace_breakdown", metric="cpu", date="2026-11-21")
    assert answer["cluster_overhead"]["idle_value"] is None
    assert answer["metadata"]["sharing"]["note"].endswith(LegacyLayout.idle_note)


def test_groups_and_periods_are_after_sharing_and_hours_are_not_money(priced: Callable[[Sharing], Ask]) -> None:
    ask = priced(Sharing(("kube-*",), multiplier=2.0))
    group = ask("group_namespaces", metric="cpu", pattern="w*", date="all")
    # 14 x 108/80 x 2.
    assert (group["group_total"], group["share_pct"]) == (37.8, 17.5)
    assert ask("compare_periods", metric="cpu", namespace="web")["daily_14d"]["aggregate"] == 37.8
    hours = ask("get_timeseries", metric="cpu", namespace="web")
    assert (hours["series"][0]["values"], hours["metadata"]["sharing"]) == ([3.0], None)


def test_efficiency_rests_on_money_before_sharing_and_says_so(priced: Callable[[Sharing], Ask]) -> None:
    ask = priced(Sharing(("kube-*",), multiplier=2.0))
    answer = ask("get_efficiency", metric="cpu", namespace="shop", date="2026-11-21")
    # Requests are 20 in the file: 30 ÷ 20 ÷ 20 hours.
    assert (answer["efficiency"][0]["usage"], answer["efficiency"][0]["efficiency_ratio"]) == (30.0, 0.075)
    assert answer["metadata"]["currency"] == "€"
    assert any("without the sharing" in warning for warning in answer["metadata"]["warnings"])
    plain = priced(Sharing())("get_efficiency", metric="cpu", namespace="shop")
    assert not any("without the sharing" in warning for warning in plain["metadata"]["warnings"])


@pytest.mark.parametrize("model", ["cumulative", "normalized"])
def test_amounts_that_are_no_money_are_never_shared(build: Build, model: str) -> None:
    dataset = build({**PRICED, "backend.json": {"cost_model": model, "currency": "%"}})
    ask = asking(shared_by(dataset, Sharing(("kube-*",), multiplier=2.0)))
    assert _ranked(ask, "2026-11-21") == {"shop": 30.0, "web": 10.0, "kube-system": 8.0}


ARGUMENTS: dict[str, dict[str, Any]] = {
    "list_namespaces": {},
    "describe_dataset": {},
    "get_usage": {"metric": "cpu"},
    "get_top_consumers": {"metric": "cpu", "exclude_system": False, "date": "all"},
    "get_namespace_breakdown": {"metric": "cpu", "exclude_system": False},
    "get_efficiency": {"metric": "cpu"},
    "get_timeseries": {"metric": "cpu"},
    "compare_periods": {"metric": "cpu"},
    "get_efficiency_timeseries": {"metric": "cpu"},
    "group_namespaces": {"metric": "cpu", "pattern": "*"},
}


@pytest.mark.parametrize("tool", TABLE)
@pytest.mark.parametrize("sharing", [Sharing(), Sharing(("kube-*",), multiplier=1.5)], ids=["plain", "shared"])
def test_no_tool_names_a_namespace_that_a_caller_may_not_see(build: Build, tool: str, sharing: Sharing) -> None:
    # web begins in the last hour of the 21st: warnings name it to those who may know.
    rows = {name: {date: row[date] for date in row if (name, date) != ("web", "20 Nov")} for name, row in COSTS.items()}
    files = {
        **PRICED,
        "cpu_usage_period_1209600.json": period_rows(rows),
        "cpu_requests_period_1209600.json": period_rows({name: rows[name] for name in ("shop", "web")}),
        "cpu_usage_trends.json": trend_rows({"shop": {"2026-11-21T18:00:00Z": 3.0, NEWEST: 3.0}, "web": {NEWEST: 3.0}}),
    }
    whole = shared_by(build(files), sharing)
    told = json.dumps(asking(whole)(tool, **ARGUMENTS[tool]))
    withheld = json.dumps(asking(restricted_to(whole, ("shop",)))(tool, **ARGUMENTS[tool]))
    assert "web" not in withheld
    assert "kube-system" not in withheld
    # What is withheld was there: in the lists, or in what the cluster's answers warn of.
    assert "web" in told or tool in {"describe_dataset", "get_efficiency_timeseries"}


def test_totals_are_those_of_the_whole_cluster_for_a_caller_who_sees_a_part(build: Build) -> None:
    ask = asking(restricted_to(build(PRICED), ("shop",)))
    answer = ask("get_top_consumers", metric="cpu", date="2026-11-21", exclude_system=False)
    # 30 of 48.
    assert [(row["namespace"], row["share_pct"]) for row in answer["ranking"]] == [("shop", 62.5)]
    assert answer["total_value"] == 48.0
    counts = ask("list_namespaces")["counts"]
    assert (counts["application"], counts["system"], counts["special"]) == (1, 0, 1)
