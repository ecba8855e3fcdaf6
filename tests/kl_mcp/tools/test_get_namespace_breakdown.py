import pytest

from tests.kl_mcp.tools.conftest import Ask


def test_the_overhead_and_all_namespaces_add_up_to_capacity(ask: Ask) -> None:
    answer = ask("get_namespace_breakdown")
    overhead = answer["cluster_overhead"]
    # 195 capacity = 97.5 namespaces + 58.5 idle + 39 non-allocatable
    assert (overhead["idle_value"], overhead["non_allocatable_value"], overhead["capacity_value"]) == (58.5, 39, 195)
    assert (overhead["idle_share_pct"], overhead["non_allocatable_share_pct"]) == (30, 20)
    assert (overhead["allocatable_value"], overhead["allocatable_share_pct"]) == (156, 80)
    assert overhead["namespaces_share_of_allocatable_pct"] == 62.5
    assert answer["total_value"] + overhead["idle_value"] + overhead["non_allocatable_value"] == 195


def test_concentration_is_over_all_namespaces(ask: Ask) -> None:
    # today, largest first: 39, 19.5, 19.5, 9.75, 9.75, 0 of 97.5
    assert ask("get_namespace_breakdown")["concentration"] == {
        "top_3_share_pct": 80,
        "top_10_share_pct": 100,
        "total_namespaces": 6,
        "namespaces_for_80_pct": 3,
    }


def test_rows_rest_and_excluded_system_add_up(ask: Ask) -> None:
    answer = ask("get_namespace_breakdown", limit=2, date="all")
    rows = sum(row["value"] for row in answer["breakdown"])
    assert rows + answer["rest"]["value"] + answer["excluded_system"]["value"] == pytest.approx(answer["total_value"])
    # One of them is of zero: a breakdown holds all.
    assert answer["rest"]["count"] == 2


def test_an_hour_with_an_unknown_namespace_has_unmeasured_instead_of_idle(ask: Ask) -> None:
    overhead = ask("get_namespace_breakdown", date="2026-11-20")["cluster_overhead"]
    assert (overhead["idle_value"], overhead["unmeasured_value"]) == (None, 96)


def test_requests_say_how_much_of_allocatable_is_set_aside(ask: Ask) -> None:
    overhead = ask("get_namespace_breakdown", dimension="requests")["cluster_overhead"]
    # 78 + 39 + 9.75 + 39 of 156
    assert overhead["namespaces_share_of_allocatable_pct"] == pytest.approx(100 * 165.75 / 156, rel=1e-5)
    # 156 allocatable - 165.75 requested; 39 of 195 are not allocatable
    assert (overhead["idle_value"], overhead["non_allocatable_value"]) == (-9.75, 39)
    assert (overhead["idle_share_pct"], overhead["non_allocatable_share_pct"]) == (-5, 20)
    others = [overhead[f"{entry}_value"] for entry in ("excluded", "unattributed", "unmeasured")]
    assert others == [0, 0, 0]
    assert 165.75 + overhead["idle_value"] + overhead["non_allocatable_value"] == 195


def test_levels_of_the_open_bucket_divide_the_cluster_too(ask: Ask) -> None:
    # 19.5 hours of 10 cores: 8 allocatable, of which 5 are used; 8.5 are requested
    assert ask("get_namespace_breakdown")["means"] == {
        "unit": "cores",
        "total": 5,
        "capacity": 10,
        "allocatable": 8,
        "non_allocatable": 2,
        "idle": 3,
    }
    requested = ask("get_namespace_breakdown", dimension="requests", cost_model="normalized")["means"]
    assert (requested["total"], requested["allocatable"], requested["idle"]) == (8.5, 8, -0.5)
    # On the 20th nobody knows for how many hours idle is known, if for any.
    unknown = ask("get_namespace_breakdown", date="2026-11-19..2026-11-20")["means"]
    assert (unknown["capacity"], unknown["idle"]) == (10, None)


def test_the_whole_bill_is_capacity_under_costs(ask: Ask) -> None:
    answer = ask("get_namespace_breakdown", metric="total", cost_model="costs", date="2026-11-19")
    overhead = answer["cluster_overhead"]
    assert overhead["capacity_value"] == 24  # 14.4 + 9.6
    assert overhead["non_allocatable_value"] == 2.88  # 48 core-hours x 0.06
    assert overhead["allocatable_value"] == 21.12
    # cpu (192 - 144) x 0.06 + memory (2400 - 240) x 0.004
    assert overhead["idle_value"] == 11.52
    assert answer["total_value"] == 9.6  # 144 x 0.06 + 240 x 0.004
    assert answer["total_value"] + overhead["idle_value"] + overhead["non_allocatable_value"] == pytest.approx(24)


def test_the_open_hour_is_priced_by_its_own_bill(ask: Ask) -> None:
    answer = ask("get_namespace_breakdown", scale="hourly_7d", cost_model="costs")
    # half an hour: 0.3 $ for 5 core-hours; registry used 0.5
    assert answer["breakdown"][0] == {
        "namespace": "registry",
        "value": 0.03,
        "mean": 0.06,
        "share_pct": pytest.approx(100 * 0.5 / 0.75, rel=1e-5),
        "cluster_share_pct": 10,
    }
