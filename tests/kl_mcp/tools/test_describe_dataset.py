from collections.abc import Callable

import pytest

from kl_mcp import __version__
from kl_query.answers.dataset_description import describe
from kl_query.dataset import Dataset, empty_dataset
from kl_query.dataset.visibility import restricted
from tests.kl_mcp.tools.conftest import Ask, asked
from tests.support.large_dataset import large_dataset
from tests.support.warned import warned


def test_it_says_what_can_be_asked_and_how_far_back(ask: Ask) -> None:
    answer = ask("describe_dataset")
    assert answer["layout"] == "native"
    assert answer["metrics_available"] == ["cpu", "memory", "total"]
    assert answer["gpu_available"] is False
    daily = answer["scales"]["daily_14d"]
    assert (daily["first"], daily["last"], daily["points_per_namespace"]) == ("2026-11-19", "2026-11-21", 3)
    assert (daily["partial"], daily["elapsed_hours"]) == (True, 67.5)  # 24 + 24 + 19.5
    assert answer["trends"]["points_per_namespace"] == 6


def test_it_states_cost_model_currency_rate_and_freshness(ask: Ask) -> None:
    answer = ask("describe_dataset")
    assert (answer["cost_model"], answer["currency"], answer["billing_hourly_rate"]) == ("cumulative", "$", 1)
    assert answer["cost_models_available"] == ["cumulative", "normalized", "costs"]
    assert answer["data_freshness_utc"] == "2026-11-21T19:30:00Z"
    assert answer["last_sample_at"]["dcgm"] is None


@pytest.mark.requirement("KL-T-18")
def test_it_says_since_when_there_is_a_record_to_whoever_asks(build: Callable[..., Dataset]) -> None:
    later = {"first_seen": "2026-11-18T10:00:00Z"}
    names = ("web", "registry", "idle", "kube-system", "openshift-monitoring", "ml-train")
    dataset = build(table={**dict.fromkeys(names, later), "web": {"first_seen": "2026-11-18T09:05:00Z"}})
    for view in (dataset, restricted(dataset, lambda name: name == "registry")):
        assert asked(view, "describe_dataset")["recorded_since"] == "2026-11-18T09:05:00Z"
        assert asked(view, "list_namespaces")["recorded_since"] == "2026-11-18T09:05:00Z"
    assert asked(empty_dataset(warned("Nothing yet.")), "describe_dataset")["recorded_since"] is None


@pytest.mark.requirement("KL-T-18")
@pytest.mark.parametrize(("collector", "differs"), [(__version__, False), (f"{__version__}.1", True), ("", True)])
def test_it_warns_where_the_collector_is_of_another_version_than_this_server(
    build: Callable[..., Dataset], collector: str, differs: bool
) -> None:
    dataset = build(more={"producer": {"name": "kubeledger-collector", "version": collector}})
    warnings = asked(dataset, "describe_dataset")["metadata"]["warnings"]
    said = f"The collector that published this has version {collector} and this server has version {__version__}"
    assert any(text.startswith(said) for text in warnings) is differs


def test_nodes_are_summed_and_what_one_does_not_know_is_unknown(ask: Ask) -> None:
    nodes = ask("describe_dataset")["nodes"]
    assert (nodes["total"], nodes["ready"], nodes["pods"]) == (2, 1, 10)
    assert nodes["capacity"] == {"cpu_cores": 10, "mem_bytes": 100}
    assert nodes["usage"] == {"cpu_cores": 5, "mem_bytes": None}


def test_without_a_rate_there_is_no_cost_model_and_no_total(build: Callable[..., Dataset]) -> None:
    answer = asked(build(daily=None, monthly=None, hourly=None, rates=[], currency=None), "describe_dataset")
    assert answer["cost_models_available"] == ["cumulative", "normalized"]
    assert answer["billing_hourly_rate"] is None
    assert answer["metrics_available"] == []


def test_a_rate_that_has_ended_is_no_rate_and_stands_in_the_history(build: Callable[..., Dataset]) -> None:
    rates = [
        {"effective": "2026-11-01T00:00:00Z", "rate": 25.0, "currency": "$", "weights": None},
        {"effective": "2026-11-20T00:00:00Z", "rate": 0.0, "currency": "$", "weights": None},
    ]
    answer = asked(build(rates=rates), "describe_dataset")
    assert answer["billing_hourly_rate"] is None
    assert [each["rate"] for each in answer["rate_history"]] == [25, 0]


@pytest.mark.parametrize(
    ("rate", "currency", "price"),
    [(20.0, "$", "20 $/h"), (20.0, "€", "20 €/h"), (0.0, "$", "none, so that later hours have no cost")],
)
def test_a_rate_that_is_set_but_not_in_force_yet_is_told_as_such(
    build: Callable[..., Dataset], rate: float, currency: str, price: str
) -> None:
    # The last sample is of 19:30; the rate that was set then takes effect with the next full hour.
    rates = [
        {"effective": "2026-11-01T00:00:00Z", "rate": 10.0, "currency": "$", "weights": None},
        {"effective": "2026-11-21T20:00:00Z", "rate": rate, "currency": currency, "weights": None},
    ]
    answer = asked(build(rates=rates), "describe_dataset")
    assert (answer["billing_hourly_rate"], answer["currency"]) == (10, "$")
    assert (
        f"The rate will change after the newest sample: 2026-11-21T20:00:00Z: {price}."
        in (answer["metadata"]["warnings"])
    )


@pytest.mark.parametrize(("last", "rate"), [("2026-11-21T19:00:00Z", 10), ("2026-11-21T19:05:00Z", 20)])
def test_a_rate_is_in_force_from_the_first_sample_of_its_hour(
    build: Callable[..., Dataset], last: str, rate: float
) -> None:
    # A sample at 19:00 stands for the minutes before it.
    rates = [
        {"effective": "2026-11-01T00:00:00Z", "rate": 10.0, "currency": "$", "weights": None},
        {"effective": "2026-11-21T19:00:00Z", "rate": 20.0, "currency": "$", "weights": None},
    ]
    answer = asked(build(rates=rates, last_sample=last), "describe_dataset")
    assert answer["billing_hourly_rate"] == rate
    assert any("will change" in warning for warning in answer["metadata"]["warnings"]) is (rate == 10)


def test_an_absent_dataset_is_described_as_such() -> None:
    answer = asked(empty_dataset(warned("Nothing yet; expected in 5 min.")), "describe_dataset")
    assert answer["layout"] == "none"
    assert answer["metadata"]["warnings"] == ["Nothing yet; expected in 5 min."]
    assert answer["scales"]["hourly_7d"]["points_per_namespace"] == 0


def test_the_ten_newest_rates_are_told() -> None:
    # The rate was 100 + i until i days ago, for 30 days.
    history = describe(large_dataset(1), server_version="1.0.0").rate_history
    assert [rate.rate for rate in history] == [110, 109, 108, 107, 106, 105, 104, 103, 102, 101]
