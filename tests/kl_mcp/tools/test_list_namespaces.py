from typing import Any

import pytest

from kl_query.dataset import Dataset
from kl_query.dataset.visibility import restricted
from kl_query.errors import ToolArgumentError
from tests.kl_mcp.tools.conftest import Ask, asked


def names(answer: dict[str, Any]) -> list[str]:
    return [line["name"] for line in answer["namespaces"]]


def test_every_namespace_is_listed_with_its_type_and_sightings(ask: Ask) -> None:
    answer = ask("list_namespaces")
    assert names(answer) == ["gone", "idle", "kube-system", "ml-train", "openshift-monitoring", "registry", "web"]
    assert answer["namespaces"][0] == {
        "name": "gone",
        "type": "application",
        "active": False,
        "first_seen": "2025-12-01T00:00:00Z",
        "last_seen": "2026-10-02T10:00:00Z",
    }
    assert answer["counts"] == {"application": 5, "system": 2, "special": 3, "active": 6, "inactive": 1}
    # one that was first seen when the record began may be older
    assert answer["recorded_since"] == "2025-12-01T00:00:00Z"
    assert answer["metadata"]["currency"] is None


@pytest.mark.requirement("KL-D-9")
def test_special_entries_stand_apart_from_a_namespace_of_the_same_name(ask: Ask) -> None:
    answer = ask("list_namespaces")
    assert [entry["name"] for entry in answer["special_entries"]] == ["non-allocatable", "idle", "unmeasured"]
    assert all(entry["role"] and entry["description"] for entry in answer["special_entries"])
    assert "idle" in names(answer)


def test_gone_namespaces_system_namespaces_and_new_ones_can_be_asked_for(ask: Ask) -> None:
    assert names(ask("list_namespaces", active=False)) == ["gone"]
    assert names(ask("list_namespaces", type="system")) == ["kube-system", "openshift-monitoring"]
    assert names(ask("list_namespaces", sort="first_seen", limit=1)) == ["web"]
    assert names(ask("list_namespaces", sort="last_seen"))[-1] == "gone"


def test_a_pattern_that_matches_nothing_is_an_error(ask: Ask) -> None:
    assert names(ask("list_namespaces", namespaces="we*,go*")) == ["gone", "web"]
    with pytest.raises(ToolArgumentError, match="No namespace matches 'none-\\*'"):
        ask("list_namespaces", namespaces="we*,none-*")


def test_a_hidden_namespace_is_not_named(books: Dataset) -> None:
    answer = asked(restricted(books, lambda name: name == "web"), "list_namespaces")
    assert names(answer) == ["web"]
    assert answer["counts"]["application"] == 1
