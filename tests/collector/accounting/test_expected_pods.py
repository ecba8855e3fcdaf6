"""Which pods are expected to be measured; computed by hand."""

import pytest

from collector.accounting.measured_usage import EntryUsage
from collector.observations import Pod
from tests.collector.accounting.measuring import entry, measured, usage
from tests.support.observed import GIB, MOMENT, item, node, pod


@pytest.mark.parametrize(("window", "limit"), [(15.0, 30.0), (60.0, 120.0), (None, 120.0)])
def test_a_pod_is_expected_when_a_container_has_run_for_longer_than_two_windows(
    window: float | None, limit: float
) -> None:
    listed = [item("other", "x", window=window)]
    others = pod("other", "x")
    at_limit = measured([pod(since=MOMENT - limit), others], listed)
    assert entry(at_limit) == EntryUsage(0.0, 0.0, 1.0)
    assert at_limit.unmeasured == {}
    over = measured([pod(since=MOMENT - limit - 1), others], listed)
    assert entry(over) == EntryUsage(None, None, 0.0)
    assert over.unmeasured == {"shop": {"absent": 1}}


@pytest.mark.parametrize(
    ("windows", "reasons"),
    [
        # Nine in ten are below 15 s, as after a roll-out of everything: 31 s are longer than two of 15 s, 29 s are not.
        ([2.0] * 9 + [15.0], 1),
        # Of eleven the one above nine in ten is the tenth: 600 s of one odd item count for nobody else.
        ([15.0] * 10 + [600.0], 1),
        ([15.0] * 9 + [600.0] * 2, 0),
    ],
)
def test_the_window_is_the_one_above_nine_in_ten(windows: list[float], reasons: int) -> None:
    items = [item("other", str(i), window=window) for i, window in enumerate(windows)]
    found = measured([pod(since=MOMENT - 31), pod("young", since=MOMENT - 29)], items)
    assert sum(sum(each.values()) for each in found.unmeasured.values()) == reasons


@pytest.mark.parametrize("interval", [300.0, 1200.0])
@pytest.mark.parametrize("window", [1e9, float("inf")])
def test_no_window_that_is_told_lets_pods_be_unmeasured_for_longer_than_two_intervals(
    interval: float, window: float
) -> None:
    listed = [item("other", "x", window=window)]
    at_limit = measured([pod(since=MOMENT - 2 * interval), pod("other", "x")], listed, interval=interval)
    assert at_limit.unmeasured == {}
    over = measured([pod(since=MOMENT - 2 * interval - 1), pod("other", "x")], listed, interval=interval)
    assert over.unmeasured == {"shop": {"absent": 1}}


def test_one_old_container_makes_a_pod_expected() -> None:
    two = Pod("shop", "web", "u", "n1", {"cpu": 1.0}, 0.0, None, ("a", "b"), (("a", MOMENT - 1), ("b", 0.0)))
    assert measured([two, pod("other")], [item("other")]).unmeasured == {"shop": {"absent": 1}}


def test_a_pod_that_is_not_expected_and_not_measured_uses_nothing() -> None:
    # no container of it runs: it crashes, or its image is pulled
    found = measured([pod("dev", "loop", running=()), pod()], [item(cpu=4.0)])
    assert entry(found, "dev") == EntryUsage(0.0, 0.0, 1.0)
    assert usage(found) == (4.0, 4 * GIB)


@pytest.mark.parametrize(
    ("ready", "since", "expected"),
    [(True, MOMENT, True), (False, MOMENT - 299, True), (False, MOMENT - 300, False), (False, 0.0, False)],
)
def test_a_pod_is_expected_until_its_node_has_not_been_ready_for_an_interval(
    ready: bool, since: float, expected: bool
) -> None:
    nodes = (node(), node("n2", ready=ready, ready_since=since))
    found = measured([pod(on="n2"), pod("other")], [item("other")], nodes=nodes)
    assert bool(found.unmeasured) is expected
    assert entry(found) == (EntryUsage(None, None, 0.0) if expected else EntryUsage(0.0, 0.0, 1.0))


def test_a_pod_on_a_dead_node_that_is_measured_uses_what_is_measured() -> None:
    nodes = (node(ready=False),)
    assert usage(measured([pod()], [item()], nodes=nodes)) == (0.5, 0.5 * GIB)
