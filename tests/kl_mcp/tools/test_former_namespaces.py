"""Namespaces that only the history names: they count, are listed and can be named where the dates reach them.

kube-gone used 3 core-hours a day in October, and the manifest's table has forgotten it.
"""

from __future__ import annotations

from typing import Any

import pytest

from kl_mcp.tools import TABLE
from kl_query.dataset import Dataset, load_dataset
from kl_query.dataset.model import Sharing
from kl_query.dataset.visibility import restricted_to
from kl_query.errors import ToolArgumentError
from kl_query.measures.sharing import shared_by
from tests.kl_query.test_past_dates import november, october, published
from tests.support.datasets import Row, Scale, write

DAYS = {"metric": "cpu", "date": "2026-10-03..2026-10-17"}


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    past = october()
    former = {**past.namespaces, "kube-gone": {"cpu": Row([3.0] * 31, [6.0] * 31)}}
    history = [Scale(past.first, former, past.capacity, bill=past.bill), november(20)]
    return load_dataset(write(tmp_path_factory.mktemp("former"), published(history=history)))


def ask(dataset: Dataset, name: str, **arguments: Any) -> dict[str, Any]:
    return TABLE[name].run({**DAYS, **arguments}, dataset, 0)


def test_series_of_the_cluster_add_up_to_its_total(dataset: Dataset) -> None:
    answer = ask(dataset, "get_usage")
    assert {series["namespace"]: series["total"] for series in answer["series"]} == {
        "web": 150,
        "db": 66,
        "kube-gone": 45,
    }
    assert (answer["total"], answer["rest"], answer["matched_count"]) == (261, {"count": 0, "value": 0}, 3)


@pytest.mark.parametrize("names", [{"namespace": "kube-gone"}, {"namespaces": ["kube-*"]}])
def test_it_can_be_named_where_the_dates_reach_it(dataset: Dataset, names: dict[str, Any]) -> None:
    assert ask(dataset, "get_usage", **names)["total"] == 45
    (row,) = ask(dataset, "get_efficiency", **names)["efficiency"]
    assert (row["usage"], row["requests"]) == (45, 90)
    compared = ask(dataset, "compare_periods", **names, date="2026-11-20", baseline="2026-10-03")["comparison"]
    assert (compared["baseline_value"], compared["value"]) == (3, 0)
    before = ask(dataset, "compare_periods", **names, date="2026-11-01..2026-11-20")["comparison"]
    assert (before["baseline"], before["baseline_value"]) == ("2026-10-12..2026-10-31", 60)
    with pytest.raises(ToolArgumentError, match="among the 2 known ones"):
        ask(dataset, "get_usage", **names, date="2026-11-20")


def test_a_group_has_it(dataset: Dataset) -> None:
    answer = ask(dataset, "group_namespaces", pattern=["kube-*", "db"])
    assert answer["group_total"] == 45 + 66
    assert [member["namespace"] for member in answer["members"]] == ["db", "kube-gone"]


def test_who_may_not_see_it_cannot_name_it(dataset: Dataset) -> None:
    tenant = restricted_to(dataset, ["web"])
    assert "kube-gone" not in str(ask(tenant, "get_usage"))
    assert ask(tenant, "get_usage")["rest"] == {"count": 2, "value": 111}
    for arguments in ({"namespace": "kube-gone"}, {"namespaces": "kube-*"}):
        with pytest.raises(ToolArgumentError, match="among the 1 known ones"):
            ask(tenant, "get_usage", **arguments)
    with pytest.raises(ToolArgumentError):
        ask(tenant, "group_namespaces", pattern="kube-gone")
    assert ask(restricted_to(dataset, ["kube-*"]), "get_usage", namespace="kube-gone")["total"] == 45


def test_a_date_that_cannot_be_read_is_what_is_said(dataset: Dataset) -> None:
    with pytest.raises(ToolArgumentError, match="someday"):
        ask(dataset, "get_usage", namespace="web", date="someday")


def test_others_bear_its_costs_where_the_policy_names_it(dataset: Dataset) -> None:
    sharing = shared_by(dataset, Sharing(("kube-*",)))
    money = {"cost_model": "costs", "exclude_system": False}
    rows = ask(sharing, "get_namespace_breakdown", **money)["breakdown"]
    bearing = {"web": 150 * 0.6, "db": 66 * 0.6}
    factor = 1 + 45 * 0.6 / sum(bearing.values())
    assert {row["namespace"]: row["value"] for row in rows} == {
        name: pytest.approx(cost * factor, rel=1e-5) for name, cost in bearing.items()
    }
    tenant = ask(restricted_to(sharing, ["web"]), "get_namespace_breakdown", **money)
    assert tenant["breakdown"] == [row for row in rows if row["namespace"] == "web"]
    assert tenant["rest"]["count"] == 1
    assert "kube-" not in str(tenant)
